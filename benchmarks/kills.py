"""Stop commands at random moments by each signal, and count what is lost and what is done twice.

    python benchmarks/kills.py --kills 50
    python benchmarks/kills.py --kills 5 --only render,data-build --signals KILL

Every command does tiny work with the built-in model, and is started again until it was stopped so often and came to its end. Lost is a
stored frame, a checkpoint or a logged step that is gone, or an end whose bytes differ from those of a run that nobody stopped; done twice
is a frame that is written again or a step that is logged twice. After SIGINT, SIGTERM and SIGHUP no half-written file may be left, and the
exit code must be 130 (or 0 where the command had come to its end).
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

FILM = """\
[film]
idea = "a castle"
size = "64x64"
steps = 2
fps = 12.0
keyframe_rate = 6
motion = "{motion}"
[[shots]]
prompt = "a castle by the sea, sunset"
seconds = 1.0
seed = 1
transition = "cut"
[[shots]]
prompt = "a tower in the snow, night"
seconds = 1.0
seed = 2
"""
TRAINING = ["--steps", "12", "--batch", "1", "--size", "64", "--checkpoint-every", "3", "--log-every", "1", "--sample-every", "0", "-q"]
TRAINING += ["--log-with", "none"]
STARTED_EARLY = {-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP}
"""Exit codes of a process that was stopped while Python itself started."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that is stopped, and what it leaves."""

    words: list[str]
    made: list[str]
    """Files and folders of its end, whose bytes are compared."""
    again: list[str] = field(default_factory=list)
    """Words that are added when it is started again."""


def training(method: str, *more: str) -> Command:
    return Command(words=["train", method, "set", "-o", "run", *more, *TRAINING], made=["run/style"], again=["--resume"])


COMMANDS: dict[str, Command] = {
    "render": Command(words=["render", "film.toml", "-o", "clip.gif", "-q"], made=["clip.gif"]),
    "animate": Command(words=["render", "moving.toml", "-o", "clip.gif", "-q"], made=["clip.gif"]),
    "lora": training("lora", "--rank", "2", "--targets", "attention"),
    "textual-inversion": training("textual-inversion", "--word", "<ink>", "--initial", "watercolor"),
    "dreambooth": training("dreambooth", "--rank", "2", "--instance-prompt", "a zk castle"),
    "data-build": Command(words=["data", "build", "pictures", "-o", "built", "-q"], made=["built"]),
    "store-clean": Command(words=["store", "clean", "--max-size", "0", "--store", "frames"], made=["frames"]),
}


