"""The fast decoder of previews: colors of the VAE's own images, roughly."""

from pathlib import Path

import numpy as np
import torch

from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.fast_decoder import fast_decode, fit_fast_decoder, wants_fast_decoder


def test_colors_are_those_of_the_image_on_the_sketchbook() -> None:
    checkpoint = load_checkpoint(find_checkpoint())
    colors, factor = fit_fast_decoder(checkpoint), checkpoint.info.vae_scale_factor
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[:32], image[32:] = (220, 90, 40), (30, 60, 160)
    decoded = fast_decode(checkpoint.encode(image), colors, factor)[0] * 255
    assert decoded.shape == image.shape
    assert np.abs(decoded - image).mean() < 30  # a guess of the mean color is 66 away


def test_a_small_decoder_decodes_previews_itself(tiny_folder: Path) -> None:
    checkpoint = load_checkpoint(find_checkpoint(str(tiny_folder)))
    latents = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    assert not wants_fast_decoder(checkpoint)
    np.testing.assert_array_equal(checkpoint.preview_decoder(latents), checkpoint.decode(latents))
