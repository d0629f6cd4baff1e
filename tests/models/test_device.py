"""Denoising on another device than the CPU, which here is one that has no data: whatever mixes devices or reads back fails on it."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import ControlNetModel
from torch import Tensor

from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.controlnets import Control
from sakuga.models.meta_kernels import on_meta_device
from sakuga.models.reference_attention import ReferenceImage
from sakuga.models.sampling import sample
from sakuga.models.step_prompts import StepPrompts
from sakuga.timeline.spec import Sampler, SamplingOptions


@pytest.fixture(scope="module", params=["tiny_v_folder", "tiny_xl_folder"])
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    """Load a checkpoint whose UNet and ControlNet are on the device; text is encoded on the CPU."""
    loaded = load_checkpoint(find_checkpoint(str(request.getfixturevalue(request.param))))
    with on_meta_device():
        unet = copy.deepcopy(loaded.unet).to("meta")
        controlnet = ControlNetModel.from_unet(unet, load_weights_from_unet=False, conditioning_embedding_out_channels=(8, 16, 16))
    elsewhere = replace(loaded, unet=unet)
    elsewhere.keep("controlnet", lambda: controlnet)
    return elsewhere


def hint() -> Tensor:
    return torch.rand(1, 3, 32, 32)


def reference(checkpoint: Checkpoint) -> ReferenceImage:
    latents = torch.zeros(1, checkpoint.info.latent_channels, 8, 8, device="meta")
    return ReferenceImage(latents=latents, noise=latents, prompt_embeds=checkpoint.encode_prompts(["a castle"]).to("meta"), weight=0.5)


Settings = Callable[[Checkpoint], dict[str, Any]]
SETTINGS: dict[str, Settings] = {
    "image to image": lambda checkpoint: {"init_latents": torch.zeros(1, checkpoint.info.latent_channels, 8, 8), "strength": 0.5},
    "no guidance": lambda _: {"guidance_scale": 1.0},
    "later guidance": lambda _: {"options": SamplingOptions(guidance_start=0.5)},
    "guidance rescale": lambda _: {"guidance_rescale": 0.7},
    "ControlNet": lambda _: {"controls": [Control(image=hint())]},
    "guess mode": lambda _: {"controls": [Control(image=hint(), guess=True)]},
    "reference": lambda checkpoint: {"reference": reference(checkpoint)},
    "two prompts": lambda checkpoint: {"prompt_embeds": lambda step, steps: two_prompts(checkpoint)},
}


def two_prompts(checkpoint: Checkpoint) -> StepPrompts:
    castle, sea, nothing = (checkpoint.encode_prompts([text]) for text in ("a castle", "the sea", ""))
    return StepPrompts(negative=nothing, parts=(castle, sea), weights=torch.tensor([[1.0], [0.5]]))


def denoise(checkpoint: Checkpoint, **settings: Any) -> Tensor:
    noise = torch.zeros(1, checkpoint.info.latent_channels, 8, 8)
    embeds = {"prompt_embeds": checkpoint.encode_prompts(["a castle"]), "negative_prompt_embeds": checkpoint.encode_prompts([""])}
    whole = {"sampler": "dpm++", "guidance_scale": 4.0, "steps": 2} | embeds | settings
    *_, last = sample(checkpoint, noise=iter([noise] * 4), **whole)
    return last.latents


@pytest.mark.parametrize("sampler", ["dpm++", "dpm++ karras", "dpm++ 2m sde", "unipc"])
def test_a_sampler_reads_nothing_back_from_the_device(checkpoint: Checkpoint, sampler: Sampler) -> None:
    assert denoise(checkpoint, sampler=sampler).device.type == "meta"


@pytest.mark.parametrize("name", SETTINGS)
def test_what_joins_denoising_reads_nothing_back_from_the_device(checkpoint: Checkpoint, name: str) -> None:
    assert denoise(checkpoint, **SETTINGS[name](checkpoint)).device.type == "meta"
