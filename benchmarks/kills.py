"""Stop commands at random moments by each signal or by a power cut, and count what is lost and what is done twice.

    python benchmarks/kills.py --kills 50
    python benchmarks/kills.py --kills 5 --only render,data-build --ways KILL,POWER

Every command does tiny work with the built-in model, and is started again until it was stopped so often and came to its end. It runs in
a copy of this process, which has the libraries in memory, so that moments fall into its work and not into imports. Every second stop
comes at a random moment of what the whole command takes, the others before a random one of its changes of the disk (`disk_changes.py`).
Lost is a stored frame, a whole download, a finished run or a logged step that is gone; done twice is one that is made again; an end whose
bytes differ from those of a run that nobody stopped counts, too. After SIGINT and SIGTERM no half-written file may be left. An end by any
other code than that of the stop, 130 after SIGINT and SIGTERM, or 0 is a failure. After SIGKILL the processes that the command
started must end, too. A power cut kills all of them, and then what `power_cut.py` leaves of the files is there.
A row is printed as far as it is, every ten starts.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import power_cut
from copied_commands import (
    BETWEEN_CHECKPOINTS,
    COMMANDS,
    STEPS,
    Command,
    NeverEnds,
    Scratch,
    Whole,
    made,
    measure,
    model,
    reset,
    said,
    set_up,
    start,
    wait,
)
from disk_changes import POWER
from disk_changes import stop as stop_process
from slow_hub import slow_hub

STOPPED: dict[str, set[int | None]] = {"KILL": {-9}, POWER: {-9}, "TERM": {130, -15}, "INT": {130, -2}}
"""Exit codes of what was stopped; by a signal itself where it came before the command handled it."""
KEPT = ("home/frames/*/*.png", "study/runs/*/metrics.json", "cache/hub/*/snapshots/*/**/*")
"""Files that are there to stay."""
GRACE = 10.0
"""Seconds within which the processes that a killed command started must end."""
FAULTS = ("lost", "twice", "differs", "half-written", "failed", "left running")
FAILURES = 5
"""Starts that fail before a command is given up."""


@dataclass(slots=True)
class Tally:
    """What happened to one command that was stopped in one way."""

    stopped: int = 0
    ends: int = 0
    failures: int = 0
    """Starts in a row that failed."""
    counts: Counter[str] = field(default_factory=Counter)
    """Faults, by the names of `FAULTS`."""
    exits: Counter[int] = field(default_factory=Counter)

    def row(self, name: str, way: str) -> str:
        faults = " | ".join(str(self.counts[kind]) for kind in FAULTS)
        exits = ", ".join(f"{code}: {count}" for code, count in sorted(self.exits.items()))
        return f"| {name} | {way} | {self.stopped} | {self.ends} | {faults} | {exits} |"


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


def stop(name: str, way: str, kills: int, whole: Whole, scratch: Scratch, tally: Tally) -> None:
    """Stop a command so often, and let it come to its end; raises NeverEnds."""
    command, folder, chance = COMMANDS[name], scratch.work, random.Random(f"{name}{way}")
    reset(folder)
    again = False
    while tally.stopped < kills or again:
        before, lengths = state(folder), power_cut.sizes(folder)
        resumes = again and (folder / "run" / "config.json").is_file()
        code = _run_stopped([*command.words, *(command.again if resumes else [])], way, chance, kills, whole, scratch, tally)
        if way == POWER:
            power_cut.cut(folder, lengths, scratch.journal, chance)
        _check(tally, way, code, before, scratch)
        if tally.exits.total() % 10 == 0:
            sys.stderr.write(f"{tally.row(name, way)}\n")
        again = not (code == 0 or _is_built(command, folder))
        if not again:
            _compare(tally, command, whole, folder)
            if tally.stopped < kills:
                reset(folder)


def _run_stopped(words: list[str], way: str, chance: random.Random, kills: int, whole: Whole, scratch: Scratch, tally: Tally) -> int:
    """Run a command until it ends or is stopped: at a moment, at a change of the disk, or not at all after so many stops."""
    if tally.stopped >= kills:
        at, seconds = 0, 600.0
    elif tally.exits.total() % 2:
        at, seconds = chance.randint(1, whole.changes), 600.0
    else:
        at, seconds = 0, chance.uniform(0, whole.seconds)
    child = start(words, scratch, at, way)
    if (code := wait(child, seconds)) is None and seconds < 600:
        stop_process(child, way)
        code = wait(child, 120)
    if code is None:
        os.kill(child, signal.SIGUSR1)
        time.sleep(1)
        os.killpg(child, signal.SIGKILL)
        raise NeverEnds(f"it does not stop: {said(scratch)}")
    if not _group_ends(child):
        tally.counts["left running"] += 1
        os.killpg(child, signal.SIGKILL)
    return code


def _group_ends(group: int) -> bool:
    """Return whether all processes of a group end in time."""
    end = time.monotonic() + GRACE
    while time.monotonic() < end:
        if not _group(group):
            return True
        time.sleep(0.01)
    return False


def _group(group: int) -> list[int]:
    """Return the living threads of a group's processes: what they hold is free once the last of them has ended."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(place.name)) == group:
                kinds = [thread.read_text().rpartition(")")[2].split()[0] for thread in place.glob("task/*/stat")]
                found += [int(place.name) for kind in kinds if kind not in "ZX"]
    return found


