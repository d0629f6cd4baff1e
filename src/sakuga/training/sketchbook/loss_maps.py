"""Loss weights of latent cells.

Higher for faces of portraits and the ground of subjects. A mouth covers two of 256 cells, too few to weigh in a mean. Maps are averaged
over many scenes, not taken from the one trained on, so a prediction is not drawn to the weighted cells.
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

from sakuga.sketchbook.labels import Expression, Labels, Portrait, Side
from sakuga.sketchbook.scene import Moment, Scene, compose, sample

FACES, SUBJECTS = 30.0, 5.0
"""Extra weight of the error at the peak of a map."""
SCENES = 24
"""Scenes that a map is averaged over; no training uses them."""
FIRST_SEED = 50_000_000
SCALE = 8
"""Pixels of an image to a latent cell, each way."""


def weights(labels: Sequence[Labels], rows: int, columns: int) -> Tensor:
    """Return the weight of each cell of each image.

    1 on average.
    """
    shape = rows, columns
    maps = [_faces(*shape) if one.portrait else _subjects(one.side, *shape) if one.subject != "none" else _evenly(*shape) for one in labels]
    for index, one in enumerate(labels):
        if one.walker:
            maps[index] = np.mean((maps[index], _walkers(one.side, *shape)), axis=0, dtype=np.float32)
        elif one.second != "none":
            maps[index] = np.mean((maps[index], _seconds(one.side, *shape)), axis=0, dtype=np.float32)
    return torch.from_numpy(np.stack(maps))[:, None]


@cache
def _evenly(rows: int, columns: int) -> NDArray[np.float32]:
    return np.ones((rows, columns), np.float32)


@cache
def _faces(rows: int, columns: int) -> NDArray[np.float32]:
    """Return where a face changes with its expression."""
    return _counting(FACES, (_spread(_expressions(scene), rows, columns) for scene in _scenes(columns / rows, portrait=True)))


@cache
def _subjects(side: Side, rows: int, columns: int) -> NDArray[np.float32]:
    """Return where a scene changes if its subject is removed."""
    moved = (replace(scene, labels=replace(scene.labels, side=side)) for scene in _scenes(columns / rows, portrait=False))
    emptied = ([scene, replace(scene, labels=replace(scene.labels, subject="none"))] for scene in moved)
    return _counting(SUBJECTS, (_spread(pair, rows, columns) for pair in emptied))


@cache
def _walkers(side: Side, rows: int, columns: int) -> NDArray[np.float32]:
    """Return where a scene changes if its walking person is removed."""
    walker = Portrait(person="woman", hair="brown", hair_length="long", dress="red", expression="calm")
    scenes = (
        replace(scene, labels=replace(scene.labels, side=side, subject="none", walker=walker))
        for scene in _scenes(columns / rows, portrait=False)
    )
    emptied = ([scene, replace(scene, labels=replace(scene.labels, walker=None))] for scene in scenes)
    return _counting(SUBJECTS, (_spread(pair, rows, columns) for pair in emptied))


@cache
def _seconds(side: Side, rows: int, columns: int) -> NDArray[np.float32]:
    """Return where a scene changes if its second subject is removed."""
    scenes = (replace(scene, labels=replace(scene.labels, side=side, second="tower")) for scene in _scenes(columns / rows, portrait=False))
    emptied = ([scene, replace(scene, labels=replace(scene.labels, second="none"))] for scene in scenes)
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
    """Return the deviation of each cell over some scenes.

    Shape (rows, columns).
    """
    moments: list[Moment] = [scene.at(0.0) for scene in scenes]
    images = np.stack([moment.image(columns * SCALE, rows * SCALE) for moment in moments]).astype(np.float32)
    spread = images.std(axis=0).mean(axis=-1)
    return np.asarray(cv2.resize(spread, (columns, rows), interpolation=cv2.INTER_AREA))


def _counting(gain: float, spreads: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
    spread = np.mean(list(spreads), axis=0)
    counts = 1 + gain * spread / spread.max()
    weighted: NDArray[np.float32] = (counts / counts.mean()).astype(np.float32)
    return weighted
