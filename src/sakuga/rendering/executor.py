"""Executors: batches go in, frames land in the store."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import numpy as np
import torch

from sakuga import SakugaError
from sakuga.cancellation import raise_if_cancelled
from sakuga.finishing.color_match import match_color
from sakuga.finishing.image import Image
from sakuga.models.applied_adapters import AppliedAdapter, applied_adapters
from sakuga.models.batch_invariance import ShortBatch, is_batch_invariant
from sakuga.models.checkpoint import Checkpoint, to_uint8
from sakuga.models.conditioning import encode_conditioning, encode_negative, noise_tensors, stack_noise
from sakuga.models.loading import is_out_of_memory
from sakuga.models.sampling import DenoisingStep, sample
from sakuga.rendering.batches import Batch
from sakuga.rendering.depth import depth_function
from sakuga.rendering.frame_checks import RenderError, find_fault
from sakuga.rendering.frame_reader import FrameReader
from sakuga.rendering.resources import LoadedResources, Resources
from sakuga.rendering.store import FrameStore
from sakuga.rendering.warp import fit_image, warp_image
from sakuga.timeline.spec import Digest, Generated, Warp, digest

ATTEMPTS = 4
"""A faulty frame is generated again with the next seed, at most three times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """A frame that has just been stored."""

    name: Digest
    seconds: float
    """Its share of the time that its batch took."""
    attempts: int = 1
    """How often it was generated until it passed the checks."""
    note: str = ""
    """What the user should know about how it was rendered."""