def _is_built(command: Command, folder: Path) -> bool:
    """Return whether a folder that appears as a whole is there, though its command was stopped a moment later."""
    return command is COMMANDS["data-build"] and (folder / "built").exists()


def _check(tally: Tally, way: str, code: int, before: State, scratch: Scratch) -> None:
    """Count what a start has cost; raises NeverEnds after too many that failed."""
    after = state(scratch.work)
    tally.exits[code] += 1
    tally.stopped += code in STOPPED[way]
    tally.counts["lost"] += sum(name not in after.kept for name in before.kept)
    tally.counts["lost"] += max(after.steps, default=0) < max(before.steps, default=0) - BETWEEN_CHECKPOINTS
    tally.counts["twice"] += sum(name in after.kept and after.kept[name] != file for name, file in before.kept.items())
    if way in ("TERM", "INT"):
        tally.counts["half-written"] += len(after.drafts - before.drafts)
    failed = code != 0 and code not in STOPPED[way]
    tally.counts["failed"] += failed
    tally.failures = tally.failures + 1 if failed else 0
    if failed:
        sys.stderr.write(f"failed with {code}: {said(scratch)}\n")
    if tally.failures == FAILURES:
        raise NeverEnds(f"it fails again and again: {said(scratch)}")


def _compare(tally: Tally, command: Command, whole: Whole, folder: Path) -> None:
    """Count what an end lacks."""
    steps = state(folder).steps
    tally.ends += 1
    files = made(command, folder)
    tally.counts["differs"] += files != whole.files
    for name in sorted(path for path, _ in files.items() ^ whole.files.items()):
        sys.stderr.write(f"other bytes: {name}\n")
    tally.counts["twice"] += len(steps) - len(set(steps))
    tally.counts["lost"] += len(set(range(1, STEPS + 1)) - set(steps)) if command.again else 0


def main(report: Callable[[str], None] = print) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="how often each command is stopped in each way")
    parser.add_argument("--only", default=",".join(COMMANDS), help="commands, with commas")
    parser.add_argument("--ways", default="KILL,TERM,INT,POWER", help="signals, and POWER for a power cut, with commas")
    options = parser.parse_args()
    columns = ["command", "stopped by", "stopped", "ends", *FAULTS, "exits"]
    report(f"| {' | '.join(columns)} |")
    report("| --- " * len(columns) + "|")
    with TemporaryDirectory(prefix="sakuga-kills-") as place, slow_hub(model()) as address:
        scratch = Scratch(work=Path(place) / "work", path=Path(place))
        set_up(scratch, address)
        for name in options.only.split(","):
            whole = measure(COMMANDS[name], scratch)
            sys.stderr.write(f"{name}: {whole.seconds:.1f} s, {whole.changes} changes of the disk\n")
            for way in options.ways.split(","):
                tally = Tally()
                try:
                    stop(name, way, options.kills, whole, scratch, tally)
                except NeverEnds as error:
                    report(str(error))
                report(tally.row(name, way))
                sys.stdout.flush()


if __name__ == "__main__":
    main()
