"""How drawn pictures are finished: grain, paper and pixel art, by settings or because the style that is worn wants it."""

from collections.abc import Generator, Iterable
from dataclasses import asdict, replace
from fractions import Fraction
from typing import Any

from sakuga.finishing.image import Picture
from sakuga.finishing.texture import textured
from sakuga.models.checkpoint_files import Source
from sakuga.story.film import FilmSettings, Pixel
from sakuga.studio.animate.pixelate import with_pixel
from sakuga.studio.core.progress import Step
from sakuga.studio.core.styles import find_styles
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import FrameSpec


def finished(settings: FilmSettings, source: Source) -> FilmSettings:
    """Fill in how pictures in the styles that are worn are finished, where settings leave it open; the first that says it counts."""
    said = [one.style.about.finishing for one in find_styles(settings.style, source) if one.weight > 0]
    for finishing in said:
        pixel = Pixel(**asdict(finishing.pixel)) if finishing.pixel else None
        told: dict[str, Any] = {"grain": finishing.grain, "paper": finishing.paper, "pixel": pixel}
        settings = replace(settings, **{key: value for key, value in told.items() if getattr(settings, key) is None})
    return settings


def on_paper(
    shown: Iterable[tuple[FrameSpec, Picture]], total: int, settings: FilmSettings, seed: int
) -> Generator[Step, None, tuple[Frame, ...]]:
    """Lay grain and paper over `total` pictures or fewer that are shown one after the other; the grain is new with every picture."""
    frames: list[Frame] = []
    for spec, picture in shown:
        frames.append(Frame(picture=_textured(picture, len(frames) // (settings.on or 1), settings, seed), spec=spec))
        yield Step(stage="finishing", done=len(frames), total=total)
    return tuple(frames)


def alone(picture: Picture, spec: FrameSpec, settings: FilmSettings, seed: int) -> Generator[Step, None, Clip]:
    """Finish a picture that stands by itself, as a clip of one frame."""
    frame = Frame(picture=_textured(picture, 0, settings, seed), spec=spec)
    return (yield from in_cells(Clip(frames=(frame,), rate=Fraction(1)), settings))


def in_cells(clip: Clip, settings: FilmSettings) -> Generator[Step, None, Clip]:
    """Bring a clip onto one grid and one palette, where the settings make it pixel art."""
    return (yield from with_pixel(clip, settings.pixel)) if settings.pixel else clip


def _textured(picture: Picture, number: int, settings: FilmSettings, seed: int) -> Picture:
    return textured(picture, grain=settings.grain or 0.0, paper=settings.paper or 0.0, seed=seed, number=number)
