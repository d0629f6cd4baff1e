"""Morphs: prompts to FrameSpecs. Prompt and noise travel together from key to key; every frame is drawn for itself.

A place is a number: 0.0 is the first key, 1.0 the second, 1.5 half way to the third. Each key has one noise, which both of its legs
share, and is shown once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from statistics import median

from sakuga import InputError
from sakuga.story.storyboard import Ease
from sakuga.timeline.spec import Drawn, Mix, Noise, Ring, Seeded, Slerp, Text, Worn
from sakuga.timeline.timing import eased
from sakuga.timeline.wearing import travelled


class MorphError(InputError, ValueError):
    """A morph that cannot be laid out; one sentence says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A place of rest: what is seen there, by which chance, in which styles."""

    prompt: str
    seed: int
    styles: tuple[Worn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The keys of a morph in order; a closed one goes on from the last to the first.

    Raises MorphError where there is no way to go: an open course needs two keys, a closed one is content with one.
    """

    keys: tuple[Key, ...]
    closed: bool = False

    def __post_init__(self) -> None:
        if not self.keys:
            raise MorphError("there is no prompt: say what to draw")
        if not self.legs:
            raise MorphError("a morph needs two prompts or more; one alone can only go round in a loop")

    @property
    def legs(self) -> int:
        """Ways from one key to the next."""
        return len(self.keys) if self.closed else len(self.keys) - 1


def places(course: Course, frames: int, ease: Ease) -> tuple[float, ...]:
    """Spread frames over a course, as evenly over its legs as whole numbers allow; each leg is eased, and each key is met exactly.

    An open course begins at its first key and ends at its last; a closed one stops a step short of where it began.
    Raises MorphError where there are fewer frames than keys, or an ease would go past them.
    """
    shares = legs_of(course, frames)
    bent = [[eased(step / share, ease) for step in range(share)] for share in shares]
    if max(map(max, bent)) >= 1:
        raise MorphError(f"ease {ease!r} goes past a prompt and comes back, which a morph cannot: choose another")
    return _ended(course, (leg + at for leg, within in enumerate(bent) for at in within))


def legs_of(course: Course, frames: int, lengths: Sequence[float] | None = None) -> list[int]:
    """Share the steps of `frames` frames out among the legs: by their lengths, or alike; each gets one at least."""
    least = max(2, len(course.keys))
    if frames < least:
        raise MorphError(f"{frames} frames cannot show {len(course.keys)} prompts in motion: ask for {least} or more")
    steps, legs = frames if course.closed else frames - 1, course.legs
    weights = lengths if lengths is not None and sum(lengths) > 0 else [1.0] * legs
    spare, whole = steps - legs, sum(weights)
    ends = [round(spare * sum(weights[:leg]) / whole, 9) for leg in range(legs + 1)]
    return [1 + int(stop + 0.5) - int(start + 0.5) for start, stop in pairwise(ends)]


def evened(course: Course, known: Sequence[float], steps: Sequence[float]) -> tuple[float, ...]:
    """Find new places for as many frames, so that neighbours differ equally, from how much they differ now.

    `known` are the places of the frames now, every key among them; `steps` the differences of neighbours, on a closed course that from
    the last frame to the first too. Between frames the difference is taken to grow evenly with the place. Keys stay shown.
    """
    ends = [*known, float(course.legs)] if course.closed else list(known)
    gone = [0.0, *accumulate(steps)]
    at_key = [gone[ends.index(float(key))] for key in range(course.legs + 1)]
    shares = legs_of(course, len(known), [stop - start for start, stop in pairwise(at_key)])
    way = []
    for leg, share in enumerate(shares):
        length = at_key[leg + 1] - at_key[leg]
        way += [
            _placed(ends, gone, at_key[leg] + step / share * length) if step and length else leg + step / share for step in range(share)
        ]
    return _ended(course, way)


def closed_up(course: Course, known: Sequence[float], steps: Sequence[float], widest: float) -> tuple[float, ...]:
    """Find new places for a loop whose last step, back to the first frame, is wider than `widest` median steps.

    The last frames of the last leg are moved on, as few as will do, so that the steps from there to the first frame are alike; where
    the whole leg is too long for its frames, all are evened. Known places and steps are those of `evened`.
    """
    whole = [*known, float(course.legs)]
    gone = [0.0, *accumulate(steps)]
    free = len(known) - 1 - max(place for place, at in enumerate(known) if at == int(at))
    for moved in range(1, free + 1):
        kept = len(known) - moved
        even = sum(steps[kept - 1 :]) / (moved + 1)
        if even <= widest * median([*steps[: kept - 1], *[even] * moved]):
            way = [_placed(whole, gone, gone[kept - 1] + step * even) for step in range(1, moved + 1)]
            return _ended(course, [*known[:kept], *way])
    return evened(course, known, steps)


def _placed(ends: Sequence[float], gone: Sequence[float], wanted: float) -> float:
    """Find where so much has changed."""
    for (left, before), (right, after) in pairwise(zip(ends, gone, strict=True)):
        if before <= wanted < after:
            return left + (right - left) * (wanted - before) / (after - before)
    return ends[-1]


def _ended(course: Course, way: Iterable[float]) -> tuple[float, ...]:
    """Nine digits are enough for motion, and keep names free of the last bit's noise."""
    end = () if course.closed else (float(course.legs),)
    return tuple(round(place, 9) for place in way) + end


def frames_at(course: Course, wanted: Iterable[float], like: Drawn) -> tuple[Drawn, ...]:
    """Say what decides each frame: as `like`, but for prompt, noise and styles. A key's frame is a plain drawing of its prompt."""
    return tuple(_frame(course, place, like) for place in wanted)


def _frame(course: Course, place: float, like: Drawn) -> Drawn:
    leg, at = int(place), round(place - int(place), 9)
    key, following = course.keys[leg % len(course.keys)], course.keys[(leg + 1) % len(course.keys)]
    here, there = Text(prompt=key.prompt), Text(prompt=following.prompt)
    batch = like.batch if len({key.styles for key in course.keys}) == 1 else 1  # frames that wear different styles share no batch
    if not at:
        return replace(like, conditioning=here, noise=Seeded(seed=key.seed), styles=key.styles, batch=batch)
    shown = here if here == there else Mix(first=here, second=there, at=at)
    worn = travelled(key.styles, following.styles, at)
    return replace(like, conditioning=shown, noise=_noise(course, place, at), styles=worn, batch=batch)


def _noise(course: Course, place: float, at: float) -> Noise:
    """Go the shortest way from noise to noise; a loop of one or two keys goes round, so that it does not come back as it went.

    Where several keys all have one noise, it stands still.
    """
    seeds, leg = [key.seed for key in course.keys], int(place)
    if len(seeds) > 1 and len(set(seeds)) == 1:
        return Seeded(seed=seeds[0])
    if course.closed and len(seeds) <= 2:
        after = [seed for seed in range(seeds[0], seeds[0] + 4) if seed not in seeds]
        first, second, third = (Seeded(seed=seed) for seed in (seeds + after)[:3])
        return Ring(first=first, second=second, third=third, at=round(place / len(seeds), 9))
    return Slerp(first=Seeded(seed=seeds[leg]), second=Seeded(seed=seeds[(leg + 1) % len(seeds)]), at=at)
