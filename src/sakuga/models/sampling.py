"""Drawing: from noise to latents, one denoising step after the other."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, LCMScheduler
from torch import Tensor

from sakuga.diffusion.guidance import guided, rescaled
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.loading import quiet
from sakuga.timeline.spec import Sampler

SCHEDULERS: dict[Sampler, Any] = {
    "dpm++": DPMSolverMultistepScheduler,
    "ddim": DDIMScheduler,
    "euler": EulerDiscreteScheduler,
    "lcm": LCMScheduler,
}
ZERO_SNR_RESCALE = 0.7
"""The phi of Lin et al. 2023, table 4, for models whose schedule ends in pure noise; other models are left alone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DenoisingStep:
    """A moment of a drawing."""

    index: int
    """Counts from 0."""
    total: int
    latents: Tensor  # (frames, channels, height / factor, width / factor) float32
    sigma: float = 0.0
    """The noise left on the latents, where the sampler adds it on top of them (Karras et al. 2022); 0.0 for the others."""

    @property
    def visible(self) -> Tensor:
        """The latents at the size that a decoder knows: as if their noise had taken the picture's place, not been added to it."""
        return self.latents / sqrt(1 + self.sigma**2)


def sample(
    checkpoint: Checkpoint,
    *,
    conditioning: Tensor,
    negative: Tensor,
    noise: Iterator[Tensor],
    sampler: Sampler,
    steps: int,
    guidance: float,
    start_latents: Tensor | None = None,
    strength: float = 1.0,
    rescale: float | None = None,
    control: Tensor | None = None,
    control_weight: float = 1.0,
) -> Iterator[DenoisingStep]:
    """Draw a batch of frames; the last step holds what is to be decoded.

    `conditioning` and `negative` are (frames, rows, channels), as encoded. `noise` gives (frames, channels, h, w): first the start noise,
    then what the `lcm` sampler adds at each step. With `start_latents` this is img2img (SDEdit, Meng et al. 2022): the last `strength` of
    the steps, one at least. Guidance of 1.0 or less is none, and spares half the work. `rescale` is the phi of
    `diffusion.guidance.rescaled`: by default 0.7 for v-prediction with zero terminal SNR, else 0.0. `control` is (frames, 3, height,
    width), 0 to 1, as the checkpoint's ControlNet was taught: near is white.
    """
    scheduler = build_scheduler(checkpoint, sampler, steps)
    skipped = 0 if start_latents is None else steps - max(1, min(int(steps * strength), steps))
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    timesteps = scheduler.timesteps[skipped:]
    latents = _begin(checkpoint, scheduler, next(noise), start_latents, timesteps[:1])
    phi = _default_rescale(checkpoint) if rescale is None else rescale
    words = (torch.cat([negative, conditioning]) if guidance > 1 else conditioning).to(checkpoint.device, checkpoint.dtype)
    led = None if control is None or not control_weight else _Led(checkpoint, control, control_weight)
    for index, timestep in enumerate(timesteps):
        prediction = _predict(checkpoint, scheduler, latents, timestep, words, guidance, phi, led)
        with torch.inference_mode():
            moved = scheduler.step(prediction, timestep, latents)
            latents = moved.prev_sample
            if sampler == "lcm" and index + 1 < len(timesteps):
                fresh = next(noise).to(latents)
                latents = scheduler.add_noise(moved.denoised, fresh, timesteps[index + 1 : index + 2])
        sigma = float(scheduler.sigmas[skipped + index + 1]) if sampler == "euler" else 0.0
        yield DenoisingStep(index=index, total=len(timesteps), latents=latents, sigma=sigma)


def build_scheduler(checkpoint: Checkpoint, sampler: Sampler, steps: int) -> Any:
    """Make diffusers' scheduler for a number of steps from the checkpoint's own schedule."""
    extra = {"use_karras_sigmas": False} if sampler == "dpm++" else {}
    with quiet():  # other samplers' keys in the schedule are passed over
        scheduler = SCHEDULERS[sampler].from_config(checkpoint.schedule, **extra)
    with warnings.catch_warnings():  # diffusers hands tensors to numpy in a way that numpy will refuse one day
        warnings.simplefilter("ignore", DeprecationWarning)
        scheduler.set_timesteps(steps, device=checkpoint.device)
    return scheduler


def _default_rescale(checkpoint: Checkpoint) -> float:
    facts = checkpoint.facts
    return ZERO_SNR_RESCALE if facts.prediction == "v_prediction" and facts.zero_snr else 0.0


def _begin(checkpoint: Checkpoint, scheduler: Any, noise: Tensor, start: Tensor | None, timestep: Tensor) -> Tensor:
    noise = noise.to(checkpoint.device, torch.float32)
    if start is None:
        return torch.as_tensor(noise * scheduler.init_noise_sigma)
    return torch.as_tensor(scheduler.add_noise(start.to(noise), noise, timestep))


@dataclass(frozen=True, slots=True, eq=False)
class _Led:
    """A ControlNet and what it is shown (Zhang et al. 2023): its residuals are added to the UNet's, times `weight`."""

    checkpoint: Checkpoint
    hint: Tensor  # (frames, 3, height, width)
    weight: float

    def residuals(self, shown: Tensor, timestep: Tensor, words: Tensor) -> dict[str, Any]:
        hint = self.hint.to(shown).repeat(len(shown) // len(self.hint), 1, 1, 1)
        network = self.checkpoint.controlnet
        down, middle = self.checkpoint.ask(network, shown, timestep, words, controlnet_cond=hint, conditioning_scale=self.weight)
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}


@torch.inference_mode()
def _predict(
    checkpoint: Checkpoint,
    scheduler: Any,
    latents: Tensor,
    timestep: Tensor,
    words: Tensor,
    guidance: float,
    phi: float,
    led: _Led | None = None,
) -> Tensor:
    """Ask the UNet once; with guidance its batch is twice as wide: first the negative half, then the conditional."""
    shown = torch.cat([latents, latents]) if guidance > 1 else latents
    shown = scheduler.scale_model_input(shown, timestep).to(checkpoint.dtype)
    residuals = led.residuals(shown, timestep, words) if led else {}
    prediction: Tensor = checkpoint.ask(checkpoint.unet, shown, timestep, words, **residuals)[0].float()
    if guidance <= 1:
        return prediction
    unconditional, conditional = prediction.chunk(2)
    return rescaled(guided(unconditional, conditional, guidance), conditional, phi)
