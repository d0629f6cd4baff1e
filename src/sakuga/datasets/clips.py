"""Reading clips: GIF, WebP, APNG and video as images with exact durations."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage

from sakuga.datasets.image_reading import PAGES, ImageError, decode_frame, open_head, open_image, read_image
from sakuga.story.limits import MAX_FRAMES
from sakuga.timeline.clip import Image, Keep

VIDEOS = "mov,matroska,webm,avi,mpegts,ogg,flv"
"""FFmpeg demuxers that are allowed; some others open further files or URLs, and one plays any text as video."""
MAX_BYTES = 4 << 30
"""The largest clip, which is held in memory as a whole."""
TOO_SHORT = Fraction(1, 100)
"""Frames of at most this duration are shown for DEFAULT_DURATION, as in browsers."""
DEFAULT_DURATION = Fraction(1, 10)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedClip:
    """Images of one size, their durations, and notes."""

    images: Sequence[Image]
    seconds: tuple[Fraction, ...]
    """One for each image; 0 for a single image."""
    notes: tuple[str, ...] = ()


def read_clip(path: Path | str, keep: Keep = tuple) -> LoadedClip:
    """Read a clip or an image, whatever its suffix.

    Each frame is converted as by `read_image`, and all are kept by `keep`.
    Raises ImageError where the file is no clip, is damaged, or is too long for memory.
    """
    path = Path(path)
    if path.is_file() and _is_video(path):
        return _video(path, keep)
    with open_image(path) as image:
        if image.format in PAGES or getattr(image, "n_frames", 1) == 1:
            alone = read_image(path)
            return LoadedClip(images=(alone.image,), seconds=(Fraction(0),), notes=alone.notes)
        return _animation(image, path, keep)


def keep_first(images: Iterable[Image]) -> tuple[Image, ...]:
    """Decode all images and keep the first: for the number of a clip's frames, their size and durations."""
    every = iter(images)
    first = tuple(islice(every, 1))
    deque(every, maxlen=0)
    return first


def stream_clip(path: Path | str) -> Iterator[tuple[Fraction, Image]]:
    """Yield the frames of a clip with the second at which each is shown, one at a time, so that a video may be of any length.

    A single image is one frame. Raises ImageError where the file is no clip, is damaged, or has no frame.
    """
    path = Path(path)
    if path.is_file() and _is_video(path):
        yield from _streamed_video(path)
        return
    clip = read_clip(path)
    yield from zip(accumulate(clip.seconds, initial=Fraction(0)), clip.images, strict=False)


def _streamed_video(path: Path) -> Iterator[tuple[Fraction, Image]]:
    import av

    times = list[tuple[Fraction, Fraction]]()
    try:
        with open_video(path) as container:
            for image in _timed_images(container, path, times, limited=False):
                yield times[-1][0] - times[0][0], image
    except (av.FFmpegError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ImageError(f"{path} is truncated or damaged ({reason}): save it again") from error
    if not times:
        raise ImageError(f"{path} has no readable frame: save it again")


def _is_video(path: Path) -> bool:
    """Return whether FFmpeg finds a video.

    Images that it can play too (AVIF) are no videos.
    """
    import av

    try:
        with open_head(path):
            return False
    except Exception:  # Pillow's readers raise nearly anything on what is none of theirs
        pass
    try:
        with open_video(path) as container:
            return any(stream.codec_context for stream in container.streams.video)
    except (av.FFmpegError, ValueError):
        return False


def open_video(path: Path) -> Any:
    """Open a file by FFmpeg, which opens no other file and no address for it; raises FFmpegError."""
    import av

    return av.open(str(path), options={"protocol_whitelist": "file", "format_whitelist": VIDEOS}, metadata_errors="replace")


def _animation(image: PILImage.Image, path: Path, keep: Keep) -> LoadedClip:
    """Read the frames of a GIF, WebP, APNG or AVIF.

    An APNG's fallback image is no frame.
    """
    count: int = getattr(image, "n_frames", 1)
    _check_size(path, count, *image.size)
    seconds, notes = list[Fraction](), list[str]()

    def frames() -> Iterator[Image]:
        for place in range(1 if image.info.get("default_image") else 0, count):
            image.seek(place)
            frame = decode_frame(image, path, notes)
            seconds.append(Fraction(image.info.get("duration", 0)).limit_denominator(100_000) / 1000)
            yield frame

    images = keep(frames())
    if any(length <= TOO_SHORT for length in seconds):
        notes.append(f"{path.name} has frames without a duration: they are shown for a tenth of a second, as in browsers")
        seconds = [DEFAULT_DURATION if length <= TOO_SHORT else length for length in seconds]
    return LoadedClip(images=images, seconds=tuple(seconds), notes=tuple(dict.fromkeys(notes)))


def _video(path: Path, keep: Keep) -> LoadedClip:
    import av

    times = list[tuple[Fraction, Fraction]]()
    try:
        with open_video(path) as container:
            stream = _playable(container)
            rate = Fraction(stream.average_rate or 25)
            images = keep(_timed_images(container, path, times))
    except (av.FFmpegError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ImageError(f"{path} is truncated or damaged ({reason}): save it again") from error
    if not times:
        raise ImageError(f"{path} has no readable frame: save it again")
    starts = [start for start, _ in times]
    end = starts[-1] + (times[-1][1] or 1 / rate)
    seconds = [after - start for start, after in zip(starts, [*starts[1:], end], strict=True)]
    if min(seconds) <= 0:
        raise ImageError(f"{path} has frames out of order: save it again")
    return LoadedClip(images=images, seconds=tuple(seconds))


def _playable(container: Any) -> Any:
    """Return the first video stream that has a decoder.

    Truncated files may name none.
    """
    return next(stream for stream in container.streams.video if stream.codec_context)


def _timed_images(container: Any, path: Path, times: list[tuple[Fraction, Fraction]], *, limited: bool = True) -> Iterator[Image]:
    """Yield each frame's image, and add its start and duration (0 if unknown) to `times`.

    Raises ImageError where a `limited` clip is too long for memory. Decoding uses one thread, so that the same file always gives the same
    images.
    """
    from av.video.reformatter import Colorspace

    stream = _playable(container)
    stream.codec_context.thread_count = 1
    for count, frame in enumerate(container.decode(stream), 1):
        _check_size(path, count if limited else 1, frame.width, frame.height)
        # An unspecified color matrix is chosen by height, as players do: ITU-R BT.601 below 720 lines, else BT.709.
        unspecified = frame.colorspace == 2
        matrix = (Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601) if unspecified else None
        image = frame.reformat(format="rgb24", src_colorspace=matrix).to_ndarray()
        start, length = (Fraction(time or 0) * frame.time_base for time in (frame.pts, frame.duration))
        times.append((start, length))
        yield np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))


def _check_size(path: Path, count: int, width: int, height: int) -> None:
    if count > MAX_FRAMES:
        raise ImageError(f"{path} is too long: at most {MAX_FRAMES:,} frames can be read; cut it")
    if count * width * height * 3 > MAX_BYTES:
        most = MAX_BYTES // (width * height * 3)
        raise ImageError(f"{path} is too long: at {width}x{height} at most {most} frames can be read; cut it or make it smaller")
