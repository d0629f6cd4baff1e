"""Extract, resize and merge: each states its error, and the error is true."""

import shutil
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel

from sakuga import InputError, studio
from sakuga.models.adapters import Adapter, read_style, write_adapter
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.extraction import low_rank_part, resize_adapter
from sakuga.models.layer_changes import HadamardLayer, LoraLayer
from sakuga.models.style_files import style_in_folder

LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"


@pytest.fixture(scope="module")
def style(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA of rank 4 on every attention layer and convolution of the tiny UNet."""
    unet, generator = UNet2DConditionModel.from_pretrained(tiny_folder / "unet"), torch.Generator().manual_seed(0)
    layers = {}
    for name, layer in unet.named_modules():
        if name.endswith(("to_q", "to_k", "to_v", "conv1")) and isinstance(layer, torch.nn.Linear | torch.nn.Conv2d):
            rest = layer.weight.shape
            down = torch.randn(4, *rest[1:], generator=generator) * torch.tensor([1.0, 0.5, 0.2, 0.1]).view(-1, *[1] * (len(rest) - 1))
            layers[f"unet.{name}"] = LoraLayer(down=down, up=torch.randn(rest[0], 4, *[1] * (len(rest) - 2), generator=generator) * 0.1)
    folder = tmp_path_factory.mktemp("styles") / "noise"
    folder.mkdir()
    write_adapter(Adapter(name="noise", layers=layers), folder / "noise.safetensors", dtype=torch.float32)
    return folder


def test_a_merged_model_less_its_base_is_the_style_again(style: Path, tiny_folder: Path, tmp_path: Path) -> None:
    merged = studio.merge_styles([f"{style}:0.5"], tmp_path / "merged", model=str(tiny_folder), precision="fp32")
    assert (merged.error, merged.model) == (0.0, tmp_path / "merged")
    made = studio.extract_style(str(tmp_path / "merged"), tmp_path / "again", base=str(tiny_folder), rank=4, precision="fp32")
    assert made.error < 1e-3
    first, again = (read_style(style_in_folder("it", folder).files, "it").low_rank_layers() for folder in (style, tmp_path / "again"))
    assert first.keys() == again.keys()
    for name, one in first.items():
        weight = torch.zeros(one.shape)
        torch.testing.assert_close(again[name].unit_delta(weight), 0.5 * one.unit_delta(weight), atol=1e-5, rtol=1e-3)


def test_a_merged_model_keeps_upscaler_and_motion_adapter(style: Path, tiny_folder: Path, tmp_path: Path) -> None:
    source = shutil.copytree(tiny_folder, tmp_path / "source")
    for part in ("upscaler", "motion_adapter"):
        (source / part).mkdir(exist_ok=True)
        (source / part / "config.json").write_text("{}")
    studio.merge_styles([str(style)], tmp_path / "merged", model=str(source))
    assert {"unet", "vae", "upscaler", "motion_adapter"} <= {path.name for path in (tmp_path / "merged").iterdir()}


def test_the_error_of_half_precision_and_of_a_lower_rank_is_stated(style: Path, tiny_folder: Path, tmp_path: Path) -> None:
    merged = studio.merge_styles([str(style)], tmp_path / "half", model=str(tiny_folder))
    assert 0 < merged.error < 0.01
    errors = [
        studio.extract_style(str(tmp_path / "half"), tmp_path / f"rank-{rank}", base=str(tiny_folder), rank=rank).error
        for rank in (1, 2, 3)
    ]
    assert 1 > errors[0] > errors[1] > errors[2] > 0


def test_resizing_keeps_a_share_of_each_layer(style: Path, tiny_folder: Path, tmp_path: Path) -> None:
    made = studio.resize_style(str(style), tmp_path / "small", keep=0.9, model=str(tiny_folder))
    assert max(made.ranks) < 4
    assert made.error <= (1 - 0.9**2) ** 0.5 + 1e-6
    exact = studio.resize_style(str(style), tmp_path / "same", rank=4, model=str(tiny_folder))
    assert exact.error < 1e-6


def test_the_stated_error_is_that_of_the_best_approximation() -> None:
    delta = torch.randn(6, 5, 3, 3, generator=torch.Generator().manual_seed(0))
    layer, left = low_rank_part(delta, 2)
    rest = (delta - layer.unit_delta(torch.zeros(6, 5, 3, 3))).square().sum()
    assert left == pytest.approx(float(rest), rel=1e-4)


def test_a_loha_becomes_a_lora() -> None:
    generator = torch.Generator().manual_seed(0)
    factors = [torch.randn(6, 2, generator=generator) @ torch.randn(2, 8, generator=generator) for _ in range(2)]
    loha = Adapter(name="it", layers={LAYER: HadamardLayer(first=factors[0], second=factors[1], rank=2, scale=0.5)})
    made = resize_adapter(loha, 4)
    assert made.error < 1e-6
    torch.testing.assert_close(made.adapter.low_rank_layers()[LAYER].unit_delta(torch.zeros(6, 8)), 0.5 * factors[0] * factors[1])


def test_what_cannot_be_extracted_resized_or_merged_is_refused(style: Path, tiny_folder: Path, tiny_v_folder: Path, tmp_path: Path) -> None:
    tiny = str(tiny_folder)
    for wrong, sentence in (
        (lambda: studio.extract_style(tiny, tmp_path / "x", base=tiny), "are the same model"),
        (lambda: studio.resize_style(str(style), tmp_path / "x", model=tiny), "give a rank, or the share"),
        (lambda: studio.resize_style(str(style), tmp_path / "x", rank=0, model=tiny), "out of range"),
        (lambda: studio.merge_styles([str(style)], style, model=tiny), "exists already"),
    ):
        with pytest.raises(InputError, match=sentence):
            wrong()
    checkpoint = load_checkpoint(find_checkpoint(tiny))
    assert checkpoint.unet is not None
