"""CPU time of commands from cold: each in a process of its own, with an empty store.

    python benchmarks/commands.py [--runs 3] [--engines auto torch openvino] [--only help draw ...]

The first run of each command is not counted: it brings the files into memory, and converts networks for OpenVINO. Prints one JSON object
for each command: the median CPU seconds of the process on one thread, with their range.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from itertools import pairwise
from statistics import median

IDEA = "a snowy cabin in the woods at dusk, birds over the valley"
COMMANDS = {
    "`--help`": ["--help"],
    "`store show`": ["store", "show"],
    "`storyboard`": ["storyboard", IDEA, "-o", "{folder}/film.toml"],
}
FILM = ["animate", IDEA, "--motion", "none", "--shots", "5", "--seconds", "6", "--size", "256", "-q", "-o", "{folder}/clip.mp4"]
FILM_ROW = "`animate --motion none`, 5 shots, 6 s, 256 px"
GENERATING = {'`draw "a castle" -n 1`': ["draw", "a castle", "-n", "1", "-q", "-o", "{folder}/images"], FILM_ROW: FILM}
STORED = {FILM_ROW: "the same, all frames stored"}
"""Rows whose command is run once more, with the store that it has filled."""


def run(command: list[str], engine: str, times: int = 1) -> list[float]:
    """Return the CPU seconds of a command that is run so many times with the same store."""
    with tempfile.TemporaryDirectory() as folder:
        store = ["--store", f"{folder}/frames"] if command[0] in ("draw", "animate") else []
        words = [word.format(folder=folder) for word in command]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "SAKUGA_ENGINE": engine}
        whole = [sys.executable, "-m", "sakuga", *words, *store]
        spent = [_cpu()]
        for _ in range(times):
            subprocess.run(whole, check=True, stdout=subprocess.DEVNULL, env=environment, cwd=folder)
            spent.append(_cpu())
        return [after - before for before, after in pairwise(spent)]


def _cpu() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _report(name: str, engine: str, times: list[float]) -> None:
    row = {"row": name, "engine": engine, "cpu_s": round(median(times), 2), "range": [round(min(times), 2), round(max(times), 2)]}
    print(json.dumps(row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--engines", nargs="+", default=["auto"])
    parser.add_argument("--only", nargs="+", help="commands to run, by their first word")
    arguments = parser.parse_args()
    runs = [(name, command, "") for name, command in COMMANDS.items()]
    runs += [(name, command, engine) for name, command in GENERATING.items() for engine in arguments.engines]
    for name, command, engine in runs:
        if arguments.only and command[0].strip("-") not in arguments.only:
            continue
        run(command, engine)
        each = [run(command, engine, 2 if name in STORED else 1) for _ in range(arguments.runs)]
        _report(name, engine, [times[0] for times in each])
        if name in STORED:
            _report(STORED[name], engine, [times[1] for times in each])


if __name__ == "__main__":
    main()
