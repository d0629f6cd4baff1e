"""Pixel art from images, folders of images, and clips."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain, repeat
from pathlib import Path

from sakuga import InputError
from sakuga.datasets.clips import LoadedClip, read_clip
from sakuga.datasets.folders import is_image, natural_order
from sakuga.datasets.image_reading import read_image
from sakuga.export import check_folder, check_sprite_sheet, check_target, write_sprite_sheet, write_stream
from sakuga.finishing.image import Image
from sakuga.finishing.pixel import IndexedClip
from sakuga.story.options import Number
from sakuga.story.settings import OPTIONS, PixelArt
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.finish import stream_images
from sakuga.studio.core.image_spool import ImageSpool, KeptImages
from sakuga.studio.core.output import check_not_source
from sakuga.studio.core.pixel_art import make_pixel_art, resolve_grid
from sakuga.studio.core.progress import Step
from sakuga.studio.core.settings import check_palette
from sakuga.studio.core.work import Work
from sakuga.timeline.lazy import LazySequence
from sakuga.timeline.timing import exposure_counts

MAX_SIDE = 16_383
"""Pixels of a side, the limit of WebP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixelated:
    """Pixel art that was written."""

    out: Path
    frames: int
    grid: int
    """Source pixels per cell."""
    scale: int
    """Output pixels per cell."""
    cells: tuple[int, int]
    """Columns and rows of the first frame."""
    colors: tuple[str, ...]
    """The palette, dark to light: "1d2b53"."""
    sheet: Path | None
    """The sprite sheet; its JSON lies beside it."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelateRequest:
    """Images to bring onto one grid and palette, and where to."""

    source: Path
    names: tuple[str, ...]
    """Stems of the images, for a folder."""
    out: Path
    pixel: PixelArt
    grid: int
    scale: int
    sheet: Path | None


@checked()
def pixelate(
    source: Path | str, out: Path | str, *, pixel: PixelArt | str | int | None = None, scale: int | None = None, sheet: Path | None = None
) -> Work[Step, Pixelated]:
    """Bring images or a clip onto one grid and one palette.

    A clip is written by the suffix of `out`, or as a folder of PNGs without one; a folder of images becomes a folder. `scale` is the
    output pixels per cell, by default as many as before. Raises SakugaError.
    """
    pixel = OPTIONS["pixel"].check("pixel", pixel) if pixel is not None else PixelArt()
    check_palette(pixel)
    source, out = Path(source), Path(out)
    names = _images_in(source) if source.is_dir() else []
    if names and out.suffix:
        raise InputError(f"{out.name} is a file, and a folder of images becomes a folder: leave the suffix out")
    check_target(out) if out.suffix else check_folder(out)
    if existing := next((file for name in names if (file := out / f"{name}.png").exists()), None):
        raise InputError(f"{existing} exists and is not overwritten: empty the folder or choose another")
    check_not_source(out, source)
    if sheet:
        check_sprite_sheet(sheet)
    spool = ImageSpool(out.parent)
    loaded = _read_folder(source, names, spool) if names else read_clip(source, spool.keep)
    grid = resolve_grid(pixel, loaded.images)
    scale = _check_scale(grid if scale is None else scale, grid, loaded.images)
    request = PixelateRequest(source=source, names=tuple(names), out=out, pixel=pixel, grid=grid, scale=scale, sheet=sheet)
    return Work(_pixelate(request, loaded, spool))


def parse_pixel(text: str) -> PixelArt:
    """Read "16" as a number of colors and "gameboy" as a palette.

    Raises InputError.
    """
    pixel: PixelArt = OPTIONS["pixel"].check("pixel", text)
    check_palette(pixel)
    return pixel


def _pixelate(request: PixelateRequest, loaded: LoadedClip, spool: ImageSpool) -> Generator[Step, None, Pixelated]:
    for note in loaded.notes:
        yield Step(stage="loading", note=note)
    with spool:
        art = yield from make_pixel_art(loaded.images, request.pixel, request.grid, spool)
        return (yield from _write(art, loaded, request))


def _write(art: IndexedClip, loaded: LoadedClip, request: PixelateRequest) -> Generator[Step, None, Pixelated]:
    """Write the images or the clip, and the sprite sheet."""
    if request.sheet and len({frame.shape for frame in art.frames}) > 1:
        raise InputError("the images have several sizes, and a sprite sheet has one: make them equal, or leave the sheet out")
    yield Step(stage="export", total=1)
    _write_images(art, loaded.seconds, request)
    if request.sheet:
        write_sprite_sheet(art, loaded.seconds, request.sheet)
    yield Step(stage="export", done=1, total=1)
    rows, columns = art.frames[0].shape
    return Pixelated(
        out=request.out,
        frames=len(art.frames),
        grid=request.grid,
        scale=request.scale,
        cells=(columns, rows),
        colors=tuple(bytes(color).hex() for color in art.palette),
        sheet=request.sheet,
        notes=loaded.notes,
    )


def _write_images(art: IndexedClip, seconds: Sequence[Fraction], request: PixelateRequest) -> None:
    places = range(len(art.frames))
    image = partial(art.image, scale=request.scale)
    if request.names:
        for place, name in zip(places, request.names, strict=True):
            write_stream(stream_images([image(place)], Fraction(1)), request.out / f"{name}.png")
        return
    rate, counts = exposure_counts(seconds)
    held = list(chain.from_iterable(repeat(place, count) for place, count in zip(places, counts, strict=True)))
    shown = LazySequence(image, held if request.out.suffix else places)
    write_stream(stream_images(shown, rate), request.out)


def _check_scale(scale: int, grid: int, images: Sequence[Image]) -> int:
    largest = max(max(image.shape[:2]) for image in images) // grid
    number = Number(help="Output pixels per cell", least=1, most=MAX_SIDE // largest, whole=True)
    return int(number.check("scale", scale))


def _images_in(folder: Path) -> list[str]:
    """List the images of a folder by their stems, 2 before 10.

    Raises InputError if there is none.
    """
    stems = [path.stem for path in _files(folder)]
    if not stems:
        raise InputError(f"{folder} holds no images: put PNG, JPEG or other images in it")
    if len(set(stems)) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise InputError(f"{folder} holds two images called {twice}: rename one, as both would become {twice}.png")
    return stems


def _files(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if is_image(path) and path.is_file()), key=natural_order)


def _read_folder(folder: Path, names: Sequence[str], spool: ImageSpool) -> LoadedClip:
    images, notes = KeptImages(spool), list[str]()
    for path in _files(folder):
        loaded = read_image(path)
        images.append(loaded.image)
        notes += loaded.notes
    return LoadedClip(images=images, seconds=(Fraction(1, 10),) * len(names), notes=tuple(notes))
