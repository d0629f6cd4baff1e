"""CPU time of commands from cold: each in a process of its own, with an empty store.

    python benchmarks/commands.py [--runs 3] [--engines torch openvino]

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
from statistics import median

IDEA = "a snowy cabin in the woods at dusk, birds over the valley"
COMMANDS = {
    "`--help`": ["--help"],
    "`store show`": ["store", "show"],
    "`storyboard`": ["storyboard", IDEA, "-o", "{folder}/film.toml"],
}
FILM = ["animate", IDEA, "--shots", "5", "--seconds", "6", "--size", "256", "-q", "-o", "{folder}/clip.mp4"]
GENERATING = {
    '`draw "a castle" -n 1`': ["draw", "a castle", "-n", "1", "-q", "-o", "{folder}/images"],
    "`animate --motion none`, 5 shots, 6 s, 256 px": [*FILM, "--motion", "none"],
    "`animate`, 5 shots, 6 s, 256 px": FILM,
}


def run(command: list[str], engine: str) -> float:
    """Return the CPU seconds of one command."""
    with tempfile.TemporaryDirectory() as folder:
        store = ["--store", f"{folder}/frames"] if command[0] in ("draw", "animate") else []
        words = [word.format(folder=folder) for word in command]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "SAKUGA_ENGINE": engine}
        before = _cpu()
        subprocess.run([sys.executable, "-m", "sakuga", *words, *store], check=True, stdout=subprocess.DEVNULL, env=environment, cwd=folder)
        return _cpu() - before


def _cpu() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--engines", nargs="+", default=["auto", "torch", "openvino"])
    arguments = parser.parse_args()
    runs = [(name, command, "") for name, command in COMMANDS.items()]
    runs += [(name, command, engine) for name, command in GENERATING.items() for engine in arguments.engines]
    for name, command, engine in runs:
        run(command, engine)
        times = [run(command, engine) for _ in range(arguments.runs)]
        row = {"row": name, "engine": engine, "cpu_s": round(median(times), 2), "range": [round(min(times), 2), round(max(times), 2)]}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
