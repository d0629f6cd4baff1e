"""Video by PyAV, so that no system ffmpeg is needed: MP4 (H.264) and WebM (VP9).

One thread and bit-exact flags, so that the same clip is always the same bytes: no dates, no random ids, no versions.
x264's macroblock tree is off: it reads memory that nothing wrote when a row of macroblocks is no whole vector, so its bytes are chance.
A clip is then as large and as true at crf 18 to 19 as with the tree at 17.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from sakuga.export.timing import Still, stills
from sakuga.finishing.image import Picture
from sakuga.timeline.clip import Clip

FASTEST = 60
"""Frames a second up to which every frame of a clip is a frame of its file."""
_BT709 = 1  # colour primaries, transfer and matrix all carry this number (ITU-T H.273)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How a container is written."""

    container: str
    codec: str
    codec_options: dict[str, str]
    container_options: dict[str, str]


_MP4 = Coding(
    container="mp4",
    codec="libx264",
    codec_options={"crf": "18", "preset": "medium", "tune": "animation", "threads": "1", "x264-params": "mbtree=0"},
    container_options={"movflags": "+faststart", "fflags": "+bitexact"},
)
_WEBM = Coding(
    container="webm",
    codec="libvpx-vp9",
    codec_options={"crf": "28", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "0", "threads": "1"},
    container_options={"fflags": "+bitexact"},
)


def write_mp4(clip: Clip, path: Path) -> None:
    """Write H.264 in yuv420p, its index at the front."""
    _write(clip, path, _MP4)


def write_webm(clip: Clip, path: Path) -> None:
    """Write VP9 in yuv420p."""
    _write(clip, path, _WEBM)


def recipe_in_video(path: Path) -> str | None:
    """Read the comment of an MP4 or WebM."""
    with av.open(str(path)) as container:
        named = {key.lower(): value for key, value in container.metadata.items()}
    return named.get("comment")


def _write(clip: Clip, path: Path, coding: Coding) -> None:
    with av.open(str(path), "w", format=coding.container, options=coding.container_options) as container:
        if clip.recipe:
            container.metadata["comment"] = clip.recipe
        stream = container.add_stream(coding.codec, rate=clip.rate, options=coding.codec_options)
        height, width = _even(clip.frames[0].picture).shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1) / clip.rate
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = ColorRange.MPEG.value
        context.flags |= av.codec.context.Flags.bitexact.value
        place = 0
        for still in _exposed(clip):
            image = av.VideoFrame.from_ndarray(_even(still.picture), format="rgb24")
            image = image.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            image.pts, image.time_base, image.duration = place, context.time_base, still.ticks
            container.mux(stream.encode(image))
            place += still.ticks
        container.mux(stream.encode(None))


def _exposed(clip: Clip) -> Iterator[Still]:
    """Say what is written: every frame, holds too, as players expect; where the rate is but a measure of uneven times, each picture once.

    The last one is said again for its last tick, as containers do not keep how long the last frame stands.
    """
    if clip.rate <= FASTEST:
        yield from (Still(picture=frame.picture, ticks=1) for frame in clip.frames)
        return
    *others, last = stills(clip, clip.rate)
    yield from others
    if last.ticks > 1:
        yield replace(last, ticks=last.ticks - 1)
    yield replace(last, ticks=1)


def _even(picture: Picture) -> Picture:
    """Make both sizes even, as yuv420p needs, by repeating the last column or row: nothing drawn is lost."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge"))
