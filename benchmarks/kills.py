"""Stop commands at random moments by each signal or by a power cut, and count what is lost and what is done twice.

    python benchmarks/kills.py --kills 50
    python benchmarks/kills.py --kills 5 --only render,data-build --ways KILL,POWER

Every command does tiny work with the built-in model, and is started again until it was stopped so often and came to its end. It runs in
a copy of this process, which has the libraries in memory, so that moments fall into its work and not into imports. Lost is a stored
frame, a whole download, a finished run or a logged step that is gone; done twice is one that is made again; an end whose bytes differ
from those of a run that nobody stopped counts, too. After SIGINT and SIGTERM no half-written file may be left, and the exit code must be
130 (or 0 where the command had come to its end). A power cut is SIGKILL, and then what `power_cut.py` leaves of the files.
"""

import argparse
import atexit
import hashlib
import importlib
import json
import os
import random
import re
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import power_cut
from PIL import Image
from slow_hub import slow_hub

FILM = """\
[film]
idea = "a castle"
size = "64x64"
steps = 1
fps = 12.0
keyframe_rate = 6
motion = "{motion}"
[[shots]]
prompt = "a castle by the sea, sunset"
seconds = 0.5
seed = 1
transition = "cut"
[[shots]]
prompt = "a tower in the snow, night"
seconds = 0.5
seed = 2
"""
STEPS, BETWEEN_CHECKPOINTS = 6, 2
TRAINING = ["--steps", str(STEPS), "--batch", "1", "--size", "64", "--checkpoint-every", str(BETWEEN_CHECKPOINTS), "--log-every", "1"]
TRAINING += ["--sample-every", "0", "--log-with", "none", "-q"]
LORA = ["--rank", "2", "--targets", "attention", "--weight-prompts", "0"]
STARTED_EARLY = {-signal.SIGINT, -signal.SIGTERM}
"""Exit codes of a process that was stopped before it handled signals."""
KEPT = ("home/frames/*/*.png", "study/runs/*/metrics.json", "cache/hub/*/snapshots/*/**/*")
"""Files that are there to stay."""
POWER = "POWER"


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that is stopped, and what it leaves."""

    words: list[str]
    made: list[str]
    """Patterns of the files of its end, whose bytes are compared."""
    again: list[str] = field(default_factory=list)
    """Words that are added when it is started again."""


def training(method: str, *more: str) -> Command:
    return Command(words=["train", method, "set", "-o", "run", *more, *TRAINING], made=["run/style/**/*"], again=["--resume"])


STUDY = ["study", "interpolation", "--quick", "--prompts", "prompts.txt", "-o", "study", "-q"]
COMMANDS: dict[str, Command] = {
    "render": Command(words=["render", "film.toml", "-o", "clip.gif", "-q"], made=["clip.gif"]),
    "animate": Command(words=["render", "moving.toml", "-o", "clip.gif", "-q"], made=["clip.gif"]),
    "lora": training("lora", *LORA),
    "textual-inversion": training("textual-inversion", "--word", "<ink>", "--initial", "watercolor"),
    "dreambooth": training("dreambooth", *LORA, "--instance-prompt", "a zk castle"),
    "study": Command(words=STUDY, made=["study/runs/*/inference/**/*.png", "study/runs/*/checkpoints/style/*.safetensors"]),
    "fetch": Command(words=["model", "fetch", "lcm-sd1", "-q"], made=["cache/hub/*/snapshots/**/*"]),
    "data-build": Command(words=["data", "build", "pictures", "-o", "built", "-q"], made=["built/**/*"]),
    "store-clean": Command(words=["store", "clean", "--max-size", "0", "--store", "frames"], made=["frames/**/*"]),
}


@dataclass(slots=True)
class Tally:
    """What happened to one command that was stopped in one way."""

    stopped: int = 0
    ends: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Faults: lost, twice, differs, half-written, exit code."""
    exits: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What must not be lost."""

    kept: dict[str, int]
    """Files with their numbers on the disk; one that is made again has another."""
    steps: list[int]
    """Logged steps of a training."""
    drafts: set[Path]
    """Half-written files and folders; only SIGKILL may leave any."""


def state(folder: Path) -> State:
    file = folder / "run" / "metrics.jsonl"
    lines = file.read_text().splitlines() if file.is_file() else []
    steps = [json.loads(line)["step"] for line in lines if '"loss"' in line and line.endswith("}")]
    paths = [path for pattern in KEPT for path in folder.glob(pattern) if path.is_file()]
    return State(
        kept={str(path.relative_to(folder)): path.stat().st_ino for path in paths}, steps=steps, drafts=set(folder.rglob(".*.part"))
    )


def prepare(folder: Path) -> None:
    """Make what the commands read."""
    (folder / "film.toml").write_text(FILM.format(motion="none"))
    (folder / "moving.toml").write_text(FILM.format(motion="sketchbook"))
    (folder / "prompts.txt").write_text("a castle by the sea, sunset\n")
    for number in range(12):
        (folder / "pictures").mkdir(exist_ok=True)
        Image.effect_noise((320, 320), 40 + number).convert("RGB").save(folder / "pictures" / f"{number}.png")
    finish(["sketchbook", "dataset", "--style", "watercolor", "-n", "4", "--size", "64", "-o", "set", "-q"], folder)


def model() -> dict[str, bytes]:
    """Return the files of a model that nobody opens."""
    chance = random.Random(0)
    return {f"{name}.safetensors": chance.randbytes(400_000) for name in "abc"} | {"README.md": b"---\nlicence: mit\n---\n"}


def start(words: list[str], folder: Path, journal: power_cut.Journal | None = None) -> int:
    """Run a command in a copy of this process; returns its number."""
    sys.stdout.flush()
    if child := os.fork():
        return child
    code = 1
    try:
        _enter(folder)
        if journal:
            journal.record()
        sys.argv = ["sakuga", *words]
        code = _run_command()
        (folder / "modules").write_text("\n".join(sys.modules))
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            atexit._run_exitfuncs()
            sys.stdout.flush()
        os._exit(code)


def _enter(folder: Path) -> None:
    atexit._clear()  # the parent's folder is the parent's to delete
    for code in STARTED_EARLY:
        signal.signal(-code, signal.SIG_DFL)
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(folder)


def _run_command() -> int:
    from sakuga.cli import main

    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def wait(child: int, seconds: float = 600.0) -> int | None:
    """Return a process's exit code, or nothing if it goes on longer."""
    end = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            return None
        time.sleep(0.002)


