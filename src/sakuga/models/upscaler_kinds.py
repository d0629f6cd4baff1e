"""Upscalers that can be read, told by the keys of their files; loads no torch."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.single_file.header import read_single_file

UpscalerKind = Literal["esrgan", "old esrgan", "compact", "span"]
PICKLES = (".pth", ".pt", ".bin", ".ckpt")
PREFIX = re.compile(r"params(_ema)?\.")
"""What BasicSR writes before each key."""
MARKS: dict[str, UpscalerKind] = {
    "model.1.sub.0.RDB1.conv1.0.weight": "old esrgan",
    "body.0.rdb1.conv1.weight": "esrgan",
    "block_1.c1_r.sk.weight": "span",
}
OTHER_KINDS = {
    "relative_position_bias_table": "a transformer (SwinIR, HAT, DAT)", "m_body": "an SCUNet",
    "lora": "a LoRA", "ip_adapter": "an IP-Adapter", "diffusion_model": "a checkpoint",
}  # fmt: skip
KINDS = "ESRGAN, Real-ESRGAN, a compact Real-ESRGAN network or SPAN as .safetensors"


def check_upscaler(path: Path) -> UpscalerKind:
    """Return the kind of an upscaler; raises CheckpointError for one that cannot be read."""
    if not path.is_file():
        raise CheckpointError(f"there is no upscaler '{path}': give {KINDS}")
    if path.suffix.lower() in PICKLES:
        raise CheckpointError(f"upscaler '{path}' is a pickle, which can run code: get it as .safetensors")
    try:
        shapes = read_single_file(path).shapes
    except CheckpointError as error:
        raise CheckpointError(str(error).replace("checkpoint", "upscaler", 1)) from None
    names = {PREFIX.sub("", key): shape for key, shape in shapes.items()}
    if kind := next((kind for mark, kind in MARKS.items() if mark in names), None):
        return kind
    if len(names.get("body.0.weight", ())) == 4 and len(names.get("body.1.weight", ())) == 1:
        return "compact"
    raise CheckpointError(f"upscaler '{path}' {_other(names)}: give {KINDS}")


def _other(names: Collection[str]) -> str:
    known = next((title for mark, title in OTHER_KINDS.items() for name in names if mark in name), None)
    return f"is {known}, which is not supported" if known else "has an unknown layout"
