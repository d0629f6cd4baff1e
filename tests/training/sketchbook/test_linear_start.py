"""Before training the autoencoder is linear in the mean colors of patches."""

import numpy as np
import torch

from sakuga.models.image_tensors import psnr, reconstruct, to_tensor
from sakuga.models.sketchbook import make_vae
from sakuga.sketchbook.scene import sample
from sakuga.training.sketchbook.linear_start import start_linear

CPU = torch.device("cpu")


def test_the_start_carries_colours_and_is_linear() -> None:
    torch.manual_seed(0)
    images = np.stack([sample(seed).at(0.0).image(128, 128) for seed in range(40)])
    known, new = images[:32], images[32:]
    vae = make_vae()
    with torch.inference_mode():
        before = psnr(reconstruct(vae, new, CPU), new).mean()
        start_linear(vae, known)
        after = psnr(reconstruct(vae, new, CPU), new).mean()
        first, second = to_tensor(new[:1], CPU), to_tensor(new[1:2], CPU)
        codes = [vae.encode(image).latent_dist.mean for image in (first, second, (first + second) / 2)]
    assert after > 18 > before
    assert ((codes[0] + codes[1]) / 2 - codes[2]).abs().mean() < 0.05 * codes[2].abs().mean()
