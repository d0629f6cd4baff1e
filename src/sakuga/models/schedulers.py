"""Samplers as diffusers' schedulers, with the noise schedule of a checkpoint."""

from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from sakuga.diffusion.ancestral import ancestral_step
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.diffusers_classes import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)
from sakuga.models.singlestep_scheduler import SinglestepScheduler
from sakuga.timeline.spec import Sampler, Schedule

SCHEDULERS: dict[Sampler, Any] = {
    "dpm++": DPMSolverMultistepScheduler,
    "dpm++ karras": DPMSolverMultistepScheduler,
    "dpm++ 2m sde": DPMSolverMultistepScheduler,
    "dpm++ 2m sde karras": DPMSolverMultistepScheduler,
    "dpm++ 2s sde": EulerDiscreteScheduler,
    "dpm++ 2s sde karras": EulerDiscreteScheduler,
    "dpm++ 2s a": EulerDiscreteScheduler,
    "dpm++ 2s a karras": EulerDiscreteScheduler,
    "unipc": UniPCMultistepScheduler,
    "ddim": DDIMScheduler,
    "euler": EulerDiscreteScheduler,
    "euler a": EulerDiscreteScheduler,
    "heun": HeunDiscreteScheduler,
    "lcm": LCMScheduler,
}
OPTIONS: dict[Sampler, dict[str, Any]] = {
    "dpm++": {"use_karras_sigmas": False},
    "dpm++ karras": {"use_karras_sigmas": True},
    "dpm++ 2m sde": {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": False},
    "dpm++ 2m sde karras": {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    "dpm++ 2s sde": {"use_karras_sigmas": False, "final_sigmas_type": "zero"},
    "dpm++ 2s sde karras": {"use_karras_sigmas": True, "final_sigmas_type": "zero"},
    "dpm++ 2s a": {"use_karras_sigmas": False, "final_sigmas_type": "zero"},
    "dpm++ 2s a karras": {"use_karras_sigmas": True, "final_sigmas_type": "zero"},
    "unipc": {"use_karras_sigmas": False},
    "heun": {"use_karras_sigmas": False},
}
"""What a sampler sets of its scheduler; the rest is the checkpoint's."""
SIGMAS: tuple[Schedule, ...] = ("karras", "exponential", "beta")
SCHEDULES: dict[Schedule, dict[str, Any]] = {
    "model": {},
    **{name: {f"use_{one}_sigmas": one == name for one in SIGMAS} for name in SIGMAS},
    "trailing": {"timestep_spacing": "trailing"},
}
"""What a schedule sets: noise levels after Karras et al. 2022 (eq. 5), exponential, or of a beta distribution (Lee et al. 2024); or
timesteps that begin at the last (Lin et al. 2023)."""
SINGLESTEP: dict[Sampler, bool] = {"dpm++ 2s sde": True, "dpm++ 2s sde karras": True, "dpm++ 2s a": False, "dpm++ 2s a karras": False}
"""Samplers of `singlestep_scheduler`, over the steps of Euler's scheduler, and whether each is the stochastic one."""
EXPLODING = ("euler", "euler a", "heun", *SINGLESTEP)
"""Samplers whose latents grow with the noise level (variance exploding)."""


def build_scheduler(checkpoint: Checkpoint, sampler: Sampler, steps: int, schedule: Schedule = "model") -> Any:
    """Build diffusers' scheduler for a number of steps, or one that is called like it.

    It has the checkpoint's noise schedule.
    """
    own = OPTIONS.get(sampler, {}) | SCHEDULES[schedule]
    scheduler = _scheduler(SCHEDULERS[sampler], checkpoint.scheduler_config | own)
    scheduler.set_timesteps(steps, device=checkpoint.device)
    return SinglestepScheduler.over(scheduler, stochastic=SINGLESTEP[sampler]) if sampler in SINGLESTEP else scheduler


def noise_schedule(checkpoint: Checkpoint) -> Tensor:
    """Return alpha squared at each training timestep, (timesteps,).

    It is on the checkpoint's device.
    """
    signal: Tensor = _scheduler(DDIMScheduler, checkpoint.scheduler_config).alphas_cumprod.to(checkpoint.device)
    return signal


def scheduler_step(
    scheduler: Any, sampler: Sampler, prediction: Tensor, latents: Tensor, timesteps: Tensor, noise: Iterator[Tensor], eta: float = 0.0
) -> Tensor:
    """Take one step, to the second of `timesteps`; stochastic samplers draw from each frame's own noise, but not at the last step.

    `eta` is the noise that DDIM adds, 0.0 to 1.0 (Song et al. 2021, eq. 16).
    """
    timestep, last = timesteps[0], len(timesteps) == 1
    match sampler:
        case "dpm++ 2s sde" | "dpm++ 2s sde karras" | "dpm++ 2s a" | "dpm++ 2s a karras":
            return torch.as_tensor(scheduler.step(prediction, latents, noise))
        case "lcm":
            moved = scheduler.step(prediction, timestep, latents)
            return torch.as_tensor(
                moved.prev_sample if last else scheduler.add_noise(moved.denoised, next(noise).to(latents), timesteps[1:])
            )
        case "dpm++ 2m sde" | "dpm++ 2m sde karras":
            fresh = torch.zeros_like(latents) if last else next(noise).to(latents)
            return torch.as_tensor(scheduler.step(prediction, timestep, latents, variance_noise=fresh).prev_sample)
        case "euler a":
            place = scheduler.step_index if scheduler.step_index is not None else scheduler.begin_index
            sigma, following = (float(value) for value in scheduler.sigmas[place : place + 2])
            clean = scheduler.step(prediction, timestep, latents).pred_original_sample
            return ancestral_step(latents, clean, sigma, following, None if last else next(noise).to(latents))
        case "ddim" if eta:
            fresh = next(noise).to(latents)
            return torch.as_tensor(scheduler.step(prediction, timestep, latents, eta=eta, variance_noise=fresh).prev_sample)
        case _:
            return torch.as_tensor(scheduler.step(prediction, timestep, latents).prev_sample)


def _scheduler(kind: Any, config: Mapping[str, Any]) -> Any:
    """Build a scheduler from a config, whose keys of other schedulers are ignored.

    `from_config` does the same, and imports all compatible schedulers and scipy with them.
    """
    return kind(**{name: config[name] for name in signature(kind.__init__).parameters if name in config})
