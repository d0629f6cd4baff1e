"""How near every pixel of the training pictures is: drawn from the pictures' own seeds, kept as bytes."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sakuga.files import write_whole
from sakuga.training.sketchbook.pictures import SHARD, Album, moment_of, save_array


def _folder(album: Album, work: Path) -> Path:
    return work / "depths" / f"{album.name}-{album.width}x{album.height}"


def _draw_shard(album: Album, work: Path, shard: int) -> None:
    moments = (moment_of(album, index)[0] for index in range(shard * SHARD, (shard + 1) * SHARD))
    near = np.stack([moment.depth(album.width, album.height) for moment in moments])
    levels = np.rint(255 * near.clip(0.0, 1.0)).astype(np.uint8)
    folder = _folder(album, work)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{shard:05d}.npy", partial(save_array, levels))


class Depths:
    """The true depth of the first `count` pictures of an album, drawn where missing (whole shards)."""

    def __init__(self, album: Album, count: int, work: Path, processes: int = 1) -> None:
        paths = [_folder(album, work) / f"{shard:05d}.npy" for shard in range(-(-count // SHARD))]
        missing = [shard for shard, path in enumerate(paths) if not path.exists()]
        if processes == 1 or len(missing) < 2:
            for shard in missing:
                _draw_shard(album, work, shard)
        else:
            with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
                list(pool.map(partial(_draw_shard, album, work), missing))
        self._shards: list[NDArray[np.uint8]] = [np.load(path, mmap_mode="r") for path in paths]

    def near(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Return depths by the pictures' numbers, (n, height, width): 0.0 is the sky, 1.0 is at the lens."""
        return torch.from_numpy(np.stack([self._shards[index // SHARD][index % SHARD] for index in indices])).float() / 255
