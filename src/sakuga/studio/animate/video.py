"""Clips out of pictures and clips that are already there."""

import hashlib
from bisect import bisect_right
from collections.abc import Generator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, groupby, pairwise
from math import gcd, lcm
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np

from sakuga import InputError
from sakuga.datasets.clips import MOST_BYTES, read_clip
from sakuga.datasets.folders import SUFFIXES, is_picture, natural
from sakuga.datasets.image_reading import read_picture
from sakuga.export import Written, check_target, read_recipe
from sakuga.finishing.image import Picture
from sakuga.finishing.resize import enlarge
from sakuga.story.rate import parse_rate
from sakuga.studio.animate.remake import parse_recipe
from sakuga.studio.core.output import deliver
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Recipe, RecipeError
from sakuga.studio.core.work import Work
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given

Fit: TypeAlias = Literal["crop", "pad"]

USUAL = Fraction(12)
FINEST = 1000
"""Parts of a second that times of outside clips are kept in, where a common measure would be finer still."""


def video(
    source: Path | str,
    out: Path | str,
    *,
    fps: Fraction | float | None = None,
    fit: Fit | None = None,
    recipe: bool = True,
    max_size: int | None = None,
) -> Work[Step, Written]:
    """Make a clip from a folder of pictures in natural order (9 before 10), or from another clip with its exact times.

    `fps` is 12 for a folder; a clip is shown at that rate anew. Pictures of mixed sizes are refused, unless `fit` brings them to the
    first one's: crop cuts off what hangs over, pad adds black. The recipe of a clip goes along. Raises InputError.
    """
    return Work(_video(Path(source), Path(out), fps, fit, recipe, max_size))


def _video(
    source: Path, out: Path, fps: Fraction | float | None, fit: Fit | None, recipe: bool, max_size: int | None
) -> Generator[Step, None, Written]:
    check_target(out, max_size)
    rate = None if fps is None else parse_rate(fps)
    if fit is not None and fit not in get_args(Fit):
        raise InputError(f"pictures cannot be made to fit by {fit!r}: choose {' or '.join(get_args(Fit))}")
    if source.is_dir():
        clip = yield from _folder(source, out, rate or USUAL, fit)
        return (yield from deliver(clip, out, max_size=max_size))
    if not source.exists():
        raise InputError(f"{source}: there is no such folder or clip")
    clip = yield from _file(source, rate)
    kept = (yield from _carried(source)) if recipe else None
    written = yield from deliver(clip, out, kept, max_size)
    return replace(written, frames=sum(1 for _ in groupby(clip.frames)))  # the rate may but measure uneven times


def _folder(folder: Path, out: Path, rate: Fraction, fit: Fit | None) -> Generator[Step, None, Clip]:
    """Read the pictures of a folder; the clip of an earlier time, if it lies among them, is none of them."""
    seen = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    there = sorted((path for path in seen if path.absolute() != out.absolute()), key=natural)
    paths = [path for path in there if is_picture(path)]
    others = [path.name for path in there if path not in set(paths)]
    if not paths:
        raise InputError(f"{folder} holds no picture ({', '.join(SUFFIXES)}): give a folder that does")
    if others:
        yield Step(stage="story", note=f"left out, as no pictures: {', '.join(others[:3])}{' ...' if len(others) > 3 else ''}")
    frames: list[Frame] = []
    for place, path in enumerate(paths, 1):
        read = read_picture(path)
        frames.append(_frame(_fitted(read.picture, path, frames[0].picture if frames else read.picture, paths[0], fit)))
        if len(frames) * frames[0].picture.nbytes > MOST_BYTES:
            raise InputError(f"{folder} holds more than can be kept in memory: make its pictures smaller, or fewer")
        yield Step(stage="finishing", done=place, total=len(paths), note=" ".join(read.notes))
    return Clip(frames=tuple(frames), rate=rate)


def _file(path: Path, rate: Fraction | None) -> Generator[Step, None, Clip]:
    read = read_clip(path)
    for note in read.notes:
        yield Step(stage="story", note=note)
    frames = [_frame(picture) for picture in read.pictures]
    if len(frames) == 1:
        return Clip(frames=tuple(frames), rate=rate or USUAL)
    if rate is None:
        rate, counts = measured(read.seconds)
        return Clip(frames=tuple(frame for frame, count in zip(frames, counts, strict=True) for _ in range(count)), rate=rate)
    return Clip(frames=tuple(frames[place] for place in resampled(read.seconds, rate)), rate=rate)


def _carried(path: Path) -> Generator[Step, None, Recipe | None]:
    """Take over the recipe of a clip, if it has one that can be followed."""
    text = read_recipe(path)
    try:
        return parse_recipe(text, str(path)) if text else None
    except RecipeError as error:
        yield Step(stage="story", note=f"{error}; it is left out")
        return None


def measured(seconds: Sequence[Fraction]) -> tuple[Fraction, list[int]]:
    """Return the slowest rate at which every length is a whole number of frames, and these numbers; no finer than a thousandth.

    >>> measured([Fraction(7, 100), Fraction(14, 100)])
    (Fraction(100, 7), [1, 2])
    """
    step = _measure(seconds)
    if step < Fraction(1, FINEST):
        edges = [round(edge * FINEST) for edge in accumulate(seconds, initial=Fraction(0))]
        seconds = [Fraction(max(1, after - before), FINEST) for before, after in pairwise(edges)]
        step = _measure(seconds)
    return 1 / step, [int(length / step) for length in seconds]


def _measure(seconds: Sequence[Fraction]) -> Fraction:
    """The longest time of which all are multiples."""
    common = lcm(*(length.denominator for length in seconds))
    return Fraction(gcd(*(int(length * common) for length in seconds)), common)


def resampled(seconds: Sequence[Fraction], rate: Fraction) -> list[int]:
    """Say which picture each frame of another rate shows: the one that stands at the frame's middle; the length stays.

    >>> resampled([Fraction(1, 10), Fraction(3, 10)], Fraction(10))
    [0, 1, 1, 1]
    """
    ends = list(accumulate(seconds))
    middles = ((frame + Fraction(1, 2)) / rate for frame in range(max(1, round(ends[-1] * rate))))
    return [min(bisect_right(ends, middle), len(ends) - 1) for middle in middles]


def _fitted(picture: Picture, path: Path, first: Picture, first_path: Path, fit: Fit | None) -> Picture:
    height, width = first.shape[:2]
    if picture.shape == first.shape:
        return picture
    if fit is None:
        is_size, first_size = f"{picture.shape[1]}x{picture.shape[0]}", f"{width}x{height}"
        raise InputError(f"{path.name} is {is_size}, and {first_path.name} is {first_size}: --fit crop or --fit pad makes them one size")
    if fit == "crop":
        return enlarge(picture, width, height)
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = enlarge(picture, max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    padded = np.zeros_like(first)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    padded[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return padded


def _frame(picture: Picture) -> Frame:
    return Frame(picture=picture, spec=Given(picture=hashlib.sha256(picture.tobytes()).hexdigest()))
