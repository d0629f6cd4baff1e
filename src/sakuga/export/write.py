"""Clips to files; the suffix names the format."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from sakuga.cancellation import raise_if_cancelled
from sakuga.export.apng import write_apng
from sakuga.export.budget import write_gif_within
from sakuga.export.gif import write_gif
from sakuga.export.image_files import write_png, write_webp
from sakuga.export.limits import MAX_FOLDER_FRAMES, MIN_GIF_BYTES, check_size, left_out_note
from sakuga.export.recipe import read_recipe
from sakuga.export.sequence import SequenceName, check_sequence, write_frame
from sakuga.export.sheet import sheet_json, write_clip_sheet, write_contact
from sakuga.export.target import ExportError, atomic, check_folder, check_name
from sakuga.export.timing import FrameStream, stream_of
from sakuga.export.video import padding_note, write_mp4, write_webm
from sakuga.finishing.image import Image
from sakuga.timeline.clip import Clip

WRITERS: dict[str, Callable[[FrameStream, Path], object]] = {
    ".gif": write_gif,
    ".webp": write_webp,
    ".mp4": write_mp4,
    ".webm": write_webm,
    ".apng": write_apng,
    ".png": write_png,
    ".sheet.png": write_clip_sheet,
    ".contact.png": write_contact,
}
"""Writers by suffix, which hold a few frames at a time. A name without a suffix is a folder of PNG frames."""
SUFFIXES = tuple(WRITERS)


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
    check_name(path)
    if sequence := SequenceName.of(path):
        if max_size is not None:
            raise ExportError(f"only a .gif can be kept under a size, not {path.name}: name a .gif, or leave the size limit out")
        check_folder(sequence.folder)
        return
    suffix = _suffix(path)
    if suffix not in SUFFIXES and path.suffix:
        raise ExportError(
            f"{path.name} has no known suffix: use one of {', '.join(SUFFIXES)}, none for a folder of frames, or name.%04d.png"
        )
    if max_size is not None and suffix != ".gif":
        raise ExportError(f"only a .gif can be kept under a size, not {path.name}: name a .gif, or leave the size limit out")
    if max_size is not None and max_size < MIN_GIF_BYTES:
        raise ExportError(f"no GIF is as small as {max_size} bytes: write a unit, such as 4MB")
    if suffix and path.is_dir():
        raise ExportError(f"{path} is a folder: name a file in it")
    check_folder(path.parent if suffix else path)


def check_frames(
    path: Path, frames: int, recipe: str | None = None, size: tuple[int, int] | None = None, numbers: Sequence[int] = ()
) -> None:
    """Check that a format can hold the frames.

    Raises ExportError before any work.
    A folder may already hold frames of the same clip, recognized by its `recipe` (None while it is not known), but no other numbered
    images: those would be overwritten, or join the clip. A sequence replaces frames of clips, and no other files.
    """
    if size:
        check_size(path, size)
    if sequence := SequenceName.of(path):
        check_sequence(sequence, numbers or range(1, frames + 1))
        return
    suffix = _suffix(path)
    if suffix == ".png" and frames > 1:
        raise ExportError(f"{path.name} can hold only one of {frames} frames: use .apng, .sheet.png or .contact.png")
    if suffix:
        return
    if frames > MAX_FOLDER_FRAMES:
        raise ExportError(f"{frames} frames are too many for a folder, which holds up to {MAX_FOLDER_FRAMES}: choose a lower frame rate")
    places = set(_places(path, numbers or range(1, frames + 1)))
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
    return write_stream(stream_of(clip), path, max_size)


def write_stream(stream: FrameStream, path: Path, max_size: int | None = None) -> Written:
    """Write frames while they are read, a few in memory at a time.

    The bytes are those that `write` gives for the same frames. Raises ExportError.
    """
    check_target(path, max_size)
    if not stream.count:
        raise ExportError("the clip has no frames")
    if not stream.numbers:
        check_frames(path, stream.count, stream.recipe, stream.size)
    checked = replace(stream, images=_CheckedImages(stream))
    if SequenceName.of(path) or not _suffix(path):
        size = sum(frame.stat().st_size for frame in _write_folder(checked, path))
        return Written(path=path, bytes=size, frames=stream.count, seconds=stream.seconds)
    notes = _write_file(checked, path, max_size)
    return Written(path=path, bytes=path.stat().st_size, frames=stream.count, seconds=stream.seconds, notes=notes)


def write_frames(clip: Clip, folder: Path) -> list[Path]:
    """Write every frame as PNG, 0001.png and on.

    Raises ExportError where the folder holds other images.
    """
    check_folder(folder)
    _check(clip)
    check_frames(folder, len(clip.frames), clip.recipe)
    return _write_folder(stream_of(clip), folder)


def _write_file(stream: FrameStream, path: Path, max_size: int | None) -> tuple[str, ...]:
    """Write one file, and the JSON of a sprite sheet; returns notes."""
    suffix, notes = _suffix(path), tuple[str, ...]()
    if suffix == ".sheet.png":
        with atomic(path.with_suffix(".json")) as draft:
            draft.write_text(sheet_json(stream, path.name), encoding="utf-8")
    with atomic(path) as draft:
        if max_size is None:
            WRITERS[suffix](stream, draft)
        else:
            notes = write_gif_within(stream, draft, max_size)
    padding = padding_note(stream.size) if suffix in (".mp4", ".webm") else ""
    return (*notes, *filter(None, (left_out_note(stream, path), padding)))


def _write_folder(stream: FrameStream, folder: Path) -> list[Path]:
    paths = _places(folder, stream.numbers or range(1, stream.count + 1))
    for image, path in zip(stream.images, paths, strict=True):
        write_frame(image, stream.recipe, path)
    return paths


def _places(path: Path, numbers: Iterable[int]) -> list[Path]:
    """Return the files of a sequence or folder."""
    sequence = SequenceName.of(path) or SequenceName(folder=path, before="", digits=4, after=".png")
    return [sequence.path(number) for number in numbers]


def _suffix(path: Path) -> str:
    """Return the longest known suffix of a name.

    "" where it has none.
    """
    name = path.name.lower()
    return max((suffix for suffix in SUFFIXES if name.endswith(suffix) and name != suffix), key=len, default=path.suffix.lower())


def _check(clip: Clip) -> None:
    if not clip.frames:
        raise ExportError("the clip has no frames")
    for _ in _CheckedImages(stream_of(clip)):
        pass


@dataclass(frozen=True, slots=True, eq=False)
class _CheckedImages(Iterable[Image]):
    """Images whose size and number are checked whenever they are read."""

    stream: FrameStream

    def __iter__(self) -> Iterator[Image]:
        """Yield the images; raises ExportError, and Cancelled where the surrounding work was cancelled."""
        width, height = self.stream.size
        number, count = 0, self.stream.count
        for number, image in enumerate(self.stream.images, start=1):
            raise_if_cancelled()
            if number > count:
                break
            if image.shape[:2] != (height, width):
                raise ExportError(f"frame {number} is {image.shape[1]}x{image.shape[0]}, not {width}x{height} like the first")
            yield image
        if number == 0 and isinstance(self.stream.images, Iterator):
            raise ExportError("the frames can be read only once: write a video or a folder, or give frames that can be read again")
        if number != count:
            raise ExportError(f"{count} frames were announced, not {'more' if number > count else number}")
