"""Pixel art out of pictures, folders of pictures, and clips."""

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path

from sakuga import InputError
from sakuga.datasets.clips import OutsideClip, read_clip
from sakuga.datasets.folders import is_picture, natural
from sakuga.datasets.image_reading import read_picture
from sakuga.export import check_folder, check_sheet, check_target, write, write_frames, write_sprites
from sakuga.finishing.console_palettes import PALETTES
from sakuga.finishing.image import Picture
from sakuga.finishing.pixel import PixelArt, cells_of, pixel_art
from sakuga.rendering.store import given_spec
from sakuga.story.film import Pixel
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.timing import holds

CELLS = 64
"""Cells of the shorter side, where no grid is given."""
COLOURS = 16
LARGEST = 16_383
"""Pixels of a side, as WebP has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixelated:
    """Pixel art that was written."""

    out: Path
    frames: int
    grid: int
    """Pixels of the source to a cell's side."""
    scale: int
    """Pixels of the result to a cell's side."""
    cells: tuple[int, int]
    """Columns and rows of the first frame."""
    colors: tuple[str, ...]
    """The palette, dark to light: "1d2b53"."""
    sheet: Path | None
    """The sprite sheet; its JSON lies beside it."""
    notes: tuple[str, ...]


def pixelate(
    source: Path | str, out: Path | str, *, pixel: Pixel | None = None, scale: int | None = None, sheet: Path | None = None
) -> Work[Step, Pixelated]:
    """Bring a picture, a clip, or a folder of pictures onto one grid and one palette.

    A clip is written by the suffix of `out`, or as a folder of PNGs where it has none; a folder of pictures becomes a folder.
    `scale` is the pixels to a cell's side, by default as many as before. Raises SakugaError with one sentence where something is wrong.
    """
    return Work(_pixelate(Path(source), Path(out), pixel or Pixel(), scale, sheet))


def parse_pixel(text: str) -> Pixel:
    """Read "16" as a number of colours and "gameboy" as a palette; raises InputError."""
    pixel = Pixel(colors=int(text)) if re.fullmatch(r"\d{1,9}", text) else Pixel(palette=text)
    check_pixel(pixel)
    return pixel


def check_pixel(pixel: Pixel) -> None:
    """Refuse what cannot be done; raises InputError."""
    if pixel.colors is not None and pixel.palette is not None:
        raise InputError(f"a palette of {pixel.colors} colours and the palette {pixel.palette!r} exclude each other: choose one")
    if pixel.colors is not None and not 2 <= pixel.colors <= 255:
        raise InputError(f"a palette of {pixel.colors} colours cannot be made: choose 2 to 255")
    if pixel.palette is not None and pixel.palette not in PALETTES:
        raise InputError(f"no palette {pixel.palette!r}: there are {', '.join(PALETTES)}")
    if pixel.grid is not None and pixel.grid < 1:
        raise InputError(f"a grid of {pixel.grid} pixels cannot be laid: choose 1 or more")


def settled_grid(pixel: Pixel, pictures: Sequence[Picture]) -> int:
    """Return the pixels to a cell's side; raises InputError where a picture would have no cell."""
    shortest = min(min(picture.shape[:2]) for picture in pictures)
    grid = pixel.grid or max(1, round(shortest / CELLS))
    if grid > shortest:
        raise InputError(f"a cell of {grid} pixels is larger than the picture, whose shorter side has {shortest}: choose a finer grid")
    return grid


def in_pixels(pictures: Sequence[Picture], pixel: Pixel, grid: int) -> Generator[Step, None, PixelArt]:
    """Make one pixel art of all pictures, as steps."""
    cells: list[Picture] = []
    for picture in pictures:
        cells.append(cells_of(picture, grid))
        yield Step(stage="finishing", done=len(cells), total=len(pictures))
    return pixel_art(cells, palette=pixel.palette or pixel.colors or COLOURS, dither=pixel.dither)


