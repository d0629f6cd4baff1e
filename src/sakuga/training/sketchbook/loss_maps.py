"""Where in a picture an error counts more: the faces of portraits, and the ground that subjects stand on.

A mouth is two of 256 cells, so a mean over all hardly hears of it, and words for it are not learnt. Maps say where such things are in
many scenes, not in the one that is learnt, so a guess is not drawn towards what counts more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import get_args

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sakuga.sketchbook.labels import Expression, Labels, Side
from sakuga.sketchbook.scene import Moment, Scene, compose, sample

FACES, SUBJECTS = 30.0, 5.0
"""How much more the error counts in the middle of such a map than far outside."""
SCENES = 24
"""Scenes that a map is made of; no training has them."""
FIRST_SEED = 50_000_000
SCALE = 8
"""Pixels of a picture to a cell of its latents, each way."""


def weights(labels: Sequence[Labels], rows: int, columns: int) -> Tensor:
    """Return how much each cell of each picture counts, (pictures, 1, rows, columns); 1 on average over a picture."""
    shape = rows, columns
    maps = [_faces(*shape) if one.portrait else _subjects(one.side, *shape) if one.subject != "none" else _evenly(*shape) for one in labels]
    return torch.from_numpy(np.stack(maps))[:, None]


@cache
def _evenly(rows: int, columns: int) -> NDArray[np.float32]:
    return np.ones((rows, columns), np.float32)


@cache
def _faces(rows: int, columns: int) -> NDArray[np.float32]:
    """Count where a face changes with its expression."""
    return _counting(FACES, (_spread(_expressions(scene), rows, columns) for scene in _scenes(columns / rows, portrait=True)))


@cache
def _subjects(side: Side, rows: int, columns: int) -> NDArray[np.float32]:
    """Count where a scene changes if its subject is taken away."""
    placed = (replace(scene, labels=replace(scene.labels, side=side)) for scene in _scenes(columns / rows, portrait=False))
    emptied = ([scene, replace(scene, labels=replace(scene.labels, subject="none"))] for scene in placed)
    return _counting(SUBJECTS, (_spread(pair, rows, columns) for pair in emptied))


def _scenes(aspect: float, *, portrait: bool) -> Iterator[Scene]:
    seed = FIRST_SEED
    for _ in range(SCENES):
        scene = sample(seed, aspect=aspect, portrait=portrait)
        while not portrait and scene.labels.subject == "none":
            seed += 1
            scene = sample(seed, aspect=aspect, portrait=portrait)
        seed += 1
        yield scene


def _expressions(scene: Scene) -> list[Scene]:
    assert scene.labels.portrait
    moods = [replace(scene.labels.portrait, expression=mood) for mood in get_args(Expression)]
    return [compose(replace(scene.labels, portrait=mood), scene.seed, scene.aspect) for mood in moods]


def _spread(scenes: Sequence[Scene], rows: int, columns: int) -> NDArray[np.float32]:
    """Return how far the same moment of some scenes is spread in each cell, (rows, columns)."""
    moments: list[Moment] = [scene.at(0.0) for scene in scenes]
    pictures = np.stack([moment.picture(columns * SCALE, rows * SCALE) for moment in moments]).astype(np.float32)
    spread = pictures.std(axis=0).mean(axis=-1)
    return np.asarray(cv2.resize(spread, (columns, rows), interpolation=cv2.INTER_AREA))


def _counting(gain: float, spreads: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
    spread = np.mean(list(spreads), axis=0)
    counts = 1 + gain * spread / spread.max()
    weighted: NDArray[np.float32] = (counts / counts.mean()).astype(np.float32)
    return weighted
