"""Clips in: GIF, WebP, APNG and video as pictures with their exact times; a single picture is a clip of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray
from PIL import Image

from sakuga.datasets.image_reading import PAGES, PictureError, opened, read_picture, seen

VIDEOS = "mov,matroska,webm,avi,mpegts,ogg,flv"
"""FFmpeg's readers that may be used. Of its others some open further files or addresses, and one plays any text as a film."""
MOST_BYTES = 4 << 30
"""A clip is held in memory whole; what is larger is refused."""
HASTY = Fraction(1, 100)
"""GIF and WebP frames that say they stand for no more are shown for a tenth of a second, as browsers do."""
USUAL = Fraction(1, 10)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutsideClip:
    """Pictures of one size, how long each stands, and what had to be settled to read them, a sentence each."""

    pictures: tuple[NDArray[np.uint8], ...]  # each (height, width, 3) RGB
    seconds: tuple[Fraction, ...]
    """As many as pictures; a single picture stands for 0."""
    notes: tuple[str, ...] = ()


def read_clip(path: Path | str) -> OutsideClip:
    """Read a clip or a picture, by what is in the file and not by its suffix; each frame as `read_picture` would read it.

    Raises PictureError, with one sentence, for what is no clip, is damaged, or is too long to be held in memory.
    """
    path = Path(path)
    if path.is_file() and _is_video(path):
        return _video(path)
    with opened(path) as image:
        if image.format in PAGES or getattr(image, "n_frames", 1) == 1:
            alone = read_picture(path)
            return OutsideClip(pictures=(alone.picture,), seconds=(Fraction(0),), notes=alone.notes)
        return _animation(image, path)


def _is_video(path: Path) -> bool:
    """Return whether FFmpeg finds a video; pictures that it could play as well (AVIF) are no videos."""
    try:
        with Image.open(path):
            return False
    except Exception:  # Pillow's readers raise nearly anything on what is none of theirs
        pass
    try:
        with _container(path) as container:
            return any(stream.codec_context for stream in container.streams.video)
    except (av.FFmpegError, ValueError):
        return False


def _container(path: Path) -> Any:
    return av.open(str(path), options={"protocol_whitelist": "file", "format_whitelist": VIDEOS}, metadata_errors="replace")


def _animation(image: Image.Image, path: Path) -> OutsideClip:
    """Go through the frames of a GIF, WebP, APNG or AVIF; an APNG's picture for programs that know no APNG is left out."""
    count: int = getattr(image, "n_frames", 1)
    _check_size(path, count, *image.size)
    pictures, seconds, notes = [], list[Fraction](), list[str]()
    for place in range(1 if image.info.get("default_image") else 0, count):
        image.seek(place)
        pictures.append(seen(image, path, notes))
        seconds.append(Fraction(image.info.get("duration", 0)).limit_denominator(100_000) / 1000)
    if any(length <= HASTY for length in seconds):
        notes.append(f"{path.name} has frames of no time: they stand for a tenth of a second, as in a browser")
        seconds = [USUAL if length <= HASTY else length for length in seconds]
    return OutsideClip(pictures=tuple(pictures), seconds=tuple(seconds), notes=tuple(dict.fromkeys(notes)))


def _video(path: Path) -> OutsideClip:
    try:
        with _container(path) as container:
            stream = _playable(container)
            rate = Fraction(stream.average_rate or 25)
            frames = list(_frames(container, path))
    except (av.FFmpegError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise PictureError(f"{path} is cut short or damaged ({reason}): save it anew") from error
    if not frames:
        raise PictureError(f"{path} holds no frame that can be read: save it anew")
    starts = [start for start, _, _ in frames]
    end = starts[-1] + (frames[-1][1] or 1 / rate)
    seconds = [after - start for start, after in zip(starts, [*starts[1:], end], strict=True)]
    if min(seconds) <= 0:
        raise PictureError(f"{path} has frames out of their order: save it anew")
    return OutsideClip(pictures=tuple(picture for _, _, picture in frames), seconds=tuple(seconds))


def _playable(container: Any) -> Any:
    """The first video stream of which a decoder is known; what is cut short may name none."""
    return next(stream for stream in container.streams.video if stream.codec_context)


def _frames(container: Any, path: Path) -> Iterator[tuple[Fraction, Fraction, NDArray[np.uint8]]]:
    """Give each frame's start, its length (0 where the file does not say it) and its picture.

    It is decoded on one thread, so that the same file is always the same pictures.
    """
    stream = _playable(container)
    stream.codec_context.thread_count = 1
    for count, frame in enumerate(container.decode(stream), 1):
        _check_size(path, count, frame.width, frame.height)
        # What does not say its matrix is taken as players do: by its height (ITU-R BT.601 below 720 lines, BT.709 from there).
        unsaid = frame.colorspace == 2
        matrix = (Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601) if unsaid else None
        picture = frame.reformat(format="rgb24", src_colorspace=matrix).to_ndarray()
        start, length = (Fraction(time or 0) * frame.time_base for time in (frame.pts, frame.duration))
        yield start, length, np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90)))


def _check_size(path: Path, count: int, width: int, height: int) -> None:
    if count * width * height * 3 > MOST_BYTES:
        most = MOST_BYTES // (width * height * 3)
        raise PictureError(f"{path} is too long: of its size, {width}x{height}, {most} frames are read, so cut it or make it smaller")
