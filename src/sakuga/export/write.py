"""Clips to files; the suffix names the format."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from sakuga.export.budget import write_gif_within
from sakuga.export.gif import write_gif
from sakuga.export.image_files import write_apng, write_image, write_png, write_webp
from sakuga.export.limits import MAX_FOLDER_FRAMES, MIN_GIF_BYTES, check_size, left_out_note
from sakuga.export.recipe import read_recipe
from sakuga.export.sheet import sheet_json, write_clip_sheet, write_contact
from sakuga.export.target import ExportError, atomic, check_folder
from sakuga.export.timing import FrameStream, stream_of
from sakuga.export.video import write_mp4, write_webm
from sakuga.timeline.clip import Clip, Frame

WRITERS: dict[str, Callable[[Clip, Path], None]] = {
    ".gif": write_gif,
    ".webp": write_webp,
    ".apng": write_apng,
    ".png": write_png,
    ".sheet.png": write_clip_sheet,
    ".contact.png": write_contact,
}
"""Writers of formats that need all frames at once, by suffix."""
STREAM_WRITERS: dict[str, Callable[[FrameStream, Path], None]] = {".mp4": write_mp4, ".webm": write_webm}
"""Writers that take one frame at a time, by suffix. A name without a suffix is a folder of PNG frames."""
SUFFIXES = (".gif", ".webp", ".mp4", ".webm", ".apng", ".png", ".sheet.png", ".contact.png")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A complete file or folder of frames."""

    path: Path
    bytes: int
    frames: int
    seconds: Fraction
    notes: tuple[str, ...] = ()
    """What was reduced to fit a size limit or the format, a sentence each."""


def check_target(path: Path, max_size: int | None = None) -> None:
    """Check that a clip can be written to a path.

    Raises ExportError before any work.
    `max_size` is a size limit in bytes, for GIF only.
    """
    suffix = _suffix(path)
    if suffix not in SUFFIXES and path.suffix:
        raise ExportError(f"{path.name} has no known suffix: use one of {', '.join(SUFFIXES)}, or none for a folder of frames")
    if max_size is not None and suffix != ".gif":
        raise ExportError(f"only a .gif can be kept under a size, not {path.name}: name a .gif, or leave the size limit out")
    if max_size is not None and max_size < MIN_GIF_BYTES:
        raise ExportError(f"no GIF is as small as {max_size} bytes: write a unit, such as 4MB")
    if suffix and path.is_dir():
        raise ExportError(f"{path} is a folder: name a file in it")
    check_folder(path.parent if suffix else path)


def check_frames(path: Path, frames: int, recipe: str | None = None, size: tuple[int, int] | None = None) -> None:
    """Check that a format can hold the frames.

    Raises ExportError before any work.
    A folder may already hold frames of the same clip, recognized by its `recipe` (None while it is not known), but no other numbered
    images: those would be overwritten, or join the clip.
    """
    if size:
        check_size(path, size)
    suffix = _suffix(path)
    if suffix == ".png" and frames > 1:
        raise ExportError(f"{path.name} can hold only one of {frames} frames: use .apng, .sheet.png or .contact.png")
    if suffix:
        return
    if frames > MAX_FOLDER_FRAMES:
        raise ExportError(f"{frames} frames are too many for a folder, which holds up to {MAX_FOLDER_FRAMES}: choose a lower frame rate")
    places = set(_places(path, frames))
    existing = sorted(path.glob("[0-9][0-9][0-9][0-9]*.png"))
    foreign = (file for file in existing if file not in places or not (recipe is None or _has_recipe(file, recipe)))
    if file := next(foreign, None):
        raise ExportError(f"{file} is no frame of this clip of {frames}: empty the folder or choose another")


def _has_recipe(file: Path, recipe: str) -> bool:
    try:
        return recipe != "" and read_recipe(file) == recipe
    except ExportError:
        return False


