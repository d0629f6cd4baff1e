"""Time of worker processes: independent frames on pinned cores, and a film from cold.

    python benchmarks/workers.py [--rows frames film] [--repeats 2] [--frames 12] [--shots 5] [--seconds 6] [--size 256]

`frames`: one warm worker pinned to a core renders independent frames, and two, each pinned to its own core, render as many; one thread
each. `film`: `sakuga animate --motion none` runs from cold with an empty store, with `--workers 2` and without, after a run that is not
counted. Both in the order A B B A. Prints a JSON object for each row: seconds by the clock and CPU seconds of all processes on either
side, and the median of the ratios by the clock with their range. `by_cpu` is twice the CPU seconds of one worker over those of both: what
the clock would show if nothing else ran on the cores.

`frames` tells two more ratios by the clock. `steady` is that of the frames a second once all workers are at work, without the end, when one
waits for the other; it is the one to compare with 1.8. `apart` is the same for two workers that share nothing, neither the process that
feeds them nor the store: what the machine itself gives two processes (caches, memory, clock rate); `apart_by_cpu` tells it by CPU seconds.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering.batches import Batch
from sakuga.rendering.resources import Resources
from sakuga.rendering.worker_executor import WorkerExecutor
from sakuga.timeline.spec import Generated, Prompt, SeedNoise

IDEA = "a snowy cabin in the woods at dusk, birds over the valley"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@dataclass(frozen=True, kw_only=True)
class Side:
    """What a run took."""

    seconds: float
    cpu: float
    """CPU seconds of all processes."""
    frame: float = 0.0
    """Seconds that a worker took from one frame to the next, in the median."""
    clip: bytes = b""


def render_film(arguments: argparse.Namespace, workers: int) -> Side:
    """Run `sakuga animate` from cold."""
    film = ["--shots", str(arguments.shots), "--seconds", str(arguments.seconds), "--size", str(arguments.size), "--motion", "none", "-q"]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sakuga", "animate", IDEA, *film, "--store", "frames", "-o", "clip.mp4", "--workers", str(workers)]
        before, started = _ended_cpu(), perf_counter()
        subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD}, cwd=folder)
        return Side(seconds=perf_counter() - started, cpu=_ended_cpu() - before, clip=(Path(folder) / "clip.mp4").read_bytes())


class PinnedWorkers:
    """Warm workers, each pinned to a core of its own, which render frames that nobody has rendered."""

    def __init__(self, store: Path, cores: Sequence[int], seeds: "count[int]") -> None:
        files = find_checkpoint()
        known = {"checkpoint": files.folder, "checkpoint_name": files.name, "checkpoint_digest": files.digest}
        self.executor = WorkerExecutor(Resources(**known, store=store, device="cpu", engine="torch"), len(cores))
        self.seeds, self.digest = seeds, files.digest
        self.run(len(cores))
        for process, core in zip(self.executor.worker_ids, cores, strict=True):
            os.sched_setaffinity(process, {core})

    def run(self, frames: int) -> Side:
        """Render independent frames."""
        prompt = Prompt(prompt="a castle by the sea")
        noises = [SeedNoise(seed=next(self.seeds)) for _ in range(frames)]
        specs = [Generated(checkpoint=self.digest, conditioning=prompt, noise=noise, width=128, height=128, steps=20) for noise in noises]
        before, started = self._cpu(), perf_counter()
        landed = [perf_counter() for _ in self.executor.run(Batch(frames=(spec,)) for spec in specs)]
        workers = self.executor.count
        waits = [later - first for first, later in zip(landed, landed[workers:], strict=False)]
        return Side(seconds=landed[-1] - started, cpu=self._cpu() - before, frame=median(waits or [0.0]))

    def _cpu(self) -> float:
        return sum(map(_cpu_of, self.executor.worker_ids))


def run_apart(pair: Sequence[PinnedWorkers], frames: int) -> Side:
    """Let two executors of one worker each render half of the frames at the same time."""
    with ThreadPoolExecutor(len(pair)) as threads:
        sides = list(threads.map(lambda one: one.run(frames // len(pair)), pair))
    return Side(seconds=max(side.seconds for side in sides), cpu=sum(side.cpu for side in sides), frame=_median(sides, "frame"))


def _ended_cpu() -> float:
    """Return the CPU seconds of all ended processes, those of workers among them."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _cpu_of(process: int) -> float:
    """Return the CPU seconds of a running process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(name: str, one: Callable[[], Side], two: Callable[[], Side], repeats: int) -> tuple[dict[str, Any], list[Side], list[Side]]:
    """Measure one worker against two; returns the row, and what either side took each time."""
    rounds = [[side() for side in (one, two, two, one)] for _ in range(repeats)]
    ones, twos = ([runs[place] for runs in rounds for place in places] for places in ((0, 3), (1, 2)))
    assert all(side.clip == ones[0].clip for side in ones + twos), "the clips differ"
    ratios = [(first.seconds + last.seconds) / (two.seconds + other.seconds) for first, two, other, last in rounds]
    measured: dict[str, Any] = {"row": name}
    measured |= {f"{side}_s": round(_median(runs, "seconds"), 1) for side, runs in (("one", ones), ("two", twos))}
    measured |= {f"{side}_cpu_s": round(_median(runs, "cpu"), 1) for side, runs in (("one", ones), ("two", twos))}
    measured |= {"ratio": round(median(ratios), 2), "range": [round(min(ratios), 2), round(max(ratios), 2)]}
    measured["by_cpu"] = round(2 * _median(ones, "cpu") / _median(twos, "cpu"), 2)
    return measured, ones, twos


def _median(sides: Sequence[Side], name: str) -> float:
    return median(getattr(side, name) for side in sides)


def independent_frames(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one pinned worker against two on independent frames, and two that share nothing."""
    frames, seeds, cores = arguments.frames, count(), sorted(os.sched_getaffinity(0))[:2]
    with tempfile.TemporaryDirectory() as folder:
        known = [PinnedWorkers(Path(folder) / str(place), used, seeds) for place, used in enumerate((cores[:1], cores[1:], cores))]
        first, second, both = known
        try:
            measured, ones, twos = row(
                f"{frames} independent frames, 128 px", lambda: first.run(frames), lambda: both.run(frames), arguments.repeats
            )
            apart = [run_apart((first, second), frames) for _ in range(arguments.repeats)]
        finally:
            for one in known:
                one.executor.close()
    for name, runs in (("steady", twos), ("apart", apart)):
        measured[name] = round(2 * _median(ones, "frame") / _median(runs, "frame"), 2)
    return measured | {"apart_by_cpu": round(2 * _median(ones, "cpu") / _median(apart, "cpu"), 2)}


def whole_film(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure a film from cold with one process and with two."""
    render_film(arguments, 1)
    name = f"`animate --motion none`, {arguments.shots} shots, {arguments.seconds:g} s, {arguments.size} px"
    return row(name, lambda: render_film(arguments, 1), lambda: render_film(arguments, 2), arguments.repeats)[0]


ROWS = {"frames": independent_frames, "film": whole_film}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    os.environ |= ONE_THREAD
    for name in arguments.rows:
        print(json.dumps(ROWS[name](arguments)), flush=True)


if __name__ == "__main__":
    main()
