"""The upscaler: a small network that doubles images."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sakuga.models.image_tensors import Images, to_levels, to_pixels, to_tensor
from sakuga.models.saving import save_file


class Upscaler(nn.Module):
    """Bicubic enlargement, corrected by convolutions.

    They end in a pixel shuffle (Shi et al. 2016). (images, 3, height, width) in [-1, 1] to (images, 3, 2 height, 2 width). Before training
    it equals the bicubic enlargement.
    """

    def __init__(self, width: int = 48, blocks: int = 4) -> None:
        super().__init__()
        self.width, self.blocks = width, blocks
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)) for _ in range(blocks)
        )
        self.tail = nn.Conv2d(width, 12, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Double the images; the correction is computed in the number format of the weights."""
        x = self.head(images.to(self.head.weight.dtype))
        for block in self.body:
            x = x + block(x)
        detail = nn.functional.pixel_shuffle(self.tail(nn.functional.silu(x)), 2)
        return nn.functional.interpolate(images, scale_factor=2, mode="bicubic") + detail.to(images.dtype)

    def save(self, folder: Path) -> None:
        """Write config.json and half-precision weights into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"width": self.width, "blocks": self.blocks, "factor": 2}, indent=1) + "\n")
        save_file({name: value.detach().half().contiguous() for name, value in self.state_dict().items()}, folder / "model.safetensors")


def load_upscaler_network(folder: Path) -> Upscaler:
    """Load the network of a folder in float32."""
    config = json.loads((folder / "config.json").read_text())
    network = Upscaler(width=config["width"], blocks=config["blocks"])
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network.float().eval()


def load_upscaler(folder: Path, device: str = "cpu") -> Callable[[Images], Images]:
    """Return a function that doubles an image.

    It maps (height, width, 3) to (2 height, 2 width, 3), uint8 or float grey levels that are not rounded. Where the processor computes in
    bf16, the correction does, twice as fast: as it is small, the image stays within one grey level.
    """
    loaded: Any = load_upscaler_network(folder)
    dtype = torch.bfloat16 if device == "cpu" and torch.cpu._is_avx512_bf16_supported() else torch.float32
    network = loaded.to(device=device, dtype=dtype, memory_format=torch.channels_last)

    @torch.inference_mode()
    def double(image: Images) -> Images:
        small = to_tensor(image[None], network.head.weight.device)
        large = network(small.contiguous(memory_format=torch.channels_last))
        doubled: Images = to_pixels(large)[0] if image.dtype == np.uint8 else to_levels(large)[0].contiguous().cpu().numpy()
        return doubled

    return double
