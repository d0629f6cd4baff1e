"""Time and memory of a morph by its number of frames: time grows with it, memory does not.

    python benchmarks/morph_cost.py [--frames 64 256] [--steps 2] [--size 128] [--model sketchbook]

Each number of frames is rendered in a process of its own, with an empty store and after a warm-up of eight frames. Prints one JSON
object: CPU and wall-clock seconds of generation, finishing and export, the peak of resident memory, and ratio and difference between
the last and the first number of frames. Loading the networks does not depend on the number of frames: its CPU seconds are measured
apart and subtracted.
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
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint

PROMPTS = ("a castle by the sea at sunset", "a meadow on a sunny day", "a snowy forest at night")


def measure(frames: int, folder: Path, settings: studio.FilmSettings) -> dict[str, float]:
    """Render one morph and measure it."""
    options = {"settings": settings, "store": folder / "frames", "ease": "linear"}
    studio.morph(PROMPTS, folder / "warm.gif", frames=8, seed=1000, **options).result()
    started = process_time()
    load_checkpoint(find_checkpoint(settings.model or "sketchbook"))
    loading = process_time() - started
    cpu, wall = process_time(), perf_counter()
    made = studio.morph(PROMPTS, folder / "morph.gif", frames=frames, **options).result()
    assert made.count.generated == frames
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = process_time() - cpu - loading
    return {"frames": frames, "cpu_s": seconds, "loading_cpu_s": loading, "wall_s": perf_counter() - wall, "peak_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--size", default="128")
    parser.add_argument("--model", default="sketchbook")
    arguments = parser.parse_args()
    if len(arguments.frames) == 1:
        with tempfile.TemporaryDirectory() as folder:
            settings = studio.FilmSettings(model=arguments.model, steps=arguments.steps, size=studio.parse_size(arguments.size))
            print(json.dumps(measure(arguments.frames[0], Path(folder), settings)))
        return
    options = ["--steps", str(arguments.steps), "--size", arguments.size, "--model", arguments.model]
    runs = [
        json.loads(subprocess.run([sys.executable, __file__, "--frames", str(frames), *options], check=True, stdout=subprocess.PIPE).stdout)
        for frames in arguments.frames
    ]
    first, last = runs[0], runs[-1]
    compared = {f"{key}_ratio": last[key] / first[key] for key in ("cpu_s", "wall_s")}
    print(json.dumps({"runs": runs, **compared, "peak_mb_difference": last["peak_mb"] - first["peak_mb"]}))


if __name__ == "__main__":
    main()
