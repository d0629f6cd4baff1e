"""Speed and loss of approximations: bf16, fewer steps, the few-step adapter.

    OMP_NUM_THREADS=1 python benchmarks/approximations.py [--repeats 3] [--engine openvino] [--model sketchbook]

Eight images of eight prompts are generated with each, and exactly (fp32, 20 steps), in one process on one thread in the order A B B A. The
loss is the mean difference to the exact image of the same seed in grey levels, and the share of pixels that are off by more than 8.
Loading and compiling come before the clock starts. Prints one JSON object for each approximation.
"""

import argparse
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
import torch

from sakuga import studio
from sakuga.rendering.resources import WarmCheckpoints

SIZE = (128, 128)
PROMPTS = (
    "a castle by the sea at sunset", "a snowy forest at night", "a girl on green hills", "a red boat on a lake",
    "a lighthouse in a storm", "a cottage in autumn", "a dragon over mountains", "a windmill at dawn",
)  # fmt: skip
APPROXIMATIONS = {
    "bf16": studio.FilmSettings(precision="bf16"),
    "16 steps": studio.FilmSettings(steps=16),
    "14 steps": studio.FilmSettings(steps=14),
    "10 steps": studio.FilmSettings(steps=10),
    "bf16, 14 steps": studio.FilmSettings(precision="bf16", steps=14),
    "few-step adapter, 4 steps, no guidance": studio.FilmSettings(sampler="lcm"),
}


def generate(settings: studio.FilmSettings, model: str) -> tuple[float, np.ndarray]:
    """Return CPU seconds and images, (prompts, height, width, 3)."""
    with tempfile.TemporaryDirectory() as folder:
        started = process_time()
        made = studio.draw(PROMPTS, settings=replace(settings, model=model, size=SIZE), store=Path(folder), recipe=False).result()
        return process_time() - started, np.stack(made.images).astype(int)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--engine", choices=("auto", "torch", "openvino"), default="openvino")
    parser.add_argument("--model", default="sketchbook")
    arguments = parser.parse_args()
    os.environ["SAKUGA_ENGINE"] = arguments.engine
    torch.set_num_threads(1)
    exact = studio.FilmSettings()
    with WarmCheckpoints(2):
        _, images = generate(exact, arguments.model)
        for name, settings in APPROXIMATIONS.items():
            _, others = generate(settings, arguments.model)
            times = [[generate(one, arguments.model)[0] for one in (exact, settings, settings, exact)] for _ in range(arguments.repeats)]
            ratios = [(a + d) / (b + c) for a, b, c, d in times]
            difference = np.abs(images - others)
            row = {
                "row": name,
                "ratio": round(median(ratios), 2),
                "range": [round(min(ratios), 2), round(max(ratios), 2)],
                "grey_levels": round(float(difference.mean()), 2),
                "pixels_off_by_8": round(float((difference.max(axis=-1) > 8).mean()), 3),
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
