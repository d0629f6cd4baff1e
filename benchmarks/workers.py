"""Time of a film by two worker processes against one process.

    python benchmarks/workers.py [--repeats 3] [--shots 5] [--seconds 6] [--size 256]

`sakuga animate` runs from cold with an empty store, with `--workers 2` and without, one thread a process, in the order A B B A, after a run
that is not counted. Prints one JSON object: seconds by the clock and CPU seconds of all processes on either side, and the median of the
ratios by the clock with their range.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

IDEA = "a snowy cabin in the woods at dusk, birds over the valley"


def run(arguments: argparse.Namespace, workers: int) -> tuple[float, float, bytes]:
    """Return seconds by the clock, CPU seconds, and the clip."""
    film = ["--shots", str(arguments.shots), "--seconds", str(arguments.seconds), "--size", str(arguments.size), "--motion", "none", "-q"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sakuga", "animate", IDEA, *film, "--store", "frames", "-o", "clip.mp4", "--workers", str(workers)]
        before, started = _cpu(), perf_counter()
        subprocess.run(command, check=True, env=environment, cwd=folder)
        return perf_counter() - started, _cpu() - before, (Path(folder) / "clip.mp4").read_bytes()


def _cpu() -> float:
    """Return the CPU seconds of all ended processes, those of workers among them."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    clip = run(arguments, 1)[2]
    rounds = [[run(arguments, workers) for workers in (1, 2, 2, 1)] for _ in range(arguments.repeats)]
    ones, twos = ([runs[place] for runs in rounds for place in places] for places in ((0, 3), (1, 2)))
    ratios = [(runs[0][0] + runs[3][0]) / (runs[1][0] + runs[2][0]) for runs in rounds]
    row: dict[str, Any] = {"row": f"`animate`, {arguments.shots} shots, {arguments.seconds:g} s, {arguments.size} px"}
    row |= {f"{side}_s": round(median(seconds for seconds, _, _ in runs), 1) for side, runs in (("one", ones), ("two", twos))}
    row |= {f"{side}_cpu_s": round(median(cpu for _, cpu, _ in runs), 1) for side, runs in (("one", ones), ("two", twos))}
    row |= {"ratio": round(median(ratios), 2), "range": [round(min(ratios), 2), round(max(ratios), 2)]}
    assert all(made == clip for _, _, made in ones + twos), "the clips differ"
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
