"""What an artist leaves open, filled in for the model at hand."""

import re
from collections.abc import Iterable
from dataclasses import fields, replace
from fractions import Fraction
from functools import partial
from math import isfinite, log, sqrt
from typing import cast, get_args

from sakuga import InputError
from sakuga.models.checkpoint_files import SKETCHBOOK, Facts, Source
from sakuga.models.styles import few_step
from sakuga.story.film import Film, FilmSettings
from sakuga.story.keys import Keys, mapped
from sakuga.story.rate import FASTEST, SLOWEST, parse_rate
from sakuga.story.storyboard import MOST_ON, Ease, Follow, Reading, Shot, Way
from sakuga.studio.animate.pixelate import check_pixel
from sakuga.studio.core.styles import find_styles, styles_of, unsaid, worn
from sakuga.timeline.frame_settings import Direction
from sakuga.timeline.spec import Drawn, FrameSpec, Sampler, Worn
from sakuga.timeline.style_weights import Outfit

SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)
WAYS: tuple[Way, ...] = get_args(Way)
FOLLOWS: tuple[Follow, ...] = get_args(Follow)
READINGS: tuple[Reading, ...] = get_args(Reading)
FEW_STEPS, FEW_UNDISTILLED = 4, 8
"""Steps of a preview: with an adapter for few steps, and without one."""
LARGEST = 4096
"""Pixels of the longer side of a picture."""
SHAPE_COUNTS = 4.0
"""How much more a drawing that is off in shape costs than one that is off in area."""


class SettingsError(InputError, ValueError):
    """A setting that cannot be drawn with; the message says which and what there is."""


def settled(settings: FilmSettings, source: Source) -> FilmSettings:
    """Fill in every setting that is None, so that nothing about a film is left to chance; raises SettingsError."""
    filled = replace(
        _usual(source, settings.sampler),
        **{field.name: value for field in fields(settings) if (value := getattr(settings, field.name)) is not None},
    )
    _check(filled, source)
    return filled


def previewed(settings: FilmSettings, source: Source) -> tuple[FilmSettings, list[str]]:
    """Return settled settings for a quick look in few steps, and what a person must know of it."""
    assert settings.steps
    if few_step(source) is None:
        steps = min(settings.steps, FEW_UNDISTILLED)
        return replace(settings, steps=steps), [
            f"{source.name!r} has no adapter for few steps: the preview is a plain one of {steps} steps"
        ]
    unheard = ["a preview follows no guidance, so it may show what should not be seen"] if settings.negative else []
    return replace(settings, sampler="lcm", steps=min(settings.steps, FEW_STEPS), guidance=1.0), unheard


def direction(settings: FilmSettings, source: Source) -> Direction:
    """Turn settled settings into how a storyboard is drawn: at the model's own size, in the shape that was asked for."""
    assert settings.size
    assert settings.steps
    assert settings.strength
    assert settings.fps
    assert settings.hold_on
    assert settings.drawn_rate
    assert settings.guidance is not None
    assert settings.wander is not None
    width, height = drawn_size(*settings.size, source.facts)
    return Direction(
        checkpoint=source.digest,
        width=width,
        height=height,
        rate=parse_rate(settings.fps),
        sampler=cast(Sampler, settings.sampler),
        precision=settings.precision or "fp32",
        steps=settings.steps,
        guidance=settings.guidance,
        strength=settings.strength,
        follow=cast(Follow, settings.follow),
        hold_on=settings.hold_on,
        wander=settings.wander,
        drawn_rate=settings.drawn_rate,
        control=settings.control or 0.0,
        depth="estimator" if settings.depth == "estimate" else "luminance",
        negative=settings.negative or "",
        between=settings.between or "flow",
        on=settings.on or 1,
        styles=wearing(settings.style, settings, source),
    )


def wearing(asked: str | None, settings: FilmSettings, source: Source) -> tuple[Worn, ...]:
    """Say what is worn where a style is asked for: it, and for the `lcm` sampler the checkpoint's own adapter."""
    quick = few_step(source) if settings.sampler == "lcm" else None
    return worn(find_styles(asked, source)) + ((Worn(style=quick.digest),) if quick else ())


def wardrobe(film: Film, source: Source) -> tuple[Keys[Outfit], ...]:
    """Say what each shot of a film wears: its own styles in place of the film's, and where they change, by which words they are called."""

    def outfit(shot: Shot, asked: str, *, changes: bool) -> Outfit:
        words = unsaid(shot, find_styles(asked, source)) if changes else ()
        return Outfit(worn=wearing(asked, film.settings, source), words=words)

    shots = zip(film.storyboard.shots, styles_of(film), strict=True)
    return tuple(tuple(mapped(key, partial(outfit, shot, changes=len(keys) > 1)) for key in keys) for shot, keys in shots)


def worn_digests(every: Iterable[str | None], settings: FilmSettings, source: Source) -> tuple[str, ...]:
    """Name everything that is worn wherever styles are asked for, each once."""
    everything = [one for asked in every for one in wearing(asked, settings, source)]
    return tuple(dict.fromkeys(one.style for one in everything))


