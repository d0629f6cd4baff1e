"""Names of a ControlNet's weights in Stability's single-file layout (Zhang et al. 2023)."""

import re

from sakuga.models.single_file.keys import UNET, unet_places

HINT_BLOCK = re.compile(r"controlnet_cond_embedding\.blocks\.(\d+)\.(.+)")
ZERO_CONVOLUTION = re.compile(r"controlnet_down_blocks\.(\d+)\.(.+)")


def controlnet_key(name: str, layers: int, hint_blocks: int) -> str:
    """Return the key of a weight by its name in diffusers.

    `layers` are the residual layers of a block, `hint_blocks` the convolutions between the first and the last that see the hint.
    """
    if found := HINT_BLOCK.fullmatch(name):
        return f"input_hint_block.{2 * (int(found[1]) + 1)}.{found[2]}"
    if found := ZERO_CONVOLUTION.fullmatch(name):
        return f"zero_convs.{found[1]}.0.{found[2]}"
    if name.startswith("controlnet_"):
        first, last, middle = "controlnet_cond_embedding.conv_in.", "controlnet_cond_embedding.conv_out.", "controlnet_mid_block."
        ends = {first: "input_hint_block.0.", last: f"input_hint_block.{2 * (hint_blocks + 1)}.", middle: "middle_block_out.0."}
        start = next(start for start in ends if name.startswith(start))
        return ends[start] + name.removeprefix(start)
    return next(unet_places(name, layers)).key.removeprefix(UNET)
