"""The layout of single-file motion modules: AnimateDiff's own names, converted to those of diffusers.

Loads no torch.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NAMES = {
    ".temporal_transformer.": ".",
    ".attention_blocks.0.": ".attn1.",
    ".attention_blocks.1.": ".attn2.",
    ".norms.0.": ".norm1.",
    ".norms.1.": ".norm2.",
    ".ff_norm.": ".norm3.",
}
PREFIX = "module."
"""What training in parallel puts before each name."""
POSITIONS = ".pos_encoder.pe"
NORM = re.compile(r"(down_blocks|up_blocks|mid_block)\.(?:(\d+)\.)?motion_modules\.(\d+)\.norm\.weight")
HEADS, GROUPS = 8, 32
"""Attention heads and groups of all published modules; a file does not tell."""


def diffusers_name(name: str) -> str:
    """Return diffusers' name of a weight in a motion module.

    >>> diffusers_name("mid_block.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.1.to_k.weight")
    'mid_block.motion_modules.0.transformer_blocks.0.attn2.to_k.weight'
    """
    name = name.removeprefix(PREFIX)
    for theirs, ours in NAMES.items() if ".motion_modules." in name else ():
        name = name.replace(theirs, ours)
    return name


def is_position(name: str) -> bool:
    """Return whether a tensor holds frame positions, which diffusers computes."""
    return name.endswith((POSITIONS, ".pos_embed.pe"))


def adapter_config(shapes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return the config of diffusers' MotionAdapter for a file's tensors; raises ValueError."""
    found = [(NORM.fullmatch(diffusers_name(name)), shape) for name, shape in shapes.items()]
    norms = [(match.groups(), shape[0]) for match, shape in found if match]
    levels = {int(block): channels for (side, block, _), channels in norms if side == "down_blocks"}
    positions = [shape[1] for name, shape in shapes.items() if is_position(name)]
    if sorted(levels) != list(range(len(levels))) or not levels or not positions:
        raise ValueError("it has no motion modules")
    return {
        "block_out_channels": [levels[block] for block in sorted(levels)],
        "motion_layers_per_block": [_count(norms, "down_blocks", str(block)) for block in sorted(levels)],
        "motion_max_seq_length": min(positions),
        "motion_num_attention_heads": HEADS,
        "motion_norm_num_groups": GROUPS,
        "use_motion_mid_block": any(side == "mid_block" for (side, _, _), _ in norms),
    }


def _count(norms: Iterable[tuple[Any, int]], side: str, block: str) -> int:
    return sum(where[:2] == (side, block) for where, _ in norms)
