"""Clips from folders of images and from other clips."""

from bisect import bisect_right
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, groupby, pairwise
from math import gcd, lcm
from pathlib import Path

import numpy as np

from sakuga import InputError
from sakuga.datasets.clips import read_clip
from sakuga.datasets.folders import SUFFIXES, is_image, natural_order
from sakuga.datasets.image_reading import read_image
from sakuga.export import FrameStream, Written, read_recipe
from sakuga.finishing.image import Image
from sakuga.finishing.resize import enlarge
from sakuga.story.options import Choice
from sakuga.story.settings import OPTIONS
from sakuga.studio.animate.recipe_reading import parse_recipe
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.finish import stream_images
from sakuga.studio.core.image_spool import ImageSpool, KeptImages
from sakuga.studio.core.output import Output, check_not_source, write_clip
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Recipe, RecipeError
from sakuga.studio.core.work import Work
from sakuga.timeline.lazy import LazySequence

FIT = Choice(help="How images of other sizes are brought to the first one's", choices=("crop", "pad"))
DEFAULT_RATE = Fraction(12)
MAX_TICKS = 1000
"""Parts of a second that times of outside clips are rounded to, if a common measure would be finer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """A folder of images or a clip, and the clip to make of it."""

    source: Path
    output: Output
    rate: Fraction | None
    fit: str | None


@checked(fps=OPTIONS["fps"], fit=FIT)
def video(
    source: Path | str,
    out: Path | str,
    *,
    fps: Fraction | float | str | None = None,
    fit: str | None = None,
    recipe: bool = True,
    max_size: int | None = None,
) -> Work[Step, Written]:
    """Make a clip from a folder of images, or from another clip.

    A folder is read in natural order (9 before 10); a clip keeps its exact times. `fps` is 12 for a folder; a clip is resampled to it.
    Images of mixed sizes are refused, unless `fit` brings them to the first one's: "crop" cuts off what is too much, "pad" adds black. The
    recipe of a clip is copied. Raises InputError.
    """
    request = VideoRequest(
        source=Path(source),
        output=Output(path=Path(out), recipe=recipe, max_size=max_size).check(),
        rate=None if fps is None else OPTIONS["fps"].check("fps", fps),
        fit=None if fit is None else FIT.check("fit", fit),
    )
    if not request.source.exists():
        raise InputError(f"{source}: there is no such folder or clip")
    if request.source.suffix == ".toml":
        raise InputError(f"{source} is a film: `sakuga render {source}` generates its clip")
    check_not_source(request.output.path, request.source)
    return Work(_video(request))


def _video(request: VideoRequest) -> Generator[Step, None, Written]:
    with ImageSpool(request.output.path.parent) as spool:
        if request.source.is_dir():
            clip = yield from _folder(request, spool)
            return (yield from write_clip(clip, request.output, None))
        clip, frames = yield from _file(request.source, request.rate, spool)
        recipe = (yield from _carried(request.source)) if request.output.recipe else None
        return replace((yield from write_clip(clip, request.output, recipe)), frames=frames)


def _folder(request: VideoRequest, spool: ImageSpool) -> Generator[Step, None, FrameStream]:
    """Read the images of a folder.

    The output of an earlier run among them is left out.
    """
    folder, out = request.source, request.output.path
    files = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    there = sorted((path for path in files if path.absolute() != out.absolute()), key=natural_order)
    paths = [path for path in there if is_image(path)]
    others = [path.name for path in there if path not in set(paths)]
    if not paths:
        raise InputError(f"{folder} holds no image ({', '.join(SUFFIXES)}): give a folder that does")
    if others:
        yield Step(stage="story", note=f"left out, as they are no images: {', '.join(others[:3])}{' ...' if len(others) > 3 else ''}")
    images, first = KeptImages(spool), None
    for place, path in enumerate(paths, 1):
        read = read_image(path)
        first = read.image if first is None else first
        images.append(_fitted(read.image, path, first, paths[0], request.fit))
        yield Step(stage="finishing", done=place, total=len(paths), note=" ".join(read.notes))
    return stream_images(images, request.rate or DEFAULT_RATE)


def _file(path: Path, rate: Fraction | None, spool: ImageSpool) -> Generator[Step, None, tuple[FrameStream, int]]:
    """Read a clip; returns its number of frames too, as repeated ones only measure uneven times."""
    read = read_clip(path, spool.keep)
    for note in read.notes:
        yield Step(stage="story", note=note)
    places: Sequence[int] = range(len(read.images))
    if len(places) == 1:
        rate = rate or DEFAULT_RATE
    elif rate is None:
        rate, counts = exact_rate(read.seconds)
        places = [place for place, count in zip(places, counts, strict=True) for _ in range(count)]
    else:
        places = resample(read.seconds, rate)
    return stream_images(LazySequence(read.images.__getitem__, places), rate), sum(1 for _ in groupby(places))


def _carried(path: Path) -> Generator[Step, None, Recipe | None]:
    """Return the recipe of a clip, if it has one that can be followed."""
    text = read_recipe(path)
    try:
        return parse_recipe(text, str(path)) if text else None
    except RecipeError as error:
        yield Step(stage="story", note=f"{error}; it is left out")
        return None


def exact_rate(seconds: Sequence[Fraction]) -> tuple[Fraction, list[int]]:
    """Return the slowest rate that measures every duration in whole frames.

    Returns these numbers of frames, too. The rate is at most 1000 per second.

    >>> exact_rate([Fraction(7, 100), Fraction(14, 100)])
    (Fraction(100, 7), [1, 2])
    """
    step = _measure(seconds)
    if step < Fraction(1, MAX_TICKS):
        edges = [round(edge * MAX_TICKS) for edge in accumulate(seconds, initial=Fraction(0))]
        seconds = [Fraction(max(1, after - before), MAX_TICKS) for before, after in pairwise(edges)]
        step = _measure(seconds)
    return 1 / step, [int(length / step) for length in seconds]


def _measure(seconds: Sequence[Fraction]) -> Fraction:
    """Return the longest time of which all are multiples."""
    common = lcm(*(length.denominator for length in seconds))
    return Fraction(gcd(*(int(length * common) for length in seconds)), common)


def resample(seconds: Sequence[Fraction], rate: Fraction) -> list[int]:
    """Return which image each frame of another rate shows.

    It is the one at the frame's middle; the duration stays.

    >>> resample([Fraction(1, 10), Fraction(3, 10)], Fraction(10))
    [0, 1, 1, 1]
    """
    ends = list(accumulate(seconds))
    middles = ((frame + Fraction(1, 2)) / rate for frame in range(max(1, round(ends[-1] * rate))))
    return [min(bisect_right(ends, middle), len(ends) - 1) for middle in middles]


def _fitted(image: Image, path: Path, first: Image, first_path: Path, fit: str | None) -> Image:
    height, width = first.shape[:2]
    if image.shape == first.shape:
        return image
    if fit is None:
        is_size, first_size = f"{image.shape[1]}x{image.shape[0]}", f"{width}x{height}"
        raise InputError(f"{path.name} is {is_size}, and {first_path.name} is {first_size}: --fit crop or --fit pad makes them one size")
    if fit == "crop":
        return enlarge(image, width, height)
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = enlarge(image, max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    padded = np.zeros_like(first)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    padded[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return padded