def _pixelate(source: Path, out: Path, pixel: Pixel, scale: int | None, sheet: Path | None) -> Generator[Step, None, Pixelated]:
    check_pixel(pixel)
    names = _pictures_in(source) if source.is_dir() else []
    if names and out.suffix:
        raise InputError(f"{out.name} is a file, and a folder of pictures becomes a folder: leave the suffix out")
    check_target(out) if out.suffix else check_folder(out)
    if there := next((file for name in names if (file := out / f"{name}.png").exists()), None):
        raise InputError(f"{there} is there already, and is not written over: empty the folder or choose another")
    if sheet:
        check_sheet(sheet)
    read = _folder(source, names) if names else read_clip(source)
    for note in read.notes:
        yield Step(stage="loading", note=note)
    grid = settled_grid(pixel, read.pictures)
    scale = _checked_scale(grid if scale is None else scale, grid, read.pictures)
    art = yield from in_pixels(read.pictures, pixel, grid)
    if sheet and len({frame.shape for frame in art.frames}) > 1:
        raise InputError("the pictures are of several sizes, and a sprite sheet has one: make them equal, or leave the sheet out")
    yield Step(stage="export", total=1)
    _write(art, read, out, scale, names)
    if sheet:
        write_sprites(art, read.seconds, sheet)
    yield Step(stage="export", done=1, total=1)
    rows, columns = art.frames[0].shape
    colours = tuple(bytes(colour).hex() for colour in art.palette)
    return Pixelated(
        out=out, frames=len(art.frames), grid=grid, scale=scale, cells=(columns, rows), colors=colours, sheet=sheet, notes=read.notes
    )


def _write(art: PixelArt, read: OutsideClip, out: Path, scale: int, names: Sequence[str]) -> None:
    frames = [Frame(picture=art.picture(place, scale), spec=given_spec(picture)) for place, picture in enumerate(read.pictures)]
    if names:
        for name, frame in zip(names, frames, strict=True):
            write(Clip(frames=(frame,), rate=Fraction(1)), out / f"{name}.png")
        return
    rate, counts = holds(read.seconds)
    held = chain.from_iterable(repeat(frame, count) for frame, count in zip(frames, counts, strict=True))
    if out.suffix:
        write(Clip(frames=tuple(held), rate=rate), out)
    else:
        write_frames(Clip(frames=tuple(frames), rate=rate), out)


def _checked_scale(scale: int, grid: int, pictures: Sequence[Picture]) -> int:
    largest = max(max(picture.shape[:2]) for picture in pictures) // grid
    if scale < 1 or scale * largest > LARGEST:
        raise InputError(f"{scale} pixels to a cell cannot be written: choose 1 to {LARGEST // largest}")
    return scale


def _pictures_in(folder: Path) -> list[str]:
    """List the pictures of a folder by their stems, 2 before 10; raises InputError where there is none."""
    stems = [path.stem for path in _files(folder)]
    if not stems:
        raise InputError(f"{folder} holds no pictures: put PNG, JPEG or other pictures in it")
    if len(set(stems)) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise InputError(f"{folder} holds two pictures called {twice}: rename one, as both would become {twice}.png")
    return stems


def _files(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if is_picture(path) and path.is_file()), key=natural)


def _folder(folder: Path, names: Sequence[str]) -> OutsideClip:
    read = [read_picture(path) for path in _files(folder)]
    notes = tuple(chain.from_iterable(picture.notes for picture in read))
    return OutsideClip(pictures=tuple(picture.picture for picture in read), seconds=(Fraction(1, 10),) * len(names), notes=notes)


def with_pixel(clip: Clip, pixel: Pixel) -> Generator[Step, None, Clip]:
    """Bring a finished clip onto one grid and one palette; its size stays but for what is over of the last cells."""
    pictures = [frame.picture for frame in clip.frames]
    grid = settled_grid(pixel, pictures)
    art = yield from in_pixels(pictures, pixel, grid)
    frames = (replace(frame, picture=art.picture(place, grid)) for place, frame in enumerate(clip.frames))
    return replace(clip, frames=tuple(frames))
