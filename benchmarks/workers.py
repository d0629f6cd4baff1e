"""Time of worker processes: independent frames on pinned cores, and a film from cold.

    python benchmarks/workers.py [--rows frames film] [--repeats 3] [--frames 24] [--shots 5] [--seconds 6] [--size 256]

`frames`: one warm worker pinned to a core renders independent frames, and two, each pinned to its own core, render as many; one thread
each. `film`: `sakuga animate` runs from cold with an empty store, with `--workers 2` and without, after a run that is not counted. Both in
the order A B B A. Prints a JSON object for each row: seconds by the clock and CPU seconds of all processes on either side, and the median
of the ratios by the clock with their range. `by_cpu` is twice the CPU seconds of one worker over those of both: what the clock would
show if nothing else ran on the cores.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
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

    def __init__(self, folder: Path, workers: int, seeds: "count[int]") -> None:
        files = find_checkpoint()
        known = {"checkpoint": files.folder, "checkpoint_name": files.name, "checkpoint_digest": files.digest}
        self.executor = WorkerExecutor(Resources(**known, store=folder, device="cpu", engine="torch"), workers)
        self.seeds, self.digest = seeds, files.digest
        self.run(2 * workers)
        for process, core in zip(self.executor.worker_ids, sorted(os.sched_getaffinity(0)), strict=False):
            os.sched_setaffinity(process, {core})
        self.run(2 * workers)

    def run(self, frames: int) -> Side:
        """Render independent frames."""
        prompt = Prompt(prompt="a castle by the sea")
        noises = [SeedNoise(seed=next(self.seeds)) for _ in range(frames)]
        specs = [Generated(checkpoint=self.digest, conditioning=prompt, noise=noise, width=128, height=128, steps=20) for noise in noises]
        before, started = list(map(_cpu_of, self.executor.worker_ids)), perf_counter()
        list(self.executor.run(Batch(frames=(spec,)) for spec in specs))
        seconds = perf_counter() - started
        spent = [after - first for after, first in zip(map(_cpu_of, self.executor.worker_ids), before, strict=False)]
        return Side(seconds=seconds, cpu=sum(spent))


def _ended_cpu() -> float:
    """Return the CPU seconds of all ended processes, those of workers among them."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _cpu_of(process: int) -> float:
    """Return the CPU seconds of a running process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(name: str, render: Callable[[int], Side], repeats: int) -> dict[str, Any]:
    """Measure one worker against two."""
    rounds = [[render(workers) for workers in (1, 2, 2, 1)] for _ in range(repeats)]
    ones, twos = ([runs[place] for runs in rounds for place in places] for places in ((0, 3), (1, 2)))
    assert all(side.clip == ones[0].clip for side in ones + twos), "the clips differ"
    ratios = [(one.seconds + last.seconds) / (two.seconds + other.seconds) for one, two, other, last in rounds]
    measured: dict[str, Any] = {"row": name}
    measured |= {f"{side}_s": round(_median(runs, "seconds"), 1) for side, runs in (("one", ones), ("two", twos))}
    measured |= {f"{side}_cpu_s": round(_median(runs, "cpu"), 1) for side, runs in (("one", ones), ("two", twos))}
    measured |= {"ratio": round(median(ratios), 2), "range": [round(min(ratios), 2), round(max(ratios), 2)]}
    measured["by_cpu"] = round(2 * _median(ones, "cpu") / _median(twos, "cpu"), 2)
    return measured


def _median(sides: Sequence[Side], name: str) -> float:
    return median(getattr(side, name) for side in sides)


def independent_frames(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one pinned worker against two on independent frames."""
    with tempfile.TemporaryDirectory() as folder:
        seeds = count()
        known = {workers: PinnedWorkers(Path(folder), workers, seeds) for workers in (1, 2)}
        try:
            return row(
                f"{arguments.frames} independent frames, 128 px", lambda workers: known[workers].run(arguments.frames), arguments.repeats
            )
        finally:
            for one in known.values():
                one.executor.close()


def whole_film(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure a film from cold with one process and with two."""
    render_film(arguments, 1)
    name = f"`animate`, {arguments.shots} shots, {arguments.seconds:g} s, {arguments.size} px"
    return row(name, lambda workers: render_film(arguments, workers), arguments.repeats)


ROWS = {"frames": independent_frames, "film": whole_film}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    os.environ |= ONE_THREAD
    for name in arguments.rows:
        print(json.dumps(ROWS[name](arguments)), flush=True)


if __name__ == "__main__":
    main()
