"""Sampling equals diffusers' pipelines from the same noise."""

import warnings
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    DPMSolverSDEScheduler,
    EulerAncestralDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
)
from diffusers.schedulers.scheduling_dpmsolver_sde import BrownianTreeNoiseSampler
from transformers import CLIPTextModel, CLIPTokenizer

from sakuga.diffusion.objective import clean_prediction
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.sampling import sample
from sakuga.models.schedulers import OPTIONS, SCHEDULERS, build_scheduler, noise_schedule
from sakuga.models.step_prompts import StepPrompts
from sakuga.story.settings import WITHOUT_SIGMAS
from sakuga.timeline.spec import Sampler, SamplingOptions, Schedule

SAMPLERS: list[Sampler] = ["dpm++", "dpm++ karras", "unipc", "ddim", "euler", "heun"]
TWICE: tuple[Sampler, ...] = ("heun", "dpm++ 2s sde", "dpm++ 2s sde karras", "dpm++ 2s a", "dpm++ 2s a karras")
CALLS = dict.fromkeys(TWICE, lambda steps: 2 * steps - 1)
"""Calls of the networks for some steps, where they are not as many."""
STOCHASTIC: dict[Sampler, Any] = {
    "euler a": EulerAncestralDiscreteScheduler,
    "dpm++ 2m sde": DPMSolverMultistepScheduler,
    "dpm++ 2m sde karras": DPMSolverMultistepScheduler,
}


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    folder = request.getfixturevalue("tiny_folder" if request.param == "epsilon" else "tiny_v_folder")
    return load_checkpoint(find_checkpoint(str(folder)))


def theirs(checkpoint: Checkpoint, kind: type, sampler: Sampler, steps: int) -> object:
    """Diffusers' pipeline around the same networks."""
    scheduler = build_scheduler(checkpoint, sampler, steps)
    pipeline = kind(
        vae=checkpoint.vae,
        text_encoder=checkpoint.text_encoder,
        tokenizer=CLIPTokenizer.from_pretrained(checkpoint.files.folder / "tokenizer"),
        unet=checkpoint.unet,
        scheduler=scheduler,
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


@pytest.mark.parametrize("sampler", ["dpm++", "ddim", "heun"])
def test_guidance_that_starts_later_equals_diffusers(checkpoint: Checkpoint, sampler: Sampler) -> None:
    pipeline = theirs(checkpoint, StableDiffusionPipeline, sampler, 10)

    def switch_on(pipeline: Any, index: int, timestep: int, inputs: dict[str, Any]) -> dict[str, Any]:
        following = pipeline.scheduler.timesteps[index + 1 : index + 2]
        pipeline._guidance_scale = 6.0 if len(following) and following < 700 else 1.0 + 1e-6
        return inputs

    expected = pipeline(
        ["a castle", "the sea"],
        negative_prompt=["", "grey"],
        latents=start_noise(),
        num_inference_steps=10,
        guidance_scale=1.0 + 1e-6,
        guidance_rescale=0.7 if checkpoint.info.zero_terminal_snr else 0.0,
        callback_on_step_end=switch_on,
        height=32,
        width=48,
        output_type="np",
    ).images
    settings = {"sampler": sampler, "steps": 10, "guidance_scale": 6.0}
    generated = ours(checkpoint, start_noise(), **settings, options=SamplingOptions(guidance_start=0.3))
    np.testing.assert_allclose(generated, expected, atol=2e-4)
    assert np.abs(generated - ours(checkpoint, start_noise(), **settings)).max() > 0.01, "guidance from the start is another image"


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
        noise = iter(torch.randn(20, 1, 8, 8, 8, generator=torch.Generator().manual_seed(0)))
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

    calls = CALLS.get(sampler, int)
    assert [count(strength) for strength in (1.0, 0.5, 0.01)] == [calls(10), calls(5), calls(1)]


@pytest.mark.parametrize("sampler", [*SCHEDULERS])
def test_every_sampler_accepts_the_schedule_of_stable_diffusion_1_5(
    checkpoint: Checkpoint, sampler: Sampler, capfd: pytest.CaptureFixture[str]
) -> None:
    published = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False
    )
    scheduler = build_scheduler(replace(checkpoint, scheduler_config=dict(published.config)), sampler, 8)
    assert len(scheduler.timesteps) == CALLS.get(sampler, int)(8)
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
    noise = (torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in range(12))
    first, *_ = sample(
        checkpoint, prompt_embeds=words, negative_prompt_embeds=words, noise=noise, sampler=sampler, steps=6, guidance_scale=1.0
    )
    assert 0.3 < float(first.preview_latents.std()) < 3.0


