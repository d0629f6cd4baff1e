"""Sampling equals diffusers' pipelines from the same noise."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
)
from transformers import CLIPTokenizer

from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.sampling import OPTIONS, SCHEDULERS, build_scheduler, sample
from sakuga.timeline.spec import Sampler

SAMPLERS: list[Sampler] = ["dpm++", "dpm++ karras", "unipc", "ddim", "euler"]
STOCHASTIC: dict[Sampler, Any] = {
    "euler a": EulerAncestralDiscreteScheduler,
    "dpm++ sde": DPMSolverMultistepScheduler,
    "dpm++ sde karras": DPMSolverMultistepScheduler,
}


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    folder = request.getfixturevalue("tiny_folder" if request.param == "epsilon" else "tiny_v_folder")
    return load_checkpoint(find_checkpoint(str(folder)))


def theirs(checkpoint: Checkpoint, kind: type, sampler: Sampler, steps: int) -> object:
    """Diffusers' pipeline around the same networks."""
    pipeline = kind(
        vae=checkpoint.vae,
        text_encoder=checkpoint.text_encoder,
        tokenizer=CLIPTokenizer.from_pretrained(checkpoint.files.folder / "tokenizer"),
        unet=checkpoint.unet,
        scheduler=build_scheduler(checkpoint, sampler, steps),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def ours(checkpoint: Checkpoint, noise: torch.Tensor, **settings: object) -> np.ndarray:
    words = {
        "prompt_embeds": checkpoint.encode_prompts(["a castle", "the sea"]),
        "negative_prompt_embeds": checkpoint.encode_prompts(["", "grey"]),
    }
    *_, last = sample(checkpoint, noise=iter([noise]), **words, **settings)
    return checkpoint.decode(last.latents)


def start_noise() -> torch.Tensor:
    return torch.randn(2, 8, 8, 12, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("guidance", [1.0, 6.0])
def test_text_to_image_equals_diffusers(checkpoint: Checkpoint, sampler: Sampler, guidance: float) -> None:
    pipeline = theirs(checkpoint, StableDiffusionPipeline, sampler, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        expected = pipeline(
            ["a castle", "the sea"],
            negative_prompt=["", "grey"],
            latents=start_noise(),
            num_inference_steps=5,
            guidance_scale=guidance,
            guidance_rescale=0.7 if checkpoint.info.zero_terminal_snr else 0.0,
            height=32,
            width=48,
            output_type="np",
        ).images
    generated = ours(checkpoint, start_noise(), sampler=sampler, steps=5, guidance_scale=guidance)
    assert generated.std() > 0.05
    np.testing.assert_allclose(generated, expected, atol=2e-4)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_image_to_image_equals_diffusers(checkpoint: Checkpoint, sampler: Sampler, strength: float) -> None:
    pixels = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    images = (pixels * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    latents = torch.cat([checkpoint.encode(image) for image in images])
    pipeline = theirs(checkpoint, StableDiffusionImg2ImgPipeline, sampler, 10)
    generator = torch.Generator().manual_seed(4)
    checkpoint.vae.encode, original = _middle_of(checkpoint.vae.encode), checkpoint.vae.encode
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            expected = pipeline(
                ["a castle", "the sea"],
                image=torch.from_numpy(images).permute(0, 3, 1, 2) / 255,
                negative_prompt=["", "grey"],
                strength=strength,
                num_inference_steps=10,
                guidance_scale=6.0,
                generator=generator,
                output_type="np",
            ).images
    finally:
        checkpoint.vae.encode = original
    generated = ours(
        checkpoint,
        start_noise(),
        sampler=sampler,
        steps=10,
        guidance_scale=6.0,
        init_latents=latents,
        strength=strength,
        guidance_rescale=0.0,
    )
    np.testing.assert_allclose(generated, expected, atol=2e-4)


def _middle_of(encode: object) -> object:
    """Make the pipeline take the mode of the latent distribution, so that its generator gives the noise alone."""

    class Middle:
        def __init__(self, pixels: torch.Tensor) -> None:
            self.latents = encode(pixels).latent_dist.mode()

    return Middle


@pytest.mark.parametrize("sampler", [*SCHEDULERS])
def test_every_sampler_runs_the_share_of_steps_given_by_strength(checkpoint: Checkpoint, sampler: Sampler) -> None:
    words = checkpoint.encode_prompts(["a castle"])
    initial = torch.zeros(1, 8, 8, 8)

    def count(strength: float) -> int:
        noise = iter(torch.randn(12, 1, 8, 8, 8, generator=torch.Generator().manual_seed(0)))
        settings = {
            "prompt_embeds": words,
            "negative_prompt_embeds": words,
            "noise": noise,
            "sampler": sampler,
            "steps": 10,
            "guidance_scale": 2.0,
        }
        generated = list(sample(checkpoint, **settings, init_latents=initial, strength=strength))
        assert [step.index for step in generated] == list(range(generated[0].total))
        assert torch.isfinite(generated[-1].latents).all()
        return len(generated)

    assert [count(strength) for strength in (1.0, 0.5, 0.01)] == [10, 5, 1]


@pytest.mark.parametrize("sampler", [*SCHEDULERS])
def test_every_sampler_accepts_the_schedule_of_stable_diffusion_1_5(
    checkpoint: Checkpoint, sampler: Sampler, capfd: pytest.CaptureFixture[str]
) -> None:
    published = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False
    )
    scheduler = build_scheduler(replace(checkpoint, scheduler_config=dict(published.config)), sampler, 8)
    assert len(scheduler.timesteps) == 8
    assert torch.allclose(scheduler.alphas_cumprod, published.alphas_cumprod)
    assert "".join(capfd.readouterr()) == ""


def test_lcm_takes_all_noise_from_the_given_source(checkpoint: Checkpoint) -> None:
    words = checkpoint.encode_prompts(["a castle"])

    def generated(last: int) -> torch.Tensor:
        noise = torch.randn(4, 1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
        noise[3] += last
        *_, step = sample(
            checkpoint, prompt_embeds=words, negative_prompt_embeds=words, noise=iter(noise), sampler="lcm", steps=4, guidance_scale=1.0
        )
        return step.latents

    assert torch.equal(generated(0), generated(0))
    assert not torch.equal(generated(0), generated(1))


@pytest.mark.parametrize("sampler", SCHEDULERS)
def test_preview_latents_have_about_unit_variance(checkpoint: Checkpoint, sampler: Sampler) -> None:
    words = checkpoint.encode_prompts(["a"])
    noise = (torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in range(9))
    first, *_ = sample(
        checkpoint, prompt_embeds=words, negative_prompt_embeds=words, noise=noise, sampler=sampler, steps=6, guidance_scale=1.0
    )
    assert 0.3 < float(first.preview_latents.std()) < 3.0


@pytest.mark.parametrize("sampler", STOCHASTIC)
def test_stochastic_samplers_equal_diffusers_with_the_frames_own_noise(
    checkpoint: Checkpoint, sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = [torch.randn(2, 8, 8, 12, generator=torch.Generator().manual_seed(seed)) for seed in range(6)]
    embeds = checkpoint.encode_prompts(["a castle", "the sea"])
    noises = iter(draws)
    *_, last = sample(
        checkpoint, prompt_embeds=embeds, negative_prompt_embeds=embeds, noise=noises, sampler=sampler, steps=5, guidance_scale=1.0
    )
    used = len(draws) - len(list(noises))
    config = checkpoint.scheduler_config | OPTIONS.get(sampler, {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scheduler = STOCHASTIC[sampler].from_config(config)
        scheduler.set_timesteps(5)
    fresh = iter([*draws[1:], draws[0]])
    for module in ("scheduling_euler_ancestral_discrete", "scheduling_dpmsolver_multistep"):
        monkeypatch.setattr(f"diffusers.schedulers.{module}.randn_tensor", lambda *_, **__: next(fresh))
    latents = draws[0] * scheduler.init_noise_sigma
    with torch.inference_mode():
        for timestep in scheduler.timesteps:
            predicted = checkpoint.forward(scheduler.scale_model_input(latents, timestep), timestep, embeds)
            latents = scheduler.step(predicted, timestep, latents).prev_sample
    assert torch.allclose(last.latents, latents, atol=2e-4)
    assert used == 5  # the first noise, and one for each step but the last
