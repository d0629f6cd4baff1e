"""Files of LoHa, LoKr and DoRA: their factors in kohya's layout, as LyCORIS writes them."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from sakuga.files import write_atomic
from sakuga.models.adapters import Adapter
from sakuga.models.lora_keys import kohya_layer
from sakuga.models.saving import save_tensors

WHOLE = ("dora_scale", "alpha")
"""Factors in full precision: a rounded magnitude would change the whole weight."""


def write_factors(adapter: Adapter, factors: Mapping[str, Mapping[str, Tensor]], file: Path, metadata: Mapping[str, str]) -> None:
    """Write the factors of an adapter's layers, by what LyCORIS calls them, in half precision."""
    two = any(layer.startswith("text_encoder_2.") for layer in factors) or adapter.family == "sdxl"
    tensors = {
        f"{kohya_layer(layer, two)}.{part}": value.detach().cpu().to(torch.float32 if part in WHOLE else torch.float16).contiguous()
        for layer, parts in sorted(factors.items())
        for part, value in parts.items()
    }
    base = {"sakuga.base": adapter.family} if adapter.family else {}
    write_atomic(file, lambda draft: save_tensors(tensors, draft, {"format": "pt", **base, **metadata}))
