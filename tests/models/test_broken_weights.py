"""Weights that are not numbers are reported when they are read, not by black images."""

from pathlib import Path

import pytest
import torch

from sakuga.models.adapters import Adapter, AdapterError, LoraLayer, read_adapter, write_adapter

LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("side", ["down", "up"])
def test_a_style_that_holds_no_numbers_is_refused(value: float, side: str, tmp_path: Path) -> None:
    down, up = torch.ones(2, 8), torch.ones(4, 2)
    {"down": down, "up": up}[side][1, 1] = value
    write_adapter(Adapter(name="ink", layers={LAYER: LoraLayer(down=down, up=up)}), tmp_path / "ink.safetensors")
    with pytest.raises(AdapterError, match=r"holds values that are not numbers \(.*to_k.*\): download or train it again"):
        read_adapter(tmp_path / "ink.safetensors", "ink")
