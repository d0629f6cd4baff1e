"""Batches: which frames to render together, in which order."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import TypeAlias

from sakuga import SakugaError
from sakuga.timeline.prompts import uses_whole_grammar
from sakuga.timeline.rebatch import TILED_VAE
from sakuga.timeline.spec import (
    CameraFrame,
    Derived,
    Digest,
    FrameSpec,
    Generated,
    Given,
    InBetween,
    MotionFrame,
    MotionWindow,
    Prompt,
    Rendered,
    SeedNoise,
    Warp,
    dependencies,
    digest,
)


class BatchPlanError(SakugaError):
    """A film refers to a missing frame; the sentence names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Frames to render together: independent ones, or those of one motion window.

    Independent frames differ only in conditioning, noise, initial image and control image.
    """

    frames: tuple[Generated, ...] | tuple[MotionFrame, ...]
    """Independent ones: at most `width`, whose bits a frame has; the executor pads a shorter batch, unless it is proven to give the same.
    Of a window: those to be stored; it is always denoised as a whole."""
    derived: tuple[Derived, ...] = ()
    """Derived frames that a frame starts from; the executor makes them, as the store holds generated frames."""

    @property
    def width(self) -> int:
        """Planned frames, the limit of the batch; 1 for a window, which cannot be divided."""
        first = self.frames[0]
        return first.batch if isinstance(first, Generated) else 1

    @property
    def is_smallest(self) -> bool:
        """Whether nothing is left to divide: a batch of one frame or window, decoded in tiles."""
        first = self.frames[0]
        return self.width == 1 and TILED_VAE in (first if isinstance(first, Generated) else first.window).approximations

    @property
    def names(self) -> tuple[Digest, ...]:
        """Names of the frames in the store."""
        return tuple(digest(spec) for spec in self.frames)

    @property
    def needs(self) -> frozenset[Digest]:
        """Names of the stored frames that this batch starts from."""
        made = {digest(spec) for spec in self.derived}
        specs: tuple[FrameSpec, ...] = (*self.frames, *self.derived)
        return frozenset(name for spec in specs for name in dependencies(spec)) - made

    def without(self, name: Digest) -> "Batch":
        """Return the batch without a frame; the others stay the same to the bit."""
        images = tuple(spec for spec in self.frames if isinstance(spec, Generated) and digest(spec) != name)
        moving = tuple(spec for spec in self.frames if isinstance(spec, MotionFrame) and digest(spec) != name)
        return replace(self, frames=images or moving)

    @property
    def cost(self) -> int:
        """Denoised pixels; the measure of progress."""
        first = self.frames[0]
        if isinstance(first, MotionFrame):
            return first.window.frames * _denoised_pixels(first.window, first.window.strength)
        return len(self.frames) * _denoised_pixels(first, first.init.strength if first.init else 1.0)


def _denoised_pixels(spec: Generated | MotionWindow, strength: float) -> int:
    """Return the pixels of a frame, once for each denoising step."""
    return spec.width * spec.height * max(1, int(spec.steps * strength))


def plan_batches(specs: Mapping[Digest, FrameSpec], wanted: Iterable[Digest], has: Callable[[Digest], bool]) -> list[Batch]:
    """Plan batches of the missing frames, each after its dependencies.

    `specs` holds each spec after those it needs; `has` tells which frames are stored. Frames with equal settings whose dependencies
    are met share a batch, the earliest of the film first; the missing frames of a motion window are one. Frames that only stored frames
    depend on are not rendered. Raises BatchPlanError if a given image is missing from the store, or a needed spec from `specs`.
    """
    missing = _missing_frames(specs, wanted, has)
    order = list(missing)
    place = {name: index for index, name in enumerate(order)}
    unmet = {name: {needed for needed in _stored_needs(specs, name) if needed in place} for name in order}
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
        batches.append(batch_of(specs, chosen))
        for name in chosen:
            for follower in followers[name]:
                unmet[follower].discard(name)
                if not unmet[follower]:
                    ready.add(_shared_settings(missing[follower]), place[follower])
    return batches


def batch_of(specs: Mapping[Digest, FrameSpec], names: Sequence[Digest]) -> Batch:
    """Return the batch of some frames that may share one."""
    frames, derived = [specs[name] for name in names], _derived(specs, names)
    if isinstance(frames[0], MotionFrame):
        return Batch(frames=tuple(spec for spec in frames if isinstance(spec, MotionFrame)), derived=derived)
    return Batch(frames=tuple(spec for spec in frames if isinstance(spec, Generated)), derived=derived)


class _ReadyFrames:
    """Frames whose dependencies are met, by settings.

    A heap finds the settings of the earliest frame.
    """

    def __init__(self) -> None:
        self._places: dict[_Settings, list[int]] = defaultdict(list)
        self._settings: dict[int, _Settings] = {}
        self._first: list[int] = []

    def add(self, settings: "_Settings", place: int) -> None:
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
            most = settings.batch if isinstance(settings, Generated) else settings.frames
            chosen = [heappop(places) for _ in range(min(most, len(places)))]
            if places:
                heappush(self._first, places[0])
            return chosen
        return []


_Settings: TypeAlias = Generated | MotionWindow
"""What the frames of one batch have in common."""


def _missing_frames(specs: Mapping[Digest, FrameSpec], wanted: Iterable[Digest], has: Callable[[Digest], bool]) -> dict[Digest, Rendered]:
    """Find the frames to render, in the order of `specs`."""
    needed = set(wanted)
    missing: dict[Digest, Rendered] = {}
    for name in reversed(list(specs)):
        if name not in needed:
            continue
        needed.discard(name)
        spec = specs[name]
        if not isinstance(spec, Derived) and has(name):
            continue
        match spec:
            case Given():
                raise BatchPlanError(f"image {name[:12]}, which the film starts from, is not in the store: supply it again")
            case Generated() | MotionFrame():
                missing[name] = spec
            case InBetween() | CameraFrame():
                pass
        needed.update(dependencies(spec))
    if needed:
        raise BatchPlanError(f"the film refers to frame {min(needed)[:12]}, which has no spec")
    return dict(reversed(missing.items()))


def _shared_settings(spec: Rendered) -> _Settings:
    """Reset what frames of one batch need not share."""
    if isinstance(spec, MotionFrame):
        return spec.window
    init = replace(spec.init, frame="", warp=Warp(), color_reference=None) if spec.init else None
    control = replace(spec.control, frame="", warp=Warp()) if spec.control else None
    controls = tuple(replace(one, frame="", warp=Warp()) for one in spec.controls)
    whole = uses_whole_grammar(spec.conditioning) or uses_whole_grammar(spec.negative)
    # Composed prompts differ in rows and parts, so that only frames of the same prompts share a batch.
    prompts = (spec.conditioning, spec.negative) if whole else (Prompt(prompt=""), Prompt(prompt=""))
    shared = replace(spec, init=init, control=control, controls=controls)
    return replace(shared, conditioning=prompts[0], negative=prompts[1], noise=SeedNoise(seed=0))


def _stored_needs(specs: Mapping[Digest, FrameSpec], name: Digest) -> set[Digest]:
    """List the stored frames that a frame depends on."""
    return {needed for needed in _dependencies(specs, [name]) if not isinstance(specs[needed], Derived)}


def _derived(specs: Mapping[Digest, FrameSpec], names: Sequence[Digest]) -> tuple[Derived, ...]:
    return tuple(spec for spec in (specs[needed] for needed in _dependencies(specs, names)) if isinstance(spec, Derived))


def _dependencies(specs: Mapping[Digest, FrameSpec], names: Iterable[Digest]) -> dict[Digest, None]:
    """List dependencies, through derived frames but not generated ones."""
    found: dict[Digest, None] = {}
    waiting = [needed for name in names for needed in dependencies(specs[name])]
    while waiting:
        needed = waiting.pop()
        if needed not in found:
            found[needed] = None
            if isinstance(specs[needed], Derived):
                waiting += dependencies(specs[needed])
    return found
