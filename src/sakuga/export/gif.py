"""GIF: one palette for the whole clip, exact total delay, the recipe in a comment block.

Palette and mapping are FFmpeg's palettegen and paletteuse with an ordered dither, which does not crawl, and change rectangles.
Measured on 72 moving frames at 256 px: 974 KB at 40.5 dB in 0.3 s; Pillow with one palette by k-means 901 KB at 40.2 dB in 1.3 s,
and with its error diffusion 1266 KB at 39.4 dB; on grainy frames 2375 KB at 34.9 dB against 2507 KB at 35.9 dB in thrice the time.
"""

import io
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph

from sakuga.export.limits import LIMITS
from sakuga.export.timing import TimedImage, timed_images
from sakuga.finishing.image import Image
from sakuga.timeline.clip import Clip

BYTES_PER_PIXEL = 1_500_000 / (72 * 256 * 256)
"""A reasonable file size per pixel and frame: six seconds at 12 fps and 256 px fill 1.5 MB."""
TOLERANCES = (4, 8, 12)
"""Gray levels by which a pixel may differ and still be left unchanged; the first that gives a reasonable size is taken."""
MAX_COLORS = 255
"""One of 256 is reserved for unchanged pixels."""

_LIMITS = LIMITS[".gif"]
_CLOCK = Fraction(1, _LIMITS.ticks)


def write_gif(clip: Clip, path: Path) -> None:
    """Write an endlessly looping GIF89a.

    A clip of at most 255 colors keeps them exactly; others stay reasonably small by leaving nearly equal pixels unchanged.
    """
    path.write_bytes(encode_gif(clip))


def encode_gif(clip: Clip, colors: int = MAX_COLORS, *, lenient: bool = False) -> bytes:
    """Encode a clip in at most `colors` colors.

    `lenient` takes the largest tolerance at once.
    """
    shown = tuple(timed_images(clip.frames, clip.rate, _LIMITS.ticks, _LIMITS.min_ticks))
    exact = has_few_colors(shown, colors)
    if not exact:  # half the levels: palettegen is four times faster for it, and no worse (0.0 dB)
        shown = tuple(replace(timed, image=timed.image & np.uint8(0xFE)) for timed in shown)
    palette = _palette(shown, colors)
    width, height = clip.size
    for tolerance in (0,) if exact else TOLERANCES[-1:] if lenient else TOLERANCES:
        encoded = _encoded(shown, palette, "none" if exact else "bayer:bayer_scale=4", tolerance)
        if len(encoded) <= BYTES_PER_PIXEL * len(clip.frames) * width * height:
            break
    return _with_comment(encoded, clip.recipe.encode())


def has_few_colors(shown: tuple[TimedImage, ...], colors: int = MAX_COLORS) -> bool:
    """Return whether one palette holds every color of a clip."""
    known: set[int] = set()
    for timed in shown:
        known.update(np.unique(timed.image.astype(np.int32) @ (1 << 16, 1 << 8, 1)).tolist())
        if len(known) > colors:
            return False
    return True


def _palette(shown: tuple[TimedImage, ...], colors: int) -> av.VideoFrame:
    """Fit the palette to all frames of a clip."""
    graph = Graph()
    height, width = shown[0].image.shape[:2]
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=_CLOCK)
    graph.link_nodes(source, graph.add("palettegen", f"stats_mode=full:max_colors={colors + 1}"), graph.add("buffersink")).configure()
    for index, timed in enumerate(shown):
        graph.vpush(_frame(timed.image, index))
    graph.vpush(None)
    return graph.vpull()


def _encoded(shown: tuple[TimedImage, ...], palette: av.VideoFrame, dither: str, tolerance: int) -> bytes:
    height, width = shown[0].image.shape[:2]
    file = io.BytesIO()
    options = {"loop": "0", "final_delay": str(shown[-1].ticks)}
    with av.open(file, "w", format="gif", options=options) as container:
        stream = container.add_stream("gif", rate=_LIMITS.ticks)
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        stream.codec_context.flags |= av.codec.context.Flags.bitexact.value
        for frame in _mapped(shown, palette, dither, tolerance):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _mapped(shown: tuple[TimedImage, ...], palette: av.VideoFrame, dither: str, tolerance: int) -> Iterator[av.VideoFrame]:
    """Map every image to the palette.

    Each frame's pts is the tick at which it appears.
    """
    graph = Graph()
    height, width = shown[0].image.shape[:2]
    images = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=_CLOCK)
    colors = graph.add_buffer(width=palette.width, height=palette.height, format=palette.format, time_base=_CLOCK)
    use, sink = graph.add("paletteuse", f"dither={dither}:diff_mode=rectangle"), graph.add("buffersink")
    images.link_to(use, 0, 0)
    colors.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    palette.pts, palette.time_base = 0, _CLOCK
    colors.push(palette)
    colors.push(None)
    tick = 0
    for timed, image in zip(shown, _steady(shown, tolerance), strict=True):
        images.push(_frame(image, tick))
        tick += timed.ticks
        yield from _waiting(graph)
    images.push(None)
    yield from _waiting(graph)


def _waiting(graph: Graph) -> Iterator[av.VideoFrame]:
    """Yield the frames that have passed the filters so far."""
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _steady(shown: tuple[TimedImage, ...], tolerance: int) -> Iterator[Image]:
    """Leave pixels unchanged whose channels differ by at most the tolerance: they take no bytes."""
    before = shown[0].image
    for timed in shown:
        moved = np.abs(timed.image.astype(np.int16) - before).max(axis=-1, keepdims=True) > tolerance
        before = np.where(moved, timed.image, before)
        yield before


def _frame(image: Image, tick: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    frame.pts, frame.time_base = tick, _CLOCK
    return frame


def _with_comment(encoded: bytes, comment: bytes) -> bytes:
    """Insert a comment extension (GIF89a, section 24).

    It stands before the first block, in sub-blocks of up to 255 bytes.
    """
    if not comment:
        return encoded
    packed = encoded[10]
    start = 13 + (3 << ((packed & 7) + 1) if packed & 0x80 else 0)
    pieces = (comment[at : at + 255] for at in range(0, len(comment), 255))
    block = b"\x21\xfe" + b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\x00"
    return encoded[:start] + block + encoded[start:]
