"""What an artist leaves open, filled in for the model at hand."""

import difflib
import re
from dataclasses import fields, replace
from fractions import Fraction
from math import isfinite, sqrt
from typing import cast, get_args

from sakuga import InputError
from sakuga.models.sources import SKETCHBOOK, Facts, Source
from sakuga.story.film import FilmSettings
from sakuga.story.rate import FASTEST, SLOWEST, parse_rate
from sakuga.story.storyboard import MOST_ON, Way
from sakuga.timeline.chain import Direction
from sakuga.timeline.spec import Sampler

SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)
WAYS: tuple[Way, ...] = get_args(Way)
STYLES: tuple[str, ...] = ()
"""Styles that can be worn. None is trained yet."""
LARGEST = 4096
"""Pixels of the longer side of a picture."""


class SettingsError(InputError, ValueError):
    """A setting that cannot be drawn with; the message says which and what there is."""


def settled(settings: FilmSettings, source: Source) -> FilmSettings:
    """Fill in every setting that is None, so that nothing about a film is left to chance; raises SettingsError."""
    filled = replace(
        _usual(source), **{field.name: value for field in fields(settings) if (value := getattr(settings, field.name)) is not None}
    )
    _check(filled)
    return filled


def direction(settings: FilmSettings, source: Source) -> Direction:
    """Turn settled settings into how a storyboard is drawn: at the model's own size, in the shape that was asked for."""
    assert settings.size
    assert settings.steps
    assert settings.strength
    assert settings.fps
    assert settings.guidance is not None
    width, height = drawn_size(*settings.size, source.facts)
    return Direction(
        checkpoint=source.digest,
        width=width,
        height=height,
        rate=parse_rate(settings.fps),
        sampler=cast(Sampler, settings.sampler),
        steps=settings.steps,
        guidance=settings.guidance,
        strength=settings.strength,
        negative=settings.negative or "",
        between=settings.between or "flow",
        on=settings.on or 1,
    )


def drawn_size(width: int, height: int, facts: Facts) -> tuple[int, int]:
    """Return the size that the model draws: the asked shape at its native area, in multiples that pass through every level."""
    shape = sqrt(width / height)
    return _near(facts.native_size * shape, facts.multiple), _near(facts.native_size / shape, facts.multiple)


def parse_size(text: str) -> tuple[int, int]:
    """Read "256" or "384x256"; raises SettingsError."""
    found = re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip())
    if not found:
        raise SettingsError(f"size {text!r} cannot be read: write 256 or 384x256")
    return int(found[1]), int(found[2] or found[1])


def _usual(source: Source) -> FilmSettings:
    """What draws well, by model: the Sketchbook is small and fast and wants little guidance."""
    native = source.facts.native_size
    common = FilmSettings(fps=Fraction(12), model=source.name, negative="", sampler="dpm++", strength=0.7)
    if source.name == SKETCHBOOK:
        return replace(common, size=(2 * native, 2 * native), steps=20, guidance=4.0)
    return replace(common, size=(native, native), steps=30, guidance=7.5)


def _near(length: float, multiple: int) -> int:
    return max(multiple, round(length / multiple) * multiple)


def _check(settings: FilmSettings) -> None:
    assert settings.size
    if settings.sampler not in SAMPLERS:
        raise SettingsError(f"no sampler {settings.sampler!r}: there are {', '.join(SAMPLERS)}")
    if settings.style:
        raise SettingsError(_unknown_style(settings.style))
    if not all(16 <= side <= LARGEST for side in settings.size):
        raise SettingsError(f"size {settings.size[0]}x{settings.size[1]} cannot be drawn: choose 16 to {LARGEST} pixels a side")
    if not max(settings.size) <= 4 * min(settings.size):
        raise SettingsError(f"size {settings.size[0]}x{settings.size[1]} is too narrow: choose a shape up to 4:1")
    if settings.between and settings.between not in WAYS:
        raise SettingsError(f"no way {settings.between!r} to make in-betweens: there are {', '.join(WAYS)}")
    limits = {
        "steps": (1, 1000),
        "guidance": (0, 100),
        "strength": (0, 1),
        "fps": (SLOWEST, FASTEST),
        "on": (1, MOST_ON),
        "grain": (0, 1),
        "paper": (0, 1),
    }
    for name, (least, most) in limits.items():
        value = getattr(settings, name)
        if value is not None and (not (isfinite(value) and least <= value <= most) or (name == "strength" and value == 0)):
            raise SettingsError(f"{name} {float(value):g} is out of range: choose {float(least):g} to {most}")


def _unknown_style(style: str) -> str:
    near = difflib.get_close_matches(style, STYLES, n=1)
    if near:
        return f"no style {style!r}: did you mean {near[0]!r}?"
    there = ", ".join(STYLES) if STYLES else "none is trained yet; say it in the prompt"
    return f"no style {style!r}: there are {there}" if STYLES else f"no style {style!r}: {there}"
