"""Settings are declared once, validated on construction, and resolved for a model."""

import re
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import pytest

from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.families import FAMILIES, OTHER
from sakuga.story.options import SettingsError
from sakuga.story.settings import OPTIONS, RENAMED, FilmSettings, PixelArt
from sakuga.studio.core.motion import MotionFinder, in_between_motion
from sakuga.studio.core.settings import FEW_STEPS, ResolvedSettings, native_shape, resolve_settings

SKETCHBOOK = find_checkpoint().info
STABLE_DIFFUSION = replace(SKETCHBOOK, native_size=512, size_multiple=64)


@pytest.mark.parametrize(
    ("requested", "native"),
    [
        ((256, 256), (128, 128)),
        ((384, 256), (192, 128)),
        ((256, 384), (128, 192)),
        ((1920, 1080), (160, 96)),
        ((640, 480), (160, 128)),
        ((400, 100), (256, 64)),
        ((100, 400), (64, 256)),
    ],
)
def test_the_sketchbook_generates_the_requested_shape_if_its_levels_allow(requested: tuple[int, int], native: tuple[int, int]) -> None:
    assert native_shape(*requested, SKETCHBOOK) == native


@pytest.mark.parametrize("requested", [(512, 512), (768, 512), (512, 768), (1920, 1080), (640, 480), (2100, 900), (400, 100)])
def test_the_native_shape_is_near_in_aspect_ratio_and_area(requested: tuple[int, int]) -> None:
    width, height = native_shape(*requested, STABLE_DIFFUSION)
    assert width % 64 == height % 64 == 0
    assert 0.9 < (width / height) / (requested[0] / requested[1]) < 1.1
    assert 0.9 < width * height / 512**2 < 1.6


def test_resolved_settings_have_every_option_and_leave_open_what_the_model_has() -> None:
    resolved = resolve_settings(FilmSettings(), find_checkpoint())
    assert [field.name for field in fields(resolved)] == list(OPTIONS)
    assert [name for name in OPTIONS if getattr(resolved, name) is None] == ["prediction", "vae", "upscaler", "pixel"]
    assert resolved.requested() == FilmSettings(**given(resolved))


def test_films_that_move_have_defaults_of_their_own() -> None:
    files, still = find_checkpoint(), FilmSettings(motion="none")
    image, film = resolve_settings(FilmSettings(), files), resolve_settings(FilmSettings(), files, film=True)
    assert (image.motion, image.steps, image.strength) == ("none", 20, 0.7)
    assert (film.motion, film.steps, film.strength) == ("auto", 15, 0.5)
    assert resolve_settings(still, files, film=True) == image


def test_a_film_of_a_model_without_an_adapter_does_not_move(tiny_v_folder: Path) -> None:
    film = resolve_settings(FilmSettings(), find_checkpoint(str(tiny_v_folder)), film=True)
    assert (film.motion, film.strength) == ("none", 0.7)


def test_windows_that_the_adapter_denoises_to_the_end_are_smoothed_more() -> None:
    files, moving = find_checkpoint(), FilmSettings(motion="auto")
    ended, alone = (resolve_settings(replace(moving, motion_end=end), files, film=True) for end in (None, 1.0))
    assert (ended.motion_end, ended.motion_smoothing) == (0.87, 0.1)
    assert (alone.motion_end, alone.motion_smoothing) == (1.0, 0.5)
    between = in_between_motion(replace(ended, between="motion"), MotionFinder(files))
    assert between is not None
    assert between.motion.smoothing == 0.5


def given(resolved: ResolvedSettings) -> dict[str, object]:
    return {name: getattr(resolved, name) for name in OPTIONS if name not in ("style", "controlnet")}


def test_help_shows_the_defaults_of_the_models() -> None:
    sketchbook, other = FAMILIES[0].defaults, OTHER.defaults
    xl = next(family.defaults for family in FAMILIES if family.name == "sdxl")
    steps = f"{sketchbook.steps} on the Sketchbook ({sketchbook.motion.steps} in films that move)"
    assert OPTIONS["steps"].default_help == f"{steps}, {other.steps} otherwise, {FEW_STEPS} with lcm"
    guidance = f"{sketchbook.guidance_scale:g} on the Sketchbook, {other.guidance_scale:g} on SD 1.x and 2.x, {xl.guidance_scale:g} on SDXL"
    assert OPTIONS["guidance"].default_help == guidance
    size = sketchbook.enlarge * SKETCHBOOK.native_size
    assert (OPTIONS["size"].default_help, other.enlarge) == (f"{size} on the Sketchbook, the model's native size otherwise", 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": "3"}, "steps: '3' is not a whole number; choose 1 to 1000"),
        ({"steps": True}, "steps: True is not a whole number"),
        ({"guidance": float("inf")}, "guidance: inf is out of range; choose 0 to 100"),
        ({"strength": 0}, "strength: 0 is out of range; choose above 0 to 1"),
        ({"between": "warp"}, "between: there is no 'warp'; choose flow, crossfade, latent or motion"),
        ({"size": (8, 64)}, "size: 8x64 is out of range; choose 16 to 4096 pixels a side"),
        ({"fps": "fast"}, "fps: frame rate 'fast' is unreadable"),
        ({"model": 3}, "model: 3 is not a text"),
        ({"pixel": {"colours": 3}}, "pixel: unknown key 'colours'"),
    ],
)
def test_invalid_settings_are_refused_on_construction(values: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        FilmSettings(**values)


def test_settings_are_read_as_in_a_file() -> None:
    assert FilmSettings(size="256x160", fps=12, pixel="gameboy", guidance=7) == FilmSettings(
        size=(256, 160), fps=Fraction(12), pixel=PixelArt(palette="gameboy"), guidance=7.0
    )


def test_old_names_of_settings_are_not_options() -> None:
    assert not set(RENAMED) & set(OPTIONS)
    assert set(RENAMED.values()) <= set(OPTIONS)
