"""Training pictures: drawn once from seeds by several processes, kept as plain arrays with their labels beside."""

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

from sakuga.files import write_whole
from sakuga.models.image_tensors import Pixels
from sakuga.sketchbook.labels import LOOKS, Labels, Look, Portrait
from sakuga.sketchbook.scene import Moment, sample

SHARD = 512
LONGEST_TIME = 12.0
"""Seconds after a scene's start within which it is drawn, so that drifting clouds and falling rain are seen at any phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """A series of pictures: picture i is drawn from the seed `first_seed + i`; all have one `look`, or are flat with the chance `flat`."""

    name: str
    first_seed: int
    flat: float
    held_back: bool
    width: int = 128
    height: int = 128
    look: Look | None = None

    def folder(self, work: Path) -> Path:
        """Return where its shards lie."""
        return work / "pictures" / f"{self.name}-{self.width}x{self.height}"


EVERYTHING = Album(name="everything", first_seed=10_000_000, flat=0.5, held_back=True)
"""Every look and every subject: for the networks that the others stand on."""
BASE = Album(name="base", first_seed=20_000_000, flat=0.97, held_back=False)
BASE_ASPECTS = (
    Album(name="base", first_seed=60_000_000, flat=0.97, held_back=False, width=160, height=96),
    Album(name="base", first_seed=70_000_000, flat=0.97, held_back=False, width=96, height=160),
    Album(name="base", first_seed=80_000_000, flat=0.97, held_back=False, width=192, height=128),
    Album(name="base", first_seed=220_000_000, flat=0.97, held_back=False, width=128, height=192),
)
LARGE = Album(name="large", first_seed=90_000_000, flat=0.5, held_back=True, width=256, height=256)
"""Twice the native size: what the upscaler learns from."""
HELD_OUT = Album(name="held-out", first_seed=100_000_000, flat=1.0, held_back=False)
"""Flat pictures that no training sees."""
HELD_OUT_LOOKS = Album(name="held-out-looks", first_seed=110_000_000, flat=1 / len(LOOKS), held_back=True)
"""Pictures of every look, evenly, that no training sees."""
IN_LOOK: dict[Look, Album] = {
    look: Album(name=f"in-{look}", first_seed=200_000_000, flat=0.0, held_back=False, look=look) for look in LOOKS if look != "flat"
}  # fmt: skip
"""The same scenes in each look: what styles learn from."""
HELD_OUT_IN_LOOK: dict[Look, Album] = {
    look: Album(name=f"held-out-in-{look}", first_seed=210_000_000, flat=0.0, held_back=False, look=look) for look in IN_LOOK
}
HELD_OUT_LARGE = Album(name="held-out-large", first_seed=120_000_000, flat=0.5, held_back=True, width=256, height=256)


def moment_of(album: Album, index: int) -> tuple[Moment, Look]:
    """Return what a picture of an album shows, and its look."""
    seed = album.first_seed + index
    rng = np.random.default_rng((seed, 17))
    look: Look = album.look or ("flat" if rng.random() < album.flat else LOOKS[1 + int(rng.integers(len(LOOKS) - 1))])
    scene = sample(seed, aspect=album.width / album.height, held_back=album.held_back)
    return scene.at(float(rng.uniform(0.0, LONGEST_TIME))), look


def draw_one(album: Album, index: int) -> tuple[Pixels, Labels, Look]:
    """Draw one picture of an album, (height, width, 3), with its labels and look."""
    moment, look = moment_of(album, index)
    return moment.picture(album.width, album.height, look), moment.labels, look


def save_array(array: NDArray[Any], path: Path) -> None:
    """Write an array as .npy, whatever the name of the file."""
    with path.open("wb") as file:
        np.save(file, array)


def _draw_shard(album: Album, work: Path, shard: int) -> None:
    folder = album.folder(work)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [draw_one(album, index) for index in range(shard * SHARD, (shard + 1) * SHARD)]
    lines = "".join(labels_to_line(labels, look) + "\n" for _, labels, look in drawn)
    write_whole(folder / f"{shard:05d}.jsonl", lambda path: path.write_text(lines))
    write_whole(folder / f"{shard:05d}.npy", partial(save_array, np.stack([pixels for pixels, _, _ in drawn])))


def missing_shards(album: Album, count: int, work: Path) -> list[int]:
    """Return the numbers of the shards that the first `count` pictures need and that are not there yet."""
    return [shard for shard in range(-(-count // SHARD)) if not (album.folder(work) / f"{shard:05d}.npy").exists()]


def draw(album: Album, count: int, work: Path, processes: int = 1) -> None:
    """Draw what is missing of the first `count` pictures of an album (whole shards)."""
    missing = missing_shards(album, count, work)
    if processes == 1 or len(missing) == 1:
        for shard in missing:
            _draw_shard(album, work, shard)
    elif missing:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            list(pool.map(partial(_draw_shard, album, work), missing))


def labels_to_line(labels: Labels, look: Look) -> str:
    """Return a picture's labels as one line of JSON."""
    return json.dumps({**asdict(labels), "extras": sorted(labels.extras), "look": look})


def labels_from_line(line: str) -> tuple[Labels, Look]:
    """Read what `labels_to_line` wrote."""
    values = json.loads(line)
    look: Look = values.pop("look")
    portrait = values.pop("portrait")
    extras = frozenset(values.pop("extras"))
    return Labels(**values, extras=extras, portrait=None if portrait is None else Portrait(**portrait)), look


class Pictures:
    """The first `count` pictures of an album, drawn where missing; the pixels stay on the disk until asked for."""

    def __init__(self, album: Album, count: int, work: Path, processes: int = 1) -> None:
        draw(album, count, work, processes)
        self.album, self.count = album, count
        names = [album.folder(work) / f"{shard:05d}" for shard in range(-(-count // SHARD))]
        self._shards: list[Pixels] = [np.load(name.with_suffix(".npy"), mmap_mode="r") for name in names]
        lines = [line for name in names for line in name.with_suffix(".jsonl").read_text().splitlines()]
        described = [labels_from_line(line) for line in lines[:count]]
        self.labels = [labels for labels, _ in described]
        self.looks = [look for _, look in described]

    def __len__(self) -> int:
        return self.count

    def pixels(self, indices: Sequence[int] | NDArray[np.int64]) -> Pixels:
        """Return pictures by their numbers: (pictures, height, width, 3)."""
        return np.stack([self._shards[index // SHARD][index % SHARD] for index in indices])
