"""Sampling: from noise to latents, step by step."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from inspect import signature
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from sakuga.diffusion.ancestral import ancestral_step
from sakuga.diffusion.guidance import apply_guidance, compose_predictions, compose_unguided, rescale_guidance
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.diffusers_classes import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)
from sakuga.models.reference_attention import ReferenceImage
from sakuga.models.step_prompts import PromptsAt
from sakuga.timeline.spec import Sampler

SCHEDULERS: dict[Sampler, Any] = {
    "dpm++": DPMSolverMultistepScheduler,
    "dpm++ karras": DPMSolverMultistepScheduler,
    "dpm++ sde": DPMSolverMultistepScheduler,
    "dpm++ sde karras": DPMSolverMultistepScheduler,
    "unipc": UniPCMultistepScheduler,
    "ddim": DDIMScheduler,
    "euler": EulerDiscreteScheduler,
    "euler a": EulerDiscreteScheduler,
    "lcm": LCMScheduler,
}
OPTIONS: dict[Sampler, dict[str, Any]] = {
    "dpm++": {"use_karras_sigmas": False},
    "dpm++ karras": {"use_karras_sigmas": True},
    "dpm++ sde": {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": False},
    "dpm++ sde karras": {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    "unipc": {"use_karras_sigmas": False},
}
"""What a sampler sets of its scheduler; the rest is the checkpoint's."""
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
    prompt_embeds: Tensor | PromptsAt,
    negative_prompt_embeds: Tensor | None,
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

    The last step holds the result. Both embeddings are (frames, rows, channels), unless `prompt_embeds` gives each step both. `noise`
    yields (frames, channels, h, w): the initial noise, then one for each step of a stochastic sampler. `init_latents` make it img2img
    (SDEdit, Meng et al. 2022): the last `strength` of the steps run, at least one. A guidance scale of 1.0 or less disables guidance and
    halves the work. `guidance_rescale` is the phi of `rescale_guidance`: by default 0.7 for v-prediction with zero terminal SNR, else 0.0.
    `control_image` is (frames, 3, height, width), 0 far to 1 near. All frames attend to `reference`, in both halves of guidance.
    """
    scheduler = build_scheduler(checkpoint, sampler, steps)
    skipped = 0 if init_latents is None else steps - max(1, min(int(steps * strength), steps))
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    timesteps = scheduler.timesteps[skipped:]
    latents = _initial_latents(checkpoint, scheduler, next(noise), init_latents, timesteps[:1])
    phi = _default_rescale(checkpoint) if guidance_rescale is None else guidance_rescale
    embeds_at = _embeds_at(checkpoint, prompt_embeds, negative_prompt_embeds, guidance_scale)
    control = None
    if control_image is not None and control_weight:
        control = _Control(control_image.to(checkpoint.device, checkpoint.dtype), control_weight)
    for index, timestep in enumerate(timesteps):
        embeds, weights = embeds_at(index, len(timesteps))
        prediction = _predict(checkpoint, scheduler, latents, timestep, embeds, guidance_scale, phi, control, reference, weights)
        with torch.inference_mode():
            latents = _step(scheduler, sampler, prediction, latents, timesteps[index : index + 2], noise)
        sigma = float(scheduler.sigmas[skipped + index + 1]) if sampler in ("euler", "euler a") else 0.0
        yield DenoisingStep(index=index, total=len(timesteps), latents=latents, sigma=sigma)


def _step(scheduler: Any, sampler: Sampler, prediction: Tensor, latents: Tensor, timesteps: Tensor, noise: Iterator[Tensor]) -> Tensor:
    """Take one step, to the second of `timesteps`; stochastic samplers draw from each frame's own noise, but not at the last step."""
    timestep, last = timesteps[0], len(timesteps) == 1
    match sampler:
        case "lcm":
            moved = scheduler.step(prediction, timestep, latents)
            return torch.as_tensor(
                moved.prev_sample if last else scheduler.add_noise(moved.denoised, next(noise).to(latents), timesteps[1:])
            )
        case "dpm++ sde" | "dpm++ sde karras":
            fresh = torch.zeros_like(latents) if last else next(noise).to(latents)
            return torch.as_tensor(scheduler.step(prediction, timestep, latents, variance_noise=fresh).prev_sample)
        case "euler a":
            place = scheduler.step_index if scheduler.step_index is not None else scheduler.begin_index
            sigma, following = (float(value) for value in scheduler.sigmas[place : place + 2])
            clean = scheduler.step(prediction, timestep, latents).pred_original_sample
            return ancestral_step(latents, clean, sigma, following, None if last else next(noise).to(latents))
        case _:
            return torch.as_tensor(scheduler.step(prediction, timestep, latents).prev_sample)


