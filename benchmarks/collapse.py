"""How fast a chain of variations fades with and without guidance by texts: variance of CLIP's features along it.

    python benchmarks/collapse.py [--pictures 3] [--variants 40] [--steps 8] [--sheet collapse.png] [--model sketchbook]

Pictures are held-out renders of the world. Prints JSON: for guidance off and on, the mean over chains of the variance of the whole chain,
its first ten and its last ten variants, and how many chains the alarms call faded and burnt.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from sakuga import studio
from sakuga.evaluation.score import render
from sakuga.evaluation.variation import CASES

SHOWN = (0, 1, 3, 6, 9, 14, 19, 29, 39)
"""Variants of a chain that the sheet shows, beside the picture that it began with."""


def measure(repeats: int, given: argparse.Namespace, folder: Path) -> tuple[dict[str, float], list[np.ndarray]]:
    """Vary each picture; the figures of all chains, and a row of the sheet for each."""
    told, rows = [], []
    for index in range(given.pictures):
        picture, clip = folder / f"{index}.png", folder / f"{index}-{repeats}.apng"
        Image.fromarray(render(CASES + index)).save(picture)
        how = studio.FilmSettings(model=given.model, steps=given.steps, size=(128, 128))
        work = studio.vary(picture, clip, variants=given.variants, between=1, repeats=repeats, seed=index * 1000, settings=how)
        told.append(work.result())
        rows.append(row(picture, clip))
    names = ("whole", "first", "last")
    return {
        **{name: float(np.mean([getattr(one.variance, name) for one in told])) for name in names},
        "faded": sum(one.variance.collapsed for one in told),
        "burnt": sum(one.growth.burnt for one in told),
    }, rows


def row(picture: Path, clip: Path) -> np.ndarray:
    """Show a picture and some of its variants side by side."""
    pictures = [np.asarray(Image.open(picture))]
    with Image.open(clip) as frames:
        for place in SHOWN:
            if place < frames.n_frames:
                frames.seek(place)
                pictures.append(np.asarray(frames.convert("RGB")))
    return np.concatenate(pictures, axis=1)


def main() -> None:
    """Measure both, print, and write the sheet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=3)
    parser.add_argument("--variants", type=int, default=40)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--model", default="sketchbook")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        (off, plain), (on, guided) = (measure(repeats, given, Path(folder)) for repeats in (0, 10))
    print(json.dumps({"off": off, "on": on, "n": given.pictures, "variants": given.variants, "steps": given.steps}))
    if given.sheet:
        Image.fromarray(np.concatenate([*plain, *guided])).save(given.sheet)


if __name__ == "__main__":
    main()