def write(clip: Clip, path: Path, max_size: int | None = None) -> Written:
    """Write a clip with its recipe, atomically.

    Equal clips give equal bytes.
    .gif .webp .mp4 .webm .apng hold any clip, .png a clip of one frame; .sheet.png is a sprite sheet with its .sheet.json,
    .contact.png a contact sheet, and a name without a suffix a folder of frames. Odd sizes gain a repeated column or row in .mp4
    and .webm. A GIF is kept under `max_size` bytes. Raises ExportError.
    """
    check_target(path, max_size)
    _check(clip)
    check_frames(path, len(clip.frames), clip.recipe, clip.size)
    suffix, notes = _suffix(path), tuple[str, ...]()
    if suffix not in WRITERS:
        return write_stream(stream_of(clip), path)
    if suffix == ".sheet.png":
        with atomic(path.with_suffix(".json")) as draft:
            draft.write_text(sheet_json(clip, path.name), encoding="utf-8")
    with atomic(path) as draft:
        if max_size is None:
            WRITERS[suffix](clip, draft)
        else:
            notes = write_gif_within(clip, draft, max_size)
    if note := left_out_note(clip, path):
        notes = (*notes, note)
    return Written(path=path, bytes=path.stat().st_size, frames=len(clip.frames), seconds=clip.seconds, notes=notes)


def write_stream(stream: FrameStream, path: Path) -> Written:
    """Write frames while they are generated.

    To .mp4, .webm or a folder of PNG; raises ExportError.
    The bytes are those that `write` gives for the same frames. Only a few frames are in memory at a time.
    """
    check_target(path)
    suffix = _suffix(path)
    if suffix in WRITERS:
        raise ExportError(f"{path.name} needs all frames in memory: stream to {', '.join(STREAM_WRITERS)} or a folder")
    check_frames(path, stream.count, stream.recipe, stream.size)
    checked = replace(stream, frames=_checked(stream))
    if not suffix:
        size = sum(frame.stat().st_size for frame in _write_folder(checked, path))
    else:
        with atomic(path) as draft:
            STREAM_WRITERS[suffix](checked, draft)
        size = path.stat().st_size
    return Written(path=path, bytes=size, frames=stream.count, seconds=stream.seconds)


def write_frames(clip: Clip, folder: Path) -> list[Path]:
    """Write every frame as PNG, 0001.png and on.

    Raises ExportError where the folder holds other images.
    """
    check_folder(folder)
    _check(clip)
    check_frames(folder, len(clip.frames), clip.recipe)
    return _write_folder(stream_of(clip), folder)


def _write_folder(stream: FrameStream, folder: Path) -> list[Path]:
    paths = _places(folder, stream.count)
    for frame, path in zip(stream.frames, paths, strict=True):
        with atomic(path) as draft:
            write_image(frame.image, stream.recipe, draft)
    return paths


def _places(folder: Path, frames: int) -> list[Path]:
    return [folder / f"{index:04}.png" for index in range(1, frames + 1)]


def _suffix(path: Path) -> str:
    """Return the longest known suffix of a name.

    "" where it has none.
    """
    name = path.name.lower()
    return max((suffix for suffix in SUFFIXES if name.endswith(suffix) and name != suffix), key=len, default=path.suffix.lower())


def _check(clip: Clip) -> None:
    if not clip.frames:
        raise ExportError("the clip has no frames")
    for _ in _checked(stream_of(clip)):
        pass


def _checked(stream: FrameStream) -> Iterator[Frame]:
    """Yield frames, checking their size and number; raises ExportError."""
    width, height = stream.size
    number = 0
    for number, frame in enumerate(stream.frames, start=1):
        if number > stream.count:
            break
        if frame.image.shape[:2] != (height, width):
            raise ExportError(f"frame {number} is {frame.image.shape[1]}x{frame.image.shape[0]}, not {width}x{height} like the first")
        yield frame
    if number != stream.count:
        raise ExportError(f"{stream.count} frames were announced, not {'more' if number > stream.count else number}")
