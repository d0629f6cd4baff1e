"""Finishing of generated images: grain, paper and pixel art."""

from collections.abc import Generator, Iterable
from dataclasses import replace
from fractions import Fraction

from sakuga.finishing.image import Image
from sakuga.finishing.texture import add_texture
from sakuga.story.settings import PixelArt
from sakuga.studio.core.pixel_art import make_pixel_art, resolve_grid
from sakuga.studio.core.progress import Step
from sakuga.studio.core.settings import ResolvedSettings
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import FrameSpec


def add_textures(
    images: Iterable[tuple[FrameSpec, Image]], total: int, settings: ResolvedSettings, seed: int
) -> Generator[Step, None, tuple[Frame, ...]]:
    """Add grain and paper to `total` images; each has its own grain."""
    frames: list[Frame] = []
    for spec, image in images:
        frames.append(Frame(image=_textured(image, len(frames) // settings.on, settings, seed), spec=spec))
        yield Step(stage="finishing", done=len(frames), total=total)
    return tuple(frames)


def finish_image(image: Image, spec: FrameSpec, settings: ResolvedSettings, seed: int) -> Generator[Step, None, Clip]:
    """Finish a single image, as a clip of one frame."""
    frame = Frame(image=_textured(image, 0, settings, seed), spec=spec)
    return (yield from with_pixel_art(Clip(frames=(frame,), rate=Fraction(1)), settings.pixel))


def with_pixel_art(clip: Clip, pixel: PixelArt | None) -> Generator[Step, None, Clip]:
    """Bring a clip onto one grid and one palette.

    None leaves it as it is. The size stays, less the incomplete cells at the right and below.
    """
    if pixel is None:
        return clip
    images = [frame.image for frame in clip.frames]
    grid = resolve_grid(pixel, images)
    art = yield from make_pixel_art(images, pixel, grid)
    frames = (replace(frame, image=art.image(place, grid)) for place, frame in enumerate(clip.frames))
    return replace(clip, frames=tuple(frames))


def _textured(image: Image, number: int, settings: ResolvedSettings, seed: int) -> Image:
    return add_texture(image, grain=settings.grain, paper=settings.paper, seed=seed, number=number)
