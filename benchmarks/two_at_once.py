"""Run two commands at once on one store, set, run, study or studio folder, and see that each is right or refused.

    python benchmarks/two_at_once.py --tries 20
    python benchmarks/two_at_once.py --tries 5 --only data-build,studio

Both run in copies of this process, as in `kills.py`; the second begins at a random moment of what the first takes. Right is an end with the
bytes of one that ran alone, refused is exit code 2 with one sentence. A fault is anything else: another code, a traceback, other bytes, a
step that is logged twice, a half-written file that is left, or both refused.
"""

import argparse
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from copied_commands import COMMANDS, Command, Scratch, Whole, made, measure, model, reset, said, set_up, start, wait
from kills import state
from slow_hub import slow_hub

SERVES = "the studio is at"
"""What a studio says once it answers."""


def _to(command: Command, name: str) -> Command:
    """Return a command that writes another file."""
    return replace(command, words=[name if word == "clip.gif" else word for word in command.words], made=[name])


RENDER, ANIMATE = COMMANDS["render"], COMMANDS["animate"]
DRAW = Command(words=["draw", "a castle", "-n", "2", "-o", "images", "--size", "64", "--steps", "1", "-q"], made=["images/*"])
LORA_FOLDER = replace(COMMANDS["lora"], words=["pictures" if word == "set" else word for word in COMMANDS["lora"].words])
PAIRS: dict[str, tuple[Command, Command]] = {
    "renders-store": (RENDER, _to(RENDER, "other.gif")),
    "renders-file": (RENDER, RENDER),
    "animate": (ANIMATE, _to(ANIMATE, "other.gif")),
    "render-clean": (RENDER, Command(words=["store", "clean", "--max-size", "0"], made=[])),
    "draw": (DRAW, replace(DRAW, words=[*DRAW.words, "--seed", "100"])),
    "lora-folder": (LORA_FOLDER, LORA_FOLDER),
    **{name: (COMMANDS[name], COMMANDS[name]) for name in ("data-build", "lora", "dreambooth", "study", "fetch", "store-clean")},
}
STUDIO = "studio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one of two commands ended."""

    code: int | None
    said: str

    @property
    def done(self) -> bool:
        return self.code == 0

    @property
    def refused(self) -> bool:
        return self.code == 2 and self.said.startswith("sakuga: ") and "Traceback" not in self.said


def both(first: Command, second: Command, pause: float, scratches: Sequence[Scratch]) -> list[Outcome]:
    """Run two commands, the second some seconds after the first; returns how they ended."""
    children = [start(first.words, scratches[0])]
    time.sleep(pause)
    children.append(start(second.words, scratches[1]))
    codes = [wait(child) for child in children]
    return [Outcome(code=code, said=said(scratch)) for code, scratch in zip(codes, scratches, strict=True)]


def faults(pair: tuple[Command, Command], outcomes: Sequence[Outcome], whole: Whole, folder: Path) -> list[str]:
    """Name what went wrong."""
    found = [f"ended with {one.code}: {one.said}" for one in outcomes if not one.done and not one.refused]
    found += [f"half-written: {path}" for path in state(folder).drafts]
    found += [] if any(one.done for one in outcomes) else ["both refused"]
    found += [f"other bytes: {one.made}" for one, end in zip(pair, outcomes, strict=True) if end.done and not _is_right(one, whole, folder)]
    steps = state(folder).steps
    return found + ([f"logged twice: {steps}"] if len(steps) != len(set(steps)) else [])


def _is_right(command: Command, whole: Whole, folder: Path) -> bool:
    """Return whether a command's files are there with their bytes; images of both draws stand beside each other."""
    expected, there = Counter(whole.files.values()), Counter(made(command, folder).values())
    if command.words[0] == "draw":
        return not expected - there and there.total() == 2 * expected.total()
    return not command.made or expected == there


def row(name: str, times: int, scratches: Sequence[Scratch]) -> str:
    """Run a pair so often; returns its row."""
    pair, chance, tally = PAIRS[name], random.Random(name), Counter[str]()
    whole, folder = measure(pair[0], scratches[0]), scratches[0].work
    for _ in range(times):
        reset(folder)
        outcomes = both(*pair, chance.uniform(0, whole.seconds), scratches)
        tally["done"] += sum(one.done for one in outcomes)
        tally["refused"] += sum(one.refused for one in outcomes)
        found = faults(pair, outcomes, whole, folder)
        tally["faults"] += bool(found)
        sys.stderr.write("".join(f"{name}: {one}\n" for one in found))
    return f"| {name} | {times} | {tally['done']} | {tally['refused']} | {tally['faults']} |"


def studio_row(times: int, scratches: Sequence[Scratch]) -> str:
    """Start two studios on one data folder so often; one must serve, and the other be refused."""
    folder, chance, tally = scratches[0].work, random.Random(STUDIO), Counter[str]()
    for _ in range(times):
        shutil.rmtree(folder / "home", ignore_errors=True)
        children = [start(["studio", "--port", "0"], scratches[0])]
        time.sleep(chance.uniform(0, 1))
        children.append(start(["studio", "--port", "0"], scratches[1]))
        outcomes = [_served(child, scratch) for child, scratch in zip(children, scratches, strict=True)]
        serving = [one for one in outcomes if one.code is None and SERVES in one.said]
        refused = [one for one in outcomes if one.refused]
        for child in children:
            _end(child)
        with sqlite3.connect(folder / "home" / "studio" / "studio.sqlite3") as database:
            whole = database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tally["done"] += len(serving)
        tally["refused"] += len(refused)
        if (len(serving), len(refused), whole) != (1, 1, True):
            tally["faults"] += 1
            sys.stderr.write(f"studio: {outcomes}, database whole: {whole}\n")
    return f"| {STUDIO} | {times} | {tally['done']} | {tally['refused']} | {tally['faults']} |"


def _served(child: int, scratch: Scratch, seconds: float = 120.0) -> Outcome:
    """Wait until a studio serves or has ended."""
    end, code = time.monotonic() + seconds, None
    while time.monotonic() < end and SERVES not in said(scratch):
        if (code := wait(child, 0.05)) is not None:
            break
    return Outcome(code=code, said=said(scratch))


def _end(child: int) -> None:
    """End a server, unless it has ended."""
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(child, signal.SIGTERM)
        wait(child, 60)


def main(report: Callable[[str], None] = print) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=20, help="how often each pair runs")
    parser.add_argument("--only", default=",".join([*PAIRS, STUDIO]), help="pairs, with commas")
    options = parser.parse_args()
    report("| two at once | times | done | refused | faults |")
    report("| --- | --- | --- | --- | --- |")
    with TemporaryDirectory(prefix="sakuga-two-") as place, slow_hub(model()) as address:
        work = Path(place) / "work"
        scratches = [Scratch(work=work, path=Path(place) / name) for name in ("first", "second")]
        for one in scratches:
            one.path.mkdir()
        set_up(scratches[0], address)
        for name in options.only.split(","):
            report(studio_row(options.tries, scratches) if name == STUDIO else row(name, options.tries, scratches))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
