"""What a morph costs by its number of frames: time must grow with them, and memory must not.

    python benchmarks/morph_cost.py [--frames 64 256] [--steps 2] [--size 128] [--model sketchbook]

Each number of frames is drawn in a process of its own, from an empty store and after a warm-up of eight frames. Tells, as one JSON
object, the CPU seconds and the wall-clock seconds (those of a busy machine say little) of drawing, finishing and writing, the peak of
the process's resident memory, and the ratio and difference of the last number of frames and the first. Opening the networks is done once,
however many frames there are: its CPU seconds are measured apart and taken off.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from sakuga import studio
from sakuga.models.checkpoint import load
from sakuga.models.checkpoint_lookup import find_checkpoint

PROMPTS = ("a castle by the sea at sunset", "a meadow on a sunny day", "a snowy forest at night")


def measure(frames: int, folder: Path, settings: studio.FilmSettings) -> dict[str, float]:
    """Draw one morph and measure it."""
    given = {"settings": settings, "store": folder / "frames", "ease": "linear"}
    studio.morph(PROMPTS, folder / "warm.gif", frames=8, seed=1000, **given).result()
    begun = process_time()
    load(find_checkpoint(settings.model or "sketchbook"))
    opening = process_time() - begun
    cpu, wall = process_time(), perf_counter()
    made = studio.morph(PROMPTS, folder / "morph.gif", frames=frames, **given).result()
    assert made.count.drawn == frames
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent = process_time() - cpu - opening
    return {"frames": frames, "cpu_s": spent, "opening_cpu_s": opening, "wall_s": perf_counter() - wall, "peak_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--size", default="128")
    parser.add_argument("--model", default="sketchbook")
    asked = parser.parse_args()
    if len(asked.frames) == 1:
        with tempfile.TemporaryDirectory() as folder:
            settings = studio.FilmSettings(model=asked.model, steps=asked.steps, size=studio.parse_size(asked.size))
            print(json.dumps(measure(asked.frames[0], Path(folder), settings)))
        return
    how = ["--steps", str(asked.steps), "--size", asked.size, "--model", asked.model]
    runs = [
        json.loads(subprocess.run([sys.executable, __file__, "--frames", str(frames), *how], check=True, stdout=subprocess.PIPE).stdout)
        for frames in asked.frames
    ]
    first, last = runs[0], runs[-1]
    compared = {f"{key}_ratio": last[key] / first[key] for key in ("cpu_s", "wall_s")}
    print(json.dumps({"runs": runs, **compared, "peak_mb_more": last["peak_mb"] - first["peak_mb"]}))


if __name__ == "__main__":
    main()
