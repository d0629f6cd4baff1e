"""Executors: batches go in, frames land in the store."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from traceback import clear_frames
from typing import Protocol

import numpy as np
import torch

from sakuga import SakugaError
from sakuga.cancellation import raise_if_cancelled
from sakuga.finishing.image import Image
from sakuga.models.applied_adapters import AppliedAdapter, applied_adapters, image_parts
from sakuga.models.autoencoder import TiledAutoencoder
from sakuga.models.batch_invariance import ShortBatch, is_batch_invariant
from sakuga.models.checkpoint import Checkpoint, to_uint8
from sakuga.models.conditioning import noise_tensors, stack_noise
from sakuga.models.ip_adapter_files import IpAdapterFiles
from sakuga.models.loading import is_out_of_memory
from sakuga.models.memory import release_memory
from sakuga.models.sampling import DenoisingStep, sample
from sakuga.models.step_prompts import frame_prompts
from sakuga.rendering.batches import Batch
from sakuga.rendering.frame_checks import RenderError, find_fault
from sakuga.rendering.frame_inputs import (
    ReadImage,
    batch_controls,
    batch_image_prompts,
    init_latents,
    latent_shape,
)
from sakuga.rendering.frame_reader import FrameReader
from sakuga.rendering.kept_reference import KeptReference
from sakuga.rendering.live_preview import watched
from sakuga.rendering.motion_window import denoise_window
from sakuga.rendering.once_notes import OnceNotes
from sakuga.rendering.resources import LoadedResources, Resources
from sakuga.rendering.store import FrameStore
from sakuga.timeline.rebatch import TILED_VAE
from sakuga.timeline.spec import Digest, Generated, MotionFrame, MotionWindow, Rendered, digest

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
    device: str = ""
    """Where it was rendered, such as "node7 cuda:0"; "" for this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denoised:
    """Frames that have come one denoising step further."""

    names: tuple[Digest, ...]
    """They are rendered together."""
    share: float
    """Share of their steps that is done, above 0 to 1."""


