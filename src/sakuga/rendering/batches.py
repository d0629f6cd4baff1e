"""What to draw, in which order, and together with what: plain data for an executor."""

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sakuga import SakugaError
from sakuga.timeline.spec import Between, Digest, Drawn, FrameSpec, Given, Seeded, Text, Warp, digest, needs


class PlanError(SakugaError):
    """A film leans on a picture that is not there; the sentence says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Frames to draw together: equal in everything but conditioning, noise, start and control picture, and none leaning on another."""

    frames: tuple[Drawn, ...]
    """At most `width` of them; the executor fills the batch up, so that no frame depends on its company."""
    betweens: tuple[Between, ...] = ()
    """In-betweens that a frame starts from: made again where they are needed, as only drawn pictures are kept."""

    @property
    def width(self) -> int:
        return self.frames[0].batch

    @property
    def names(self) -> tuple[Digest, ...]:
        return tuple(digest(spec) for spec in self.frames)


def plan(specs: Mapping[Digest, FrameSpec], wanted: Iterable[Digest], has: Callable[[Digest], bool]) -> Iterator[Batch]:
    """Lay out the missing frames that the wanted ones lean on, in an order that can be drawn.

    `specs` holds each spec after those that it leans on. Frames with equal settings whose starts are ready are drawn together, the
    earliest of the film first. Raises PlanError where a given picture is missing from the store, or a leaned-on spec from `specs`.
    """
    missing = missing_frames(specs, wanted, has)
    place = {name: index for index, name in enumerate(missing)}
    leaning = {name: _drawn_needs(specs, name).intersection(place) for name in missing}
    followers: dict[Digest, list[Digest]] = defaultdict(list)
    for name, leans_on in leaning.items():
        for leaned in leans_on:
            followers[leaned].append(name)
    ready: dict[Drawn, list[int]] = defaultdict(list)
    for name in missing:
        if not leaning[name]:
            ready[_settings(missing[name])].append(place[name])
    order = list(missing)
    while ready:
        settings = min(ready, key=lambda key: ready[key][0])
        chosen = [order[index] for index in ready[settings][: settings.batch]]
        del ready[settings][: settings.batch]
        if not ready[settings]:
            del ready[settings]
        yield Batch(frames=tuple(missing[name] for name in chosen), betweens=_betweens(specs, chosen))
        for name in chosen:
            for follower in followers[name]:
                leaning[follower].discard(name)
                if not leaning[follower]:
                    insort(ready[_settings(missing[follower])], place[follower])


def missing_frames(specs: Mapping[Digest, FrameSpec], wanted: Iterable[Digest], has: Callable[[Digest], bool]) -> dict[Digest, Drawn]:
    """Find the frames to draw, in the order of `specs`; what only an already drawn frame leans on is not drawn again."""
    asked = set(wanted)
    missing: dict[Digest, Drawn] = {}
    for name in reversed(list(specs)):
        if name not in asked:
            continue
        asked.discard(name)
        spec = specs[name]
        if not isinstance(spec, Between) and has(name):
            continue
        match spec:
            case Given():
                raise PlanError(f"the picture {name[:12]} that the film leans on is not in the store: give it again")
            case Drawn():
                missing[name] = spec
        asked.update(needs(spec))
    if asked:
        raise PlanError(f"the film leans on frame {min(asked)[:12]}, of which nothing is known")
    return dict(reversed(missing.items()))


def _settings(spec: Drawn) -> Drawn:
    """Leave only what frames of one batch must share."""
    start = replace(spec.start, frame="", warp=Warp(), colours=None) if spec.start else None
    control = replace(spec.control, frame="", warp=Warp()) if spec.control else None
    return replace(spec, conditioning=Text(prompt=""), negative=Text(prompt=""), noise=Seeded(seed=0), start=start, control=control)


def _drawn_needs(specs: Mapping[Digest, FrameSpec], name: Digest) -> set[Digest]:
    """List what a frame leans on, looking through in-betweens."""
    return {leaned for leaned in _leaned_on(specs, [name]) if not isinstance(specs[leaned], Between)}


def _betweens(specs: Mapping[Digest, FrameSpec], names: list[Digest]) -> tuple[Between, ...]:
    return tuple(spec for spec in (specs[leaned] for leaned in _leaned_on(specs, names)) if isinstance(spec, Between))


def _leaned_on(specs: Mapping[Digest, FrameSpec], names: Iterable[Digest]) -> dict[Digest, None]:
    """List what frames lean on, going on through in-betweens but not through drawn frames."""
    found: dict[Digest, None] = {}
    waiting = [leaned for name in names for leaned in needs(specs[name])]
    while waiting:
        leaned = waiting.pop()
        if leaned not in found:
            found[leaned] = None
            if isinstance(specs[leaned], Between):
                waiting += needs(specs[leaned])
    return found
