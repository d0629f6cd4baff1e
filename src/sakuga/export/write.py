"""Clips to files: the suffix says which kind."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from sakuga.export.gif import write_gif
from sakuga.export.pictures import write_apng, write_picture, write_png, write_webp
from sakuga.export.target import ExportError, check_folder, whole
from sakuga.export.video import write_mp4, write_webm
from sakuga.finishing.picture import Picture
from sakuga.timeline.clip import Clip

WRITERS: dict[str, Callable[[Clip, Path], None]] = {
    ".gif": write_gif,
    ".webp": write_webp,
    ".mp4": write_mp4,
    ".webm": write_webm,
    ".apng": write_apng,
    ".png": write_png,
}
"""What each suffix is written by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that now exists, whole."""

    path: Path
    bytes: int
    frames: int
    seconds: Fraction


def check_target(path: Path) -> None:
    """Refuse, before any drawing, a file that `write` could not write; ExportError says why in one sentence."""
    if path.suffix.lower() not in WRITERS:
        known = ", ".join(WRITERS)
        raise ExportError(f"{path.name} ends with no known suffix: take one of {known}")
    if path.is_dir():
        raise ExportError(f"{path} is a folder: name a file in it")
    check_folder(path.parent)


def write(clip: Clip, path: Path) -> Written:
    """Write a clip, its recipe inside; the file appears whole or not at all, and equal clips give equal bytes.

    .gif .webp .mp4 .webm .apng hold any clip, .png only a clip of one frame. Odd sizes gain a repeated column or row in .mp4 and .webm.
    """
    check_target(path)
    _check(clip)
    if path.suffix.lower() == ".png" and len(clip.frames) > 1:
        raise ExportError(f"{path.name} would hold only one of {len(clip.frames)} frames: take .apng, or a folder of frames")
    with whole(path) as draft:
        WRITERS[path.suffix.lower()](clip, draft)
        size = draft.stat().st_size
    return Written(path=path, bytes=size, frames=len(clip.frames), seconds=clip.seconds)


def write_frames(clip: Clip, folder: Path) -> list[Path]:
    """Write every frame as a PNG, 0001.png and on; a folder with later numbers than the clip has is refused, as they would join it."""
    check_folder(folder)
    _check(clip)
    paths = [folder / f"{index:04}.png" for index in range(1, len(clip.frames) + 1)]
    strange = sorted(set(folder.glob("[0-9][0-9][0-9][0-9]*.png")) - set(paths))
    if strange:
        raise ExportError(f"{strange[0]} is no frame of this clip of {len(paths)}: empty the folder or choose another")
    for frame, path in zip(clip.frames, paths, strict=True):
        with whole(path) as draft:
            write_picture(frame.picture, clip.recipe, draft)
    return paths


def contact_sheet(clip: Clip, columns: int = 6, gap: int = 4) -> Picture:
    """Lay all frames out in rows on white, (height, width, 3) uint8, reading order, `gap` pixels around each."""
    width, height = clip.size
    rows = -(-len(clip.frames) // columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
    for index, frame in enumerate(clip.frames):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        sheet[top : top + height, left : left + width] = frame.picture
    return sheet


def _check(clip: Clip) -> None:
    if not clip.frames:
        raise ExportError("the clip has no frames")
    shape = clip.frames[0].picture.shape
    for number, frame in enumerate(clip.frames, start=1):
        if frame.picture.shape != shape:
            raise ExportError(
                f"frame {number} is {frame.picture.shape[1]}x{frame.picture.shape[0]}, not {shape[1]}x{shape[0]} as the first"
            )
