"""Our drawing equals that of diffusers' pipelines, from the same noise."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import PNDMScheduler, StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

from sakuga.models.checkpoint import Checkpoint, load
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.sampling import SCHEDULERS, build_scheduler, sample
from sakuga.timeline.spec import Sampler

SAMPLERS: list[Sampler] = ["dpm++", "ddim", "euler"]


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    folder = request.getfixturevalue("tiny_folder" if request.param == "epsilon" else "tiny_v_folder")
    return load(find_checkpoint(str(folder)))


def theirs(checkpoint: Checkpoint, kind: type, sampler: Sampler, steps: int) -> object:
    """Diffusers' pipeline around the same networks."""
    pipeline = kind(
        vae=checkpoint.vae,
        text_encoder=checkpoint.text_encoder,
        tokenizer=checkpoint.tokenizer,
        unet=checkpoint.unet,
        scheduler=build_scheduler(checkpoint, sampler, steps),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def ours(checkpoint: Checkpoint, noise: torch.Tensor, **settings: object) -> np.ndarray:
    words = {"conditioning": checkpoint.encode_text(["a castle", "the sea"]), "negative": checkpoint.encode_text(["", "grey"])}
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
            guidance_rescale=0.7 if checkpoint.facts.zero_snr else 0.0,
            height=32,
            width=48,
            output_type="np",
        ).images
    drawn = ours(checkpoint, start_noise(), sampler=sampler, steps=5, guidance=guidance)
    assert drawn.std() > 0.05
    np.testing.assert_allclose(drawn, expected, atol=2e-4)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_image_to_image_equals_diffusers(checkpoint: Checkpoint, sampler: Sampler, strength: float) -> None:
    pixels = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    pictures = (pixels * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    latents = torch.cat([checkpoint.encode_picture(picture) for picture in pictures])
    pipeline = theirs(checkpoint, StableDiffusionImg2ImgPipeline, sampler, 10)
    generator = torch.Generator().manual_seed(4)
    checkpoint.vae.encode, kept = _middle_of(checkpoint.vae.encode), checkpoint.vae.encode
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            expected = pipeline(
                ["a castle", "the sea"],
                image=torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255,
                negative_prompt=["", "grey"],
                strength=strength,
                num_inference_steps=10,
                guidance_scale=6.0,
                generator=generator,
                output_type="np",
            ).images
    finally:
        checkpoint.vae.encode = kept
    drawn = ours(checkpoint, start_noise(), sampler=sampler, steps=10, guidance=6.0, start_latents=latents, strength=strength, rescale=0.0)
    np.testing.assert_allclose(drawn, expected, atol=2e-4)


def _middle_of(encode: object) -> object:
    """Make the pipeline take the middle of the latent distribution, as we do, so that its generator draws the noise alone."""

    class Middle:
        def __init__(self, pixels: torch.Tensor) -> None:
            self.latents = encode(pixels).latent_dist.mode()

    return Middle


@pytest.mark.parametrize("sampler", [*SCHEDULERS])
def test_every_sampler_draws_the_asked_share_of_its_steps(checkpoint: Checkpoint, sampler: Sampler) -> None:
    words = checkpoint.encode_text(["a castle"])
    begun = torch.zeros(1, 8, 8, 8)

    def count(strength: float) -> int:
        noise = iter(torch.randn(12, 1, 8, 8, 8, generator=torch.Generator().manual_seed(0)))
        settings = {"conditioning": words, "negative": words, "noise": noise, "sampler": sampler, "steps": 10, "guidance": 2.0}
        drawn = list(sample(checkpoint, **settings, start_latents=begun, strength=strength))
        assert [step.index for step in drawn] == list(range(drawn[0].total))
        assert torch.isfinite(drawn[-1].latents).all()
        return len(drawn)

    assert [count(strength) for strength in (1.0, 0.5, 0.01)] == [10, 5, 1]


@pytest.mark.parametrize("sampler", [*SCHEDULERS])
def test_the_schedule_of_stable_diffusion_1_5_fits_every_sampler(
    checkpoint: Checkpoint, sampler: Sampler, capfd: pytest.CaptureFixture[str]
) -> None:
    published = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False
    )
    scheduler = build_scheduler(replace(checkpoint, schedule=dict(published.config)), sampler, 8)
    assert len(scheduler.timesteps) == 8
    assert torch.allclose(scheduler.alphas_cumprod, published.alphas_cumprod)
    assert "".join(capfd.readouterr()) == ""


def test_lcm_takes_its_fresh_noise_from_the_frame_and_not_from_a_hidden_generator(checkpoint: Checkpoint) -> None:
    words = checkpoint.encode_text(["a castle"])

    def drawn(last: int) -> torch.Tensor:
        noise = torch.randn(4, 1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
        noise[3] += last
        *_, step = sample(checkpoint, conditioning=words, negative=words, noise=iter(noise), sampler="lcm", steps=4, guidance=1.0)
        return step.latents

    assert torch.equal(drawn(0), drawn(0))
    assert not torch.equal(drawn(0), drawn(1))


@pytest.mark.parametrize("sampler", SCHEDULERS)
def test_what_is_seen_under_way_is_of_a_decoders_size(checkpoint: Checkpoint, sampler: Sampler) -> None:
    words = checkpoint.encode_text(["a"])
    noise = (torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in range(9))
    first, *_ = sample(checkpoint, conditioning=words, negative=words, noise=noise, sampler=sampler, steps=6, guidance=1.0)
    assert 0.3 < float(first.visible.std()) < 3.0
