"""True depth maps of training images.

Rendered from the same seeds and stored as bytes.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sakuga.files import write_atomic
from sakuga.training.sketchbook.image_dataset import SHARD, DatasetSpec, save_array, scene_moment


def _folder(dataset: DatasetSpec, work: Path) -> Path:
    return work / "depths" / f"{dataset.name}-{dataset.width}x{dataset.height}"


def _render_shard(dataset: DatasetSpec, work: Path, shard: int) -> None:
    moments = (scene_moment(dataset, index)[0] for index in range(shard * SHARD, (shard + 1) * SHARD))
    near = np.stack([moment.depth(dataset.width, dataset.height) for moment in moments])
    levels = np.rint(255 * near.clip(0.0, 1.0)).astype(np.uint8)
    folder = _folder(dataset, work)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / f"{shard:05d}.npy", partial(save_array, levels))


class DepthDataset:
    """True depth of the first `count` images.

    Rendered where missing, in whole shards.
    """

    def __init__(self, dataset: DatasetSpec, count: int, work: Path, processes: int = 1) -> None:
        paths = [_folder(dataset, work) / f"{shard:05d}.npy" for shard in range(-(-count // SHARD))]
        missing = [shard for shard, path in enumerate(paths) if not path.exists()]
        if processes == 1 or len(missing) < 2:
            for shard in missing:
                _render_shard(dataset, work, shard)
        else:
            with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
                list(pool.map(partial(_render_shard, dataset, work), missing))
        self._shards: list[NDArray[np.uint8]] = [np.load(path, mmap_mode="r") for path in paths]

    def near(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Return depth maps by image index.

        Shape (n, height, width): 0.0 is the sky, 1.0 at the lens.
        """
        return torch.from_numpy(np.stack([self._shards[index // SHARD][index % SHARD] for index in indices])).float() / 255
