"""IP-Adapters: images as prompts, by attention of their own in every block (Ye et al. 2023)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional

from sakuga.models.attention_processors import replaced_processors
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.image_encoder_files import ImageEncoderFiles
from sakuga.models.image_tokens import image_tokens
from sakuga.models.ip_adapter_files import ATTENTION, PROJECTION, ImageProjection, IpAdapterFiles
from sakuga.models.loading import load_network
from sakuga.models.tensor_files import load_tensors
from sakuga.timeline.spec import Digest

KEPT_IMAGES = 64
"""Images whose tokens stay in memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IpAdapter:
    """An opened IP-Adapter with its image encoder."""

    name: str
    kind: ImageProjection
    projection: Mapping[str, Tensor]
    attention: tuple[tuple[Tensor, Tensor], ...]
    """Weights to keys and values, (channels of the layer, channels), of each cross-attention of the UNet in its order."""
    encoder: Any
    processor: Any
    """Preprocessing of images for the encoder."""
    _embedded: dict[Digest, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def embed_frame(self, name: Digest, read: Callable[[Digest], np.ndarray]) -> tuple[Tensor, Tensor]:
        """Return the tokens of a frame as `embed`; those of the last few frames are kept."""
        if name not in self._embedded:
            while len(self._embedded) >= KEPT_IMAGES:
                del self._embedded[next(iter(self._embedded))]
            self._embedded[name] = self.embed(read(name))
        return self._embedded[name]

    @torch.inference_mode()
    def embed(self, image: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return the tokens of an image, (height, width, 3) uint8, and those of no image, each (1, tokens, channels)."""
        weight = next(self.encoder.parameters())
        pixels = self.processor(images=image, input_data_format="channels_last", return_tensors="pt").pixel_values
        pixels = pixels.to(weight.device, weight.dtype)
        seen = self.encoder(pixels, output_hidden_states=True)
        if self.kind == "linear":
            both = seen.image_embeds, torch.zeros_like(seen.image_embeds)
        else:
            nothing = self.encoder(torch.zeros_like(pixels), output_hidden_states=True)
            both = seen.hidden_states[-2], nothing.hidden_states[-2]
        tokens, negative = (image_tokens(self.kind, self.projection, one) for one in both)
        return tokens, negative


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImagePrompt:
    """What one IP-Adapter adds to the prompts of a batch: an image for each frame, and when it acts."""

    adapter: IpAdapter
    tokens: Tensor
    """(frames, tokens, channels)."""
    negative: Tensor
    """(frames, tokens, channels) of no image, for unconditional frames."""
    weight: float = 1.0
    start: float = 0.0
    """Share of the steps before it acts."""
    end: float = 1.0
    """Share of the steps after which it acts no more."""

    def acts(self, step: int, steps: int) -> bool:
        """Return whether it acts at a step, counted from 0: where all of the step lies between `start` and `end`."""
        return bool(self.weight) and step / steps >= self.start and (step + 1) / steps <= self.end

    def rows(self, count: int, *, guided: bool) -> Tensor:
        """Return the tokens of a batch of `count` rows: with guidance those of no image for the unconditional frames, which come first."""
        frames = len(self.tokens)
        first = self.negative if guided else self.tokens
        return torch.cat([first, self.tokens.repeat(count // frames - 1, 1, 1)])


def open_ip_adapter(checkpoint: Checkpoint, files: IpAdapterFiles) -> IpAdapter:
    """Open an IP-Adapter for a checkpoint, at first use.

    Raises CheckpointError where its layers are not those of the UNet.
    """
    return checkpoint.keep(f"ip-adapter {files.digest}", lambda: _open(checkpoint, files))


def with_image_tokens(checkpoint: Checkpoint, prompt_embeds: Tensor, prompts: Sequence[ImagePrompt], *, guided: bool) -> Tensor:
    """Return prompt embeddings of a batch with the tokens of its images behind those of the text."""
    if not prompts:
        return prompt_embeds
    text, *pooled = checkpoint.split_pooled(prompt_embeds)
    tokens = [prompt.rows(len(prompt_embeds), guided=guided).to(prompt_embeds) for prompt in prompts]
    return torch.cat([text, *tokens, *pooled], dim=1)


def attending_to_images(unet: Any, prompts: Sequence[ImagePrompt]) -> AbstractContextManager[None]:
    """Let a UNet attend to the tokens of images behind those of the text inside a block."""
    layers = dict(_cross_attention(unet)) if prompts else {}
    weights = {
        name: tuple((one.weight, one.tokens.shape[1], *one.adapter.attention[place]) for one in prompts)
        for place, name in enumerate(layers)
    }
    return replaced_processors(layers, lambda name, inner: _ImageAttention(weights[name], inner))


@dataclass(frozen=True, slots=True, eq=False)
class _ImageAttention:
    """A processor that attends to text and images apart, and adds both (Ye et al. 2023, eq. 5)."""

    images: tuple[tuple[float, int, Tensor, Tensor], ...]
    """Of each image weight and number of tokens, and the weights to its keys and values."""
    inner: Any

    def __call__(self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor, **inputs: Any) -> Tensor:
        counts = [count for _, count, *_ in self.images]
        text, *tokens = torch.split(encoder_hidden_states, [encoder_hidden_states.shape[1] - sum(counts), *counts], dim=1)
        output: Tensor = self.inner(attn, hidden_states, encoder_hidden_states=text, **inputs)
        query = _heads(attn.to_q(hidden_states), attn.heads)
        seen = torch.zeros_like(hidden_states[..., :1])
        for (weight, _, to_key, to_value), image in zip(self.images, tokens, strict=True):
            key, value = (_heads(functional.linear(image, matrix.to(image)), attn.heads) for matrix in (to_key, to_value))
            attended = functional.scaled_dot_product_attention(query, key, value)
            seen = seen + weight * attended.transpose(1, 2).flatten(2)
        added: Tensor = functional.linear(seen, attn.to_out[0].weight) / attn.rescale_output_factor
        return output + added


def _heads(tokens: Tensor, heads: int) -> Tensor:
    """Return (rows, heads, tokens, channels of a head)."""
    return tokens.reshape(*tokens.shape[:2], heads, -1).transpose(1, 2)


def _cross_attention(unet: Any) -> Iterator[tuple[str, Any]]:
    """Yield the cross-attention layers of an image UNet in the order of diffusers' processors."""
    return ((name, layer) for name, layer in unet.named_modules() if name.endswith(".attn2"))


def _open(checkpoint: Checkpoint, files: IpAdapterFiles) -> IpAdapter:
    device, dtype = checkpoint.device, checkpoint.dtype
    with torch.inference_mode(False):
        weights = {key: value.to(device, dtype) for key, value in _read("IP-Adapter", files.path).items()}
        projection = {key.removeprefix(PROJECTION): value for key, value in weights.items() if key.startswith(PROJECTION)}
        encoder = _open_encoder(files.encoder, dtype).to(device)
        _check_projection(files, projection, encoder.config)
    return IpAdapter(
        name=files.name,
        kind=files.projection,
        projection=projection,
        attention=_attention_weights(files.name, weights, checkpoint.unet),
        encoder=encoder,
        processor=_processor(encoder.config.image_size),
    )


def _check_projection(files: IpAdapterFiles, projection: Mapping[str, Tensor], config: Any) -> None:
    """Raise CheckpointError where weights of the projection are missing, or have other sizes."""
    shape = (1, config.projection_dim) if files.projection == "linear" else (1, 2, config.hidden_size)
    try:
        image_tokens(files.projection, projection, next(iter(projection.values())).new_zeros(shape))
    except (KeyError, RuntimeError, IndexError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"IP-Adapter '{files.name}': its image projection is not whole ({reason}): download it again") from None


def _read(title: str, path: Path) -> dict[str, Tensor]:
    try:
        return dict(load_tensors(path))
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{title} '{path}': the weights are truncated or damaged ({error}): download it again") from None


def _open_encoder(files: ImageEncoderFiles, dtype: torch.dtype) -> Any:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    if not files.is_single_file:
        variant = "fp16" if ".fp16." in files.weights[0].name else None
        return load_network(CLIPVisionModelWithProjection, files.path, dtype, variant)
    network = CLIPVisionModelWithProjection(CLIPVisionConfig(**files.config))
    weights = {name: value for name, value in _read("image encoder", files.path).items() if not name.endswith("position_ids")}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"image encoder '{files.path}': its weights are not whole ({reason}): download it again") from None
    return network.to(dtype).eval().requires_grad_(False)


def _processor(size: int) -> Any:
    """Return CLIP's own preprocessing: the shorter side scaled to the encoder's, and the centre taken."""
    from transformers import CLIPImageProcessorPil

    return CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})


def _attention_weights(name: str, weights: Mapping[str, Tensor], unet: Any) -> tuple[tuple[Tensor, Tensor], ...]:
    """Return the weights for each cross-attention layer; they are numbered by all attention layers, of which every second is one."""
    layers, found = [layer for _, layer in _cross_attention(unet)], list[tuple[Tensor, Tensor]]()
    count = sum(key.startswith(ATTENTION) for key in weights) // 2
    if count != len(layers):
        raise CheckpointError(f"IP-Adapter '{name}' is for another UNet: it has {count} layers, and this one {len(layers)}")
    for place, layer in enumerate(layers):
        pair = [weights.get(f"{ATTENTION}{2 * place + 1}.to_{part}_ip.weight") for part in "kv"]
        expected = (layer.to_k.out_features, layer.to_k.in_features)
        key, value = pair
        if key is None or value is None or tuple(key.shape) != expected or tuple(value.shape) != expected:
            raise CheckpointError(f"IP-Adapter '{name}' is for another UNet: layer {2 * place + 1} is not {expected[0]} x {expected[1]}")
        found.append((key, value))
    return tuple(found)
