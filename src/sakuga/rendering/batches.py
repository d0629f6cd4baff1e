"""Batches: which frames to render together, in which order."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from sakuga import SakugaError
from sakuga.timeline.spec import Digest, FrameSpec, Generated, Given, InBetween, Prompt, SeedNoise, Warp, dependencies, digest


class BatchPlanError(SakugaError):
    """A film refers to a missing frame; the sentence names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Frames to render together.

    They differ only in conditioning, noise, initial image and control image.
    """

    frames: tuple[Generated, ...]
    """At most `width`, whose bits a frame has: the executor pads a shorter batch, unless it is proven to give the same."""
    in_betweens: tuple[InBetween, ...] = ()
    """In-betweens that a frame starts from; the executor makes them, as the store holds generated frames."""

    @property
    def width(self) -> int:
        """Planned frames, the limit of the batch."""
        return self.frames[0].batch

    @property
    def names(self) -> tuple[Digest, ...]:
        """Names of the frames in the store."""
        return tuple(digest(spec) for spec in self.frames)

    @property
    def needs(self) -> frozenset[Digest]:
        """Names of the stored frames that this batch starts from."""
        made = {digest(spec) for spec in self.in_betweens}
        specs: tuple[FrameSpec, ...] = (*self.frames, *self.in_betweens)
        return frozenset(name for spec in specs for name in dependencies(spec)) - made

    @property
    def cost(self) -> int:
        """Denoised pixels; the measure of progress."""
        spec = self.frames[0]
        steps = spec.steps if spec.init is None else max(1, int(spec.steps * spec.init.strength))
        return len(self.frames) * spec.width * spec.height * steps


def plan_batches(specs: Mapping[Digest, FrameSpec], wanted: Iterable[Digest], has: Callable[[Digest], bool]) -> list[Batch]:
    """Plan batches of the missing frames, each after its dependencies.

    `specs` holds each spec after those it needs; `has` tells which frames are stored. Frames with equal settings whose dependencies
    are met share a batch, the earliest of the film first. Frames that only stored frames depend on are not rendered. Raises
    BatchPlanError if a given image is missing from the store, or a needed spec from `specs`.
    """
    missing = _missing_frames(specs, wanted, has)
    order = list(missing)
    place = {name: index for index, name in enumerate(order)}
    unmet = {name: _stored_needs(specs, name).intersection(place) for name in order}
    followers: dict[Digest, list[Digest]] = defaultdict(list)
    for name, needed in unmet.items():
        for one in needed:
            followers[one].append(name)
    ready = _ReadyFrames()
    for name in order:
        if not unmet[name]:
            ready.add(_shared_settings(missing[name]), place[name])
    batches: list[Batch] = []
    while chosen := [order[index] for index in ready.pop()]:
        batches.append(Batch(frames=tuple(missing[name] for name in chosen), in_betweens=_in_betweens(specs, chosen)))
        for name in chosen:
            for follower in followers[name]:
                unmet[follower].discard(name)
                if not unmet[follower]:
                    ready.add(_shared_settings(missing[follower]), place[follower])
    return batches


class _ReadyFrames:
    """Frames whose dependencies are met, by settings.

    A heap finds the settings of the earliest frame.
    """

    def __init__(self) -> None:
        self._places: dict[Generated, list[int]] = defaultdict(list)
        self._settings: dict[int, Generated] = {}
        self._first: list[int] = []

    def add(self, settings: Generated, place: int) -> None:
        self._settings[place] = settings
        heappush(self._places[settings], place)
        if self._places[settings][0] == place:
            heappush(self._first, place)

    def pop(self) -> list[int]:
        """Take the earliest frame and those that share its batch."""
        while self._first:
            place = heappop(self._first)
            settings = self._settings[place]
            places = self._places[settings]
            if not places or places[0] != place:  # taken already, or no longer the first of its settings
                continue
            chosen = [heappop(places) for _ in range(min(settings.batch, len(places)))]
            if places:
                heappush(self._first, places[0])
            return chosen
        return []


def _missing_frames(specs: Mapping[Digest, FrameSpec], wanted: Iterable[Digest], has: Callable[[Digest], bool]) -> dict[Digest, Generated]:
    """Find the frames to render, in the order of `specs`."""
    needed = set(wanted)
    missing: dict[Digest, Generated] = {}
    for name in reversed(list(specs)):
        if name not in needed:
            continue
        needed.discard(name)
        spec = specs[name]
        if not isinstance(spec, InBetween) and has(name):
            continue
        match spec:
            case Given():
                raise BatchPlanError(f"image {name[:12]}, which the film starts from, is not in the store: supply it again")
            case Generated():
                missing[name] = spec
        needed.update(dependencies(spec))
    if needed:
        raise BatchPlanError(f"the film refers to frame {min(needed)[:12]}, which has no spec")
    return dict(reversed(missing.items()))


def _shared_settings(spec: Generated) -> Generated:
    """Reset what frames of one batch need not share."""
    init = replace(spec.init, frame="", warp=Warp(), color_reference=None) if spec.init else None
    control = replace(spec.control, frame="", warp=Warp()) if spec.control else None
    empty = Prompt(prompt="")
    return replace(spec, conditioning=empty, negative=empty, noise=SeedNoise(seed=0), init=init, control=control)


def _stored_needs(specs: Mapping[Digest, FrameSpec], name: Digest) -> set[Digest]:
    """List the stored frames that a frame depends on."""
    return {needed for needed in _dependencies(specs, [name]) if not isinstance(specs[needed], InBetween)}


def _in_betweens(specs: Mapping[Digest, FrameSpec], names: list[Digest]) -> tuple[InBetween, ...]:
    return tuple(spec for spec in (specs[needed] for needed in _dependencies(specs, names)) if isinstance(spec, InBetween))


def _dependencies(specs: Mapping[Digest, FrameSpec], names: Iterable[Digest]) -> dict[Digest, None]:
    """List dependencies, through in-betweens but not generated frames."""
    found: dict[Digest, None] = {}
    waiting = [needed for name in names for needed in dependencies(specs[name])]
    while waiting:
        needed = waiting.pop()
        if needed not in found:
            found[needed] = None
            if isinstance(specs[needed], InBetween):
                waiting += dependencies(specs[needed])
    return found
