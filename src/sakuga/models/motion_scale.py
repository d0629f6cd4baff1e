"""Motion scale: how sharply the frames of a clip attend to each other.

Temporal attention with smaller logits mixes all frames, so that less moves; with larger ones each frame keeps more to itself. Scaling what
an adapter adds does not do that: with less of it, frames are less alike.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from einops import rearrange
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from sakuga.models.attention_processors import replaced_processors
from sakuga.models.diffusers_classes import Attention, MotionAdapter


@contextmanager
def scaled_motion(adapter: MotionAdapter, scale: float | Tensor) -> Iterator[None]:
    """Scale the attention logits of an adapter inside a block.

    `scale` is one for all frames, or (frames,), by the frame that attends. 1.0 changes nothing.
    """
    if not isinstance(scale, Tensor) and scale == 1:
        yield
        return
    layers = {name: module for name, module in adapter.named_modules() if isinstance(module, Attention)}
    with replaced_processors(layers, lambda *_: _ScaledAttention(scale)):
        yield


@dataclass(frozen=True, slots=True, eq=False)
class _ScaledAttention:
    """Self-attention over frames with scaled logits."""

    scale: float | Tensor

    def __call__(self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **inputs: Any) -> Tensor:
        layers = (attn.to_q, attn.to_k, attn.to_v)
        queries, keys, values = (rearrange(layer(hidden_states), "n frame (head c) -> n head frame c", head=attn.heads) for layer in layers)
        scale = self.scale.to(queries)[:, None] if isinstance(self.scale, Tensor) else self.scale
        attended = scaled_dot_product_attention(queries * scale, keys, values)
        output: Tensor = attn.to_out[0](rearrange(attended, "n head frame c -> n frame (head c)"))
        return output