@pytest.mark.parametrize("schedule", ["karras", "exponential", "beta", "trailing"])
@pytest.mark.parametrize("sampler", ["dpm++", "unipc", "euler", "heun"])
def test_schedules_are_those_of_diffusers(checkpoint: Checkpoint, sampler: Sampler, schedule: Schedule) -> None:
    own = {"timestep_spacing": "trailing"} if schedule == "trailing" else {f"use_{schedule}_sigmas": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        expected = SCHEDULERS[sampler].from_config(checkpoint.scheduler_config | OPTIONS.get(sampler, {}) | own)
        expected.set_timesteps(6)
    made, plain = (build_scheduler(checkpoint, sampler, 6, one) for one in (schedule, "model"))
    assert torch.equal(made.timesteps, expected.timesteps)
    assert torch.equal(made.sigmas, expected.sigmas)
    moved = not torch.equal(made.sigmas, plain.sigmas)
    assert moved or schedule == checkpoint.scheduler_config.get("timestep_spacing")


@pytest.mark.parametrize("sampler", ["dpm++ 2m sde", "dpm++ 2s sde", "dpm++ 2s a", "euler a", "ddim", "lcm"])
def test_other_samplers_take_the_schedules_that_they_have(checkpoint: Checkpoint, sampler: Sampler) -> None:
    words = checkpoint.encode_prompts(["a castle"])
    for schedule in ("trailing",) if sampler in WITHOUT_SIGMAS else ("karras", "exponential", "beta"):
        noise = (torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in range(9))
        *_, last = sample(
            checkpoint, prompt_embeds=words, negative_prompt_embeds=words, noise=noise, sampler=sampler, steps=5, guidance_scale=1.0,
            options=SamplingOptions(schedule=schedule),
        )  # fmt: skip
        assert torch.isfinite(last.latents).all()


def test_ddim_with_eta_equals_diffusers_with_the_frames_own_noise(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = [torch.randn(2, 8, 8, 12, generator=torch.Generator().manual_seed(seed)) for seed in range(6)]
    fresh = iter(draws[1:])
    monkeypatch.setattr("diffusers.schedulers.scheduling_ddim.randn_tensor", lambda *_, **__: next(fresh))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        expected = theirs(checkpoint, StableDiffusionPipeline, "ddim", 5)(
            ["a castle", "the sea"], negative_prompt=["", "grey"], latents=draws[0].clone(), num_inference_steps=5, guidance_scale=6.0,
            guidance_rescale=0.7 if checkpoint.info.zero_terminal_snr else 0.0, height=32, width=48, output_type="np", eta=0.7,
        ).images  # fmt: skip
    words = checkpoint.encode_prompts(["a castle", "the sea"]), checkpoint.encode_prompts(["", "grey"])
    *_, last = sample(
        checkpoint, prompt_embeds=words[0], negative_prompt_embeds=words[1], noise=iter(draws), sampler="ddim", steps=5, guidance_scale=6.0,
        options=SamplingOptions(eta=0.7),
    )  # fmt: skip
    np.testing.assert_allclose(checkpoint.decode(last.latents), expected, atol=2e-4)


def test_clip_skip_equals_diffusers_which_counts_from_0(checkpoint: Checkpoint) -> None:
    clip_skip = 2
    pipeline = theirs(checkpoint, StableDiffusionPipeline, "ddim", 1)
    pipeline.text_encoder = CLIPTextModel.from_pretrained(checkpoint.files.folder / "text_encoder")
    vars(pipeline.text_encoder)["text_model"] = pipeline.text_encoder  # where diffusers 0.42 looks for the final norm
    expected, _ = pipeline.encode_prompt("a castle by the sea", "cpu", 1, False, clip_skip=clip_skip - 1)
    skipping = replace(checkpoint, clip_skip=clip_skip)
    assert torch.allclose(skipping.encode_prompts(["a castle by the sea"]), expected, atol=1e-5)
    assert torch.equal(skipping.encode_chunks("a castle by the sea", "comfyui"), skipping.encode_prompts(["a castle by the sea"]))
    assert not torch.allclose(checkpoint.encode_prompts(["a castle by the sea"]), expected, atol=1e-3)


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


@pytest.mark.parametrize("schedule", ["model", "karras"])
def test_dpm_sde_equals_diffusers_on_the_same_brownian_motion(checkpoint: Checkpoint, schedule: Schedule) -> None:
    made = build_scheduler(checkpoint, "dpm++ 2s sde", 5, schedule)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs = DPMSolverSDEScheduler.from_config(checkpoint.scheduler_config)
        theirs.set_timesteps(5)
    levels = made.sigmas[[*range(0, 10, 2), 9]]
    theirs.sigmas = torch.cat([levels[:1], levels[1:-1].repeat_interleave(2), levels[-1:]])
    theirs.timesteps = made.timesteps
    latents = start_noise() * made.init_noise_sigma
    path = BrownianTreeNoiseSampler(latents, float(levels[-2]) * 0.9, float(levels[0]) * 1.1, seed=5)
    # A rounding of a time would move a Brownian motion by its root.
    theirs.noise_sampler = lambda *times: path(*(min(made.sigmas, key=lambda level: abs(level - time)) for time in times))
    embeds = checkpoint.encode_prompts(["a castle", "the sea"])
    with torch.inference_mode():
        for timestep in theirs.timesteps:
            predicted = checkpoint.forward(theirs.scale_model_input(latents, timestep), timestep, embeds)
            latents = theirs.step(predicted, timestep, latents).prev_sample
    halves = (path(*pair) for pair in zip(made.sigmas[:-2], made.sigmas[1:-1], strict=True))
    *_, last = sample(
        checkpoint, prompt_embeds=embeds, negative_prompt_embeds=embeds, noise=chain([start_noise()], halves), sampler="dpm++ 2s sde",
        steps=5, guidance_scale=1.0, options=SamplingOptions(schedule=schedule),
    )  # fmt: skip
    assert next(halves, None) is None  # one for each call but the last
    torch.testing.assert_close(last.latents, latents, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("karras", [False, True])
def test_dpm_sde_calls_the_networks_where_diffusers_does(checkpoint: Checkpoint, karras: bool) -> None:
    published = {
        "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1, "timestep_spacing": "leading",
    }  # fmt: skip
    made = build_scheduler(replace(checkpoint, scheduler_config=published), "dpm++ 2s sde karras" if karras else "dpm++ 2s sde", 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs = DPMSolverSDEScheduler(**published, use_karras_sigmas=karras)
        theirs.set_timesteps(8)
    torch.testing.assert_close(made.sigmas[::2], theirs.sigmas[[0, *range(1, 15, 2)]])
    torch.testing.assert_close(made.timesteps, theirs.timesteps.float(), rtol=1e-4, atol=0.01)


def test_dpm_2s_ancestral_equals_its_formula(checkpoint: Checkpoint) -> None:
    made = build_scheduler(checkpoint, "dpm++ 2s a karras", 5)
    levels, embeds = made.sigmas.double(), checkpoint.encode_prompts(["a castle", "the sea"])
    draws = [torch.randn(2, 8, 8, 12, generator=torch.Generator().manual_seed(seed)) for seed in range(6)]

    def clean(latents: torch.Tensor, call: int) -> torch.Tensor:
        signal = 1 / (1 + levels[call] ** 2)
        noisy = (latents * signal.sqrt()).float()
        predicted = checkpoint.forward(noisy, made.timesteps[call], embeds)
        return clean_prediction(checkpoint.info.prediction_type, noisy.double(), predicted.double(), signal)

    latents = draws[0].double() * made.init_noise_sigma
    with torch.inference_mode():
        for step in range(4):
            sigma, following = levels[2 * step], levels[2 * step + 2]
            renewed = following * (1 - (following / sigma) ** 2).sqrt()
            time, end = -sigma.log(), -(following**2 - renewed**2).sqrt().log()
            length = end - time
            assert float(levels[2 * step + 1]) == pytest.approx(float((-(time + length / 2)).exp()), rel=1e-5)
            middle = (-length / 2).exp() * latents - torch.expm1(-length / 2) * clean(latents, 2 * step)
            latents = (-length).exp() * latents - torch.expm1(-length) * clean(middle, 2 * step + 1) + renewed * draws[step + 1]
        latents = clean(latents, 8)
    noises = iter(draws)
    *_, last = sample(
        checkpoint, prompt_embeds=embeds, negative_prompt_embeds=embeds, noise=noises, sampler="dpm++ 2s a karras", steps=5,
        guidance_scale=1.0,
    )  # fmt: skip
    torch.testing.assert_close(last.latents, latents.float(), rtol=1e-3, atol=1e-3)
    assert len(list(noises)) == 1  # the first noise, and one for each step but the last


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_denoising_end_stops_early_with_the_clean_latents_predicted(checkpoint: Checkpoint, sampler: Sampler) -> None:
    negative, prompt = checkpoint.encode_prompts(["", "a castle"]).chunk(2)
    settings = {"noise": iter([start_noise()[:1]]), "sampler": sampler, "steps": 6, "guidance_scale": 6.0, "denoising_end": 0.5}
    *_, before, last = sample(checkpoint, prompt_embeds=prompt, negative_prompt_embeds=negative, **settings)
    timesteps = build_scheduler(checkpoint, sampler, 6).timesteps
    assert timesteps[last.index] >= 500 > timesteps[last.index + 1]
    noisy, timestep = before.preview_latents, timesteps[last.index]
    with torch.inference_mode():
        without, given = (checkpoint.forward(noisy, timestep, embeds) for embeds in (negative, prompt))
    prediction = without + 6.0 * (given - without)
    signal = noise_schedule(checkpoint)[timestep.round().long()]
    clean = clean_prediction(checkpoint.info.prediction_type, noisy, prediction, signal)
    torch.testing.assert_close(last.latents, clean, rtol=1e-3, atol=1e-3)


def test_steps_before_count_in_the_whole_denoising(checkpoint: Checkpoint) -> None:
    negative, prompt = checkpoint.encode_prompts(["", "a castle"]).chunk(2)
    counted = list[tuple[int, int]]()

    def prompts(step: int, steps: int) -> StepPrompts:
        counted.append((step, steps))
        return StepPrompts(negative=negative, parts=(prompt,), weights=torch.ones(1, 1))

    settings = {"prompt_embeds": prompts, "negative_prompt_embeds": None, "sampler": "dpm++", "steps": 6, "guidance_scale": 6.0}
    *_, last = sample(checkpoint, noise=iter([start_noise()[:1]]), denoising_end=0.5, **settings)
    ran = len(counted)
    list(sample(checkpoint, noise=iter([start_noise()[:1]]), init_latents=last.latents, strength=1 - ran / 6, steps_before=ran, **settings))
    assert counted == [(step, 6) for step in range(6)]
