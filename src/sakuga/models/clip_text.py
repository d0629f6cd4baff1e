"""CLIP's text encoder (Radford et al. 2021), under the module names of transformers.

It loads in a hundredth of the time that transformers needs, gives the same bits (a test compares them), and takes the same adapters. Text
encoders that differ from CLIP's are still loaded by transformers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

DEFAULTS: dict[str, Any] = {
    "vocab_size": 49408,
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "max_position_embeddings": 77,
    "projection_dim": 512,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
    "eos_token_id": 49407,
}
"""What a config means that leaves these out."""
OLD_END = 2
"""A wrong `eos_token_id` of old configs: the end mark is then the greatest token number."""


def _quick_gelu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"quick_gelu": _quick_gelu, "gelu": functional.gelu}


@dataclass(frozen=True, slots=True, eq=False)
class ClipTextOutput:
    """What the encoder says of texts, under the names of transformers."""

    last_hidden_state: Tensor  # (texts, tokens, channels)
    pooler_output: Tensor  # (texts, channels), at the end mark
    hidden_states: tuple[Tensor, ...] | None
    """Before the first layer and after each, without the final norm."""

    def __getitem__(self, index: Literal[0]) -> Tensor:
        return (self.last_hidden_state,)[index]


@dataclass(frozen=True, slots=True, eq=False)
class ProjectedClipTextOutput(ClipTextOutput):
    """The output of an encoder with a projection."""

    text_embeds: Tensor  # (texts, projected channels)

    def __getitem__(self, index: Literal[0]) -> Tensor:
        return (self.text_embeds,)[index]


class _Embeddings(nn.Module):
    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.token_embedding: nn.Module = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embedding = nn.Embedding(config.max_position_embeddings, config.hidden_size)

    def forward(self, ids: Tensor) -> Tensor:
        embedded: Tensor = self.token_embedding(ids) + self.position_embedding.weight[: ids.shape[1]]
        return embedded


class _Attention(nn.Module):
    eager = False
    """Whether attention is computed plainly, which trains faster on a CPU."""

    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        width = config.hidden_size
        self.head_width = width // config.num_attention_heads
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        split = (*x.shape[:2], -1, self.head_width)
        queries, keys, values = (project(x).view(split).transpose(1, 2) for project in (self.q_proj, self.k_proj, self.v_proj))
        attend = _plain_attention if self.eager else functional.scaled_dot_product_attention
        attended = attend(queries, keys, values, attn_mask=mask, is_causal=mask is None, scale=self.head_width**-0.5)
        output: Tensor = self.out_proj(attended.transpose(1, 2).reshape(x.shape))
        return output


def _plain_attention(queries: Tensor, keys: Tensor, values: Tensor, *, attn_mask: Tensor | None, is_causal: bool, scale: float) -> Tensor:
    mask = _causal_mask(queries.shape[-2], queries.device) if attn_mask is None else attn_mask
    lowest = torch.finfo(queries.dtype).min
    scores = queries @ keys.transpose(-1, -2) * scale + torch.zeros((), device=queries.device).to(queries).masked_fill(~mask, lowest)
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(queries) @ values


def _causal_mask(tokens: int, device: torch.device) -> Tensor:
    """Return where a token may look: at itself and those before it, (tokens, tokens)."""
    return torch.ones(tokens, tokens, dtype=torch.bool, device=device).tril()


class _Mlp(nn.Module):
    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.activate = ACTIVATIONS[config.hidden_act]
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.fc2(self.activate(self.fc1(x)))
        return output


class _Layer(nn.Module):
    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.self_attn, self.mlp = _Attention(config), _Mlp(config)
        self.layer_norm1, self.layer_norm2 = (nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps) for _ in range(2))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x), mask)
        added: Tensor = x + self.mlp(self.layer_norm2(x))
        return added


class _Encoder(nn.Module):
    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))


class ClipTextEncoder(nn.Module):
    """CLIP's text encoder, with a projection where `projected`."""

    def __init__(self, config: Mapping[str, Any], *, projected: bool = False) -> None:
        super().__init__()
        self.config = SimpleNamespace(**(DEFAULTS | dict(config)))
        self.embeddings, self.encoder = _Embeddings(self.config), _Encoder(self.config)
        self.final_layer_norm = nn.LayerNorm(self.config.hidden_size, eps=self.config.layer_norm_eps)
        self.text_projection = nn.Linear(self.config.hidden_size, self.config.projection_dim, bias=False) if projected else None

    @property
    def device(self) -> torch.device:
        return self.final_layer_norm.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.final_layer_norm.weight.dtype

    def get_input_embeddings(self) -> nn.Module:
        """Return the table of token embeddings."""
        return self.embeddings.token_embedding

    def set_input_embeddings(self, table: nn.Module) -> None:
        """Replace the table of token embeddings, such as by one with learned words."""
        self.embeddings.token_embedding = table

    def set_attn_implementation(self, name: Literal["eager", "sdpa"]) -> None:
        """Compute attention plainly or by torch's fused kernel."""
        for layer in self.encoder.layers:
            layer.self_attn.eager = name == "eager"  # type: ignore[union-attr]

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, output_hidden_states: bool = False) -> ClipTextOutput:
        """Encode token numbers, (texts, tokens); `attention_mask` is 0 at padding that no token may look at."""
        mask = None
        if attention_mask is not None and not bool(attention_mask.all()):
            mask = _causal_mask(input_ids.shape[1], input_ids.device) & attention_mask[:, None, None].bool()
        states = [self.embeddings(input_ids)]
        for layer in self.encoder.layers:
            states.append(layer(states[-1], mask))
        last = self.final_layer_norm(states[-1])
        ends = input_ids if self.config.eos_token_id == OLD_END else input_ids == self.config.eos_token_id
        pooled = last[torch.arange(len(last), device=last.device), ends.int().argmax(dim=-1)]
        kept = tuple(states) if output_hidden_states else None
        if self.text_projection is None:
            return ClipTextOutput(last, pooled, kept)
        return ProjectedClipTextOutput(last, pooled, kept, self.text_projection(pooled))


def is_plain_clip(config: Mapping[str, Any]) -> bool:
    """Return whether a config is that of a text encoder as CLIP's."""
    known = config.get("model_type") in ("clip_text_model", "clip") and config.get("hidden_act", "quick_gelu") in ACTIVATIONS
    return known and not config.get("attention_dropout") and "quantization_config" not in config
