"""Small IP-Adapters with random weights, in the layout of the published files."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from sakuga.models.ip_adapter_files import ImageProjection

EMBEDDING, HIDDEN, TOKENS = 20, 24, 3


def write_image_encoder(folder: Path, *, hidden: int = HIDDEN, embedding: int = EMBEDDING, heads: int = 2) -> Path:
    """Write a CLIP image encoder."""
    torch.manual_seed(8)
    config = CLIPVisionConfig(
        hidden_size=hidden, intermediate_size=40, num_hidden_layers=3, num_attention_heads=heads, image_size=32, patch_size=8,
        projection_dim=embedding,
    )  # fmt: skip
    CLIPVisionModelWithProjection(config).save_pretrained(folder)
    return folder


def write_ip_adapter(path: Path, unet: Any, kind: ImageProjection, seed: int = 9, hidden: int = HIDDEN) -> Path:
    """Write an IP-Adapter for a UNet; its image encoder is not written."""
    torch.manual_seed(seed)
    channels = unet.config.cross_attention_dim
    weights = {f"image_proj.{name}": value for name, value in _projection(kind, channels, hidden).items()}
    layers = [layer for name, layer in unet.named_modules() if name.endswith("attn2")]
    for place, layer in enumerate(layers):
        for part in "kv":
            weights[f"ip_adapter.{2 * place + 1}.to_{part}_ip.weight"] = _matrix(layer.to_k.out_features, channels)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
    return path


def _matrix(rows: int, columns: int) -> Tensor:
    return torch.randn(rows, columns) / columns**0.5


def _norm(name: str, channels: int) -> dict[str, Tensor]:
    return {f"{name}.weight": 1 + 0.1 * torch.randn(channels), f"{name}.bias": 0.1 * torch.randn(channels)}


def _linear(name: str, rows: int, columns: int) -> dict[str, Tensor]:
    return {f"{name}.weight": _matrix(rows, columns), f"{name}.bias": 0.1 * torch.randn(rows)}


def _projection(kind: ImageProjection, channels: int, hidden: int) -> dict[str, Tensor]:
    if kind == "linear":
        return _linear("proj", 4 * channels, EMBEDDING) | _norm("norm", channels)
    if kind == "full":
        return _linear("proj.0", hidden, hidden) | _linear("proj.2", channels, hidden) | _norm("proj.3", channels)
    inner, heads = 128, 128
    weights = {"latents": torch.randn(1, TOKENS, inner)} | _linear("proj_in", inner, hidden)
    weights |= _linear("proj_out", channels, inner) | _norm("norm_out", channels)
    for place in range(4):
        attention, forward = f"layers.{place}.0", f"layers.{place}.1"
        weights |= _norm(f"{attention}.norm1", inner) | _norm(f"{attention}.norm2", inner) | _norm(f"{forward}.0", inner)
        weights |= {
            f"{attention}.to_q.weight": _matrix(heads, inner),
            f"{attention}.to_kv.weight": _matrix(2 * heads, inner),
            f"{attention}.to_out.weight": _matrix(inner, heads),
            f"{forward}.1.weight": _matrix(4 * inner, inner),
            f"{forward}.3.weight": _matrix(inner, 4 * inner),
        }
    return weights
