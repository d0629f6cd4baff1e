"""Morphs: prompts to FrameSpecs. Prompt and noise travel together from key to key; every frame is drawn for itself.

A place is a number: 0.0 is the first key, 1.0 the second, 1.5 half way to the third. Each key has one noise, which both of its legs
share, and is shown once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from operator import itemgetter
from statistics import median

from sakuga import InputError
from sakuga.story.storyboard import Ease
from sakuga.timeline.spec import Drawn, Mix, Noise, Ring, Seeded, Slerp, Text, Worn
from sakuga.timeline.style_weights import travelled
from sakuga.timeline.timing import eased


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


def legs_of(course: Course, frames: int) -> list[int]:
    """Share the steps of `frames` frames out among the legs, alike; each gets one at least."""
    least = max(2, len(course.keys))
    if frames < least:
        raise MorphError(f"{frames} frames cannot show {len(course.keys)} prompts in motion: ask for {least} or more")
    spare, legs = _steps(course, frames) - course.legs, course.legs
    ends = [round(spare * leg / legs, 9) for leg in range(legs + 1)]
    return [1 + int(stop + 0.5) - int(start + 0.5) for start, stop in pairwise(ends)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruler:
    """How much has changed to the eye from the start of a course up to some of its places; between those it grows evenly.

    The first place is 0.0, the last the course's end (of a closed one too), and every key is among them.
    """

    places: tuple[float, ...]
    gone: tuple[float, ...]

    def gone_at(self, place: float) -> float:
        """Return how much has changed up to a place."""
        return _between(self.places, self.gone, place)

    def place_of(self, gone: float) -> float:
        """Find where so much has changed: the first such place."""
        return _between(self.gone, self.places, gone)


def ruler(course: Course, known: Sequence[float], steps: Sequence[float], finer: Iterable[tuple[float, float]] = ()) -> Ruler:
    """Lay a ruler along a course: `known` are places of frames, every key among them, and `steps` how much neighbours differ, on a closed
    course the last frame and the first too.

    `finer` are places seen before, the known ones among them, each with the difference from the place before it. They say where between two
    known places the change is; how much it is in all the step says, as what moves to and fro is longer in small steps than in one.
    """
    ends = [*known, float(course.legs)] if course.closed else list(known)
    within = sorted(finer)
    cuts = [bisect_right(within, end, key=itemgetter(0)) for end in ends]
    places, gone = [0.0], [0.0]
    for stop, (first, after), step in zip(ends[1:], pairwise(cuts), steps, strict=True):
        parts = within[first:after]
        whole = sum(part for _, part in parts)
        if not whole:
            parts, whole = [(stop, 1.0)], 1.0
        begun = gone[-1]
        places += [place for place, _ in parts]
        gone += [begun + step * sum_ / whole for sum_ in accumulate(part for _, part in parts)]
    return Ruler(places=tuple(places), gone=tuple(gone))


def evened(course: Course, frames: int, along: Ruler) -> tuple[float, ...]:
    """Find places for frames so that neighbours differ equally, by a ruler; keys stay shown."""
    at_key = [along.gone_at(float(key)) for key in range(course.legs + 1)]
    lengths = [stop - start for start, stop in pairwise(at_key)]
    shares = _shared(_steps(course, frames), lengths) if any(lengths) else legs_of(course, frames)
    way = []
    for leg, (share, length) in enumerate(zip(shares, lengths, strict=True)):
        way += [along.place_of(at_key[leg] + step / share * length) if step and length else leg + step / share for step in range(share)]
    return _ended(course, way)


def closed_up(course: Course, known: Sequence[float], along: Ruler, widest: float) -> tuple[float, ...]:
    """Find new places for a loop whose last step, back to the first frame, is wider than `widest` median steps.

    The last frames of the last leg are moved on, as few as will do, so that the steps from there to the first frame are alike; where
    the whole leg is too long for its frames, all are evened.
    """
    gone = [along.gone_at(place) for place in (*known, float(course.legs))]
    steps = [after - before for before, after in pairwise(gone)]
    free = len(known) - 1 - max(place for place, at in enumerate(known) if at == int(at))
    for moved in range(1, free + 1):
        kept = len(known) - moved
        even = sum(steps[kept - 1 :]) / (moved + 1)
        if even <= widest * median([*steps[: kept - 1], *[even] * moved]):
            way = [along.place_of(gone[kept - 1] + step * even) for step in range(1, moved + 1)]
            return _ended(course, [*known[:kept], *way])
    return evened(course, len(known), along)


def _steps(course: Course, frames: int) -> int:
    return frames if course.closed else frames - 1


def _shared(steps: int, lengths: Sequence[float]) -> list[int]:
    """Share steps out among lengths so that the widest is as narrow as can be; each gets one at least (Adams's apportionment)."""
    shares = [1] * len(lengths)
    for _ in range(steps - len(lengths)):
        shares[max(range(len(lengths)), key=lambda leg: lengths[leg] / shares[leg])] += 1
    return shares


def _between(known: Sequence[float], values: Sequence[float], wanted: float) -> float:
    """Read off the value of a growing row at a place, evenly between those that are known."""
    after = bisect_left(known, wanted, 1, len(known) - 1)
    left, right = known[after - 1], known[after]
    share = (wanted - left) / (right - left) if right > left else 1.0
    return values[after - 1] + min(1.0, max(0.0, share)) * (values[after] - values[after - 1])


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
