"""Retiming of a film's morphs, so that no frame jumps."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from sakuga.evaluation.motion_smoothness import steps, variation
from sakuga.finishing.image import Image
from sakuga.studio.animate.morph_timing import MAX_EVEN_TAKES, image_difference
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import MAX_FRAMES, Part
from sakuga.studio.core.render_session import RenderCount, Rendering, RenderSession
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.spec import Digest, Rendered
from sakuga.timeline.transition_timing import LaidTransition, Timings, TransitionTiming, even_timing, without_unused

EVEN = 0.15
"""The coefficient of variation of a morph's steps that is even enough."""
UNLIKE = 4.0
"""Lab difference of two generated frames above which those between are generated, too, not interpolated."""
REFINED_TAKES = 1
"""Takes after which more keyframes are generated; later ones only retime, as each new keyframe may differ anew."""
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
    """Render a film, and retime its morphs until neighbouring frames differ equally.

    Of the takes of each morph the most even one is used.
    """
    searches: dict[int, _Search] = {}
    timings: Timings = {}
    renderings: list[Rendering] = []
    for _ in range(MAX_EVEN_TAKES + 1):
        sheet = lay_out(timings)
        wanted = [*sheet.exposures, *(name for laid in sheet.transitions.values() for name in laid.frames)]
        rendering = yield from session.render(sheet.specs, wanted)
        renderings.append(rendering)
        for shot, laid in sheet.transitions.items():
            searches.setdefault(shot, _Search(session)).add(laid, rendering)
        timings = {shot: search.best if search.done else search.following for shot, search in searches.items()}
        if all(search.done for search in searches.values()):
            break
    best = {shot: without_unused(search.best) for shot, search in searches.items()}
    sheet = lay_out(best)
    rendering = yield from session.render(sheet.specs, sheet.exposures)
    return EvenFilm(sheet=sheet, rendering=replace(rendering, count=_total([*renderings, rendering])), timings=best)


def _total(renderings: list[Rendering]) -> RenderCount:
    """Count the frames of several takes, each once."""
    generated = sum(rendering.count.generated for rendering in renderings)
    names = {name for rendering in renderings for name, spec in rendering.specs.items() if isinstance(spec, Rendered)}
    notes = dict.fromkeys(note for rendering in renderings for note in rendering.count.notes)
    return RenderCount(generated=generated, reused=max(0, len(names) - generated), notes=tuple(notes))


@dataclass(slots=True)
class _Search:
    """The takes of one morph."""

    session: RenderSession
    takes: list[tuple[float, TransitionTiming]] = field(default_factory=list)
    """Their variation and timing."""
    images: dict[float, Digest] = field(default_factory=dict)
    """The stored frame at every position generated so far."""
    following: TransitionTiming = field(init=False)
    """The timing of the next take."""

    @property
    def best(self) -> TransitionTiming:
        return min(self.takes, key=lambda take: take[0])[1]

    @property
    def done(self) -> bool:
        return self.takes[-1][0] <= EVEN or self.following == self.takes[-1][1]

    def add(self, laid: LaidTransition, rendering: Rendering) -> None:
        """Measure a take, and time the next one."""
        if self.takes and self.done:
            return
        shown = list(self.session.read_frames(rendering, (laid.before, *laid.frames), lambda _, image: image))
        moved = steps(shown, image_difference)
        self.takes.append((variation(moved), laid.timing))
        self.images |= {at: rendering.renamed[name] for at, name in zip(laid.timing.generated, laid.generated, strict=True)}
        generated = {0.0: shown[0]} | {at: self.session.store.read(name) for at, name in self.images.items()}
        refines = len(self.takes) <= REFINED_TAKES
        self.following = even_timing(
            laid.timing, moved, _changes(generated), lambda left, right: refines and _differ(generated, left, right)
        )


def _changes(images: Mapping[float, Image]) -> dict[float, float]:
    """Return each position's difference to the one before."""
    return {after: image_difference(images[before], images[after]) for before, after in pairwise(sorted(images))}


def _differ(images: Mapping[float, Image], left: float, right: float) -> bool:
    return image_difference(images[left], images[right]) > UNLIKE
