"""MP4 (H.264) and WebM (VP9) by PyAV, without a system ffmpeg.

One thread and bit-exact flags: the same clip always gives the same bytes, with no dates, random ids or versions.
x264's macroblock tree is off: it reads uninitialized memory when a row of macroblocks is no whole vector, so its bytes vary.
A clip at crf 18 to 19 is then as large and as faithful as with the tree at 17.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from sakuga.datasets.clips import open_video
from sakuga.export.limits import MAX_CONSTANT_RATE
from sakuga.export.timing import FrameStream, TimedImage, timed_images
from sakuga.finishing.image import Image

_BT709 = 1  # color primaries, transfer and matrix all have this number (ITU-T H.273)


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """Encoder and container options."""

    container: str
    codec: str
    codec_options: dict[str, str]
    container_options: dict[str, str]


_MP4 = Codec(
    container="mp4",
    codec="libx264",
    codec_options={"crf": "18", "preset": "medium", "tune": "animation", "threads": "1", "x264-params": "mbtree=0"},
    container_options={"movflags": "+faststart", "fflags": "+bitexact"},
)
_WEBM = Codec(
    container="webm",
    codec="libvpx-vp9",
    codec_options={"crf": "28", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "0", "threads": "1"},
    container_options={"fflags": "+bitexact"},
)


def write_mp4(stream: FrameStream, path: Path) -> None:
    """Write H.264 in yuv420p, with the index at the front."""
    _write(stream, path, _MP4)


def write_webm(stream: FrameStream, path: Path) -> None:
    """Write VP9 in yuv420p."""
    _write(stream, path, _WEBM)


def padding_note(size: tuple[int, int]) -> str:
    """Return a note for a width and height that video does not have, or nothing."""
    width, height = (side + side % 2 for side in size)
    return "" if (width, height) == size else f"video has even sides: the file has {width} x {height} pixels, and repeats those at the edge"


def recipe_in_video(path: Path) -> str | None:
    """Read the recipe of an MP4 or WebM from its comment; None if there is none."""
    with open_video(path) as container:
        named = {key.lower(): value for key, value in container.metadata.items()}
    return named.get("comment")


def _write(clip: FrameStream, path: Path, codec: Codec) -> None:
    import av
    from av.video.reformatter import ColorRange, Colorspace

    with av.open(str(path), "w", format=codec.container, options=codec.container_options) as container:
        if clip.recipe:
            container.metadata["comment"] = clip.recipe
        stream = container.add_stream(codec.codec, rate=clip.rate, options=codec.codec_options)
        stream.width, stream.height = (side + side % 2 for side in clip.size)
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1) / clip.rate
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = ColorRange.MPEG.value
        context.flags |= av.codec.context.Flags.bitexact.value
        place = 0
        for timed in _timed(clip):
            frame = av.VideoFrame.from_ndarray(_even_sides(timed.image), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            frame.pts, frame.time_base, frame.duration = place, context.time_base, timed.ticks
            container.mux(stream.encode(frame))
            place += timed.ticks
        container.mux(stream.encode(None))


def _timed(clip: FrameStream) -> Iterator[TimedImage]:
    """Yield the images of the file with their ticks.

    Every frame, as players expect; above MAX_CONSTANT_RATE each image once.
    The last one is repeated for its last tick, as containers do not store how long the last frame is shown.
    """
    if clip.rate <= MAX_CONSTANT_RATE:
        yield from (TimedImage(image=image, ticks=1) for image in clip.images)
        return
    last: TimedImage | None = None
    for timed in timed_images(clip.images, clip.rate, clip.rate):
        if last:
            yield last
        last = timed
    if last and last.ticks > 1:
        yield replace(last, ticks=last.ticks - 1)
    if last:
        yield replace(last, ticks=1)


def _even_sides(image: Image) -> Image:
    """Pad to even sides, as yuv420p needs.

    The last column or row is repeated.
    """
    height, width = image.shape[:2]
    return np.ascontiguousarray(np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge"))
