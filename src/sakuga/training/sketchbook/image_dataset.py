"""Training images, rendered once from seeds.

They are stored as arrays with their labels.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sakuga.files import write_atomic
from sakuga.models.image_tensors import Images
from sakuga.sketchbook.labels import LOOKS, Labels, Look, Portrait
from sakuga.sketchbook.scene import Moment, sample

SHARD = 512
LONGEST_TIME = 12.0
"""Seconds after a scene's start within which it is rendered, so that clouds and rain are at any phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """A rendered dataset of consecutive seeds.

    Image i has the seed `first_seed + i`. All have one `look`, or are flat with the probability `flat`. With `held_back` it has subjects
    that the base model is not trained on; `accompanied` ones also show walking people and second subjects.
    """

    name: str
    first_seed: int
    flat: float
    held_back: bool
    width: int = 128
    height: int = 128
    look: Look | None = None
    accompanied: bool = False

    def folder(self, work: Path) -> Path:
        """Return the folder of its shards."""
        name = f"{self.name}-accompanied" if self.accompanied else self.name
        return work / "pictures" / f"{name}-{self.width}x{self.height}"


EVERYTHING = DatasetSpec(name="everything", first_seed=10_000_000, flat=0.5, held_back=True, accompanied=True)
"""Every look and every subject: for the networks that others depend on."""
BASE = DatasetSpec(name="base", first_seed=20_000_000, flat=0.97, held_back=False, accompanied=True)
BASE_ASPECTS = (
    DatasetSpec(name="base", first_seed=60_000_000, flat=0.97, held_back=False, width=160, height=96, accompanied=True),
    DatasetSpec(name="base", first_seed=70_000_000, flat=0.97, held_back=False, width=96, height=160, accompanied=True),
    DatasetSpec(name="base", first_seed=80_000_000, flat=0.97, held_back=False, width=192, height=128, accompanied=True),
    DatasetSpec(name="base", first_seed=220_000_000, flat=0.97, held_back=False, width=128, height=192, accompanied=True),
)
LARGE = DatasetSpec(name="large", first_seed=90_000_000, flat=0.5, held_back=True, width=256, height=256)
"""Twice the native size, for the upscaler."""
HELD_OUT = DatasetSpec(name="held-out", first_seed=100_000_000, flat=1.0, held_back=False)
"""Flat images that no training uses."""
HELD_OUT_LOOKS = DatasetSpec(name="held-out-looks", first_seed=110_000_000, flat=1 / len(LOOKS), held_back=True)
"""Images of every look, evenly, that no training uses."""
IN_LOOK: dict[Look, DatasetSpec] = {
    look: DatasetSpec(name=f"in-{look}", first_seed=200_000_000, flat=0.0, held_back=False, look=look, accompanied=True)
    for look in LOOKS
    if look != "flat"
}
"""The same scenes in each look, for styles."""
HELD_OUT_IN_LOOK: dict[Look, DatasetSpec] = {
    look: DatasetSpec(name=f"held-out-in-{look}", first_seed=210_000_000, flat=0.0, held_back=False, look=look) for look in IN_LOOK
}
HELD_OUT_LARGE = DatasetSpec(name="held-out-large", first_seed=120_000_000, flat=0.5, held_back=True, width=256, height=256)
HELD_OUT_ACCOMPANIED = DatasetSpec(name="held-out", first_seed=130_000_000, flat=1.0, held_back=False, accompanied=True)
"""Flat images with walking people and second subjects that no training uses."""
CLIPS = DatasetSpec(name="clips", first_seed=300_000_000, flat=1.0, held_back=False, accompanied=True)
"""Clips of moving scenes, rendered as they are needed: for the motion adapter."""
HELD_OUT_CLIPS = DatasetSpec(name="held-out-clips", first_seed=400_000_000, flat=1.0, held_back=False)


def scene_moment(dataset: DatasetSpec, index: int) -> tuple[Moment, Look]:
    """Return an image's scene at its moment, and its look."""
    seed = dataset.first_seed + index
    rng = np.random.default_rng((seed, 17))
    look: Look = dataset.look or ("flat" if rng.random() < dataset.flat else LOOKS[1 + int(rng.integers(len(LOOKS) - 1))])
    scene = sample(seed, aspect=dataset.width / dataset.height, with_held_out=dataset.held_back, accompanied=dataset.accompanied)
    return scene.at(float(rng.uniform(0.0, LONGEST_TIME))), look


