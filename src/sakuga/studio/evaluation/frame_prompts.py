"""The prompts of each frame of a clip."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.story.emphasis import without_emphasis
from sakuga.story.settings import NO_MOTION
from sakuga.studio.animate.animate import FilmRecipe
from sakuga.studio.animate.draw import DrawRecipe, image_spec
from sakuga.studio.animate.morph import MorphRecipe
from sakuga.studio.core.recipe import Recipe
from sakuga.studio.core.settings import frame_settings, resolve_settings
from sakuga.timeline.film_layout import lay_out_film
from sakuga.timeline.morph import morph_positions, morph_specs
from sakuga.timeline.motion_keys import conditioning_at
from sakuga.timeline.spec import (
    CameraFrame,
    Conditioning,
    Digest,
    FrameSpec,
    Generated,
    Given,
    InBetween,
    Interpolated,
    MotionFrame,
    Prompt,
)
from sakuga.timeline.timing import frame_spans, ping_pong

PromptWeights = tuple[tuple[str, float], ...]
"""Prompts with their weights, which sum to 1; empty without a prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPart:
    """A shot of a film, or a segment of a morph."""

    name: str
    first: int
    cut: bool
    """Whether a cut precedes it, so that its first frame may jump."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePrompts:
    """Prompt weights for each frame, and the parts."""

    rate: Fraction
    prompts: tuple[PromptWeights, ...]
    parts: tuple[ClipPart, ...] = ()
    closed: bool = False
    """Whether the clip was made as a loop."""


def frame_prompts(recipe: Recipe, source: CheckpointFiles) -> FramePrompts | None:
    """Return the prompts of each frame of a recipe.

    None for one without prompts.

    Styles and their trigger words are left out: they may not be installed, and do not change the layout.
    """
    match recipe:
        case FilmRecipe():
            return _film(recipe, source)
        case MorphRecipe():
            return _morph(recipe, source)
        case DrawRecipe(steps_shown=False):
            return FramePrompts(rate=Fraction(1), prompts=(((without_emphasis(recipe.prompt), 1.0),),))
    return None


def _film(recipe: FilmRecipe, source: CheckpointFiles) -> FramePrompts:
    film = recipe.read()
    settings = replace(film.settings, model=source.name, style=None, motion=NO_MOTION)
    how = frame_settings(resolve_settings(settings, source), source)
    board = replace(film.storyboard, shots=tuple(replace(shot, style=None) for shot in film.storyboard.shots))
    sheet = lay_out_film(board, how, timings=recipe.morph_timings())
    prompts = tuple(prompts_of(name, sheet.specs) for name in sheet.exposures)
    shots = film.storyboard.shots
    starts = [span.start for span in frame_spans((shot.seconds for shot in shots), how.rate)]
    parts = tuple(
        ClipPart(name=f"shot {number}", first=first, cut=number > 1 and type(shot.transition).__name__ == "Cut")
        for number, (shot, first) in enumerate(zip(shots, starts, strict=True), 1)
    )
    return FramePrompts(rate=how.rate, prompts=prompts, parts=parts)


def _morph(recipe: MorphRecipe, source: CheckpointFiles) -> FramePrompts:
    settings = resolve_settings(replace(recipe.settings, model=source.name, style=None), source)
    course = recipe.path()
    at = recipe.places or morph_positions(course, recipe.frames, recipe.ease)
    specs = morph_specs(course, at, image_spec(recipe.prompts[0], recipe.seed, settings, source))
    prompts = [_prompts(spec.conditioning) for spec in specs]
    firsts = [next(index for index, position in enumerate(at) if position >= key - 1e-9) for key in range(len(course.keys))]
    parts = tuple(ClipPart(name=f"prompt {number}", first=first, cut=False) for number, first in enumerate(firsts, 1))
    played = ping_pong(prompts) if recipe.ping_pong else prompts
    rate = frame_settings(settings, source).rate
    return FramePrompts(rate=rate, prompts=tuple(played), parts=parts, closed=recipe.loop or recipe.ping_pong)


def prompts_of(name: Digest, specs: Mapping[Digest, FrameSpec]) -> PromptWeights:
    """Return a frame's prompts.

    An in-between mixes those of its two keyframes.
    """
    match specs[name]:
        case Generated(conditioning=conditioning):
            return _prompts(conditioning)
        case MotionFrame(window=window, index=index):
            return _prompts(conditioning_at(window.keys, index))
        case CameraFrame(frame=frame):
            return prompts_of(frame, specs)
        case InBetween(first=first, second=second, at=at):
            return _mixed(prompts_of(first, specs), prompts_of(second, specs), at)
        case Given():
            return ()


def _prompts(conditioning: Conditioning) -> PromptWeights:
    match conditioning:
        case Prompt(prompt=prompt):
            return ((without_emphasis(prompt), 1.0),)
        case Interpolated(first=first, second=second, at=at):
            return _mixed(_prompts(first), _prompts(second), at)
    return ()


def _mixed(first: PromptWeights, second: PromptWeights, at: float) -> PromptWeights:
    """Mix two frames' prompts.

    An empty side counts as the other.
    """
    if not first or not second:
        return first or second
    shares: dict[str, float] = defaultdict(float)
    for prompts, share in ((first, 1.0 - at), (second, at)):
        for text, weight in prompts:
            shares[text] += share * weight
    return tuple((text, share) for text, share in shares.items() if share > 0)
