"""Sampling: from noise to latents, step by step."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from inspect import signature
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from sakuga.diffusion.guidance import apply_guidance, rescale_guidance
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.diffusers_classes import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, LCMScheduler
from sakuga.models.reference_attention import ReferenceImage
from sakuga.timeline.spec import Sampler

SCHEDULERS: dict[Sampler, Any] = {
    "dpm++": DPMSolverMultistepScheduler,
    "ddim": DDIMScheduler,
    "euler": EulerDiscreteScheduler,
    "lcm": LCMScheduler,
}
ZERO_SNR_GUIDANCE_RESCALE = 0.7
"""The phi of Lin et al. 2023, table 4, for models whose schedule ends in pure noise; 0.0 for all others."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DenoisingStep:
    """The latents after one denoising step."""

    index: int
    """Counts from 0."""
    total: int
    latents: Tensor  # (frames, channels, height / factor, width / factor) float32
    sigma: float = 0.0
    """Remaining noise level of a variance-exploding sampler (Karras et al. 2022); 0.0 for the others."""

    @property
    def preview_latents(self) -> Tensor:
        """Return the latents scaled to unit variance, as the decoder expects."""
        return self.latents / sqrt(1 + self.sigma**2)


def sample(
    checkpoint: Checkpoint,
    *,
    prompt_embeds: Tensor,
    negative_prompt_embeds: Tensor,
    noise: Iterator[Tensor],
    sampler: Sampler,
    steps: int,
    guidance_scale: float,
    init_latents: Tensor | None = None,
    strength: float = 1.0,
    guidance_rescale: float | None = None,
    control_image: Tensor | None = None,
    control_weight: float = 1.0,
    reference: ReferenceImage | None = None,
) -> Iterator[DenoisingStep]:
    """Generate the latents of a batch of frames.

    The last step holds the result. Both embeddings are (frames, rows, channels). `noise` yields (frames, channels, h, w): the initial
    noise, then one for each step of the `lcm` sampler. `init_latents` make it img2img (SDEdit, Meng et al. 2022): the last `strength` of
    the steps run, at least one. A guidance scale of 1.0 or less disables guidance and halves the work. `guidance_rescale` is the phi of
    `rescale_guidance`: by default 0.7 for v-prediction with zero terminal SNR, else 0.0. `control_image` is (frames, 3, height, width), 0
    far to 1 near. All frames attend to `reference`, in both halves of guidance.
    """
    scheduler = build_scheduler(checkpoint, sampler, steps)
    skipped = 0 if init_latents is None else steps - max(1, min(int(steps * strength), steps))
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    timesteps = scheduler.timesteps[skipped:]
    latents = _initial_latents(checkpoint, scheduler, next(noise), init_latents, timesteps[:1])
    phi = _default_rescale(checkpoint) if guidance_rescale is None else guidance_rescale
    embeds = torch.cat([negative_prompt_embeds, prompt_embeds]) if guidance_scale > 1 else prompt_embeds
    embeds = embeds.to(checkpoint.device, checkpoint.dtype)
    control = None
    if control_image is not None and control_weight:
        images = control_image.to(embeds).repeat(len(embeds) // len(control_image), 1, 1, 1)
        control = _Control(images, control_weight)
    for index, timestep in enumerate(timesteps):
        prediction = _predict(checkpoint, scheduler, latents, timestep, embeds, guidance_scale, phi, control, reference)
        with torch.inference_mode():
            moved = scheduler.step(prediction, timestep, latents)
            latents = moved.prev_sample
            if sampler == "lcm" and index + 1 < len(timesteps):
                fresh = next(noise).to(latents)
                latents = scheduler.add_noise(moved.denoised, fresh, timesteps[index + 1 : index + 2])
        sigma = float(scheduler.sigmas[skipped + index + 1]) if sampler == "euler" else 0.0
        yield DenoisingStep(index=index, total=len(timesteps), latents=latents, sigma=sigma)


def build_scheduler(checkpoint: Checkpoint, sampler: Sampler, steps: int) -> Any:
    """Build diffusers' scheduler for a number of steps.

    It has the checkpoint's noise schedule.
    """
    extra = {"use_karras_sigmas": False} if sampler == "dpm++" else {}
    scheduler = _scheduler(SCHEDULERS[sampler], checkpoint.scheduler_config | extra)
    with warnings.catch_warnings():  # diffusers converts tensors in a way that numpy deprecates
        warnings.simplefilter("ignore", DeprecationWarning)
        scheduler.set_timesteps(steps, device=checkpoint.device)
    return scheduler


def noise_schedule(checkpoint: Checkpoint) -> Tensor:
    """Return alpha squared at each training timestep, (timesteps,).

    It is on the checkpoint's device.
    """
    signal: Tensor = _scheduler(DDIMScheduler, checkpoint.scheduler_config).alphas_cumprod.to(checkpoint.device)
    return signal


def _scheduler(kind: Any, config: Mapping[str, Any]) -> Any:
    """Build a scheduler from a config, whose keys of other schedulers are ignored.

    `from_config` does the same, and imports all compatible schedulers and scipy with them.
    """
    return kind(**{name: config[name] for name in signature(kind.__init__).parameters if name in config})


def _default_rescale(checkpoint: Checkpoint) -> float:
    info = checkpoint.info
    return ZERO_SNR_GUIDANCE_RESCALE if info.prediction_type == "v_prediction" and info.zero_terminal_snr else 0.0


def _initial_latents(checkpoint: Checkpoint, scheduler: Any, noise: Tensor, init: Tensor | None, timestep: Tensor) -> Tensor:
    noise = noise.to(checkpoint.device, torch.float32)
    if init is None:
        return torch.as_tensor(noise * scheduler.init_noise_sigma)
    return torch.as_tensor(scheduler.add_noise(init.to(noise), noise, timestep))


@dataclass(frozen=True, slots=True, eq=False)
class _Control:
    """What a ControlNet is given: one image for each row of the batch."""

    image: Tensor  # (rows, 3, height, width)
    weight: float


@torch.inference_mode()
def _predict(
    checkpoint: Checkpoint,
    scheduler: Any,
    latents: Tensor,
    timestep: Tensor,
    embeds: Tensor,
    guidance_scale: float,
    phi: float,
    control: _Control | None = None,
    reference: ReferenceImage | None = None,
) -> Tensor:
    """Call the denoiser once.

    With guidance its batch holds the unconditional half, then the conditional half.
    """
    inputs = torch.cat([latents, latents]) if guidance_scale > 1 else latents
    inputs = scheduler.scale_model_input(inputs, timestep).to(checkpoint.dtype)
    residuals: dict[str, Any] = {}
    if control:
        residuals = checkpoint.control_residuals(inputs, timestep, embeds, control.image, control.weight)
    with reference.attended(checkpoint, scheduler, timestep) if reference else nullcontext():
        prediction = checkpoint.forward(inputs, timestep, embeds, **residuals).float()
    if guidance_scale <= 1:
        return prediction
    unconditional, conditional = prediction.chunk(2)
    return rescale_guidance(apply_guidance(unconditional, conditional, guidance_scale), conditional, phi)
