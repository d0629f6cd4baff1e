"""Clips to files: the suffix says which kind."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from sakuga.export.budget import write_gif_within
from sakuga.export.gif import write_gif
from sakuga.export.pictures import write_apng, write_picture, write_png, write_webp
from sakuga.export.recipe import read_recipe
from sakuga.export.sheet import sheet_places, write_contact, write_sheet
from sakuga.export.target import ExportError, check_folder, whole
from sakuga.export.video import write_mp4, write_webm
from sakuga.timeline.clip import Clip

MOST_FRAMES = 99_999
"""Frames of a folder."""
LEAST = 100
"""Bytes that any GIF takes."""
WRITERS: dict[str, Callable[[Clip, Path], None]] = {
    ".gif": write_gif,
    ".webp": write_webp,
    ".mp4": write_mp4,
    ".webm": write_webm,
    ".apng": write_apng,
    ".png": write_png,
    ".sheet.png": write_sheet,
    ".contact.png": write_contact,
}
"""What each ending is written by. A name without an ending is a folder of PNG frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file, or a folder of frames, that now exists, whole."""

    path: Path
    bytes: int
    frames: int
    seconds: Fraction
    notes: tuple[str, ...] = ()
    """What was lowered to stay under a budget."""


def check_target(path: Path, max_size: int | None = None) -> None:
    """Refuse, before any drawing, what `write` could not write; ExportError says why in one sentence."""
    ending = _ending(path)
    if ending not in WRITERS and path.suffix:
        known = ", ".join(WRITERS)
        raise ExportError(f"{path.name} ends with no known suffix: take one of {known}, or none for a folder of frames")
    if max_size is not None and ending != ".gif":
        raise ExportError(f"{path.name} cannot be kept under a size, as only a .gif can: name a .gif, or ask for no size")
    if max_size is not None and max_size < LEAST:
        raise ExportError(f"no GIF is as small as {max_size} bytes: write a unit, such as 4MB")
    if ending and path.is_dir():
        raise ExportError(f"{path} is a folder: name a file in it")
    check_folder(path.parent if ending else path)


def check_frames(path: Path, frames: int, recipe: str | None = None) -> None:
    """Refuse, before any drawing, a name that cannot hold so many frames; ExportError says why in one sentence.

    A folder may hold frames of the same clip, told by its `recipe` (None while it is not known), and no other numbered pictures: those
    would be written over, or join the clip.
    """
    ending = _ending(path)
    if ending == ".png" and frames > 1:
        raise ExportError(f"{path.name} would hold only one of {frames} frames: take .apng, .sheet.png or .contact.png")
    if ending:
        return
    if frames > MOST_FRAMES:
        raise ExportError(f"{frames} frames are too many for a folder: {MOST_FRAMES} are the most, so choose fewer a second")
    places = set(_places(path, frames))
    there = sorted(path.glob("[0-9][0-9][0-9][0-9]*.png"))
    strange = (file for file in there if file not in places or not (recipe is None or _is_made_by(file, recipe)))
    if file := next(strange, None):
        raise ExportError(f"{file} is no frame of this clip of {frames}: empty the folder or choose another")


def _is_made_by(file: Path, recipe: str) -> bool:
    try:
        return recipe != "" and read_recipe(file) == recipe
    except ExportError:
        return False


def write(clip: Clip, path: Path, max_size: int | None = None) -> Written:
    """Write a clip, its recipe inside; a file appears whole or not at all, and equal clips give equal bytes.

    .gif .webp .mp4 .webm .apng hold any clip, .png only a clip of one frame; .sheet.png is a sprite sheet with its .sheet.json,
    .contact.png a contact sheet, and a name without an ending a folder of frames. Odd sizes gain a repeated column or row in .mp4
    and .webm. A GIF stays under `max_size` bytes.
    """
    check_target(path, max_size)
    _check(clip)
    check_frames(path, len(clip.frames), clip.recipe)
    ending, notes = _ending(path), tuple[str, ...]()
    if not ending:
        size = sum(frame.stat().st_size for frame in write_frames(clip, path))
        return Written(path=path, bytes=size, frames=len(clip.frames), seconds=clip.seconds)
    if ending == ".sheet.png":
        with whole(path.with_suffix(".json")) as draft:
            draft.write_text(sheet_places(clip, path.name), encoding="utf-8")
    with whole(path) as draft:
        if max_size is None:
            WRITERS[ending](clip, draft)
        else:
            notes = write_gif_within(clip, draft, max_size)
    return Written(path=path, bytes=path.stat().st_size, frames=len(clip.frames), seconds=clip.seconds, notes=notes)


def write_frames(clip: Clip, folder: Path) -> list[Path]:
    """Write every frame as a PNG, 0001.png and on; a folder with numbered pictures of anything else is refused."""
    check_folder(folder)
    _check(clip)
    check_frames(folder, len(clip.frames), clip.recipe)
    paths = _places(folder, len(clip.frames))
    for frame, path in zip(clip.frames, paths, strict=True):
        with whole(path) as draft:
            write_picture(frame.picture, clip.recipe, draft)
    return paths


def _places(folder: Path, frames: int) -> list[Path]:
    return [folder / f"{index:04}.png" for index in range(1, frames + 1)]


def _ending(path: Path) -> str:
    """Return what a name ends with, of the known endings; "" where it has none."""
    name = path.name.lower()
    return max((ending for ending in WRITERS if name.endswith(ending) and name != ending), key=len, default=path.suffix.lower())


def _check(clip: Clip) -> None:
    if not clip.frames:
        raise ExportError("the clip has no frames")
    shape = clip.frames[0].picture.shape
    for number, frame in enumerate(clip.frames, start=1):
        if frame.picture.shape != shape:
            raise ExportError(
                f"frame {number} is {frame.picture.shape[1]}x{frame.picture.shape[0]}, not {shape[1]}x{shape[0]} as the first"
            )
