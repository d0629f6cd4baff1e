"""Who draws: batches go in, names in the store come out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import numpy as np
import torch

from sakuga import SakugaError
from sakuga.finishing.color_match import match
from sakuga.models.adapters import Adapter
from sakuga.models.applied_adapters import Put, wearing
from sakuga.models.checkpoint import Checkpoint, quantised
from sakuga.models.conditioning import draws, embedding, led_away, stacked
from sakuga.models.memory import is_memory
from sakuga.models.sampling import DenoisingStep, sample
from sakuga.rendering.batches import Batch
from sakuga.rendering.depth import depth_reader
from sakuga.rendering.frame_checks import DrawingError, fault
from sakuga.rendering.frame_reader import Inbetweener, Pictures
from sakuga.rendering.store import FrameStore
from sakuga.rendering.warp import fitted, warped
from sakuga.timeline.spec import Digest, Drawn, Precision, Warp, digest

ATTEMPTS = 4
"""A frame is drawn once, and again with the next seed at most three times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """A frame that is now in the store."""

    name: Digest
    seconds: float
    """Its share of the time that its batch took."""
    attempts: int = 1
    """How often it was drawn until it was sound."""


class OutOfMemory(SakugaError):
    """A batch did not fit in memory; narrower ones may."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        spec = batch.frames[0]
        super().__init__(
            f"{batch.width} frames of {spec.width} x {spec.height} at a time do not fit in memory: draw smaller ones"
            + (", or by --precision fp16" if spec.precision == "fp32" else "")
        )


class Executor(Protocol):
    """Draws batches in their order; each may lean on frames of those before it. Nothing is drawn that is not asked for."""

    def run(self, batches: Iterable[Batch]) -> Iterator[Landed]:
        """Yield each frame when it is in the store."""
        ...


def _no_styles(style: Digest) -> Adapter:
    raise DrawingError(f"style {style[:12]} is worn by a frame, and is not at hand: say where it lies")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalExecutor:
    """Draws in this process."""

    open_checkpoint: Callable[[Digest, Precision], Checkpoint]
    store: FrameStore
    inbetweener: Inbetweener
    open_style: Callable[[Digest], Adapter] = _no_styles

    def run(self, batches: Iterable[Batch]) -> Iterator[Landed]:
        """Yield each frame when it is in the store.

        Raises DrawingError for a frame that stays faulty, OutOfMemory for a batch that does not fit.
        """
        for batch in batches:
            try:
                yield from self._land(batch)
            except (MemoryError, RuntimeError) as error:
                if not is_memory(error):
                    raise
                raise OutOfMemory(batch) from error

    def _land(self, batch: Batch) -> Iterator[Landed]:
        """Draw a batch, then its faulty frames again and again with their next seeds."""
        waiting = batch.frames
        begun = perf_counter()
        for attempt in range(ATTEMPTS):
            pictures = self._draw(batch, waiting, attempt)
            faults = [fault(picture) for picture in pictures]
            share = (perf_counter() - begun) / len(waiting)
            for spec, picture, found in zip(waiting, pictures, faults, strict=True):
                if found is None:
                    yield Landed(name=self.store.write(spec, quantised(picture), attempt + 1), seconds=share, attempts=attempt + 1)
            waiting = tuple(spec for spec, found in zip(waiting, faults, strict=True) if found)
            if not waiting:
                return
        reason = next(found for found in faults if found)
        raise DrawingError(f"frame {digest(waiting[0])[:12]} came out {reason} {ATTEMPTS} times: change its prompt, seed or guidance")

    def watch(self, batch: Batch, attempt: int = 0) -> Iterator[np.ndarray]:
        """Draw a batch's first frame before one's eyes: (height, width, 3) uint8 RGB after each step, the last as `run` keeps it.

        Nothing goes into the store. `attempt` counts from 0, as faulty frames were drawn again.
        """
        checkpoint = self.open_checkpoint(batch.frames[0].checkpoint, batch.frames[0].precision)
        for step in self._denoised(batch, batch.frames, attempt):
            yield quantised(checkpoint.decode(step.visible[:1]))[0]

    def _draw(self, batch: Batch, specs: tuple[Drawn, ...], attempt: int) -> np.ndarray:
        """Draw frames; returns (frames, height, width, 3) float."""
        *_, last = self._denoised(batch, specs, attempt)
        return self.open_checkpoint(specs[0].checkpoint, specs[0].precision).decode(last.latents[: len(specs)])

    def _denoised(self, batch: Batch, specs: tuple[Drawn, ...], attempt: int) -> Iterator[DenoisingStep]:
        """Go through the steps of a batch of the planned width, the last frame repeated where they are fewer."""
        common = specs[0]
        _refuse_unread(common)
        checkpoint = self.open_checkpoint(common.checkpoint, common.precision)
        pictures = Pictures(specs={digest(spec): spec for spec in batch.betweens}, read=self.store.read, inbetweener=self.inbetweener)
        rows = specs + specs[-1:] * (common.batch - len(specs))
        facts = checkpoint.facts
        shape = (facts.latent_channels, common.height // facts.factor, common.width // facts.factor)
        puts = [Put(adapter=self.open_style(worn.style), weight=worn.weight, scales=worn.scales) for worn in common.styles]
        with wearing(checkpoint, puts):
            yield from sample(
                checkpoint,
                conditioning=torch.cat([embedding(checkpoint, row.conditioning, pictures) for row in rows]),
                negative=torch.cat([led_away(checkpoint, row.negative, pictures) for row in rows]),
                noise=stacked([draws(row.noise, shape, attempt) for row in rows]),
                sampler=common.sampler,
                steps=common.steps,
                guidance=common.guidance,
                start_latents=torch.cat([_started(checkpoint, row, pictures) for row in rows]) if common.start else None,
                strength=common.start.strength if common.start else 1.0,
                control=torch.cat([_hint(checkpoint, row, pictures) for row in rows]) if common.control else None,
                control_weight=common.control.weight if common.control else 0.0,
            )


def _started(checkpoint: Checkpoint, spec: Drawn, pictures: Callable[[Digest], np.ndarray]) -> torch.Tensor:
    """Encode the stored picture that a frame starts from, as the camera sees it now."""
    assert spec.start is not None
    picture = pictures(spec.start.frame)
    if spec.start.colours:
        picture = match(picture, pictures(spec.start.colours))
    return checkpoint.encode_picture(_filmed(checkpoint, spec, picture, spec.start.warp))


def _hint(checkpoint: Checkpoint, spec: Drawn, pictures: Callable[[Digest], np.ndarray]) -> torch.Tensor:
    """Read the depth that leads a frame, as the camera sees it now: (1, 3, height, width), 0 to 1, near is white."""
    assert spec.control is not None
    seen = _filmed(checkpoint, spec, pictures(spec.control.frame), spec.control.warp)
    depth = depth_reader(checkpoint, spec.control.depth)(seen)
    return torch.from_numpy(np.ascontiguousarray(depth, dtype=np.float32)).expand(1, 3, -1, -1)


def _filmed(checkpoint: Checkpoint, spec: Drawn, picture: np.ndarray, warp: Warp) -> np.ndarray:
    """Bring a picture to a frame's size and move it with the camera."""
    depth = depth_reader(checkpoint, warp.parallax.depth) if warp.parallax else None
    return warped(fitted(picture, spec.width, spec.height), warp, depth)


def _refuse_unread(spec: Drawn) -> None:
    """Refuse what a spec asks for and no part here can give, rather than draw without it."""
    if spec.approximations:
        raise DrawingError(f"frame {digest(spec)[:12]} asks for approximations, and this edition draws with none")