def finish(words: list[str], folder: Path) -> float:
    """Run a command to its end; returns the seconds it took."""
    started = time.monotonic()
    if code := wait(start(words, folder)):
        raise SystemExit(f"{words} ended with {code}: {(folder / 'log').read_text()[-2000:]}")
    return time.monotonic() - started


def import_its_modules(folder: Path) -> None:
    """Import what the command before has imported."""
    for name in (folder / "modules").read_text().splitlines():
        with suppress(Exception):
            importlib.import_module(name)


def reset(folder: Path) -> None:
    """Delete what a command made, and fill the store that is to be cleaned."""
    for name in ("run", "study", "built", "frames", "home/frames", "cache", "clip.gif"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for number in range(400):
        place = folder / "frames" / f"{number % 16:02x}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{hashlib.sha256(str(number).encode()).hexdigest()}.png").write_bytes(b"x" * 1000)


def made(command: Command, folder: Path) -> dict[str, str]:
    """Return the digests of what a command made; the time of day in a folder's name is left out."""
    paths = [path for pattern in command.made for path in folder.glob(pattern) if path.is_file()]
    names = {path: re.sub(r"/\d{8}-\d{6}-", "/", str(path.relative_to(folder))) for path in paths}
    return {names[path]: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}


def stop(command: Command, way: str, kills: int, seconds: float, folder: Path, whole: dict[str, str]) -> Tally:
    """Stop a command so often at random moments, and let it come to its end."""
    tally, chance = Tally(), random.Random(f"{command.words}{way}")
    reset(folder)
    steps = set(range(1, STEPS + 1)) if command.again else set()
    again = False
    while True:
        before, lengths = state(folder), power_cut.sizes(folder)
        journal = power_cut.Journal(folder=folder.with_name(f"{folder.name}-journal")) if way == POWER else None
        resumes = again and (folder / "run" / "config.json").is_file()
        child = start([*command.words, *(command.again if resumes else [])], folder, journal)
        code = _interrupt(child, way, chance.uniform(0, seconds)) if tally.stopped < kills else wait(child)
        if journal:
            power_cut.cut(folder, lengths, journal, chance)
            shutil.rmtree(journal.folder, ignore_errors=True)
        tally.stopped += code != 0
        again = True
        tally.exits[code] += 1
        _check(tally, way, code, before, folder)
        if code == 0 or _is_built(command, folder):
            tally.ends += 1
            after = state(folder)
            tally.counts["differs"] += made(command, folder) != whole
            tally.counts["twice"] += len(after.steps) - len(set(after.steps))
            tally.counts["lost"] += len(steps - set(after.steps))
            if tally.stopped >= kills:
                return tally
            reset(folder)
        elif tally.exits.total() > 3 * kills + 10:
            raise SystemExit(f"it never ends: {(folder / 'log').read_text()[-2000:]}")


