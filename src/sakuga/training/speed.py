"""What makes a training fast on the device at hand: number formats, memory layouts and ways to compute attention."""

from typing import Any

import torch
from diffusers.models.attention_processor import AttnProcessor


def half_is_fast(device: torch.device) -> bool:
    """Return whether the device has units for bfloat16: a GPU has, and a CPU with AVX-512 BF16."""
    return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()


def placed(unet: Any, device: torch.device) -> Any:
    """Put a UNet on the device in the layout and with the attention that train fastest there.

    On a CPU the fused attention and channels-last convolutions lose to plain ones: 68 samples a second against 97 (docs/log.md).
    """
    if device.type != "cpu":
        return unet.to(device=device, memory_format=torch.channels_last)
    unet.set_attn_processor(AttnProcessor())
    return unet.to(device)


def with_plain_attention(encoder: Any, device: torch.device) -> Any:
    """Put an encoder of transformers on the device; on a CPU its attention is computed plainly, which trains faster."""
    if device.type == "cpu":
        encoder.set_attn_implementation("eager")
    return encoder.to(device)
