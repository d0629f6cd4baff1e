"""Tag shuffle and tag dropout: is a look bound to the kept trigger word, whatever stands beside it?

    python benchmarks/tag_captions.py [--steps 150] [--batch 8] [--images 24] [--prompts 24] [--seed 0] [--out FOLDER]

Watercolor scenes are captioned by tags in one order: the trigger word, which the model does not know, what the image shows, and last a
quality tag that all of them have. As many other scenes in the model's own look have neither, so that the look has to be learnt by these
tags: under a word that stands everywhere it comes with any prompt. A LoRA trains on both with captions as they are, with the tags after the
first shuffled, and with half of them left out. The tags of further scenes are then prompted in the order of the training, with those after
the trigger word reversed, without the quality tag, and without the trigger word; and the trigger word alone. `in_order`, `reversed`,
`no_quality`, `no_trigger` and `alone` are the shares of images that the label classifier reads as watercolor, `kept` the share of what the
tags state that the images in the order of the training show, each with its 95% interval over prompts. `..._more` are paired differences
from the training on captions as they are. One JSON line a row, the first of the base model.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from intervals import interval, paired
from lora_variants import TARGETS, VARIANTS, trained

from sakuga import studio
from sakuga.datasets.training_set import Example
from sakuga.datasets.writing import image_name, write_set
from sakuga.finishing.image import Image
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.sketchbook.captions import facts_of
from sakuga.sketchbook.label_codes import ATTRIBUTES
from sakuga.sketchbook.labels import LOOKS, Look
from sakuga.sketchbook.training_scenes import TrainingScene, style_scenes
from sakuga.sketchbook.words import WORDING
from sakuga.studio.core.settings import resolve_settings
from sakuga.studio.evaluation.metric_models import load_metric_models
from sakuga.studio.training.samples import generate_images
from sakuga.studio.training.weight_choice import shown_labels
from sakuga.training.method_settings import Lora

LOOK: Look = "watercolor"
TRIGGER, QUALITY = "zkw", "best quality"
STATED = ("subject", "place", "time", "weather")
RATE = 2e-3
"""Learning rate: twice the default, since half of the steps go to scenes without the look."""
TAGGED: dict[str, dict[str, Any]] = {
    "as they are": {},
    "shuffled": {"shuffle_tags": True, "keep_tags": 1},
    "half dropped": {"tag_dropout": 0.5, "keep_tags": 1},
}
"""Settings of each training."""
TRAINING, HELD_OUT = 5, 77
"""Seeds of the scenes to train on, and of those that are prompted."""


def scenes(count: int, seed: int) -> list[TrainingScene]:
    """Return scenes with a subject and without people."""
    made = style_scenes(4 * count, portraits=0, figures=0, trigger=TRIGGER, seed=seed)
    return [scene for scene in made if scene.moment.labels.subject != "none"][:count]


def tags_of(scene: TrainingScene) -> list[str]:
    """Return the tags of what a scene shows, always in one order."""
    facts = dict(facts_of(scene.moment.labels))
    return [WORDING[name, facts[name]].tags[0] for name in STATED]


def training_images(count: int) -> Iterator[tuple[Example, Image]]:
    """Yield as many scenes in watercolor, with trigger word and quality tag, as without, in the model's own look."""
    for index, scene in enumerate(scenes(2 * count, TRAINING)):
        plain, tags = index % 2 == 1, tags_of(scene)
        text = ", ".join(tags if plain else [TRIGGER, *tags, QUALITY])
        image = scene.moment.image(128, 128, "flat" if plain else LOOK)
        yield Example(file=image_name(index, "scene"), text=text, held_out=False), image


def prompts_of(described: Sequence[list[str]]) -> dict[str, list[str]]:
    """Return the prompts of each way to write the tags."""
    return {
        "in_order": [", ".join([TRIGGER, *tags, QUALITY]) for tags in described],
        "reversed": [", ".join([TRIGGER, QUALITY, *reversed(tags)]) for tags in described],
        "no_quality": [", ".join([TRIGGER, *tags]) for tags in described],
        "no_trigger": [", ".join([*tags, QUALITY]) for tags in described],
        "alone": [TRIGGER] * len(described),
    }


class Measured:
    """What the same prompts and seeds show."""

    def __init__(self, count: int) -> None:
        source = find_checkpoint("sketchbook")
        self.models, self.settings = load_metric_models(source.name, None), resolve_settings(studio.FilmSettings(steps=10), source)
        described = [tags_of(scene) for scene in scenes(count, HELD_OUT)]
        self.stated, self.prompts = [", ".join(tags) for tags in described], prompts_of(described)

    def values(self, method: Any) -> dict[str, Any]:
        """Return the look of each way to write the tags, and what is kept in the order of the training, for each prompt."""
        images = {name: generate_images(method, prompts, self.settings) for name, prompts in self.prompts.items()}
        looks = {name: self._look(made) for name, made in images.items()}
        return looks | {"kept": shown_labels(self.models, images["in_order"], self.stated)}

    def _look(self, images: Any) -> Any:
        read = self.models.labels(list(images))
        assert read is not None
        return read[:, list(ATTRIBUTES).index("look")] == LOOKS.index(LOOK)


def rows(work: Path, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield a row for the base model, and one for each training."""
    measured, plain = Measured(args.prompts), None
    if not (work / "set").exists():
        write_set(work / "set", training_images(args.images), trigger=TRIGGER)
    for name, settings in TAGGED.items():
        VARIANTS[name] = (Lora(rank=16, targets=TARGETS), {"precision": None, "learning_rate": RATE, **settings})
        training, seconds = trained(name, work / "set", work, args)
        with training.state.averaged():
            if plain is None:
                with training.method.base_weights():
                    base = measured.values(training.method)
                yield {"row": "base", **{key: interval(values) for key, values in base.items()}, "n": args.prompts, "seed": args.seed}
            shown = measured.values(training.method)
        training.method.close()
        plain = plain or shown
        more = {f"{key}_more": paired(plain[key], shown[key]) for key in shown} if shown is not plain else {}
        yield {
            "row": name,
            **{key: interval(values) for key, values in shown.items()},
            **more,
            "n": args.prompts,
            "seed": args.seed,
            "step_s": round(seconds, 3),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("steps", 150), ("batch", 8), ("images", 24), ("prompts", 24), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, help="folder to keep the set and the trainings in")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for row in rows(args.out or Path(scratch), args):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
