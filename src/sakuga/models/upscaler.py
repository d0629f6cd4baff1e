"""The upscaler: a small network that doubles a picture and draws its edges anew."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sakuga.models.image_tensors import Pixels, to_pixels, to_tensor


class Upscaler(nn.Module):
    """Convolutions at the low resolution, then pixel-shuffle (Shi et al. 2016), beside a bicubic enlargement that they correct.

    (pictures, 3, height, width) in [-1, 1] to (pictures, 3, 2 height, 2 width). Untrained it is the bicubic enlargement.
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

    def forward(self, pictures: Tensor) -> Tensor:
        """Double the pictures."""
        x = self.head(pictures)
        for block in self.body:
            x = x + block(x)
        detail = nn.functional.pixel_shuffle(self.tail(nn.functional.silu(x)), 2)
        return nn.functional.interpolate(pictures, scale_factor=2, mode="bicubic") + detail

    def save(self, folder: Path) -> None:
        """Write config.json and half-precision weights into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"width": self.width, "blocks": self.blocks, "factor": 2}, indent=1) + "\n")
        save_file({name: value.detach().half().contiguous() for name, value in self.state_dict().items()}, folder / "model.safetensors")


def open_upscaler(folder: Path) -> Upscaler:
    """Open the network of a folder, in single precision."""
    config = json.loads((folder / "config.json").read_text())
    network = Upscaler(width=config["width"], blocks=config["blocks"])
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network.float().eval()


def load_upscaler(folder: Path, device: str = "cpu") -> Callable[[Pixels], Pixels]:
    """Return what doubles a picture, (height, width, 3) to (2 height, 2 width, 3), by the network of a folder."""
    opened: Any = open_upscaler(folder)
    network = opened.to(device=device, memory_format=torch.channels_last)

    @torch.inference_mode()
    def double(picture: Pixels) -> Pixels:
        small = to_tensor(picture[None], network.head.weight.device)
        doubled: Pixels = to_pixels(network(small.contiguous(memory_format=torch.channels_last)))[0]
        return doubled

    return double
