"""Commands with tiny work, run in copies of this process, which has the libraries in memory."""

import atexit
import faulthandler
import hashlib
import importlib
import os
import random
import re
import shutil
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkContext
from pathlib import Path

from disk_changes import Watch
from PIL import Image
from power_cut import Journal

from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.studies import run_execution, run_table
from sakuga.studio import FilmSettings
from sakuga.studio.evaluation.scored_images import generate_prompt_images

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


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command, and what it leaves."""

    words: list[str]
    made: list[str]
    """Patterns of the files of its end, whose bytes are compared."""
    again: list[str] = field(default_factory=list)
    """Words that are added when it is started again."""


def training(method: str, *more: str) -> Command:
    return Command(words=["train", method, "set", "-o", "run", *more, *TRAINING], made=["run/style/**/*"], again=["--resume"])


STUDY = ["study", "styles", "--quick", "--set", "set", "--prompts", "prompts.txt", "-o", "study", "-q"]
COMMANDS: dict[str, Command] = {
    "render": Command(words=["render", "film.toml", "-o", "clip.gif", "-q"], made=["clip.gif"]),
    "animate": Command(words=["render", "moving.toml", "-o", "clip.gif", "-q"], made=["clip.gif"]),
    "lora": training("lora", *LORA),
    "textual-inversion": training("textual-inversion", "--word", "<ink>", "--initial", "watercolor"),
    "dreambooth": training("dreambooth", *LORA, "--instance-prompt", "a zk castle"),
    "study": Command(
        words=STUDY, made=[f"study/runs/*/{name}" for name in ("inference/*", "rows.json", "checkpoints/style/*.safetensors")]
    ),
    "fetch": Command(words=["model", "fetch", "lcm-sd1", "-q"], made=["cache/hub/*/snapshots/**/*"]),
    "data-build": Command(words=["data", "build", "pictures", "-o", "built", "-q"], made=["built/**/*"]),
    "store-clean": Command(words=["store", "clean", "--max-size", "0", "--store", "frames"], made=["frames/**/*"]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """The folder that commands run in, and one for what is noted of them."""

    work: Path
    path: Path

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def modules(self) -> Path:
        return self.path / "modules"

    @property
    def counter(self) -> Path:
        return self.path / "changes"

    @property
    def journal(self) -> Journal:
        return Journal(folder=self.path / "journal")

    def watch(self, main: int, at: int = 0, way: str = "KILL") -> Watch:
        return Watch(folder=str(self.work), counter=str(self.counter), journal=str(self.journal.folder), main=main, at=at, way=way)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A run that nobody stopped."""

    seconds: float
    changes: int
    files: dict[str, str]


def set_up(scratch: Scratch, hub: str) -> None:
    """Make the folder, with what commands read in it, and have them use this hub."""
    scratch.work.mkdir()
    os.environ |= {"SAKUGA_HOME": str(scratch.work / "home"), "HF_HOME": str(scratch.work / "cache"), "HF_ENDPOINT": hub}
    os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    prepare(scratch)


def prepare(scratch: Scratch) -> None:
    """Make what the commands read."""
    folder = scratch.work
    (folder / "film.toml").write_text(FILM.format(motion="none"))
    (folder / "moving.toml").write_text(FILM.format(motion="sketchbook"))
    (folder / "prompts.txt").write_text("a castle by the sea, sunset\n")
    for number in range(12):
        (folder / "pictures").mkdir(exist_ok=True)
        Image.effect_noise((320, 320), 40 + number).convert("RGB").save(folder / "pictures" / f"{number}.png")
    finish(["sketchbook", "dataset", "--style", "watercolor", "-n", "4", "--size", "64", "-o", "set", "-q"], scratch)


def model() -> dict[str, bytes]:
    """Return the files of a model that nobody opens."""
    chance = random.Random(0)
    return {f"{name}.safetensors": chance.randbytes(400_000) for name in "abc"} | {"README.md": b"---\nlicence: mit\n---\n"}


def start(words: list[str], scratch: Scratch, at: int = 0, way: str = "KILL") -> int:
    """Run a command in a copy of this process, the first of a group; returns its number."""
    sys.stdout.flush()
    for file in (scratch.counter, scratch.log):
        file.unlink(missing_ok=True)
    shutil.rmtree(scratch.journal.folder, ignore_errors=True)
    if child := os.fork():
        with suppress(OSError):  # it did so itself
            os.setpgid(child, child)
        return child
    code = 1
    try:
        _enter(scratch, scratch.watch(os.getpid(), at, way))
        sys.argv = ["sakuga", *words]
        code = _run_command()
        scratch.modules.write_text("\n".join(sys.modules))
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            atexit._run_exitfuncs()
            sys.stdout.flush()
        os._exit(code)


def _enter(scratch: Scratch, watch: Watch) -> None:
    atexit._clear()  # the parent's folder is the parent's to delete
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    log = os.open(scratch.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    os.chdir(scratch.work)
    watch.begin()
    run_table.get_context = _Copies  # type: ignore[assignment]


class _Copies(ForkContext):
    """Starts the workers of a study as copies of its process, which has the libraries in memory; named as pools accept it."""

    def get_start_method(self, allow_none: bool = False) -> str:
        return "spawn"

    def __init__(self, _: str) -> None:
        super().__init__()


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


class NeverEnds(Exception):
    """A command that does not come to its end, or does not stop; with what it said."""


def finish(words: list[str], scratch: Scratch) -> float:
    """Run a command to its end; returns the seconds it took."""
    started = time.monotonic()
    if code := wait(start(words, scratch)):
        raise NeverEnds(f"{words} ended with {code}: {said(scratch)}")
    return time.monotonic() - started


def said(scratch: Scratch) -> str:
    """Return the end of what a command printed."""
    return scratch.log.read_text(errors="replace")[-3000:] if scratch.log.exists() else ""


def import_its_modules(scratch: Scratch) -> None:
    """Import what the command before has imported."""
    for name in scratch.modules.read_text().splitlines():
        with suppress(Exception):
            importlib.import_module(name)


def reset(folder: Path) -> None:
    """Delete what a command made, and fill the store that is to be cleaned."""
    for name in ("run", "study", "built", "frames", "home/frames", "cache", "images", "clip.gif", "other.gif"):
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


def load_its_models() -> None:
    """Load the models that score a study's images and generate them; copies of this process have them then."""
    import torch

    torch.set_num_threads(1)  # threads do not live on in a copy
    run_execution.metric_models(SKETCHBOOK)
    session = run_execution.render_session(SKETCHBOOK)
    for _ in generate_prompt_images(session, ("a castle",), range(1), style=None, suffix="", settings=FilmSettings(steps=1)):
        pass


def measure(command: Command, scratch: Scratch) -> Whole:
    """Return what a command takes and makes if nobody stops it."""
    reset(scratch.work)
    finish(command.words, scratch)
    files = made(command, scratch.work)
    import_its_modules(scratch)
    if command is COMMANDS["study"]:
        load_its_models()
    reset(scratch.work)
    seconds = finish(command.words, scratch)
    return Whole(seconds=seconds, changes=scratch.watch(0).changes, files=files)
