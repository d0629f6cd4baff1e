"""Time of `sakuga animate`, by stage.

    python benchmarks/animate.py [--runs 3] [--shots 5] [--seconds 6] [--size 256] [--model sketchbook] [--motion none] [--threads N]

Each run is a process of its own with an empty store, after a short run that brings the files into memory. The film has no motion adapter
unless `--motion auto` is given. Prints one JSON object: the median over the runs of wall-clock and CPU seconds (all processes and
threads), of the wall-clock seconds of generation, finishing, export and start-up (the rest: interpreter, imports, planning), their shares,
and every run. CPU seconds are more reliable on a busy machine.
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

IDEA = "a snowy cabin in the woods at dusk, birds over the valley"
STAGES = ("generation", "finishing", "export")


def run(arguments: argparse.Namespace, shots: int, seconds: float) -> dict[str, float]:
    """Animate once and measure it."""
    command = [sys.executable, "-m", "sakuga", "animate", IDEA, "--shots", str(shots), "--seconds", str(seconds), "--json"]
    command += ["--motion", arguments.motion]
    threads = {"OMP_NUM_THREADS": str(arguments.threads)} if arguments.threads else {}
    with tempfile.TemporaryDirectory() as folder:
        options = ["--size", arguments.size, "--model", arguments.model, "--store", f"{folder}/frames", "-o", f"{folder}/clip.mp4"]
        before, started = _cpu(), perf_counter()
        output = subprocess.run([*command, *options], check=True, stdout=subprocess.PIPE, env={**os.environ, **threads}).stdout
        wall, cpu = perf_counter() - started, _cpu() - before
        made = json.loads(output)
        assert made["generated"] > 0
        assert Path(made["clip"]).stat().st_size > 0
    stages = {f"{stage}_s": made["seconds"][stage] for stage in STAGES}
    start_up = wall - sum(stages.values())
    return {"frames": made["frames"], "generated": made["generated"], "wall_s": wall, "cpu_s": cpu, **stages, "start_up_s": start_up}


def _cpu() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--size", default="256")
    parser.add_argument("--model", default="sketchbook")
    parser.add_argument("--motion", default="none")
    parser.add_argument("--threads", type=int, help="threads of the process, default: by the machine")
    arguments = parser.parse_args()
    run(arguments, shots=1, seconds=0.25)
    runs = [run(arguments, arguments.shots, arguments.seconds) for _ in range(arguments.runs)]
    middle = {name: median(one[name] for one in runs) for name in runs[0]}
    shares = {name: median(one[f"{name}_s"] / one["wall_s"] for one in runs) for name in (*STAGES, "start_up")}
    print(json.dumps({"n": len(runs), "cores": os.cpu_count(), "median": middle, "shares": shares, "runs": runs}))


if __name__ == "__main__":
    main()
