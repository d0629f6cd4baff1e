"""Averaging LoRA factors differs from the weighted sum of their deltas."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sakuga import InputError
from sakuga.diffusion.low_rank import low_rank_delta
from sakuga.models.adapters import read_adapter
from sakuga.models.style_files import LORA_FILE
from sakuga.studio.evaluation.naive_blend import naive_blend

LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"


def write(folder: Path, seed: int, rank: int = 2) -> torch.Tensor:
    """Write an adapter of one layer with a trigger, and return its weight delta."""
    folder.mkdir()
    generator = torch.Generator().manual_seed(seed)
    down, up = torch.randn(rank, 128, generator=generator).half(), torch.randn(128, rank, generator=generator).half()
    save_file({f"{LAYER}.lora_A.weight": down, f"{LAYER}.lora_B.weight": up}, folder / LORA_FILE)
    (folder / "style.toml").write_text(f'trigger = "{folder.name}"\n')
    return low_rank_delta(down.float(), up.float())


def blend(first: Path, second: Path, at: float, out: Path) -> torch.Tensor:
    naive_blend(f"{first}:{1 - at:g}, {second}:{at:g}", "sketchbook", out)
    factors = read_adapter(out / LORA_FILE, "naive").layers[LAYER]
    return low_rank_delta(factors.down, factors.up) * factors.scale


def test_the_ends_of_a_naive_blend_are_right_and_its_middle_is_not(tmp_path: Path) -> None:
    ink, oil = write(tmp_path / "ink", 1), write(tmp_path / "oil", 2)
    places = tmp_path / "ink", tmp_path / "oil"
    assert torch.allclose(blend(*places, 0.0, tmp_path / "0"), ink, atol=0.05)
    assert torch.allclose(blend(*places, 1.0, tmp_path / "1"), oil, atol=0.05)
    half = blend(*places, 0.5, tmp_path / "half")
    assert float((half - (ink + oil) / 2).norm() / ((ink + oil) / 2).norm()) > 0.5
    assert (tmp_path / "half" / "style.toml").read_text() == 'trigger = "ink, oil"\n'
    assert (tmp_path / "0" / "style.toml").read_text() == 'trigger = "ink"\n'


def test_adapters_of_different_ranks_cannot_be_averaged(tmp_path: Path) -> None:
    write(tmp_path / "ink", 1)
    write(tmp_path / "oil", 2, rank=4)
    with pytest.raises(InputError, match="different ranks"):
        blend(tmp_path / "ink", tmp_path / "oil", 0.5, tmp_path / "out")
