"""A drawing that a picture conditions equals that of diffusers' image variation pipeline."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionImageVariationPipeline
from PIL import Image as PillowImage
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from sakuga.models.checkpoint import Checkpoint, load
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.conditioning import embedding
from sakuga.models.loading import quiet
from sakuga.models.sampling import sample
from sakuga.sketchbook.scene import sample as sample_scene
from sakuga.timeline.spec import Image, Nothing


def opened(folder: Path) -> StableDiffusionImageVariationPipeline:
    """The pipeline, its parts opened from a checkpoint's folder by their own libraries."""
    eyes = CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder", dtype=torch.float32)
    processor = CLIPImageProcessorPil.from_pretrained(folder / "feature_extractor")
    source = find_checkpoint(str(folder))
    checkpoint = load(source)
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


def theirs(folder: Path, picture: np.ndarray, noise: torch.Tensor, guidance: float) -> np.ndarray:
    side = noise.shape[-1] * 2 ** (len(find_checkpoint(str(folder)).config("vae")["block_out_channels"]) - 1)
    with warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore", DeprecationWarning)
        return opened(folder)(
            PillowImage.fromarray(picture),
            latents=noise,
            num_inference_steps=3,
            guidance_scale=guidance,
            height=side,
            width=side,
            output_type="np",
        ).images


def ours(checkpoint: Checkpoint, picture: np.ndarray, noise: torch.Tensor, guidance: float) -> np.ndarray:
    shown, nothing = (embedding(checkpoint, told, lambda name: picture) for told in (Image(frame="f"), Nothing()))
    *_, last = sample(
        checkpoint,
        conditioning=shown,
        negative=nothing,
        noise=iter([noise]),
        sampler="dpm++",
        steps=3,
        guidance=guidance,
        rescale=0.0,  # which the pipeline does not know
    )
    return checkpoint.decode(last.latents)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_a_variation_equals_that_of_diffusers(tiny_v_folder: Path, guidance: float) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    noise = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(4))
    drawn = ours(load(find_checkpoint(str(tiny_v_folder))), picture, noise, guidance)
    assert drawn.std() > 0.05
    np.testing.assert_allclose(drawn, theirs(tiny_v_folder, picture, noise, guidance), atol=3e-4)
    other = ours(load(find_checkpoint(str(tiny_v_folder))), 255 - picture, noise, guidance)
    assert np.abs(other - drawn).max() > 3e-3


def test_the_sketchbooks_parts_open_as_an_image_variation_pipeline() -> None:
    source = find_checkpoint()
    picture = np.asarray(sample_scene(100_000_003).at(1.0).picture(128, 128))
    noise = torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(4))
    drawn = ours(load(source), picture, noise, 4.0)
    np.testing.assert_allclose(drawn, theirs(source.folder, picture, noise, 4.0), atol=3e-3)
