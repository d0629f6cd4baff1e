"""Limits of the file formats: sizes, frame times and counts, each in one place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from sakuga.export.target import ExportError
from sakuga.export.timing import FrameStream, TimedImage, timed_images
from sakuga.text import counted

MAX_FOLDER_FRAMES = 99_999
"""Frames of a folder of images."""
MIN_GIF_BYTES = 100
"""Bytes that any GIF takes."""
MAX_SHEET_SIDE = 16_384
"""Pixels of a sprite sheet's side: what graphics cards and game engines take."""
MAX_CONSTANT_RATE = 60
"""Frames per second up to which videos store every frame of a clip; above, each image once with its duration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a format can hold."""

    max_side: int
    """Pixels of the longer side."""
    ticks: int = 0
    """Clock ticks per second; 0 for formats that take any exact rate, or hold one image."""
    min_ticks: int = 1
    """The shortest time an image may be shown; players slow down anything shorter to a tenth of a second."""

    def timed(self, clip: FrameStream) -> Iterator[TimedImage]:
        """Yield the images that a file holds, with their ticks."""
        return timed_images(clip.images, clip.rate, self.ticks, self.min_ticks)


LIMITS: Mapping[str, Limits] = {
    ".gif": Limits(max_side=65_535, ticks=100, min_ticks=2),  # GIF89a: 16-bit sides, hundredths of a second
    ".webp": Limits(max_side=16_383, ticks=1000, min_ticks=11),  # libwebp: 14-bit sides; browsers slow down 10 ms and less
    ".apng": Limits(max_side=2**31 - 1, ticks=1000, min_ticks=11),  # PNG: 31-bit sides; browsers slow down 10 ms and less
    ".png": Limits(max_side=2**31 - 1),
    ".mp4": Limits(max_side=16_384),  # x264
    ".webm": Limits(max_side=65_535),  # VP9: 16-bit sides
}


def limits_of(path: Path) -> Limits:
    """Return the limits of a file's format by its suffix.

    Folders hold PNG.
    """
    return LIMITS.get(path.suffix.lower(), LIMITS[".png"])


def check_size(path: Path, size: tuple[int, int]) -> None:
    """Check an image size against a format; raises ExportError."""
    most = limits_of(path).max_side
    if max(size) > most:
        fits = ", ".join(suffix for suffix, limits in LIMITS.items() if max(size) <= limits.max_side and suffix != ".png")
        other = f", or one of {fits}" if fits else ""
        raise ExportError(f"{path.name} can be at most {most} pixels wide or high, not {size[0]}x{size[1]}: choose a smaller size{other}")


def left_out_note(clip: FrameStream, path: Path) -> str | None:
    """Return a note on images too brief for a format.

    They are left out of the file.
    """
    limits = limits_of(path)
    if not limits.ticks or clip.rate <= Fraction(limits.ticks, limits.min_ticks):
        return None
    every, kept = (sum(1 for _ in timed_images(clip.images, clip.rate, limits.ticks, least)) for least in (0, limits.min_ticks))
    if every == kept:
        return None
    shortest = f"{1000 * limits.min_ticks // limits.ticks} ms"
    return f"{counted(every - kept, 'image is', 'images are')} left out: a {path.suffix} cannot show an image for less than {shortest}"