EmbedsAt = Callable[[int, int], tuple[Tensor, Tensor | None]]
"""Returns the batch's embeddings at a step, and the weights of composed prompts, (parts, frames); None for one part of weight 1."""


def _embeds_at(checkpoint: Checkpoint, prompts: Tensor | PromptsAt, negative: Tensor | None, guidance_scale: float) -> EmbedsAt:
    """Return what gives each step its embeddings: the negative ones, if there is guidance, then those of the prompts."""
    if isinstance(prompts, Tensor):
        whole = torch.cat([negative, prompts]) if negative is not None and guidance_scale > 1 else prompts
        embeds = whole.to(checkpoint.device, checkpoint.dtype)
        return lambda step, steps: (embeds, None)

    def at(step: int, steps: int) -> tuple[Tensor, Tensor | None]:
        found = prompts(step, steps)
        whole = torch.cat([found.negative, *found.parts] if guidance_scale > 1 else found.parts)
        plain = len(found.weights) == 1 and bool((found.weights == 1).all())
        return whole.to(checkpoint.device, checkpoint.dtype), None if plain else found.weights.to(checkpoint.device)

    return at


def build_scheduler(checkpoint: Checkpoint, sampler: Sampler, steps: int) -> Any:
    """Build diffusers' scheduler for a number of steps.

    It has the checkpoint's noise schedule.
    """
    scheduler = _scheduler(SCHEDULERS[sampler], checkpoint.scheduler_config | OPTIONS.get(sampler, {}))
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
    """What a ControlNet is given: one image for each frame."""

    image: Tensor  # (frames, 3, height, width)
    weight: float
    _rows: dict[int, Tensor] = field(default_factory=dict)

    def rows(self, count: int) -> Tensor:
        """Return the images of a batch; the same tensor at each step, so that it is embedded once (`models.memoization`)."""
        if count not in self._rows:
            with torch.inference_mode(False):
                self._rows[count] = self.image.repeat(count // len(self.image), 1, 1, 1)
        return self._rows[count]


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
    weights: Tensor | None = None,
) -> Tensor:
    """Call the denoiser once.

    With guidance its batch holds the unconditional frames, then the conditional ones, of each part where prompts are composed with
    `weights`, (parts, frames).
    """
    inputs = torch.cat([latents] * (len(embeds) // len(latents)))
    inputs = scheduler.scale_model_input(inputs, timestep).to(checkpoint.dtype)
    residuals: dict[str, Any] = {}
    if control:
        residuals = checkpoint.control_residuals(inputs, timestep, embeds, control.rows(len(embeds)), control.weight)
    with reference.attended(checkpoint, scheduler, timestep) if reference else nullcontext():
        prediction = checkpoint.forward(inputs, timestep, embeds, **residuals).float()
    if guidance_scale <= 1:
        return prediction if weights is None else compose_unguided(prediction.chunk(len(weights)), weights)
    unconditional, *conditionals = prediction.chunk(len(prediction) // len(latents))
    conditional = conditionals[0] if weights is None else compose_predictions(unconditional, conditionals, weights)
    return rescale_guidance(apply_guidance(unconditional, conditional, guidance_scale), conditional, phi)
