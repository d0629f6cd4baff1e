"""Denoising of motion windows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from sakuga.diffusion.free_noise import free_noise
from sakuga.diffusion.noise import seeded_noise
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.motion_denoiser import with_motion
from sakuga.models.motion_files import MotionFiles
from sakuga.models.sampling import DenoisingStep, sample
from sakuga.models.step_prompts import frame_prompts, part_count
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.frame_inputs import (
    FindControlNet,
    ReadImage,
    batch_controls,
    batch_image_prompts,
    latent_shape,
)
from sakuga.rendering.kept_reference import KeptReference
from sakuga.timeline.motion_keys import conditioning_at
from sakuga.timeline.spec import Digest, MotionWindow


def denoise_window(
    checkpoint: Checkpoint,
    adapter: MotionFiles,
    window: MotionWindow,
    read: ReadImage,
    find_controlnet: FindControlNet,
    reference: KeptReference,
    attempt: int = 0,
) -> Iterator[DenoisingStep]:
    """Denoise the frames of a motion window step by step.

    The adapter acts in the first share of the noise levels; in the rest the image model ends each frame by itself. Given frames end as
    their encoded images, unless they have a strength. Attempt n adds n to the seed. Raises RenderError for a given frame of another size.
    """
    motion, count = window.motion, window.frames
    given = {one.index: _encode_given(checkpoint, window, one.frame, read) for one in window.given}
    moving = with_motion(
        checkpoint,
        adapter,
        frames=count,
        context=motion.context,
        overlap=motion.overlap,
        scale=motion.scale,
        given=given,
        strengths={one.index: one.strength for one in window.given},
        closed=motion.closed,
        smoothing=motion.smoothing,
        joint_guidance=motion.joint_guidance > 0,
    )
    conditionings = [conditioning_at(window.keys, frame) for frame in range(count)]
    if any(part_count(one) > 1 for one in conditionings):
        raise RenderError("a motion adapter takes no prompts that AND composes: leave AND out, or render with --motion none")

    def run(denoising: Checkpoint, frames: Sequence[int], **settings: Any) -> Iterator[DenoisingStep]:
        prompts, negatives = frame_prompts(checkpoint, [conditionings[one] for one in frames], [window.negative] * len(frames), read)
        return sample(
            denoising,
            prompt_embeds=prompts,
            negative_prompt_embeds=negatives,
            sampler=window.sampler,
            steps=window.steps,
            controls=batch_controls(checkpoint, [window], read, find_controlnet, repeat=len(frames)),
            image_prompts=batch_image_prompts(checkpoint, [window], read, find_controlnet, repeat=len(frames)),
            reference=reference.image(checkpoint, window, read),
            options=window.options,
            **settings,
        )

    shape = latent_shape(checkpoint, window)
    moved = run(
        moving,
        range(count),
        noise=_window_noise(window, shape, attempt),
        guidance_scale=_guidance_scale(window),
        init_latents=blend_given(given, count) if given and window.strength < 1 else None,
        strength=window.strength,
        denoising_end=motion.denoising_end,
    )
    if motion.denoising_end >= 1:
        return moved
    share = round(1 - motion.denoising_end, 6)
    fixed = {one.index: given[one.index] for one in window.given if not one.strength}
    free = [frame for frame in range(count) if frame not in fixed]
    image_model = replace(checkpoint, custom_denoiser=checkpoint.window_denoiser)

    def end(last: DenoisingStep) -> Iterator[DenoisingStep]:
        return run(
            image_model,
            free,
            noise=(one.expand(len(free), -1, -1, -1) for one in seeded_noise((1, *shape), attempt)),
            guidance_scale=window.guidance,
            init_latents=last.latents[free],
            strength=share,
            steps_before=last.total,
        )

    return _ended(moved, end, max(1, int(window.steps * share)), free, fixed)


def _ended(
    moved: Iterator[DenoisingStep],
    end: Callable[[DenoisingStep], Iterator[DenoisingStep]],
    more: int,
    free: Sequence[int],
    fixed: Mapping[int, Tensor],
) -> Iterator[DenoisingStep]:
    """Yield the steps of a window, then about `more` in which the image model ends its `free` frames; `fixed` are given ones' latents.

    All frames start from the same noise, in every window, so that what does not move has the same detail in all of them.
    """
    for last in moved:
        yield replace(last, total=last.total + more)
    latents = last.latents.clone()
    for index, clean in fixed.items():
        latents[index] = clean[0]
    for step in end(last) if free else ():
        latents = latents.clone()
        latents[free] = step.latents
        yield replace(step, index=last.total + step.index, total=last.total + step.total, latents=latents)


def blend_given(given: Mapping[int, Tensor], frames: int) -> Tensor:
    """Return latents for all frames of a window, (frames, channels, h, w).

    Between two given frames they are a linear blend, beyond the outer ones a copy.
    """
    places = sorted(given)

    def latents(frame: int) -> Tensor:
        left = max((place for place in places if place <= frame), default=places[0])
        right = min((place for place in places if place >= frame), default=places[-1])
        return torch.lerp(given[left], given[right], (frame - left) / (right - left) if left < right else 0.0)

    return torch.cat([latents(frame) for frame in range(frames)])


def _guidance_scale(window: MotionWindow) -> float:
    """Return the guidance scale of a window: joint guidance acts on all that frames share, so it takes less."""
    share = window.motion.joint_guidance or 1.0
    return 1 + share * (window.guidance - 1)


def _encode_given(checkpoint: Checkpoint, window: MotionWindow, frame: Digest, read: ReadImage) -> Tensor:
    image = read(frame)
    height, width = image.shape[:2]
    if (width, height) != (window.width, window.height):
        raise RenderError(
            f"given frame {frame[:12]} has {width} x {height} pixels, and the motion window {window.width} x {window.height}: "
            "give an image of that size"
        )
    return checkpoint.autoencoder.encode(image)


def _window_noise(window: MotionWindow, shape: tuple[int, int, int], attempt: int) -> Iterator[Tensor]:
    """Yield a window's noise, arranged by FreeNoise beyond one context (Qiu et al. 2024).

    At motion scale 0 all frames have the same, so that the image model shows a still.
    """
    seed, motion = window.seed + attempt, window.motion
    stride = max(1, motion.context - motion.overlap)
    for noise in seeded_noise((window.frames, *shape), seed):
        yield free_noise(noise, motion.context, stride, seed) if motion.scale else noise[:1].expand_as(noise)