def refuse_missing(specs: Iterable[FrameSpec], source: Source) -> None:
    """Raise SettingsError where frames lean on a network that the model does not have."""
    drawn = [spec for spec in specs if isinstance(spec, Drawn)]
    if any(spec.control for spec in drawn) and "controlnet" not in source.parts():
        raise SettingsError(f"{source.name!r} has no depth ControlNet (a folder controlnet/): leave control out")
    read = {spec.control.depth for spec in drawn if spec.control}
    read |= {spec.start.warp.parallax.depth for spec in drawn if spec.start and spec.start.warp.parallax}
    if "estimator" in read and "depth" not in source.parts():
        raise SettingsError(f"{source.name!r} has no depth estimator (a folder depth/): read depth by luminance")


def drawn_size(width: int, height: int, facts: Facts) -> tuple[int, int]:
    """Return the size that the model draws, in multiples that pass through every level: nearest to the asked shape at its native area.

    What is off in shape is cut away, so shape counts more; and too small spoils a picture more than too large.
    """
    if height > width:
        long, short = drawn_size(height, width, facts)
        return short, long
    shape, native, step = width / height, facts.native_size, facts.multiple

    def off(size: tuple[int, int]) -> float:
        area = size[0] * size[1] / native**2
        return SHAPE_COUNTS * abs(log(size[0] / size[1] / shape)) + (log(area) if area > 1 else -2 * log(area))

    widths = range(step, int(2 * native * sqrt(shape)) + step, step)
    return min(((wide, max(step, round(wide / shape / step) * step)) for wide in widths), key=off)


def parse_size(text: str) -> tuple[int, int]:
    """Read "256" or "384x256"; raises SettingsError."""
    found = re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip())
    if not found:
        raise SettingsError(f"size {text!r} cannot be read: write 256 or 384x256")
    return int(found[1]), int(found[2] or found[1])


def parse_ease(text: str) -> Ease:
    """Read the name of an easing; raises SettingsError."""
    if text not in (eases := get_args(Ease)):
        raise SettingsError(f"no ease {text!r}: there are {', '.join(eases)}")
    return cast(Ease, text)


def _usual(source: Source, sampler: str | None) -> FilmSettings:
    """What draws well, by model: the Sketchbook is small and fast and wants little guidance, as XL does; `lcm` with its adapter none."""
    native = source.facts.native_size
    depth: Reading = "estimate" if "depth" in source.parts() else "luminance"
    motion = FilmSettings(fps=Fraction(12), strength=0.7, follow="key", hold_on=0.4, wander=0.15, drawn_rate=4, control=0.0, depth=depth)
    enlarged = 2 if source.name == SKETCHBOOK else 1
    size = (enlarged * native, enlarged * native)
    common = replace(motion, size=size, model=source.name, negative="", sampler="dpm++")
    if sampler == "lcm" and few_step(source):
        return replace(common, steps=FEW_STEPS, guidance=1.0)
    if source.name == SKETCHBOOK:
        return replace(common, steps=20, guidance=4.0)
    return replace(common, steps=30, guidance=5.0 if source.facts.pooled else 7.5)


def seen_guidance(source: Source, sampler: str | None = None) -> float:
    """Return how firmly a picture's own embedding is followed: half as firmly as words, or a chain of pictures burns."""
    guidance = _usual(source, sampler).guidance
    assert guidance
    return max(1.0, guidance / 2)


def _check(settings: FilmSettings, source: Source) -> None:
    assert settings.size
    if settings.sampler not in SAMPLERS:
        raise SettingsError(f"no sampler {settings.sampler!r}: there are {', '.join(SAMPLERS)}")
    find_styles(settings.style, source)
    if not all(16 <= side <= LARGEST for side in settings.size):
        raise SettingsError(f"size {settings.size[0]}x{settings.size[1]} cannot be drawn: choose 16 to {LARGEST} pixels a side")
    if not max(settings.size) <= 4 * min(settings.size):
        raise SettingsError(f"size {settings.size[0]}x{settings.size[1]} is too narrow: choose a shape up to 4:1")
    if settings.pixel:
        check_pixel(settings.pixel)
    if settings.follow not in FOLLOWS:
        raise SettingsError(f"frames cannot follow {settings.follow!r}: there are {', '.join(FOLLOWS)}")
    if settings.depth not in READINGS:
        raise SettingsError(f"no way {settings.depth!r} to read depth: there are {', '.join(READINGS)}")
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
        "hold_on": (0, 1),
        "wander": (0, 10),
        "drawn_rate": (1, 240),
        "control": (0, 2),
    }
    for name, (least, most) in limits.items():
        value = getattr(settings, name)
        above = "above " if (some := name in ("strength", "hold_on")) else ""
        if value is not None and not (isfinite(value) and least <= value <= most and not (some and value == 0)):
            raise SettingsError(f"{name} {float(value):g} is out of range: choose {above}{float(least):g} to {most}")
