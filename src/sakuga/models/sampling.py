"""Sampling: from noise to latents, step by step."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from sakuga.diffusion.guidance import apply_guidance, compose_predictions, compose_unguided, rescale_guidance
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.controlnets import Control, control_residuals
from sakuga.models.reference_attention import ReferenceImage
from sakuga.models.schedulers import EXPLODING, build_scheduler, scheduler_step
from sakuga.models.step_prompts import PromptsAt
from sakuga.timeline.spec import Sampler, SamplingOptions

PLAIN = SamplingOptions()

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
    controls: Sequence[Control] = (),
    reference: ReferenceImage | None = None,
    options: SamplingOptions = PLAIN,
) -> Iterator[DenoisingStep]:
    """Generate the latents of a batch of frames.

    The last step holds the result. Both embeddings are (frames, rows, channels), unless `prompt_embeds` gives each step both. `noise`
    yields (frames, channels, h, w): the initial noise, then one for each step of a stochastic sampler. `init_latents` make it img2img
    (SDEdit, Meng et al. 2022): the last `strength` of the steps run, at least one. A guidance scale of 1.0 or less disables guidance and
    halves the work. `guidance_rescale` is the phi of `rescale_guidance`: by default 0.7 for v-prediction with zero terminal SNR, else 0.0.
    All frames attend to `reference`, in both halves of guidance. Heun calls the networks twice for each step but the last.
    """
    scheduler = build_scheduler(checkpoint, sampler, steps, options.schedule)
    skipped = 0 if init_latents is None else scheduler.order * (steps - max(1, min(int(steps * strength), steps)))
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    timesteps = scheduler.timesteps[skipped:]
    latents = _initial_latents(checkpoint, scheduler, next(noise), init_latents, timesteps[:1])
    phi = _default_rescale(checkpoint) if guidance_rescale is None else guidance_rescale
    embeds_at = _embeds_at(checkpoint, prompt_embeds, negative_prompt_embeds, guidance_scale)
    for index, timestep in enumerate(timesteps):
        embeds, weights = embeds_at(index, len(timesteps))
        acting = [control for control in controls if control.acts(index, len(timesteps))]
        prediction = _predict(checkpoint, scheduler, latents, timestep, embeds, guidance_scale, phi, acting, reference, weights)
        with torch.inference_mode():
            latents = scheduler_step(scheduler, sampler, prediction, latents, timesteps[index : index + 2], noise, options.eta)
        sigma = float(scheduler.sigmas[skipped + index + 1]) if sampler in EXPLODING else 0.0
        yield DenoisingStep(index=index, total=len(timesteps), latents=latents, sigma=sigma)


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


def _default_rescale(checkpoint: Checkpoint) -> float:
    info = checkpoint.info
    return ZERO_SNR_GUIDANCE_RESCALE if info.prediction_type == "v_prediction" and info.zero_terminal_snr else 0.0


def _initial_latents(checkpoint: Checkpoint, scheduler: Any, noise: Tensor, init: Tensor | None, timestep: Tensor) -> Tensor:
    noise = noise.to(checkpoint.device, torch.float32)
    if init is None:
        return torch.as_tensor(noise * scheduler.init_noise_sigma)
    return torch.as_tensor(scheduler.add_noise(init.to(noise), noise, timestep))


@torch.inference_mode()
def _predict(
    checkpoint: Checkpoint,
    scheduler: Any,
    latents: Tensor,
    timestep: Tensor,
    embeds: Tensor,
    guidance_scale: float,
    phi: float,
    controls: Sequence[Control] = (),
    reference: ReferenceImage | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Call the denoiser once.

    With guidance its batch holds the unconditional frames, then the conditional ones, of each part where prompts are composed with
    `weights`, (parts, frames).
    """
    inputs = torch.cat([latents] * (len(embeds) // len(latents)))
    inputs = scheduler.scale_model_input(inputs, timestep).to(checkpoint.dtype)
    residuals = control_residuals(checkpoint, controls, inputs, timestep, embeds)
    with reference.attended(checkpoint, scheduler, timestep) if reference else nullcontext():
        prediction = checkpoint.forward(inputs, timestep, embeds, **residuals).float()
    if guidance_scale <= 1:
        return prediction if weights is None else compose_unguided(prediction.chunk(len(weights)), weights)
    unconditional, *conditionals = prediction.chunk(len(prediction) // len(latents))
    conditional = conditionals[0] if weights is None else compose_predictions(unconditional, conditionals, weights)
    return rescale_guidance(apply_guidance(unconditional, conditional, guidance_scale), conditional, phi)
