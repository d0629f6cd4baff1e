"""The shipped motion adapter: diffusers loads it, and it makes one clip of frames that start from independent noise."""

from pathlib import Path

import numpy as np
import torch
from diffusers import MotionAdapter, UNetMotionModel

from sakuga.diffusion.noise import seeded_noise
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.motion import MotionUNet, open_motion_adapter
from sakuga.models.sampling import sample
from sakuga.models.sketchbook import LATENT_CHANNELS, assemble_checkpoint, load_unet

FRAMES = 16


def weights() -> Path:
    return find_checkpoint().folder


def neighbour_difference(unet: object) -> float:
    """Generate 16 frames of one prompt and return the mean difference of neighbours, in grey levels."""
    checkpoint = assemble_checkpoint(unet, weights(), torch.device("cpu"))
    embeds = checkpoint.encode_prompts(["a castle on a hill at noon", ""]).repeat_interleave(FRAMES, dim=0)
    noise = seeded_noise((FRAMES, LATENT_CHANNELS, 16, 16), 0)
    *_, last = sample(
        checkpoint,
        prompt_embeds=embeds[:FRAMES],
        negative_prompt_embeds=embeds[FRAMES:],
        noise=noise,
        sampler="dpm++",
        steps=6,
        guidance_scale=4.0,
    )
    frames = checkpoint.decode(last.latents) * 255
    return float(np.abs(np.diff(frames, axis=0)).mean())


def test_frames_from_independent_noise_become_one_clip() -> None:
    unet = load_unet(weights())
    adapter = open_motion_adapter(weights() / "motion_adapter")
    together, alone = neighbour_difference(MotionUNet(unet, adapter, FRAMES)), neighbour_difference(unet)
    assert together < 0.35 * alone


def test_diffusers_loads_the_adapter_as_it_is() -> None:
    adapter = MotionAdapter.from_pretrained(weights() / "motion_adapter")
    model = UNetMotionModel.from_unet2d(load_unet(weights()), adapter)
    assert sum(parameter.numel() for name, parameter in model.named_parameters() if "motion_modules" in name) == 3_631_360
