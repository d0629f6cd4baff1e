"""Morphs: prompts to FrameSpecs, each frame generated independently.

Prompt embeddings and noise interpolate from key to key. A position is a number: 0.0 is the first key, 1.0 the second, 1.5 half way
to the third. Each key has one noise, which both of its segments share, and is shown once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from operator import itemgetter
from statistics import median

from sakuga import InputError
from sakuga.story.keys import Ease
from sakuga.timeline.prompts import prompt_of, weighted
from sakuga.timeline.spec import AppliedStyle, Generated, Interpolated, Noise, NoiseLoop, SeedNoise, SlerpNoise, Weighting
from sakuga.timeline.style_weights import interpolate_styles
from sakuga.timeline.timing import apply_easing


class MorphError(InputError, ValueError):
    """A morph that cannot be laid out.

    The message gives the reason and the remedy.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphKey:
    """A key of a morph: prompt, seed and styles."""

    prompt: str
    seed: int
    styles: tuple[AppliedStyle, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphPath:
    """The keys of a morph in order.

    A closed path returns to the first key.

    Raises MorphError for an open path of fewer than two keys, or a closed one of none.
    """

    keys: tuple[MorphKey, ...]
    closed: bool = False
    weighting: Weighting = "comfyui"
    """How emphasis in prompts scales embeddings."""

    def __post_init__(self) -> None:
        if not self.keys:
            raise MorphError("there is no prompt; give one or more")
        if not self.segments:
            raise MorphError("a morph needs two prompts or more; a single prompt can only be morphed in a loop (--loop)")

    @property
    def segments(self) -> int:
        """Number of segments from one key to the next."""
        return len(self.keys) if self.closed else len(self.keys) - 1


def morph_positions(path: MorphPath, frames: int, ease: Ease) -> tuple[float, ...]:
    """Spread frames over a path, as evenly as possible.

    Each segment is eased, and each key is met exactly. An open path ends at its last key, a closed one a step before its first.
    Raises MorphError for fewer frames than keys, or for an ease that overshoots.
    """
    shares = steps_per_segment(path, frames)
    eased = [[apply_easing(step / share, ease) for step in range(share)] for share in shares]
    if max(map(max, eased)) >= 1:
        raise MorphError(f"ease {ease!r} overshoots, which a morph cannot; choose another")
    return _with_end(path, (segment + at for segment, within in enumerate(eased) for at in within))


def steps_per_segment(path: MorphPath, frames: int) -> list[int]:
    """Divide steps evenly among segments, at least one each."""
    least = max(2, len(path.keys))
    if frames < least:
        raise MorphError(f"{frames} frames are too few for {len(path.keys)} prompts; use {least} or more")
    spare, segments = _steps(path, frames) - path.segments, path.segments
    ends = [round(spare * segment / segments, 9) for segment in range(segments + 1)]
    return [1 + int(stop + 0.5) - int(start + 0.5) for start, stop in pairwise(ends)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCurve:
    """The cumulative visual change along a morph.

    Linear between known positions.

    The first position is 0.0, the last the end of the path (of a closed one too), and every key is among them.
    """

    positions: tuple[float, ...]
    change: tuple[float, ...]

    def change_at(self, position: float) -> float:
        """Return the cumulative change at a position."""
        return _interpolate(self.positions, self.change, position)

    def position_of(self, change: float) -> float:
        """Return the first position with this cumulative change."""
        return _interpolate(self.change, self.positions, change)


def change_curve(path: MorphPath, known: Sequence[float], steps: Sequence[float], finer: Iterable[tuple[float, float]] = ()) -> ChangeCurve:
    """Build the cumulative visual-change curve of a morph.

    `known` are the positions of frames, every key among them; `steps` are the differences of neighbours, on a closed path from the
    last frame to the first too. `finer` are all positions measured so far, the known ones among them, each with its difference from
    the one before: they shape the curve within a step, not its size, since small steps add up to more than one large step.
    """
    ends = [*known, float(path.segments)] if path.closed else list(known)
    within = sorted(finer)
    cuts = [bisect_right(within, end, key=itemgetter(0)) for end in ends]
    positions, change = [0.0], [0.0]
    for stop, (first, after), step in zip(ends[1:], pairwise(cuts), steps, strict=True):
        parts = within[first:after]
        whole = sum(part for _, part in parts)
        if not whole:
            parts, whole = [(stop, 1.0)], 1.0
        start = change[-1]
        positions += [position for position, _ in parts]
        change += [start + step * total / whole for total in accumulate(part for _, part in parts)]
    return ChangeCurve(positions=tuple(positions), change=tuple(change))


def even_positions(path: MorphPath, frames: int, curve: ChangeCurve) -> tuple[float, ...]:
    """Return positions of equal visual steps.

    Keys stay shown.
    """
    at_key = [curve.change_at(float(key)) for key in range(path.segments + 1)]
    lengths = [stop - start for start, stop in pairwise(at_key)]
    shares = _apportion(_steps(path, frames), lengths) if any(lengths) else steps_per_segment(path, frames)
    positions = []
    for segment, (share, length) in enumerate(zip(shares, lengths, strict=True)):
        positions += [
            curve.position_of(at_key[segment] + step / share * length) if step and length else segment + step / share
            for step in range(share)
        ]
    return _with_end(path, positions)


def close_loop(path: MorphPath, known: Sequence[float], curve: ChangeCurve, widest: float) -> tuple[float, ...]:
    """Return positions that narrow a loop's closing step.

    For a step wider than `widest` median steps.

    As few of the last frames as possible move, so that the steps from there to the first frame are equal; if the whole last segment
    is too long for its frames, all positions are made even.
    """
    change = [curve.change_at(position) for position in (*known, float(path.segments))]
    steps = [after - before for before, after in pairwise(change)]
    free = len(known) - 1 - max(place for place, at in enumerate(known) if at == int(at))
    for moved in range(1, free + 1):
        fixed = len(known) - moved
        even = sum(steps[fixed - 1 :]) / (moved + 1)
        if even <= widest * median([*steps[: fixed - 1], *[even] * moved]):
            tail = [curve.position_of(change[fixed - 1] + step * even) for step in range(1, moved + 1)]
            return _with_end(path, [*known[:fixed], *tail])
    return even_positions(path, len(known), curve)


def _steps(path: MorphPath, frames: int) -> int:
    return frames if path.closed else frames - 1


def _apportion(steps: int, lengths: Sequence[float]) -> list[int]:
    """Divide steps to minimise the widest one.

    At least one each (Adams's method).
    """
    shares = [1] * len(lengths)
    for _ in range(steps - len(lengths)):
        shares[max(range(len(lengths)), key=lambda segment: lengths[segment] / shares[segment])] += 1
    return shares


def _interpolate(known: Sequence[float], values: Sequence[float], wanted: float) -> float:
    """Interpolate the values of a growing sequence linearly."""
    after = bisect_left(known, wanted, 1, len(known) - 1)
    left, right = known[after - 1], known[after]
    share = (wanted - left) / (right - left) if right > left else 1.0
    return values[after - 1] + min(1.0, max(0.0, share)) * (values[after] - values[after - 1])


def _with_end(path: MorphPath, positions: Iterable[float]) -> tuple[float, ...]:
    """Round positions, and add an open path's end.

    Nine digits keep rounding noise out of frame names.
    """
    end = () if path.closed else (float(path.segments),)
    return tuple(round(position, 9) for position in positions) + end


def morph_specs(path: MorphPath, positions: Iterable[float], like: Generated) -> tuple[Generated, ...]:
    """Return the spec of each frame.

    As `like`, with its own prompt, noise and styles.
    """
    return tuple(_spec(path, position, like) for position in positions)


def _spec(path: MorphPath, position: float, like: Generated) -> Generated:
    index, at = int(position), round(position - int(position), 9)
    key, following = path.keys[index % len(path.keys)], path.keys[(index + 1) % len(path.keys)]
    here, there = (weighted(prompt_of(one.prompt), path.weighting) for one in (key, following))
    batch = like.batch if len({key.styles for key in path.keys}) == 1 else 1  # frames with different styles share no batch
    if not at:
        return replace(like, conditioning=here, noise=SeedNoise(seed=key.seed), styles=key.styles, batch=batch)
    conditioning = here if here == there else Interpolated(first=here, second=there, at=at)
    styles = interpolate_styles(key.styles, following.styles, at)
    return replace(like, conditioning=conditioning, noise=_noise(path, position, at), styles=styles, batch=batch)


def _noise(path: MorphPath, position: float, at: float) -> Noise:
    """Return the noise at a position.

    A slerp from key to key.

    A loop of one or two keys follows a circle instead, so that it does not return the way it came. Keys that all have one seed share
    one constant noise.
    """
    seeds, index = [key.seed for key in path.keys], int(position)
    if len(seeds) > 1 and len(set(seeds)) == 1:
        return SeedNoise(seed=seeds[0])
    if path.closed and len(seeds) <= 2:
        after = [seed for seed in range(seeds[0], seeds[0] + 4) if seed not in seeds]
        first, second, third = (SeedNoise(seed=seed) for seed in (seeds + after)[:3])
        return NoiseLoop(first=first, second=second, third=third, at=round(position / len(seeds), 9))
    return SlerpNoise(first=SeedNoise(seed=seeds[index]), second=SeedNoise(seed=seeds[(index + 1) % len(seeds)]), at=at)
