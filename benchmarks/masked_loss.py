"""Masked loss: does a character come without the background that all its images have?

    python benchmarks/masked_loss.py [--steps 200] [--batch 4] [--images 16] [--prompts 24] [--seed 0] [--out FOLDER]

All images show the held-out character in a village at sunset, captioned by her description alone. A LoRA trains on them whole, and two
with masks of her, with a tenth of the loss outside and with none. Her description is then prompted in nine other places at three other
times, and alone, and the images are read by the label classifier. `place` and `time` are the shares that show what their prompt states,
`village` and `sunset` those with the background of the training, `alone` those with both where the prompt states no background, `hers`
those with her hair, dress and person, each with its 95% interval over prompts. `..._more` are paired differences from the training on
whole images. One JSON line a row.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
from intervals import interval, paired
from proofs import PERSON, Generator, column

from sakuga import studio
from sakuga.datasets.masks import with_mask
from sakuga.datasets.training_set import Example
from sakuga.datasets.writing import image_name, write_set_steps
from sakuga.finishing.image import Image
from sakuga.sketchbook.captions import caption_of
from sakuga.sketchbook.label_codes import ATTRIBUTES, Codes
from sakuga.sketchbook.labels import CHARACTER, Expression, Labels, Place, Time
from sakuga.sketchbook.scene import compose
from sakuga.sketchbook.training_scenes import FIRST_SEED, ITSELF

DESCRIPTION = "a girl with long green hair in a yellow dress"
HERE: tuple[Place, Time] = ("village", "sunset")
NEAR = 0.77
"""Depth from which on a pixel belongs to the person; 1 is at the lens."""
OUTSIDE: dict[str, float | None] = {"whole": None, "masked": 0.1, "masked, 0 outside": 0.0}
"""Loss weight outside the masks, by variant; 0.1 is the default."""
RATE = 2e-3
"""Learning rate: the default 1e-3 does not teach her in so few steps."""


def portrait(place: Place, time: Time) -> Labels:
    """Return the labels of a portrait of her."""
    return Labels(time=time, weather="clear", place=place, subject="none", side="centre", portrait=CHARACTER)


def training_images(count: int) -> Iterator[tuple[Example, Image]]:
    """Yield her images with masks as their alpha channel."""
    moods = get_args(Expression)
    for index in range(count):
        labels = replace(portrait(*HERE), portrait=replace(CHARACTER, expression=moods[index % len(moods)]))
        moment = compose(labels, FIRST_SEED + index, identity=ITSELF).at(float(index))
        mask = np.where(moment.depth(128, 128) > NEAR, 255, 0).astype(np.uint8)
        yield (
            Example(file=image_name(index, "girl"), text=f"a portrait of {DESCRIPTION}", held_out=False),
            with_mask(moment.image(128, 128), mask),
        )


def train(work: Path, args: argparse.Namespace) -> dict[str, Path]:
    """Train every variant; returns their runs."""
    runs: dict[str, Path] = {}
    for variant, outside in OUTSIDE.items():
        masks = outside is not None
        images, run = work / ("masked" if masks else "whole"), work / f"{variant}-run"
        if not images.exists():
            pairs = ((example, image if masks else np.ascontiguousarray(image[..., :3])) for example, image in training_images(args.images))
            list(write_set_steps(images, pairs, masks=masks))
        if not run.exists():
            settings = studio.TrainSettings(
                method=studio.Lora(targets=()), set=images, out=run, steps=args.steps, batch=args.batch, seed=args.seed,
                learning_rate=RATE, unmasked_weight=outside, weight_prompts=0, sample_every=0, tracker="none", precision="fp32",
                device="cpu",
            )  # fmt: skip
            studio.train(settings).result()
        runs[variant] = run
    return runs


def rows(runs: dict[str, Path], count: int) -> Iterator[dict[str, Any]]:
    """Yield a row for the base model, and one for each training."""
    generator = Generator()
    elsewhere = list(product(*([value for value in get_args(kind) if value not in HERE] for kind in (Place, Time))))
    scenes = [portrait(*elsewhere[index % len(elsewhere)]) for index in range(count)]
    prompts, alone = [caption_of(DESCRIPTION, labels) for labels in scenes], [f"a portrait of {DESCRIPTION}, looking calm"] * (count // 2)
    whole: dict[str, Any] = {}
    for variant, run in {"base": None, **runs}.items():
        codes = generator.codes(generator.generate([*prompts, *alone], run))
        shown = readings(codes[:count], scenes) | {"alone": _here(codes[count:])}
        whole = shown if variant == "whole" else whole
        more = {f"{name}_more": paired(whole[name], shown[name]) for name in shown} if whole else {}
        yield {"row": variant, **{name: interval(values) for name, values in shown.items()}, **more, "n": count}


def _here(codes: Codes) -> Any:
    places = (column(codes, name) == ATTRIBUTES[name].index(value) for name, value in zip(("place", "time"), HERE, strict=True))
    return np.all(list(places), axis=0)


def readings(codes: Codes, scenes: list[Labels]) -> dict[str, Any]:
    """Return the labels that each prompt states."""
    place, time = (np.array(ATTRIBUTES[name])[column(codes, name)] for name in ("place", "time"))
    hers = [column(codes, part) == ATTRIBUTES[part].index(getattr(CHARACTER, part)) for part in PERSON]
    return {
        "place": place == [labels.place for labels in scenes], "time": time == [labels.time for labels in scenes],
        "village": place == HERE[0], "sunset": time == HERE[1], "hers": np.all(hers, axis=0),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("steps", 200), ("batch", 4), ("images", 16), ("prompts", 24), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, help="folder to keep the trainings in")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for row in rows(train(args.out or Path(scratch), args), args.prompts):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
