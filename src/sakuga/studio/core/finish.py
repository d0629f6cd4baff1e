"""Finishing of generated images: grain, paper and pixel art."""

from collections.abc import Generator, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import gettempdir
from typing import cast

from sakuga.export import FrameStream
from sakuga.finishing.image import Image, in_16_bits, is_unrounded
from sakuga.story.settings import PixelArt
from sakuga.studio.core.image_spool import ImageSpool, KeptImages
from sakuga.studio.core.pixel_art import make_pixel_art, resolve_grid
from sakuga.studio.core.progress import Step
from sakuga.studio.core.settings import ResolvedSettings
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.lazy import LazySequence
from sakuga.timeline.spec import FrameSpec


def finish_clip(
    images: Iterable[Image], total: int, settings: ResolvedSettings, seed: int, spool: ImageSpool
) -> Generator[Step, None, FrameStream]:
    """Finish `total` images of a clip; they are kept in `spool`."""
    textured = yield from add_textures(images, total, settings, seed, spool)
    return stream_images((yield from with_pixel_art(textured, settings.pixel, spool)), settings.fps)


def add_textures(
    images: Iterable[Image], total: int, settings: ResolvedSettings, seed: int, spool: ImageSpool
) -> Generator[Step, None, Sequence[Image]]:
    """Add grain and paper to `total` images; each has its own grain."""
    kept = KeptImages(spool)
    for number, image in enumerate(images):
        kept.append(textured(image, number // settings.on, settings, seed))
        yield Step(stage="finishing", done=number + 1, total=total)
    return kept


def finish_image(image: Image, spec: FrameSpec, settings: ResolvedSettings, seed: int) -> Generator[Step, None, Clip]:
    """Finish a single image, as a clip of one frame."""
    with ImageSpool(Path(gettempdir())) as spool:
        finished = yield from with_pixel_art([textured(image, 0, settings, seed)], settings.pixel, spool)
        return Clip(frames=(Frame(image=finished[0], spec=spec),), rate=Fraction(1))


def with_pixel_art(images: Sequence[Image], pixel: PixelArt | None, spool: ImageSpool) -> Generator[Step, None, Sequence[Image]]:
    """Bring the images of a clip onto one grid and one palette.

    None leaves them as they are. The size stays, less the incomplete cells at the right and below.
    """
    if pixel is None:
        return images
    grid = resolve_grid(pixel, images)
    art = yield from make_pixel_art(images, pixel, grid, spool)
    return LazySequence(lambda place: art.image(place, grid), range(len(images)))


def stream_images(images: Sequence[Image], rate: Fraction) -> FrameStream:
    """Return the clip of some images, one for each frame."""
    height, width = images[0].shape[:2]
    return FrameStream(images=images, count=len(images), size=(width, height), rate=rate)


def textured(image: Image, number: int, settings: ResolvedSettings, seed: int) -> Image:
    """Add the grain and paper of an image's place in a clip; an unrounded image becomes uint16."""
    from sakuga.finishing.texture import add_texture

    made = add_texture(image, grain=settings.grain, paper=settings.paper, seed=seed, number=number)
    return cast(Image, in_16_bits(made)) if is_unrounded(made) else made
