"""Run commands where something is missing, and count what does not end whole with one sentence.

    python benchmarks/starved.py

A command may end as done, or with one sentence on stderr; never with a traceback, a half-written file, or a hang. Where the disk was full
the same command must end as done once there is room, with the bytes of a run that lacked nothing. A small file system of its own needs the
right to mount one (root on Linux); without it these rows are left out.
"""

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

FILM = '[film]\nsize = "64x64"\nsteps = 1\nmotion = "none"\n[[shots]]\nprompt = "a castle, sunset"\nseconds = 1.0\nseed = 1\n'
PLAIN = [
    "--batch",
    "1",
    "--weight-prompts",
    "0",
    "--size",
    "64",
    "--sample-every",
    "0",
    "--log-with",
    "none",
    "--log-every",
    "1",
    "--checkpoint-every",
    "2",
]
COMMANDS: dict[str, tuple[list[str], str]] = {
    "draw": (["draw", "a castle", "-n", "2", "--steps", "1", "--size", "64", "-o", "out"], "out"),
    "render": (["render", "film.toml", "-o", "out.gif"], "out.gif"),
    "video": (["video", "pictures", "-o", "out.mp4"], "out.mp4"),
    "data-build": (["data", "build", "pictures", "-o", "out"], "out"),
    "train": (["train", "lora", "set", "-o", "out", "--rank", "2", "--targets", "attention", "--steps", "4", *PLAIN], "out/style"),
    "store": (["store", "show"], ""),
}
NUMBERED = ("draw",)
"""Commands whose files go on from those that are there."""
LIMIT = 300
"""Seconds after which a command hangs."""


@dataclass(frozen=True, kw_only=True)
class Starving:
    """What is missing."""

    kilobytes: int = 0
    """Room on the disk; 0 is plenty."""
    environment: tuple[tuple[str, str], ...] = ()
    read_only_home: bool = False
    limit: tuple[int, int] | None = None
    """A limit of the process, such as RLIMIT_AS."""
    one_core: bool = False
    trouble: str = ""
    """Lines that Python runs before the command."""


JUMPS = """\
import random, time
real, chance = time.time, random.Random(0)
time.time = lambda: real() + chance.choice((-1, 1)) * chance.choice((0, 3600, 1e6, 1e8))
time.time_ns = lambda: int(time.time() * 1e9)
"""
"""A wall clock that is set back and forth, by up to three years."""
SLOW = """\
import os, time
flush = os.fsync
os.fsync = lambda handle: (time.sleep(0.3), flush(handle))[1]
"""
STARVING = {
    "20 columns, ASCII": Starving(environment=(("COLUMNS", "20"), ("PYTHONIOENCODING", "ascii"), ("LC_ALL", "C"), ("TERM", "dumb"))),
    "a home that is read only": Starving(read_only_home=True),
    "no folder for temporary files": Starving(environment=(("TMPDIR", "/nowhere"),)),
    "memory of 1 GB": Starving(limit=(resource.RLIMIT_AS, 1 << 30)),
    "20 open files": Starving(limit=(resource.RLIMIT_NOFILE, 20)),
    "files of 4 kB": Starving(limit=(resource.RLIMIT_FSIZE, 4096)),
    "all cores but one": Starving(one_core=True),
    "a clock that jumps": Starving(trouble=JUMPS),
    "a disk that takes 0.3 s for each flush": Starving(trouble=SLOW),
    **{f"a disk of {kilobytes} kB": Starving(kilobytes=kilobytes) for kilobytes in (8, 64, 256, 1100, 2000)},
}  # fmt: skip


def prepare(folder: Path) -> None:
    (folder / "film.toml").write_text(FILM)
    (folder / "pictures").mkdir()
    for number in range(3):
        Image.effect_noise((128, 128), 60 + number).convert("RGB").save(folder / "pictures" / f"{number}.png")
    words = ["sketchbook", "dataset", "--style", "watercolor", "-n", "2", "--size", "64", "-o", "set"]
    subprocess.run([sys.executable, "-m", "sakuga", *words], cwd=folder, check=True, capture_output=True)


@contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a small file system."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def run(words: list[str], place: Path, home: Path, starving: Starving) -> tuple[int, str]:
    """Run a command; returns its exit code (-1 for a hang) and stderr."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "SAKUGA_HOME": str(home)}
    environment |= dict(starving.environment)
    if starving.trouble:
        (home.parent / "trouble").mkdir(exist_ok=True)
        (home.parent / "trouble" / "sitecustomize.py").write_text(starving.trouble)
        environment["PYTHONPATH"] = os.pathsep.join([str(home.parent / "trouble"), environment.get("PYTHONPATH", "")])

    def narrow() -> None:
        if starving.limit:
            resource.setrlimit(starving.limit[0], (starving.limit[1],) * 2)
        if starving.one_core:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])

    command = [sys.executable, "-m", "sakuga", *words]
    try:
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, timeout=LIMIT, preexec_fn=narrow, check=False)
    except subprocess.TimeoutExpired:
        return -1, ""
    return done.returncode, done.stderr.decode(errors="replace")


def digest(path: Path) -> str:
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    total = hashlib.sha256()
    for file in filter(Path.is_file, files):
        total.update(file.name.encode() + file.read_bytes())
    return total.hexdigest()


def fault(code: int, told: str, place: Path) -> str:
    """Return what is wrong with an end, or nothing."""
    if code == -1:
        return "hangs"
    if "Traceback" in told:
        return "traceback: " + told.strip().splitlines()[-1][:80]
    if code not in (0, 1, 2):
        return f"exit code {code}"
    if code and told.count("sakuga: ") != 1:
        return "not one sentence: " + told.strip()[:80]
    left = list(place.rglob(".*.part"))
    return f"left behind: {left[0].name}" if left else ""


def starve(command: str, starving: Starving, inputs: Path, scratch: Path) -> str:
    """Run one command where something but room is missing; returns a row's end."""
    with TemporaryDirectory(dir=scratch) as held:
        place = Path(shutil.copytree(inputs, Path(held) / "place"))
        home = Path("/proc/sakuga") if starving.read_only_home else Path(held) / "home"
        code, told = run(COMMANDS[command][0], place, home, starving)
        return _row(code, told, fault(code, told, place))


def fill(command: str, starving: Starving, inputs: Path, scratch: Path, whole: str) -> str:
    """Run one command on a small disk, and again with room; returns a row's end."""
    words, made = COMMANDS[command]
    size = sum(file.stat().st_size for file in inputs.rglob("*") if file.is_file()) // 1024 + 64 + starving.kilobytes
    with TemporaryDirectory(dir=scratch) as held, disk(Path(held) / "place", f"size={size}k") as place:
        shutil.copytree(inputs, place, dirs_exist_ok=True)
        code, told = run(words, place, place / "home", starving)
        wrong = fault(code, told, place)
        subprocess.run(["mount", "-o", "remount,size=512m", str(place)], check=True)
        resumed = [*words, "--resume"] if command == "train" and (place / "out" / "config.json").exists() else words
        again = run(resumed, place, place / "home", Starving())[0] if code else 0
        if again:
            wrong = wrong or f"with room again: exit code {again}"
        elif made and command not in NUMBERED and digest(place / made) != whole:
            wrong = wrong or "with room again: other bytes"
        return _row(code, told, wrong)


def _row(code: int, told: str, wrong: str) -> str:
    last = told.strip().splitlines()[-1:]
    return f"{code} | {wrong or 'ok'} | {last[0][:110] if last else ''}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(COMMANDS), help="commands, with commas")
    parser.add_argument("--missing", default="", help="only rows whose name has this in it")
    options = parser.parse_args()
    mounts = hasattr(os, "geteuid") and os.geteuid() == 0
    print("| missing | command | exit | end | what it said |\n| --- | --- | --- | --- | --- |")
    with TemporaryDirectory(prefix="sakuga-starved-") as held:
        scratch = Path(held)
        inputs = scratch / "inputs"
        inputs.mkdir()
        prepare(inputs)
        for name in options.only.split(","):
            words, made = COMMANDS[name]
            place = Path(shutil.copytree(inputs, scratch / f"whole-{name}"))
            run(words, place, place / "home", Starving())
            whole = digest(place / made) if made else ""
            for missing, starving in STARVING.items():
                if options.missing in missing and (mounts or not starving.kilobytes):
                    row = fill(name, starving, inputs, scratch, whole) if starving.kilobytes else starve(name, starving, inputs, scratch)
                    print(f"| {missing} | {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