def render_image(dataset: DatasetSpec, index: int) -> tuple[Images, Labels, Look]:
    """Render one image with its labels and look.

    The image is (height, width, 3).
    """
    moment, look = scene_moment(dataset, index)
    return moment.image(dataset.width, dataset.height, look), moment.labels, look


def save_array(array: NDArray[Any], path: Path) -> None:
    """Write an array as .npy, whatever the file name."""
    with path.open("wb") as file:
        np.save(file, array)


def _render_shard(dataset: DatasetSpec, work: Path, shard: int) -> None:
    folder = dataset.folder(work)
    folder.mkdir(parents=True, exist_ok=True)
    rendered = [render_image(dataset, index) for index in range(shard * SHARD, (shard + 1) * SHARD)]
    lines = "".join(labels_to_line(labels, look) + "\n" for _, labels, look in rendered)
    write_atomic(folder / f"{shard:05d}.jsonl", lambda path: path.write_text(lines))
    write_atomic(folder / f"{shard:05d}.npy", partial(save_array, np.stack([pixels for pixels, _, _ in rendered])))


def missing_shards(dataset: DatasetSpec, count: int, work: Path) -> list[int]:
    """Return the numbers of missing shards.

    Among those of the first `count` images.
    """
    return [shard for shard in range(-(-count // SHARD)) if not (dataset.folder(work) / f"{shard:05d}.npy").exists()]


def render_missing(dataset: DatasetSpec, count: int, work: Path, processes: int = 1) -> None:
    """Render missing shards of the first `count` images."""
    missing = missing_shards(dataset, count, work)
    if processes == 1 or len(missing) == 1:
        for shard in missing:
            _render_shard(dataset, work, shard)
    elif missing:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            list(pool.map(partial(_render_shard, dataset, work), missing))


def labels_to_line(labels: Labels, look: Look) -> str:
    """Return an image's labels as one line of JSON."""
    return json.dumps({**asdict(labels), "extras": sorted(labels.extras), "look": look})


def labels_from_line(line: str) -> tuple[Labels, Look]:
    """Read a line that `labels_to_line` wrote."""
    values = json.loads(line)
    look: Look = values.pop("look")
    for name in ("portrait", "walker"):
        values[name] = Portrait(**values[name]) if values.get(name) else None
    values["extras"] = frozenset(values["extras"])
    return Labels(**values), look


class ImageDataset:
    """The first `count` images of a dataset, rendered where missing.

    Pixels are memory-mapped.
    """

    def __init__(self, dataset: DatasetSpec, count: int, work: Path, processes: int = 1) -> None:
        render_missing(dataset, count, work, processes)
        self.dataset, self.count = dataset, count
        names = [dataset.folder(work) / f"{shard:05d}" for shard in range(-(-count // SHARD))]
        self._shards: list[Images] = [np.load(name.with_suffix(".npy"), mmap_mode="r") for name in names]
        lines = [line for name in names for line in name.with_suffix(".jsonl").read_text().splitlines()]
        described = [labels_from_line(line) for line in lines[:count]]
        self.labels = [labels for labels, _ in described]
        self.looks = [look for _, look in described]

    def __len__(self) -> int:
        return self.count

    def pixels(self, indices: Sequence[int] | NDArray[np.int64]) -> Images:
        """Return images by index, (images, height, width, 3)."""
        return np.stack([self._shards[index // SHARD][index % SHARD] for index in indices])
