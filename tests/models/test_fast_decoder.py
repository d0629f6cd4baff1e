"""Fast decoders of previews: colors of the VAE's own images, roughly, or what a TAESD file says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file

from sakuga.models import fast_decoder
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.fast_decoder import fast_decode, fit_fast_decoder, wants_fast_decoder
from sakuga.models.tiny_decoder import open_tiny_decoder, tiny_decode, tiny_decoder_file


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


def write_taesd(path: Path, channels: int, stages: int) -> AutoencoderTiny:
    """Write a small TAESD decoder with random weights as it is published, and return it as diffusers has it."""
    torch.manual_seed(0)
    blocks = (*[2] * stages, 1)
    sizes = {"decoder_block_out_channels": (8,) * len(blocks), "num_decoder_blocks": blocks}
    tiny = AutoencoderTiny(latent_channels=channels, encoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 1), **sizes)
    names = ((name.split(".", 2)[1:], value) for name, value in tiny.decoder.state_dict().items())
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({f"{int(place) + 1}.{rest}": value for (place, rest), value in names}, path)
    return tiny.eval()


def test_a_taesd_file_decodes_as_in_diffusers(tmp_path: Path) -> None:
    theirs = write_taesd(tmp_path / "taesd_decoder.safetensors", channels=4, stages=3)
    latents = torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = (theirs.decode(latents).sample / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    decoded = tiny_decode(latents, open_tiny_decoder(tmp_path / "taesd_decoder.safetensors", 4, 8))
    assert decoded.shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(decoded, expected)


@pytest.mark.parametrize("damage", [None, "of another latent space", "cut off"])
def test_previews_are_decoded_by_a_taesd_file_if_it_fits(
    damage: str | None, tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path))
    monkeypatch.setattr(fast_decoder, "LARGE_DECODER", 1)
    checkpoint = load_checkpoint(find_checkpoint(str(tiny_folder)))
    channels, factor = checkpoint.vae.config.latent_channels, checkpoint.info.vae_scale_factor
    file = tiny_decoder_file(is_xl=False)
    write_taesd(file, channels + (damage == "of another latent space"), factor.bit_length() - 1)
    if damage == "cut off":
        file.write_bytes(file.read_bytes()[:-8])
    latents = torch.randn(1, channels, 8, 8, generator=torch.Generator().manual_seed(0))
    decoded = checkpoint.preview_decoder(latents)
    if damage is None:
        np.testing.assert_array_equal(decoded, tiny_decode(latents, open_tiny_decoder(file, channels, factor)))
        assert not checkpoint.engine_notes
    else:
        np.testing.assert_allclose(decoded, fast_decode(latents, fit_fast_decoder(checkpoint), factor), atol=1e-4)
        (note,) = checkpoint.engine_notes
        assert str(file) in note
