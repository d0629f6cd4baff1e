"""Subjects, people and scenes that stay themselves over the shots of films.

    python benchmarks/film_labels.py [--films 16] [--shots 5] [--seconds 6] [--size 128] [--motion auto none] [--sheets FOLDER]

Each film is one idea, rendered from an empty store with and without the motion adapter. The label classifier reads every frame. Prints
one JSON object with 95% intervals over films: for each way the share of labels that most frames of a later shot show as most frames of the
first one do (`kept`) and the same for every single frame (`kept_frames`), of subject or person (`identity`) and of time, weather and place
(`scene`); the paired differences; and which labels were lost. Sheets show six frames of each shot, a row for each.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from sakuga import studio
from sakuga.datasets.clips import read_clip
from sakuga.evaluation.clip_measures import IDENTITY, NAMES, SCENE
from sakuga.evaluation.confidence import SHARES
from sakuga.evaluation.metric import mean, paired
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.classifier import classify, load_classifier
from sakuga.sketchbook.label_codes import ATTRIBUTES
from sakuga.story.settings import FilmSettings

IDEAS = (
    "a castle on green hills at noon, birds over the valley",
    "a girl with long red hair, smiling, at sunset",
    "a lighthouse by the sea at dusk",
    "a snowy cabin in the woods at night",
    "a boy with short black hair in the rain",
    "a sailing boat on the sea at dawn",
    "a tower in the forest, rain",
    "a woman with blonde hair in a green dress at noon",
    "a cottage in a meadow on a sunny day",
    "a windmill on the hills at sunset",
    "a man with grey hair at night, snow",
    "a bridge over a river in the morning",
    "a tent in the mountains at night",
    "a girl with brown hair in a blue dress, clouds",
    "a lighthouse on the coast in fog",
    "a castle in the mountains in the snow",
)
ATTRIBUTE_VALUES = list(ATTRIBUTES.values())


class Label(NamedTuple):
    """One label of a film and how it fared."""

    film: int
    name: str
    shown: Sequence[str]
    """What most frames of each shot show."""
    kept_frames: float
    """The share of later shots' frames that show the first shot's value."""

    @property
    def kept(self) -> float:
        return float(np.mean([value == self.shown[0] for value in self.shown[1:]]))


def labels(film: int, codes: NDArray[np.int64], shots: int) -> list[Label]:
    """Return the labels of a film from the codes of its frames, (frames, attributes)."""
    portrait = ATTRIBUTES["portrait"][Counter(codes[:, NAMES.index("portrait")].tolist()).most_common(1)[0][0]]
    names = (*(IDENTITY[1:] if portrait == ATTRIBUTES["portrait"][1] else IDENTITY[:1]), *SCENE)
    found = []
    for name in names:
        column = NAMES.index(name)
        parts = np.array_split(codes[:, column], shots)
        most = [Counter(part.tolist()).most_common(1)[0][0] for part in parts]
        later = np.concatenate(parts[1:])
        found.append(
            Label(film, name, [str(ATTRIBUTE_VALUES[column][value]) for value in most], float((later == most[0]).mean())),
        )
    return found


def film_labels(number: int, motion: str, arguments: argparse.Namespace, classifier: Any) -> list[Label]:
    """Render a film and read its frames."""
    idea = IDEAS[number % len(IDEAS)]
    settings = FilmSettings(size=arguments.size, motion=motion)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "film.mp4"
        steps = studio.animate(
            idea, clip, shots=arguments.shots, seconds=arguments.seconds, seed=number // len(IDEAS), settings=settings,
            store=Path(folder) / "frames",
        )  # fmt: skip
        for _ in steps:
            pass
        images = read_clip(clip).images
    if arguments.sheets:
        arguments.sheets.mkdir(parents=True, exist_ok=True)
        PILImage.fromarray(sheet(images, arguments.shots)).save(arguments.sheets / f"{number:02}-{motion}.png")
    found = labels(number, classify(classifier, np.stack(images))[0], arguments.shots)
    print(f"{number} {motion} {idea}: {[label.name for label in found if label.kept < 1]}", file=sys.stderr)
    return found


def sheet(images: Sequence[NDArray[np.uint8]], shots: int) -> NDArray[np.uint8]:
    """Return six frames of each shot, a row for each."""
    rows = [[images[at] for at in np.linspace(part[0], part[-1], 6).astype(int)] for part in np.array_split(np.arange(len(images)), shots)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=len(IDEAS))
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--size", default="128")
    parser.add_argument("--motion", nargs="+", default=["auto", "none"], choices=("auto", "none"))
    parser.add_argument("--sheets", type=Path, help="a folder for sheets of frames")
    arguments = parser.parse_args()
    classifier = load_classifier(find_checkpoint("sketchbook").folder / "classifier")
    films = range(arguments.films)
    found = {way: [label for film in films for label in film_labels(film, way, arguments, classifier)] for way in arguments.motion}
    print(json.dumps({**metrics(found), "lost": {way: lost(values) for way, values in found.items()}}))


def metrics(found: dict[str, list[Label]]) -> dict[str, Any]:
    """Return shares with intervals; all labels of a film are resampled together."""
    measured = []
    for kind, name in product(("identity", "scene"), ("kept", "kept_frames")):
        sides = {
            way: {(label.film, label.name): getattr(label, name) for label in values if (label.name in SCENE) == (kind == "scene")}
            for way, values in found.items()
        }
        for way, values in sides.items():
            measured.append(mean(f"{way}.{kind}.{name}", [*values.values()], groups=[film for film, _ in values], within=SHARES))
        if len(sides) == 2:
            both = sorted(sides["auto"].keys() & sides["none"].keys())
            before, after = ([sides[way][key] for key in both] for way in ("none", "auto"))
            measured.append(paired(f"more.{kind}.{name}", before, after, groups=[film for film, _ in both], within=SHARES))
    return {one.key: [one.value, one.low, one.high, one.n] for one in measured}


def lost(values: Sequence[Label]) -> list[str]:
    """Return the labels that did not stay, with what shots show."""
    return [f"{IDEAS[label.film % len(IDEAS)]}: {label.name} {' > '.join(label.shown)}" for label in values if label.kept < 1]


if __name__ == "__main__":
    main()
