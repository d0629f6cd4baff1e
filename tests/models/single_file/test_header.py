"""Files that are no checkpoint of these families are refused by name."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.single_file.converted import SingleFileChoice
from sakuga.models.single_file.header import read_single_file

UNET = "model.diffusion_model."
ENTRY = f"{UNET}input_blocks.0.0.weight"
CLIP = "cond_stage_model.transformer.text_model.final_layer_norm.weight"


def written(folder: Path, shapes: dict[str, tuple[int, ...]], metadata: dict[str, str] | None = None) -> Path:
    save_file({key: torch.zeros(shape) for key, shape in shapes.items()}, folder / "a.safetensors", metadata)
    return folder / "a.safetensors"


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ({ENTRY: (32, 9, 3, 3), CLIP: (4,)}, "is an inpainting model"),
        ({ENTRY: (32, 8, 3, 3), CLIP: (4,)}, "is an InstructPix2Pix model"),
        ({ENTRY: (32, 5, 3, 3), CLIP: (4,)}, "is a depth-conditioned model"),
        ({ENTRY: (32, 4, 3, 3)}, "has no text encoder"),
        ({ENTRY: (32, 4, 3, 3), "conditioner.embedders.0.model.ln_final.weight": (4,)}, "is an SDXL refiner"),
        ({ENTRY: (32, 8, 3, 3), f"{UNET}input_blocks.1.0.time_stack.in_layers.0.weight": (4,)}, "is a Stable Video Diffusion model"),
        ({f"{UNET}double_blocks.0.img_attn.qkv.weight": (4,)}, "is a Flux model"),
        ({f"{UNET}joint_blocks.0.x_block.attn.qkv.weight": (4,)}, "is a Stable Diffusion 3 model"),
        ({"down_blocks.0.motion_modules.0.proj_in.weight": (4,)}, "is a motion adapter: use it with --motion"),
        ({"control_model.input_blocks.0.0.weight": (4,)}, "is a ControlNet: use it with --controlnet"),
        ({"ip_adapter.1.to_k_ip.weight": (4,)}, "is an IP-Adapter: use it with --controlnet"),
        ({"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": (1, 4)}, "is a LoRA or another adapter: use it with --style"),
        ({"lora_unet_mid_block_attentions_0_proj_in.hada_w1_a": (1, 4)}, "is a LoRA or another adapter: use it with --style"),
        ({"emb_params": (1, 768)}, "is an embedding: use it with --style"),
        ({"decoder.up.0.block.0.conv1.weight": (4,)}, "is a VAE alone"),
        ({"text_model.final_layer_norm.weight": (4,)}, "is a text encoder alone"),
        ({"down_blocks.0.resnets.0.conv1.weight": (4,)}, "is one network of a folder"),
        ({"body.0.weight": (4,)}, "is an upscaler or another image network: use it with --upscaler"),
        ({"anything": (4,)}, "has an unknown layout"),
    ],
)
def test_other_files_are_refused_by_name(shapes: dict[str, tuple[int, ...]], reason: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=reason):
        SingleFileChoice(path=written(tmp_path, shapes)).resolved()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04pickled", "is a pickle of torch, and no safetensors file"),
        (b"<!DOCTYPE html>", "is a web page"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{", "is truncated or damaged"),
        (b"", "is truncated or damaged"),
    ],
)
def test_mislabelled_and_truncated_files_are_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=reason):
        read_single_file(tmp_path / "a.safetensors")


def test_a_file_that_lost_its_end_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, {ENTRY: (32, 4, 3, 3), CLIP: (4,)})
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="is truncated or damaged"):
        read_single_file(path)


@pytest.mark.parametrize(("declared", "prediction"), [("v", "v_prediction"), ("epsilon", "epsilon"), ("", None)])
def test_metadata_of_the_model_spec_tells_the_prediction_type(declared: str, prediction: str | None, tmp_path: Path) -> None:
    shapes: dict[str, tuple[int, ...]] = {ENTRY: (32, 4, 3, 3), "cond_stage_model.model.ln_final.weight": (4,)}
    file = read_single_file(written(tmp_path, shapes, {"modelspec.prediction_type": declared}))
    assert file.family == "sd2"
    assert file.prediction == prediction