def _is_built(command: Command, folder: Path) -> bool:
    """Return whether a folder that appears as a whole is there, though its command was stopped a moment later."""
    return command is COMMANDS["data-build"] and (folder / "built").exists()


def _interrupt(child: int, way: str, seconds: float) -> int:
    if (code := wait(child, seconds)) is not None:
        return code
    os.kill(child, signal.SIGKILL if way == POWER else signal.Signals[f"SIG{way}"])
    if (code := wait(child, 120)) is None:
        os.kill(child, signal.SIGKILL)
        raise SystemExit("it does not stop")
    return code


def _check(tally: Tally, way: str, code: int, before: State, folder: Path) -> None:
    after = state(folder)
    tally.counts["lost"] += sum(name not in after.kept for name in before.kept)
    tally.counts["lost"] += max(after.steps, default=0) < max(before.steps, default=0) - BETWEEN_CHECKPOINTS
    tally.counts["twice"] += sum(name in after.kept and after.kept[name] != file for name, file in before.kept.items())
    if way in ("TERM", "INT"):
        tally.counts["half-written"] += len(after.drafts - before.drafts)
        tally.counts["exit code"] += code not in (0, 130, *STARTED_EARLY)


def measure(command: Command, folder: Path) -> tuple[float, dict[str, str]]:
    """Return how long a command takes, and what it makes if nobody stops it."""
    reset(folder)
    finish(command.words, folder)
    whole = made(command, folder)
    import_its_modules(folder)
    reset(folder)
    return finish(command.words, folder), whole


def main(report: Callable[[str], None] = print) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="how often each command is stopped in each way")
    parser.add_argument("--only", default=",".join(COMMANDS), help="commands, with commas")
    parser.add_argument("--ways", default="KILL,TERM,INT,POWER", help="signals, and POWER for a power cut, with commas")
    options = parser.parse_args()
    report("| command | stopped by | stopped | ends | lost | twice | differs | half-written | exit code | exits |")
    report("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with TemporaryDirectory(prefix="sakuga-kills-") as scratch, slow_hub(model()) as address:
        folder = Path(scratch) / "work"
        folder.mkdir()
        os.environ |= {"SAKUGA_HOME": str(folder / "home"), "HF_HOME": str(folder / "cache"), "HF_ENDPOINT": address}
        os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        prepare(folder)
        for name in options.only.split(","):
            seconds, whole = measure(COMMANDS[name], folder)
            for way in options.ways.split(","):
                tally = stop(COMMANDS[name], way, options.kills, seconds, folder, whole)
                faults = " | ".join(str(tally.counts[kind]) for kind in ("lost", "twice", "differs", "half-written", "exit code"))
                exits = ", ".join(f"{code}: {count}" for code, count in sorted(tally.exits.items()))
                report(f"| {name} | {way} | {tally.stopped} | {tally.ends} | {faults} | {exits} |")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
