"""Retiming of a film's morphs, so that no frame jumps."""

from collections import defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from sakuga.evaluation.motion_smoothness import variation
from sakuga.finishing.image import Image
from sakuga.story.limits import MAX_FRAMES
from sakuga.studio.animate.morph_timing import image_difference
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Part
from sakuga.studio.core.render_session import RenderCount, Rendering, RenderSession
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.spec import Digest, Rendered
from sakuga.timeline.transition_timing import (
    LaidTransition,
    Timings,
    TransitionTiming,
    change_along,
    even_timing,
    with_keyframes,
    without_unused,
)

EVEN = 0.15
"""The coefficient of variation of a morph's steps that is even enough."""
UNLIKE = 6.0
"""Lab difference of two generated frames above which one between them is generated, too, not interpolated."""
REFINEMENTS = 2
"""How often such frames are looked for; an image that wanders differs anew however many there are."""
Position = Annotated[float, Field(ge=0, le=1)]


class MorphTiming(Part):
    """The timing of a morph, in a recipe."""

    shot: int = Field(ge=2, le=MAX_FRAMES)
    """The shot that it leads into, counted from 1."""
    generated: tuple[Position, ...] = Field(min_length=1, max_length=MAX_FRAMES)
    shown: tuple[Position, ...] = Field(min_length=1, max_length=MAX_FRAMES)

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if any(sorted(row) != [*row] for row in (self.generated, self.shown)) or self.generated[-1] != 1.0 or self.shown[-1] != 1.0:
            raise ValueError("positions grow up to 1.0: set timings=null, and they are searched again")
        return self

    @classmethod
    def of(cls, shot: int, timing: TransitionTiming) -> Self:
        """Return the timing of the morph into a shot, counted from 0."""
        return cls(shot=shot + 1, generated=timing.generated, shown=timing.shown)

    @property
    def timing(self) -> TransitionTiming:
        """Return it as films are laid out with it."""
        return TransitionTiming(generated=self.generated, shown=self.shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvenFilm:
    """A rendered film whose morphs are even, and how they are timed."""

    sheet: ExposureSheet
    rendering: Rendering
    timings: Timings


def render_evenly(lay_out: Callable[[Timings], ExposureSheet], session: RenderSession) -> Generator[Step, None, EvenFilm]:
    """Render a film, and time its morphs so that neighbouring frames differ equally.

    Between two generated frames a morph is taken to change evenly, as its in-betweens do. Where two differ too much, more are generated.
    """
    morphs = defaultdict[int, _MeasuredMorph](_MeasuredMorph)
    timings: dict[int, TransitionTiming] = {}
    renderings: list[Rendering] = []
    for left in reversed(range(REFINEMENTS + 1)):
        sheet = lay_out(timings)
        wanted = [*sheet.exposures, *(name for laid in sheet.transitions.values() for name in laid.generated)]
        renderings.append((yield from session.render(sheet.specs, wanted)))
        for shot, laid in sheet.transitions.items():
            morphs[shot].read(laid, renderings[-1], session)
            timings[shot] = morphs[shot].timed(laid.timing, refines=left > 0)
        if all(timings[shot].generated == laid.timing.generated for shot, laid in sheet.transitions.items()):
            break
    timings = {shot: without_unused(timing) for shot, timing in timings.items()}
    sheet = lay_out(timings)
    rendering = yield from session.render(sheet.specs, sheet.exposures)
    return EvenFilm(sheet=sheet, rendering=replace(rendering, count=_total([*renderings, rendering])), timings=timings)


def _total(renderings: list[Rendering]) -> RenderCount:
    """Count the frames of several takes, each once."""
    generated = sum(rendering.count.generated for rendering in renderings)
    names = {name for rendering in renderings for name, spec in rendering.specs.items() if isinstance(spec, Rendered)}
    notes = dict.fromkeys(note for rendering in renderings for note in rendering.count.notes)
    return RenderCount(generated=generated, reused=max(0, len(names) - generated), notes=tuple(notes))


@dataclass(slots=True)
class _MeasuredMorph:
    """The generated frames of a morph."""

    frames: dict[float, Digest] = field(default_factory=dict)
    """By position; that at 0.0 is the last image before."""
    images: dict[Digest, Image] = field(default_factory=dict)
    differences: dict[tuple[Digest, Digest], float] = field(default_factory=dict)

    def read(self, laid: LaidTransition, rendering: Rendering, session: RenderSession) -> None:
        """Read the frames that are new."""
        self.frames |= {0.0: laid.before, **dict(zip(laid.timing.generated, laid.generated, strict=True))}
        new = [name for name in self.frames.values() if name not in self.images]
        self.images |= zip(new, session.read_frames(rendering, new, lambda _, image: image), strict=True)

    def difference(self, left: float, right: float) -> float:
        """Return how much two generated frames differ."""
        pair = self.frames[left], self.frames[right]
        if pair not in self.differences:
            self.differences[pair] = image_difference(*(self.images[name] for name in pair))
        return self.differences[pair]

    def timed(self, timing: TransitionTiming, *, refines: bool) -> TransitionTiming:
        """Make a timing even that is not, and add generated frames where two differ too much."""
        curve = change_along({after: self.difference(before, after) for before, after in pairwise(sorted(self.frames))})
        moved = [curve.change_at(after) - curve.change_at(before) for before, after in pairwise((0.0, *timing.shown))]
        timing = even_timing(timing, curve) if variation(moved) > EVEN else timing
        return with_keyframes(timing, lambda left, right: self.difference(left, right) > UNLIKE) if refines else timing
