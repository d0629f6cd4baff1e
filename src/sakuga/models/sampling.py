"""Sampling: from noise to latents, step by step."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from sakuga.diffusion.guidance import apply_guidance, compose_predictions, compose_unguided, rescale_guidance
from sakuga.diffusion.objective import clean_prediction
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.controlnets import Control, control_residuals
from sakuga.models.ip_adapters import ImagePrompt, attending_to_images, with_image_tokens
from sakuga.models.reference_attention import ReferenceImage
from sakuga.models.schedulers import EXPLODING, build_scheduler, noise_schedule, scheduler_step
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
    denoising_end: float = 1.0,
    steps_before: int = 0,
    guidance_rescale: float | None = None,
    controls: Sequence[Control] = (),
    image_prompts: Sequence[ImagePrompt] = (),
    reference: ReferenceImage | None = None,
    options: SamplingOptions = PLAIN,
) -> Iterator[DenoisingStep]:
    """Generate the latents of a batch of frames.

    The last step holds the result. Both embeddings are (frames, rows, channels), unless `prompt_embeds` gives each step both. `noise`
    yields (frames, channels, h, w): the initial noise, then one for each step of a stochastic sampler. `init_latents` make it img2img
    (SDEdit, Meng et al. 2022): the last `strength` of the steps run, at least one. A guidance scale of 1.0 or less disables guidance and
    halves the work. Below 1.0, `denoising_end` is the share of the noise levels that run, at least one step; the last step then yields the
    predicted clean latents. Spans of ControlNets and edits of prompts count the steps of the whole denoising, of which `steps_before` ran
    earlier. `guidance_rescale` is the phi of `rescale_guidance`: by default 0.7 for v-prediction with zero terminal SNR, else 0.0. All
    frames attend to `reference`, in both halves of guidance. In the first `options.guidance_start` of the noise levels the scale is 1.0
    (Kynkaanniemi et al. 2024), in batches as before. Heun calls the networks twice for each step but the last.
    """
    scheduler = build_scheduler(checkpoint, sampler, steps, options.schedule)
    skipped = 0 if init_latents is None else scheduler.order * (steps - max(1, min(int(steps * strength), steps)))
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    timesteps = _until(denoising_end, scheduler.timesteps[skipped:], scheduler.config.num_train_timesteps)
    whole = steps_before + len(scheduler.timesteps) - skipped
    latents = _initial_latents(checkpoint, scheduler, next(noise), init_latents, timesteps[:1])
    phi = _default_rescale(checkpoint) if guidance_rescale is None else guidance_rescale
    unguided = (1 - options.guidance_start) * scheduler.config.num_train_timesteps
    embeds_at = _embeds_at(checkpoint, prompt_embeds, negative_prompt_embeds, guidance_scale)
    for index, timestep in enumerate(timesteps):
        is_end = denoising_end < 1 and index == len(timesteps) - 1
        place = steps_before + index
        embeds, weights = embeds_at(place, whole)
        acting = [control for control in controls if control.acts(place, whole)]
        seen = [prompt for prompt in image_prompts if prompt.acts(place, whole)]
        attended = reference.attended(checkpoint, scheduler, timestep, skipped + index) if reference else nullcontext()
        rescale = 0.0 if is_end else phi  # it would change the contrast of clean latents
        scale = torch.where(timestep >= unguided, 1.0, guidance_scale) if options.guidance_start else guidance_scale
        prediction = _predict(
            checkpoint, scheduler, latents, timestep, embeds, scale, rescale, acting, seen, attended, weights, guided=guidance_scale > 1
        )  # fmt: skip
        with torch.inference_mode():
            if is_end:
                latents = _clean_latents(checkpoint, scheduler, latents, timestep, prediction)
            else:
                latents = scheduler_step(scheduler, sampler, prediction, latents, timesteps[index : index + 2], noise, options.eta)
        sigma = float(scheduler.sigmas[skipped + index + 1]) if sampler in EXPLODING and not is_end else 0.0
        yield DenoisingStep(index=index, total=len(timesteps), latents=latents, sigma=sigma)


def _until(end: float, timesteps: Tensor, count: int) -> Tensor:
    """Keep the timesteps in the first share of the noise levels, one at least; `count` is the number of training timesteps."""
    if end >= 1:
        return timesteps
    kept = timesteps[timesteps >= round((1 - end) * count)]
    return kept if len(kept) else timesteps[:1]


def _clean_latents(checkpoint: Checkpoint, scheduler: Any, latents: Tensor, timestep: Tensor, prediction: Tensor) -> Tensor:
    """Return the clean latents that a prediction stands for."""
    noisy = scheduler.scale_model_input(latents, timestep)
    signal = noise_schedule(checkpoint)[timestep.round().long()]
    return clean_prediction(checkpoint.info.prediction_type, noisy, prediction, signal.to(noisy))


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
    guidance_scale: float | Tensor,
    phi: float,
    controls: Sequence[Control],
    image_prompts: Sequence[ImagePrompt],
    attended: AbstractContextManager[None],
    weights: Tensor | None,
    *,
    guided: bool,
) -> Tensor:
    """Call the denoiser once.

    If `guided`, its batch holds the unconditional frames, then the conditional ones, of each part where prompts are composed with
    `weights`, (parts, frames). It runs inside `attended`, which lets the UNet attend to a reference.
    """
    inputs = torch.cat([latents] * (len(embeds) // len(latents)))
    inputs = scheduler.scale_model_input(inputs, timestep).to(checkpoint.dtype)
    residuals = control_residuals(checkpoint, controls, inputs, timestep, embeds)
    embeds = with_image_tokens(checkpoint, embeds, image_prompts, guided=guided)
    with attended, attending_to_images(checkpoint.unet, image_prompts):
        prediction = checkpoint.forward(inputs, timestep, embeds, **residuals).float()
    if not guided:
        return prediction if weights is None else compose_unguided(prediction.chunk(len(weights)), weights)
    unconditional, *conditionals = prediction.chunk(len(prediction) // len(latents))
    conditional = conditionals[0] if weights is None else compose_predictions(unconditional, conditionals, weights)
    return rescale_guidance(apply_guidance(unconditional, conditional, guidance_scale), conditional, phi)