class OutOfMemory(SakugaError):
    """A batch did not fit in memory; narrower ones may."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        spec = _common(batch.frames)
        count = spec.frames if isinstance(spec, MotionWindow) else batch.width
        remedy = "a smaller --motion-window" if isinstance(spec, MotionWindow) else "a smaller --size"
        super().__init__(
            f"{count} frames of {spec.width} x {spec.height} at a time do not fit in memory: choose {remedy}"
            + (", or --precision fp16" if spec.precision == "fp32" else "")
        )

    def __reduce__(self) -> tuple[type["OutOfMemory"], tuple[Batch]]:
        return OutOfMemory, (self.batch,)


class Executor(Protocol):
    """Renders batches with the Resources that it was made with.

    A batch runs when the frames that it needs are in the store; batches come in an order in which that is possible. Cancellation
    (`sakuga.cancellation`) takes effect between two denoising steps. The same batches give the same bytes whatever the executor.
    """

    def steps(self, batches: Iterable[Batch]) -> Iterator[Denoised | Landed]:
        """Yield each denoising step, and each frame when it is in the store.

        Raises RenderError for a frame that stays faulty, OutOfMemory for a batch that does not fit.
        """
        ...

    def run(self, batches: Iterable[Batch]) -> Iterator[Landed]:
        """Yield each frame when it is in the store, as `steps` does."""
        ...

    def close(self) -> None:
        """Release what the executor holds; it renders no more."""
        ...


class LocalExecutor:
    """Renders in this process, one batch after the other."""

    def __init__(self, resources: Resources | LoadedResources) -> None:
        self.loaded = LoadedResources(resources) if isinstance(resources, Resources) else resources
        self._reference = KeptReference()
        self._notes = OnceNotes()

    @property
    def store(self) -> FrameStore:
        """The store that frames land in."""
        return self.loaded.store

    def run(self, batches: Iterable[Batch]) -> Iterator[Landed]:
        """Yield each frame when it is in the store; see `Executor.steps`."""
        return (one for one in self.steps(batches) if isinstance(one, Landed))

    def steps(self, batches: Iterable[Batch]) -> Iterator[Denoised | Landed]:
        """Yield each denoising step and stored frame; see `Executor.steps`.

        At a step of denoising the frames' styles are applied to the networks.
        """
        for batch in batches:
            raise_if_cancelled()
            self._note_other_machine(batch)
            try:
                for part in self._parts(batch):
                    yield from self._render(part)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                clear_frames(error.__traceback__)  # lets go of their tensors
                self._reference.clear()
                release_memory()
                raise OutOfMemory(batch) from error

    def close(self) -> None:
        """Do nothing: the networks belong to the resources."""

    def preview(self, batch: Batch, attempt: int = 0) -> Iterator[Image]:
        """Return a batch's first frame after each denoising step.

        Images are (height, width, 3) uint8 RGB.
        The last image is the one that `run` stores; nothing is stored here. `attempt` counts from 0.
        """
        return (self._preview_image(step, batch.frames) for step in self._denoise(batch, batch.frames, attempt))

    def _preview_image(self, step: DenoisingStep, specs: Sequence[Rendered]) -> Image:
        """Decode the first frame after a denoising step."""
        images: np.ndarray = self._networks(_common(specs)).autoencoder.decode(step.preview_latents[_rows(specs)[:1]])
        return np.asarray(to_uint8(images)[0])

    def _live_image(self, step: DenoisingStep, specs: Sequence[Rendered]) -> Image:
        """Decode the first frame after a denoising step as fast as the checkpoint allows."""
        decode = self._networks(_common(specs)).preview_decoder
        return np.asarray(to_uint8(decode(step.preview_latents[_rows(specs)[:1]]))[0])

    def _parts(self, batch: Batch) -> Iterator[Batch]:
        """Divide a batch into frames for an engine that compiles each width and is as fast with one, where their bits are the same."""
        images = [spec for spec in batch.frames if isinstance(spec, Generated)]
        if len(images) < 2 or self.loaded.checkpoint.engine == "torch" or not self._is_invariant(images[:1]):
            return iter((batch,))
        return (replace(batch, frames=(image,)) for image in images)

    def _render(self, batch: Batch) -> Iterator[Denoised | Landed]:
        """Generate a batch, and faulty frames again with other seeds; a window as a whole."""
        waiting: Sequence[Rendered] = batch.frames
        started = perf_counter()
        for attempt in range(ATTEMPTS):
            images, faults = yield from self._generate(batch, waiting, attempt)
            share = (perf_counter() - started) / len(waiting)
            for spec, image, fault in zip(waiting, images, faults, strict=True):
                if fault is None:
                    name = self.loaded.store.write(spec, to_uint8(image), attempt + 1, self.loaded.machine)
                    yield Landed(name=name, seconds=share, attempts=attempt + 1, note=self._take_note())
            waiting = tuple(spec for spec, fault in zip(waiting, faults, strict=True) if fault)
            if not waiting:
                return
        reason = next(fault for fault in faults if fault)
        raise RenderError(f"frame {digest(waiting[0])[:12]} came out {reason} {ATTEMPTS} times: change its prompt, seed or guidance")

    def _take_note(self) -> str:
        """Return what the user should know and was not told yet."""
        said = self.loaded.checkpoint.engine_notes
        note = "; ".join((*said, *self._notes.take()))
        said.clear()
        return note

    def _note_other_machine(self, batch: Batch) -> None:
        """Say once that frames start from those of another class of machine."""
        classes = map(self.store.machine, batch.needs) if not self._notes.has("other machine") else ()
        if other := next((one for one in classes if one and one != self.loaded.machine), None):
            self._notes.add(
                "other machine",
                f"frames start from those of another class of machine ({other}; here {self.loaded.machine}): "
                "they may differ by a grey level from a render on one class",
            )

    def _note_torch(self, checkpoint: Checkpoint) -> None:
        """Say once that torch runs the UNet in place of the render's engine."""
        if (engine := self.loaded.checkpoint.engine) != checkpoint.engine:
            self._notes.add("torch", f"{engine} takes no image prompts: torch runs the UNet")

    def _generate(
        self, batch: Batch, specs: Sequence[Rendered], attempt: int
    ) -> Generator[Denoised, None, tuple[np.ndarray, list[str | None]]]:
        """Generate frames, (frames, height, width, 3) float from 0 to 1, and find what is wrong with each.

        A faulty frame spoils its whole motion window.
        """
        names = tuple(map(digest, specs))
        for last in watched(self._denoise(batch, specs, attempt), lambda step: self._live_image(step, specs)):
            yield Denoised(names=names, share=(last.index + 1) / last.total)
        common = _common(specs)
        decode = self._networks(common).autoencoder.decode
        if isinstance(common, Generated):
            images = decode(last.latents[: len(specs)])
            return images, list(map(find_fault, images))
        given = {one.index for one in common.given if not one.strength}
        made = [index for index in range(common.frames) if index not in given]
        images = decode(last.latents[made])
        fault = next(filter(None, map(find_fault, images)), None)
        return images[[made.index(row) for row in _rows(specs)]], [fault] * len(specs)

    def _networks(self, spec: Generated | MotionWindow) -> Checkpoint:
        """Return the checkpoint with the frames' clip skip; where images are prompts, or frames work in tiles, torch runs it."""
        checkpoint = self.loaded.checkpoint
        if any(isinstance(self.loaded.controlnet(one.network), IpAdapterFiles) for one in spec.controls):
            checkpoint = replace(checkpoint, custom_denoiser=None, custom_window_denoiser=None, wrap_motion=None)
        if spec.options.clip_skip != 1:
            checkpoint = replace(checkpoint, clip_skip=spec.options.clip_skip)
        if TILED_VAE in spec.approximations:
            return replace(checkpoint, custom_autoencoder=TiledAutoencoder(checkpoint.vae))
        return checkpoint

    def _denoise(self, batch: Batch, specs: Sequence[Rendered], attempt: int) -> Iterator[DenoisingStep]:
        """Denoise frames step by step, with their styles applied."""
        common = _common(specs)
        _check_supported(digest(specs[0])[:12], common, self.loaded.resources)
        read = self._reader(batch)
        adapters = [
            AppliedAdapter(adapter=self.loaded.adapter(style.style), weight=style.weight, block_weights=style.block_weights)
            for style in common.styles
        ]
        checkpoint = self._networks(common)
        self._note_torch(checkpoint)
        motion = self.loaded.motion(common.motion.adapter) if isinstance(common, MotionWindow) else None
        if motion is None and self.loaded.resources.motion:
            adapters = image_parts(adapters)
        with applied_adapters(checkpoint, adapters, checkpoint.open_motion(motion) if motion else None):
            if isinstance(common, MotionWindow) and motion:
                steps = denoise_window(checkpoint, motion, common, read, self.loaded.controlnet, self._reference, attempt)
            else:
                steps = self._denoise_images([spec for spec in specs if isinstance(spec, Generated)], read, attempt)
            for step in steps:
                yield step
                raise_if_cancelled()

    def _denoise_images(self, specs: Sequence[Generated], read: ReadImage, attempt: int) -> Iterator[DenoisingStep]:
        """Denoise independent frames, padded to their planned width where a narrower batch gives other bits."""
        common, checkpoint = specs[0], self._networks(specs[0])
        shape = latent_shape(checkpoint, common)
        rows = self._padded(specs)
        prompts, negatives = frame_prompts(checkpoint, [row.conditioning for row in rows], [row.negative for row in rows], read)
        return sample(
            checkpoint,
            prompt_embeds=prompts,
            negative_prompt_embeds=negatives,
            noise=stack_noise([noise_tensors(row.noise, shape, attempt) for row in rows]),
            sampler=common.sampler,
            steps=common.steps,
            guidance_scale=common.guidance,
            init_latents=torch.cat([init_latents(checkpoint, row, read) for row in rows]) if common.init else None,
            strength=common.init.strength if common.init else 1.0,
            controls=batch_controls(checkpoint, rows, read, self.loaded.controlnet),
            image_prompts=batch_image_prompts(checkpoint, rows, read, self.loaded.controlnet),
            reference=self._reference.image(checkpoint, common, read),
            options=common.options,
        )

    def _padded(self, specs: Sequence[Generated]) -> Sequence[Generated]:
        """Repeat the last frame up to the planned width, unless the short batch is proven to give the same bits."""
        if self._is_invariant(specs):
            return specs
        planned = specs[0].batch
        if self.loaded.checkpoint.device.type == "cpu" and not specs[0].controls:
            reason = "on this machine a frame's bits depend on the batch width"
            self._notes.add("padding", f"{reason}: short batches are padded to {planned} frames")
        return [*specs, *[specs[-1]] * (planned - len(specs))]

    def _is_invariant(self, specs: Sequence[Generated]) -> bool:
        """Return whether frames are proven to have the same bits in a batch of their own as in one of the planned width."""
        common, checkpoint = specs[0], self._networks(specs[0])
        if common.controls:  # no proof covers these networks
            return False
        batch = ShortBatch(
            frames=len(specs),
            planned=common.batch,
            latents=latent_shape(checkpoint, common),
            guided=common.guidance > 1,
            control=common.control is not None and common.control.weight != 0,
            reference=common.reference is not None,
        )
        return is_batch_invariant(checkpoint, batch)

    def _reader(self, batch: Batch) -> FrameReader:
        specs = {digest(spec): spec for spec in batch.derived}
        loaded = self.loaded
        return FrameReader(specs=specs, read=loaded.store.read, interpolate=loaded.interpolation, move=loaded.move)


def _common(specs: Sequence[Rendered]) -> Generated | MotionWindow:
    """Return what decides all frames of a batch."""
    first = specs[0]
    return first.window if isinstance(first, MotionFrame) else first


def _rows(specs: Sequence[Rendered]) -> list[int]:
    """Return the place of each frame among the denoised ones."""
    return [spec.index if isinstance(spec, MotionFrame) else place for place, spec in enumerate(specs)]


def _check_supported(name: str, spec: Generated | MotionWindow, resources: Resources) -> None:
    """Refuse another checkpoint or precision, and unknown approximations."""
    if (spec.checkpoint, spec.precision) != (resources.checkpoint_digest, resources.precision):
        raise RenderError(
            f"frame {name} needs checkpoint {spec.checkpoint[:12]} in {spec.precision}, and this render uses "
            f"'{resources.checkpoint_name}' ({resources.checkpoint_digest[:12]}) in {resources.precision}"
        )
    if unknown := [one for one in spec.approximations if one != TILED_VAE]:
        raise RenderError(f"frame {name} asks for approximations ({', '.join(unknown)}), which are not supported")
