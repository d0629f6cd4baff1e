"""Frames attend to a reference on any UNet, and nothing of it is left afterwards."""

from typing import Any

import pytest
import torch

from sakuga.models import reference_attention
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.controlnets import Control
from sakuga.models.reference_attention import ReferenceImage, attending, record_self_attention
from sakuga.models.sampling import sample

KINDS = ("tiny_v_folder", "tiny_xl_folder", "sketchbook")


@pytest.fixture(scope="module", params=KINDS)
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    name = "sketchbook" if request.param == "sketchbook" else str(request.getfixturevalue(request.param))
    return load_checkpoint(find_checkpoint(name))


def noise(checkpoint: Checkpoint, seed: int, frames: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, checkpoint.info.latent_channels, 8, 8, generator=generator)


def reference(checkpoint: Checkpoint, weight: float) -> ReferenceImage:
    embeds = checkpoint.encode_prompts(["a castle by the sea"])
    return ReferenceImage(latents=noise(checkpoint, 7), noise=noise(checkpoint, 8), prompt_embeds=embeds, weight=weight)


def generate(checkpoint: Checkpoint, seeds: tuple[int, ...] = (1,), **given: Any) -> torch.Tensor:
    embeds = checkpoint.encode_prompts(["a castle at night"] * len(seeds))
    negative = checkpoint.encode_prompts(["blurred"] * len(seeds))
    start = torch.cat([noise(checkpoint, seed) for seed in seeds])
    settings = {"sampler": "dpm++", "steps": 3, "guidance_scale": 3.0} | given
    *_, last = sample(checkpoint, prompt_embeds=embeds, negative_prompt_embeds=negative, noise=iter([start] * 4), **settings)
    return last.latents


def test_weight_zero_is_plain_generation_and_a_weight_changes_it(checkpoint: Checkpoint) -> None:
    plain = generate(checkpoint)
    assert torch.equal(generate(checkpoint, reference=reference(checkpoint, 0.0)), plain)
    changed = generate(checkpoint, reference=reference(checkpoint, 4.0))
    assert (changed - plain).abs().max() > 1e-4
    assert torch.equal(generate(checkpoint), plain), "the processors are the UNet's own again"


@pytest.mark.parametrize("weight", [0.5, 1.0, 8.0])
@torch.inference_mode()
def test_a_frame_that_attends_to_itself_stays_the_same(checkpoint: Checkpoint, weight: float) -> None:
    noisy, embeds = noise(checkpoint, 1), checkpoint.encode_prompts(["a castle"])
    plain = checkpoint.forward(noisy, 500, embeds)
    with attending(checkpoint.unet, record_self_attention(checkpoint, noisy, 500, embeds), weight):
        assert torch.allclose(checkpoint.forward(noisy, 500, embeds), plain, atol=1e-4)


@torch.inference_mode()
def test_a_heavy_reference_replaces_a_frames_own_tokens(checkpoint: Checkpoint) -> None:
    other, embeds = noise(checkpoint, 2), checkpoint.encode_prompts(["a castle"])
    recorded = record_self_attention(checkpoint, other, 500, embeds)
    name, layer = next((name, module) for name, module in checkpoint.unet.named_modules() if name.endswith(".attn1"))
    own = torch.randn(2, recorded[name].shape[1], recorded[name].shape[2], generator=torch.Generator().manual_seed(3))
    expected = layer(own, encoder_hidden_states=recorded[name].expand(2, -1, -1))
    with attending(checkpoint.unet, recorded, 1e9):
        assert torch.allclose(layer(own), expected, atol=1e-4)
    assert not torch.allclose(layer(own), expected, atol=1e-2)


def test_a_frame_does_not_depend_on_others_in_its_batch(checkpoint: Checkpoint) -> None:
    together = generate(checkpoint, (1, 2), reference=reference(checkpoint, 4.0))
    alone = generate(checkpoint, (1,), reference=reference(checkpoint, 4.0))
    assert torch.allclose(together[:1], alone, atol=1e-4)


def test_a_reference_is_read_once_at_each_step(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(reference_attention, "record_self_attention", lambda *inputs: read.append(1) or record_self_attention(*inputs))
    seen = reference(checkpoint, 4.0)
    first = generate(checkpoint, (1,), reference=seen)
    assert len(read) == 3
    assert torch.equal(generate(checkpoint, (1,), reference=seen), first)
    second = generate(checkpoint, (2,), reference=seen)
    assert len(read) == 3
    assert torch.equal(generate(checkpoint, (2,), reference=reference(checkpoint, 4.0)), second)


def test_an_initial_image_skips_steps_of_the_reference_too(checkpoint: Checkpoint) -> None:
    seen = reference(checkpoint, 4.0)
    halfway = {"init_latents": noise(checkpoint, 9), "strength": 0.5, "steps": 4}
    generate(checkpoint, reference=seen, steps=4)
    assert torch.equal(
        generate(checkpoint, reference=seen, **halfway), generate(checkpoint, reference=reference(checkpoint, 4.0), **halfway)
    )


def test_what_does_not_fit_in_memory_is_read_again(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = generate(checkpoint, reference=reference(checkpoint, 4.0))
    monkeypatch.setattr(reference_attention, "KEPT_BYTES", 0)
    assert torch.equal(generate(checkpoint, reference=(seen := reference(checkpoint, 4.0))), expected)
    assert torch.equal(generate(checkpoint, reference=seen), expected)


@pytest.mark.parametrize("sampler", ["ddim", "euler", "lcm"])
def test_every_sampler_noises_the_reference_in_its_own_way(checkpoint: Checkpoint, sampler: str) -> None:
    made = generate(checkpoint, sampler=sampler, guidance_scale=1.0, reference=reference(checkpoint, 1.0))
    assert torch.isfinite(made).all()
    assert not torch.equal(made, generate(checkpoint, sampler=sampler, guidance_scale=1.0))


def test_a_reference_works_with_control() -> None:
    sketchbook = load_checkpoint(find_checkpoint("sketchbook"))
    depth = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    controlled = {"controls": [Control(image=depth)]}
    made = generate(sketchbook, reference=reference(sketchbook, 4.0), **controlled)
    assert not torch.equal(made, generate(sketchbook, **controlled))
    assert not torch.equal(made, generate(sketchbook, reference=reference(sketchbook, 4.0)))
