"""The frames of a morph drawn at some places, looked at, and timed anew where they move unevenly or a loop's end would be seen."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial

from sakuga.evaluation.motion_smoothness import loop_gap, steps, variation
from sakuga.finishing.color_match import lab_difference
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Bench, Drawing
from sakuga.timeline.morph import Course, Ruler, closed_up, evened, frames_at, ruler
from sakuga.timeline.spec import Digest, Drawn, digest

WIDE, AIM = 1.2, 1.15
"""Usual steps from a loop's last frame to its first that are not seen, and what is aimed at where it is wider."""
FAR = 2.5
"""Usual steps that the last frames of a loop cannot take in, so that all of them must move."""
EVEN = 0.35
"""The coefficient of variation under which a loop that was timed anew is even but for its end."""
CLOSINGS, TRIALS = 4, 16
"""How often as many frames as a loop has are drawn more for its end, at most; and how often it is timed anew, where few frames move."""
EVENINGS, SMOOTH = 4, 0.1
"""How often an even morph is timed anew, at most, each time its frames are drawn again; and the variation that is even enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """The frames of a course drawn at some places, and how much neighbours differ."""

    places: tuple[float, ...]
    specs: tuple[Drawn, ...]
    drawing: Drawing
    steps: tuple[float, ...]
    """One for each pair of neighbours, and on a closed course the one back to the first."""

    @property
    def names(self) -> tuple[Digest, ...]:
        return tuple(map(digest, self.specs))


def draw_at(course: Course, at: tuple[float, ...], like: Drawn, bench: Bench) -> Generator[Step, None, Take]:
    """Draw the frames of a course at some places, and look at how they move."""
    specs = frames_at(course, at, like)
    names = [digest(spec) for spec in specs]
    drawing = yield from bench.draw(dict(zip(names, specs, strict=True)), names)
    around = [*names, names[0]] if course.closed else names
    moved = steps((bench.store.read(drawing.renamed[name]) for name in around), lab_difference)
    return Take(places=at, specs=specs, drawing=drawing, steps=tuple(moved))


def even_out(course: Course, like: Drawn, bench: Bench, takes: list[Take]) -> Generator[Step, None, None]:
    """Time the frames anew by how neighbours differ, until they do so equally; the most even take comes last."""
    tried = takes[-1:]
    while variation(tried[-1].steps) > SMOOTH and len(tried) <= EVENINGS:
        anew = evened(course, len(tried[-1].places), measured(course, tried, bench))
        tried.append((yield from draw_at(course, anew, like, bench)))
    takes += [*tried[1:], min(tried, key=lambda take: variation(take.steps))] if len(tried) > 1 else []


def close_up(course: Course, like: Drawn, bench: Bench, takes: list[Take]) -> Generator[Step, None, list[str]]:
    """Time a loop anew where its last step is seen: its end alone, or all of it where that is not enough.

    The take with the narrowest step comes last. Returns what a person must know of it.
    """
    tried, notes, seen = takes[-1:], list[str](), set(takes[-1].places)
    while seam(tried[0], tried[-1]) > WIDE and len(seen) <= CLOSINGS * len(tried[0].places) and len(tried) <= TRIALS:
        if not notes:
            notes.append(f"the loop closes with {back(tried[-1]):.1f} usual steps: its frames are timed anew")
            yield Step(stage="drawing", note=notes[0])
        last, along = tried[-1], measured(course, [*takes, *tried[1:]], bench)
        little = back(last) <= FAR and (len(tried) == 1 or variation(last.steps) < EVEN)
        anew = closed_up(course, last.places, along, AIM) if little else evened(course, len(last.places), along)
        tried.append((yield from draw_at(course, anew, like, bench)))
        seen |= set(anew)
    takes += [*tried[1:], min(tried, key=partial(seam, tried[0]))] if len(tried) > 1 else []
    return notes


def seam(first: Take, take: Take) -> float:
    """How much of a loop's end is seen, in usual steps: its last step, or half of the widest from frames that were moved since the first.

    So a wide step is not pushed from a loop's end to just before it.
    """
    moved = [step for place, before, step in zip(take.places, first.places, take.steps, strict=True) if place != before]
    return max(back(take), 0.5 * (loop_gap(take.steps[:-1], max(moved)) or 0.0) if moved else 0.0)


def measured(course: Course, takes: Sequence[Take], bench: Bench) -> Ruler:
    """Lay a ruler by all frames that were drawn so far: how wide steps are by the last take, where in them the change is by all."""
    seen = {place: take.drawing.renamed[name] for take in takes for place, name in zip(take.places, take.names, strict=True)}
    if course.closed:
        seen[float(course.legs)] = seen[0.0]
    known = sorted(seen)
    parts = steps((bench.store.read(seen[place]) for place in known), lab_difference)
    return ruler(course, takes[-1].places, takes[-1].steps, zip(known[1:], parts, strict=True))


def back(take: Take) -> float:
    """How many usual steps a closed course takes from its last frame to its first."""
    return loop_gap(take.steps[:-1], take.steps[-1]) or 0.0
