"""A slider from noon to night: what each weight moves, and what it leaves.

    python benchmarks/slider.py [--steps 200] [--batch 4] [--images 24] [--prompts 32] [--reach 1] [--seed 0] [--out FOLDER]

The slider trains on images that the Sketchbook generates of captions which name no time of day. Other such captions are then generated at
each weight with the same seeds, and read by the label classifier. `day` and `night` are the shares read so, `brightness` is the mean grey
level, `kept` the share of what is read at weight 0 (subject, place, portrait, person, hair, weather) that is read again, and `look` the
share that is read in the same look, each with its 95% interval over prompts. The last row has the shares of prompts whose time never goes
back towards day, and whose brightness never rises, from one weight to the next. One JSON line a row.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from intervals import interval
from proofs import Generator, column

from sakuga import studio
from sakuga.evaluation.held_out import cases_without_look
from sakuga.sketchbook.labels import Time

WEIGHTS = (-1.0, -0.5, 0.0, 0.5, 1.0)
KEPT = ("subject", "place", "portrait", "person", "hair", "weather")
NIGHTNESS = {"day": 0.0, "dawn": 0.5, "sunset": 0.5, "night": 1.0}
STEADY = 1.0
"""Grey levels by which brightness may rise and still count as falling."""


def timeless_prompts(n: int) -> list[str]:
    """Return held-out captions that name no time of day."""
    found = [case.caption for case in cases_without_look(20 * n) if column(case.stated[None], "time")[0] < 0]
    return list(dict.fromkeys(found))[:n]


def train(prompts: Sequence[str], work: Path, args: argparse.Namespace) -> Path:
    """Train the slider on generated images; returns its run."""
    images, run = work / "images", work / "run"
    if not images.exists():
        studio.distill_set(prompts, images, count=len(prompts), settings=studio.FilmSettings(size=(128, 128), steps=10)).result()
    if not run.exists():
        method = studio.Slider(adapter=studio.Lora(targets=()), more="at night", less="at noon", reach=args.reach)
        settings = studio.TrainSettings(
            method=method, set=images, out=run, steps=args.steps, batch=args.batch, seed=args.seed, sample_every=0, tracker="none",
            precision="fp32", device="cpu",
        )  # fmt: skip
        studio.train(settings).result()
    return run


def rows(run: Path, prompts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield a row for each weight, and one on all of them."""
    generator = Generator()
    images = {weight: generator.generate(prompts, run, weight=weight) for weight in WEIGHTS}
    codes = {weight: generator.codes(made) for weight, made in images.items()}
    brightness = {weight: np.array([image.mean() for image in made]) for weight, made in images.items()}
    for weight in WEIGHTS:
        same = np.stack([column(codes[weight], name) == column(codes[0.0], name) for name in KEPT])
        times = np.array(get_args(Time))[column(codes[weight], "time")]
        look = column(codes[weight], "look") == column(codes[0.0], "look")
        measured = {
            "day": times == "day",
            "night": times == "night",
            "brightness": brightness[weight],
            "kept": same.mean(axis=0),
            "look": look,
        }
        yield {"row": f"{weight:g}", **{name: interval(values) for name, values in measured.items()}, "n": len(prompts)}
    nightness = np.array([[NIGHTNESS[get_args(Time)[code]] for code in column(codes[weight], "time")] for weight in WEIGHTS])
    falls = np.diff([brightness[weight] for weight in WEIGHTS], axis=0) <= STEADY
    steady = {"time_steady": (np.diff(nightness, axis=0) >= 0).all(axis=0), "brightness_steady": falls.all(axis=0)}
    yield {"row": "all weights", **{name: interval(values) for name, values in steady.items()}, "n": len(prompts)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("steps", 200), ("batch", 4), ("images", 24), ("prompts", 32), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--reach", type=float, default=1.0)
    parser.add_argument("--out", type=Path, help="folder to keep the training in")
    args = parser.parse_args()
    prompts = timeless_prompts(args.prompts + args.images)
    with tempfile.TemporaryDirectory() as scratch:
        for row in rows(train(prompts[args.prompts :], args.out or Path(scratch), args), prompts[: args.prompts]):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