@dataclass(slots=True)
class Tally:
    """What happened to one command under one signal."""

    stopped: int = 0
    ends: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Faults: lost, twice, differs, half-written, exit code."""
    exits: Counter[int] = field(default_factory=Counter)


def prepare(folder: Path) -> None:
    """Make what the commands read."""
    (folder / "film.toml").write_text(FILM.format(motion="none"))
    (folder / "moving.toml").write_text(FILM.format(motion="sketchbook"))
    for number in range(12):
        (folder / "pictures").mkdir(exist_ok=True)
        Image.effect_noise((320, 320), 40 + number).convert("RGB").save(folder / "pictures" / f"{number}.png")
    run(["sketchbook", "dataset", "--style", "watercolor", "-n", "4", "--size", "64", "-o", "set", "-q"], folder).wait()


def run(words: list[str], folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "SAKUGA_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    with (folder / "log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "sakuga", *words], cwd=folder, env=environment, stdout=log, stderr=log)


def reset(folder: Path) -> None:
    """Delete what a command made, and fill the store that is to be cleaned."""
    for name in ("run", "built", "frames", "home", "clip.gif"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for number in range(400):
        place = folder / "frames" / f"{number % 16:02x}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{hashlib.sha256(str(number).encode()).hexdigest()}.png").write_bytes(b"x" * 1000)


def made(command: Command, folder: Path) -> dict[str, str]:
    """Return the digests of what a command made."""
    paths = [path for name in command.made for path in ([folder / name] if (folder / name).is_file() else (folder / name).rglob("*"))]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths) if path.is_file()}


def frames(folder: Path) -> dict[str, int]:
    """Return the stored frames; a frame that is written again is another file."""
    return {path.name: path.stat().st_ino for path in (folder / "home" / "frames").glob("*/*.png")}


def logged(folder: Path) -> list[int]:
    file = folder / "run" / "metrics.jsonl"
    return [json.loads(line)["step"] for line in file.read_text().splitlines() if "loss" in line] if file.is_file() else []


def half_written(folder: Path) -> list[Path]:
    return list(folder.rglob(".*.part"))


def stop(command: Command, number: signal.Signals, kills: int, seconds: float, folder: Path, whole: dict[str, str]) -> Tally:
    """Stop a command so often at random moments, and let it come to its end."""
    tally, chance = Tally(), random.Random(f"{command.words}{number}")
    reset(folder)
    again = False
    while True:
        before, steps = frames(folder), logged(folder)
        process = run([*command.words, *(command.again if again and (folder / "run" / "config.json").is_file() else [])], folder)
        if tally.stopped < kills:
            code = _interrupt(process, number, chance.uniform(0, seconds))
            tally.stopped += code != 0
        else:
            code = process.wait()
        again = True
        tally.exits[code] += 1
        _check(tally, number, code, before, steps, folder)
        if code == 0 or _is_built(command, folder):
            tally.ends += 1
            tally.counts["differs"] += made(command, folder) != whole
            tally.counts["twice"] += len(steps := logged(folder)) - len(set(steps))
            if tally.stopped >= kills:
                return tally
            reset(folder)
        elif tally.exits.total() > 3 * kills + 10:
            raise SystemExit(f"it never ends: {(folder / 'log').read_text()[-2000:]}")


def _is_built(command: Command, folder: Path) -> bool:
    """Return whether a folder that appears as a whole is there, though its command was stopped a moment later."""
    return not command.again and command.made == ["built"] and (folder / "built").exists()


def _interrupt(process: subprocess.Popen[bytes], number: signal.Signals, seconds: float) -> int:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        return process.wait(60)


def _check(tally: Tally, number: signal.Signals, code: int, before: dict[str, int], steps: list[int], folder: Path) -> None:
    after = frames(folder)
    tally.counts["lost"] += sum(name not in after for name in before) + (max(logged(folder), default=0) < max(steps, default=0) - 3)
    tally.counts["twice"] += sum(name in after and after[name] != file for name, file in before.items())
    if number is not signal.SIGKILL:
        tally.counts["half-written"] += len(half_written(folder))
        tally.counts["exit code"] += code not in (0, 130, *STARTED_EARLY)


def measure(command: Command, folder: Path) -> tuple[float, dict[str, str]]:
    """Return how long a command takes, and what it makes if nobody stops it."""
    reset(folder)
    started = time.monotonic()
    if code := run(command.words, folder).wait():
        raise SystemExit(f"{command.words} ended with {code}: {(folder / 'log').read_text()[-2000:]}")
    return time.monotonic() - started, made(command, folder)


def main(report: Callable[[str], None] = print) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="how often each command is stopped by each signal")
    parser.add_argument("--only", default=",".join(COMMANDS), help="commands, with commas")
    parser.add_argument("--signals", default="KILL,TERM,INT", help="signals, with commas")
    options = parser.parse_args()
    report("| command | signal | stopped | ends | lost | twice | differs | half-written | exit code | exits |")
    report("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with TemporaryDirectory(prefix="sakuga-kills-") as scratch:
        folder = Path(scratch)
        prepare(folder)
        for name in options.only.split(","):
            seconds, whole = measure(COMMANDS[name], folder)
            for sign in options.signals.split(","):
                tally = stop(COMMANDS[name], signal.Signals[f"SIG{sign}"], options.kills, seconds, folder, whole)
                faults = " | ".join(str(tally.counts[kind]) for kind in ("lost", "twice", "differs", "half-written", "exit code"))
                exits = ", ".join(f"{code}: {count}" for code, count in sorted(tally.exits.items()))
                report(f"| {name} | SIG{sign} | {tally.stopped} | {tally.ends} | {faults} | {exits} |")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
