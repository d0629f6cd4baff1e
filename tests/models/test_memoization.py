"""Constants of a sampling run are computed once, and nothing else changes."""

import copy
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sakuga.models import memoization, packing
from sakuga.models.adapters import Adapter, LoraLayer
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.controlnets import Control
from sakuga.models.sampling import sample

STEPS = 4


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(find_checkpoint("sketchbook"))


def latents_of(checkpoint: Checkpoint, prompt: str = "a castle", **control: Any) -> list[Tensor]:
    """The latents of each step, in the Sketchbook's smallest size."""
    noise = iter([torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(4))])
    settings: dict[str, Any] = {"sampler": "dpm++", "steps": STEPS, "guidance_scale": 4.0} | control
    words = {"prompt_embeds": checkpoint.encode_prompts([prompt]), "negative_prompt_embeds": checkpoint.encode_prompts([""])}
    return [step.latents for step in sample(checkpoint, noise=noise, **words, **settings)]


def control_image(seed: int) -> Tensor:
    return torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(seed)).expand(1, 3, -1, -1)


def forgetful(network: nn.Module) -> nn.Module:
    """Return a copy that computes everything at each step."""
    other = copy.deepcopy(network)
    for module in other.modules():
        if type(module) is memoization.PromptProjection:
            module.__class__ = packing.PackedLinear
        elif type(module) is memoization.ControlImageEmbedding:
            module.__class__ = memoization.ControlNetConditioningEmbedding
    return other


def test_every_step_is_the_same_to_the_bit(checkpoint: Checkpoint) -> None:
    plain = load_checkpoint(checkpoint.files)
    plain.unet, plain._networks["controlnet"] = forgetful(plain.unet), forgetful(plain.controlnet)
    for prompt, seed in (("a castle", 1), ("the sea", 2), ("a castle", 1)):
        control = {"controls": [Control(image=control_image(seed), weight=0.8)]}
        expected, steps = latents_of(plain, prompt, **control), latents_of(checkpoint, prompt, **control)
        assert all(torch.equal(one, other) for one, other in zip(expected, steps, strict=True))


def test_text_and_control_image_pass_once_a_run(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()
    linear, embedding = packing.PackedLinear.forward, memoization.ControlNetConditioningEmbedding.forward

    def count_linear(self: Any, input: Tensor) -> Tensor:
        calls["text"] += type(self) is memoization.PromptProjection
        return linear(self, input)

    def count_embedding(self: Any, input: Tensor) -> Tensor:
        calls["image"] += 1
        return embedding(self, input)

    monkeypatch.setattr(packing.PackedLinear, "forward", count_linear)
    monkeypatch.setattr(memoization.ControlNetConditioningEmbedding, "forward", count_embedding)
    layers = [module for module in checkpoint.unet.modules() if type(module) is memoization.PromptProjection]
    assert layers
    for run in (1, 2):
        latents_of(checkpoint)
        assert calls == {"text": run * len(layers)}
    latents_of(checkpoint, controls=[Control(image=control_image(1))])
    assert calls["image"] == 1


def test_an_adapter_between_two_calls_is_seen(checkpoint: Checkpoint) -> None:
    layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_v"
    channels_out, channels_in = checkpoint.unet.get_submodule(layer.removeprefix("unet.")).weight.shape
    lora = LoraLayer(down=torch.full((1, channels_in), 0.3), up=torch.full((channels_out, 1), 0.3), scale=1.0)
    adapter = Adapter(name="test", layers={layer: lora})
    embeds = torch.cat([checkpoint.encode_prompts(["a castle"]), checkpoint.encode_prompts([""])])  # the same tensor for all calls
    noisy = torch.randn(2, 8, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before = checkpoint.forward(noisy, 500, embeds)
        with applied_adapters(checkpoint, [(adapter, 1.0)]):
            changed = checkpoint.forward(noisy, 500, embeds)
        assert not torch.equal(before, changed)
        assert torch.equal(before, checkpoint.forward(noisy, 500, embeds))
        embeds = embeds.clone()
    steered = torch.cat([embeds[:1], embeds[1:]])
    with torch.inference_mode():
        assert torch.equal(before, checkpoint.forward(noisy, 500, steered))
        steered[0].zero_()
        assert not torch.equal(before, checkpoint.forward(noisy, 500, steered))
