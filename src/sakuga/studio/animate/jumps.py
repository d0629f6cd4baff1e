"""Jumps of a film: frames that differ far more from the one before than others do."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from statistics import median
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from sakuga.finishing.image import Image, in_8_bits
from sakuga.story.limits import MAX_FRAMES
from sakuga.story.storyboard import Cut, Storyboard
from sakuga.studio.core.recipe import Part
from sakuga.timeline.retiming import Retiming, spread_step
from sakuga.timeline.timing import frame_spans

JUMP = 3.0
"""How many times the median step a jump is, at least."""
VISIBLE = 4.0
"""Grey levels below which no step counts as a jump, however still the film is."""
NEAR = 4
"""Moving steps on each side that a jump stands out from; a dusk that passes quickly does not."""
MOST = 3
"""Jumps that are named, the largest first."""
MENDED = 2.0
"""How many times the median step the frames around a mended jump differ, at most, if there are enough of them."""
REACH = 8
"""Frames on each side over which a jump is spread."""


class FilmRetiming(Part):
    """Frames that show other moments, so that none jumps, in a recipe."""

    first: int = Field(ge=0, le=MAX_FRAMES)
    shown: tuple[Annotated[float, Field(gt=0, lt=MAX_FRAMES)], ...] = Field(min_length=1, max_length=2 * REACH)

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        ends = self.first, *self.shown, self.first + len(self.shown) + 1
        if [*ends] != sorted(ends):
            raise ValueError("moments grow between the frame before them and the one after: set retimings=[], and nothing is retimed")
        return self

    @property
    def retiming(self) -> Retiming:
        """Return it as sheets are retimed with it."""
        return Retiming(first=self.first, shown=self.shown)


def noting_steps(images: Iterable[Image], steps: list[float]) -> Iterator[Image]:
    """Pass images on; append to `steps` how much each differs from the one before, in grey levels."""
    before: Image | None = None
    for image in images:
        now = in_8_bits(image)
        if before is not None:
            steps.append(float(np.abs(now.astype(np.int16) - before).mean()))
        yield image
        before = now


def find_jumps(steps: Sequence[float], cuts: Iterable[int]) -> list[tuple[int, float]]:
    """Return the frames that jump, counted from 0, with their step over the median of all moving ones; the largest first.

    A jump stands out from the whole film and from the steps around it. `cuts` are the frames that follow a cut.

    >>> find_jumps([5.0, 5.0, 40.0, 5.0, 30.0], cuts=[3])
    [(5, 6.0)]
    """
    asked = set(cuts)
    own = [(frame, step) for frame, step in enumerate(steps, 1) if step and frame not in asked]
    usual = median(step for _, step in own) if own else 0.0
    around = [median(step for _, step in own[max(0, place - NEAR) : place + NEAR + 1]) for place in range(len(own))]
    found = [
        (frame, step / usual) for (frame, step), near in zip(own, around, strict=True) if step > max(VISIBLE, JUMP * usual, JUMP * near)
    ]
    return sorted(found, key=lambda one: -one[1])


def cuts_of(storyboard: Storyboard, rate: Fraction) -> list[int]:
    """Return the frames that follow a cut."""
    spans = frame_spans((shot.seconds for shot in storyboard.shots), rate)
    return [span.start for span, shot in zip(spans[1:], storyboard.shots, strict=False) if isinstance(shot.transition, Cut)]


def spread_jumps(steps: Sequence[float], cuts: Sequence[int]) -> tuple[FilmRetiming, ...]:
    """Return how the frames around each jump are retimed, none of them twice.

    A jump is spread over the frames around it, as far as a cut or a held frame. Fewer than 8 moving steps do not tell what is usual.
    """
    still = [0.0 if frame in cuts else step for frame, step in enumerate(steps, 1)]
    moving = [step for step in still if step]
    if len(moving) < 2 * NEAR:
        return ()
    free, found = set(range(len(steps) + 1)), list[FilmRetiming]()
    for frame, _ in find_jumps(steps, cuts):
        one = spread_step(still, frame, MENDED * median(moving), REACH)
        touched = set(range(one.first, one.first + len(one.shown) + 2)) if one else set()
        if one and touched <= free:
            found.append(FilmRetiming(first=one.first, shown=one.shown))
            free -= touched
    return tuple(sorted(found, key=lambda one: one.first))


def jump_notes(steps: Sequence[float], storyboard: Storyboard, rate: Fraction) -> list[str]:
    """Return a sentence for each of the largest jumps of a film that nobody asked for."""
    spans = frame_spans((shot.seconds for shot in storyboard.shots), rate)
    notes = []
    for frame, ratio in find_jumps(steps, cuts_of(storyboard, rate))[:MOST]:
        shot = max(index for index, span in enumerate(spans, 1) if span.start <= frame)
        notes.append(
            f"frame {frame + 1} jumps: it differs {ratio:.1f} times as much from the one before as usual; another seed of shot {shot}, "
            "or a longer transition into it, may mend that"
        )
    return notes