class OutOfMemory(SakugaError):
    """A batch did not fit in memory; narrower ones may."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        spec = batch.frames[0]
        super().__init__(
            f"{batch.width} frames of {spec.width} x {spec.height} at a time do not fit in memory: choose a smaller --size"
            + (", or --precision fp16" if spec.precision == "fp32" else "")
        )

    def __reduce__(self) -> tuple[type["OutOfMemory"], tuple[Batch]]:
        return OutOfMemory, (self.batch,)


class Executor(Protocol):
    """Renders batches with the Resources that it was made with.

    A batch runs when the frames that it needs are in the store; batches come in an order in which that is possible. Cancellation
    (`sakuga.cancellation`) takes effect between two denoising steps. The same batches give the same bytes whatever the executor.
    """

    def run(self, batches: Iterable[Batch]) -> Iterator[Landed]:
        """Yield each frame when it is in the store.

        Raises RenderError for a frame that stays faulty, OutOfMemory for a batch that does not fit.
        """
        ...

    def close(self) -> None:
        """Release what the executor holds; it renders no more."""
        ...


class LocalExecutor:
    """Renders in this process, one batch after the other."""

    def __init__(self, resources: Resources | LoadedResources) -> None:
        self.loaded = LoadedResources(resources) if isinstance(resources, Resources) else resources
        self._note = ""
        self._padding_noted = False

    @property
    def store(self) -> FrameStore:
        """The store that frames land in."""
        return self.loaded.store

    def run(self, batches: Iterable[Batch]) -> Iterator[Landed]:
        """Yield each frame when it is in the store; see `Executor.run`."""
        for batch in batches:
            raise_if_cancelled()
            try:
                yield from self._render(batch)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                raise OutOfMemory(batch) from error

    def close(self) -> None:
        """Do nothing: the networks belong to the resources."""

    def preview(self, batch: Batch, attempt: int = 0) -> Iterator[Image]:
        """Yield a batch's first frame after each denoising step.

        Images are (height, width, 3) uint8 RGB.
        The last image is the one that `run` stores; nothing is stored here. `attempt` counts from 0.
        """
        for step in self._denoise(batch, batch.frames, attempt):
            yield to_uint8(self.loaded.checkpoint.autoencoder.decode(step.preview_latents[:1]))[0]

    def _render(self, batch: Batch) -> Iterator[Landed]:
        """Generate a batch, and faulty frames again with other seeds."""
        waiting = batch.frames
        started = perf_counter()
        for attempt in range(ATTEMPTS):
            images = self._generate(batch, waiting, attempt)
            faults = [find_fault(image) for image in images]
            share = (perf_counter() - started) / len(waiting)
            for spec, image, fault in zip(waiting, images, faults, strict=True):
                if fault is None:
                    name = self.loaded.store.write(spec, to_uint8(image), attempt + 1)
                    yield Landed(name=name, seconds=share, attempts=attempt + 1, note=self._note)
                    self._note = ""
            waiting = tuple(spec for spec, fault in zip(waiting, faults, strict=True) if fault)
            if not waiting:
                return
        reason = next(fault for fault in faults if fault)
        raise RenderError(f"frame {digest(waiting[0])[:12]} came out {reason} {ATTEMPTS} times: change its prompt, seed or guidance")

    def _generate(self, batch: Batch, specs: tuple[Generated, ...], attempt: int) -> np.ndarray:
        """Generate frames: (frames, height, width, 3) float from 0 to 1."""
        *_, last = self._denoise(batch, specs, attempt)
        return self.loaded.checkpoint.autoencoder.decode(last.latents[: len(specs)])

    def _denoise(self, batch: Batch, specs: tuple[Generated, ...], attempt: int) -> Iterator[DenoisingStep]:
        """Denoise a batch step by step, padded to its planned width where a narrower one gives other bits."""
        common = specs[0]
        _check_supported(common, self.loaded.resources)
        checkpoint, read = self.loaded.checkpoint, self._reader(batch)
        info = checkpoint.info
        shape = (info.latent_channels, common.height // info.vae_scale_factor, common.width // info.vae_scale_factor)
        rows = self._padded(specs, shape)
        adapters = [
            AppliedAdapter(adapter=self.loaded.adapter(style.style), weight=style.weight, block_weights=style.block_weights)
            for style in common.styles
        ]
        with applied_adapters(checkpoint, adapters):
            for step in sample(
                checkpoint,
                prompt_embeds=torch.cat([encode_conditioning(checkpoint, row.conditioning, read) for row in rows]),
                negative_prompt_embeds=torch.cat([encode_negative(checkpoint, row.negative, read) for row in rows]),
                noise=stack_noise([noise_tensors(row.noise, shape, attempt) for row in rows]),
                sampler=common.sampler,
                steps=common.steps,
                guidance_scale=common.guidance,
                init_latents=torch.cat([_init_latents(checkpoint, row, read) for row in rows]) if common.init else None,
                strength=common.init.strength if common.init else 1.0,
                control_image=torch.cat([_control_image(checkpoint, row, read) for row in rows]) if common.control else None,
                control_weight=common.control.weight if common.control else 0.0,
            ):
                yield step
                raise_if_cancelled()

    def _padded(self, specs: tuple[Generated, ...], latents: tuple[int, int, int]) -> tuple[Generated, ...]:
        """Repeat the last frame up to the planned width, unless the short batch is proven to give the same bits."""
        common, checkpoint = specs[0], self.loaded.checkpoint
        control = common.control is not None and common.control.weight != 0
        short = ShortBatch(frames=len(specs), planned=common.batch, latents=latents, guided=common.guidance > 1, control=control)
        if is_batch_invariant(checkpoint, short):
            return specs
        if checkpoint.device.type == "cpu" and not self._padding_noted:
            self._padding_noted = True
            self._note = f"on this machine a frame's bits depend on the batch width: short batches are padded to {common.batch} frames"
        return specs + specs[-1:] * (common.batch - len(specs))

    def _reader(self, batch: Batch) -> FrameReader:
        specs = {digest(spec): spec for spec in batch.in_betweens}
        return FrameReader(specs=specs, read=self.loaded.store.read, interpolate=self.loaded.interpolation)


def _init_latents(checkpoint: Checkpoint, spec: Generated, read: Callable[[Digest], Image]) -> torch.Tensor:
    """Encode the initial image of a frame after its camera move."""
    assert spec.init is not None
    image = read(spec.init.frame)
    if spec.init.color_reference:
        image = match_color(image, read(spec.init.color_reference))
    return checkpoint.autoencoder.encode(_moved(checkpoint, spec, image, spec.init.warp))


def _control_image(checkpoint: Checkpoint, spec: Generated, read: Callable[[Digest], Image]) -> torch.Tensor:
    """Compute the depth map for the ControlNet.

    It is taken after the camera move: (1, 3, height, width), 0 to 1, near is white.
    """
    assert spec.control is not None
    image = _moved(checkpoint, spec, read(spec.control.frame), spec.control.warp)
    depth = depth_function(checkpoint, spec.control.depth)(image)
    return torch.from_numpy(np.ascontiguousarray(depth, dtype=np.float32)).expand(1, 3, -1, -1)


def _moved(checkpoint: Checkpoint, spec: Generated, image: Image, warp: Warp) -> Image:
    """Fit an image to a frame and move the camera."""
    depth = depth_function(checkpoint, warp.parallax.depth) if warp.parallax else None
    return warp_image(fit_image(image, spec.width, spec.height), warp, depth)


def _check_supported(spec: Generated, resources: Resources) -> None:
    """Refuse another checkpoint or precision, and approximations."""
    name = digest(spec)[:12]
    if (spec.checkpoint, spec.precision) != (resources.checkpoint_digest, resources.precision):
        raise RenderError(
            f"frame {name} needs checkpoint {spec.checkpoint[:12]} in {spec.precision}, and this render uses "
            f"'{resources.checkpoint_name}' ({resources.checkpoint_digest[:12]}) in {resources.precision}"
        )
    if spec.approximations:
        raise RenderError(f"frame {name} asks for approximations ({', '.join(spec.approximations)}), which are not supported")
