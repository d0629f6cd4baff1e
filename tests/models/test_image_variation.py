"""Generation from an image embedding equals diffusers' image variation pipeline."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionImageVariationPipeline
from PIL import Image as PillowImage
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.conditioning import encode_conditioning
from sakuga.models.loading import quiet_libraries
from sakuga.models.sampling import sample
from sakuga.sketchbook.scene import sample as sample_scene
from sakuga.timeline.spec import ImageEmbedding, ZeroEmbedding


def opened(folder: Path) -> StableDiffusionImageVariationPipeline:
    """The pipeline, its parts opened from a checkpoint's folder by their own libraries."""
    eyes = CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder", dtype=torch.float32)
    processor = CLIPImageProcessorPil.from_pretrained(folder / "feature_extractor")
    source = find_checkpoint(str(folder))
    checkpoint = load_checkpoint(source)
    pipeline = StableDiffusionImageVariationPipeline(
        vae=checkpoint.vae,
        image_encoder=eyes,
        unet=checkpoint.unet,
        scheduler=DPMSolverMultistepScheduler.from_pretrained(folder / "scheduler"),
        safety_checker=None,
        feature_extractor=processor,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def theirs(folder: Path, image: np.ndarray, noise: torch.Tensor, guidance: float) -> np.ndarray:
    side = noise.shape[-1] * 2 ** (len(find_checkpoint(str(folder)).config("vae")["block_out_channels"]) - 1)
    with warnings.catch_warnings(), quiet_libraries():
        warnings.simplefilter("ignore", DeprecationWarning)
        return opened(folder)(
            PillowImage.fromarray(image),
            latents=noise,
            num_inference_steps=3,
            guidance_scale=guidance,
            height=side,
            width=side,
            output_type="np",
        ).images


def ours(checkpoint: Checkpoint, image: np.ndarray, noise: torch.Tensor, guidance: float) -> np.ndarray:
    shown, nothing = (
        encode_conditioning(checkpoint, conditioning, lambda name: image) for conditioning in (ImageEmbedding(frame="f"), ZeroEmbedding())
    )
    *_, last = sample(
        checkpoint,
        prompt_embeds=shown,
        negative_prompt_embeds=nothing,
        noise=iter([noise]),
        sampler="dpm++",
        steps=3,
        guidance_scale=guidance,
        guidance_rescale=0.0,  # which the pipeline does not know
    )
    return checkpoint.decode(last.latents)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_a_variation_equals_that_of_diffusers(tiny_v_folder: Path, guidance: float) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    noise = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(4))
    generated = ours(load_checkpoint(find_checkpoint(str(tiny_v_folder))), image, noise, guidance)
    assert generated.std() > 0.05
    np.testing.assert_allclose(generated, theirs(tiny_v_folder, image, noise, guidance), atol=3e-4)
    other = ours(load_checkpoint(find_checkpoint(str(tiny_v_folder))), 255 - image, noise, guidance)
    assert np.abs(other - generated).max() > 3e-3


def test_the_sketchbook_loads_as_an_image_variation_pipeline() -> None:
    source = find_checkpoint()
    image = np.asarray(sample_scene(100_000_003).at(1.0).image(128, 128))
    noise = torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(4))
    generated = ours(load_checkpoint(source), image, noise, 4.0)
    np.testing.assert_allclose(generated, theirs(source.folder, image, noise, 4.0), atol=3e-3)
