"""Adapters: low-rank changes of layers (LoRA) and new words (Textual Inversion), read from files and written."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from types import MappingProxyType
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sakuga import InputError
from sakuga.diffusion.low_rank import with_middle
from sakuga.models.embeddings import A1111, WORD, XL, words_in
from sakuga.models.families import Family, family_of, family_said
from sakuga.models.lora_keys import ALPHA, DOWN, TRANSFORMERS, UP, kohya_layer, other_kind, place, written

METADATA = "lora_adapter_metadata"
"""Where diffusers writes an adapter's rank and alpha, as JSON."""
PEFT_CONFIG = "adapter_config.json"
"""Where peft writes them, beside the file."""
Layout = Literal["diffusers", "kohya"]


class AdapterError(InputError):
    """An adapter that cannot be read or worn; the sentence says which, why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Factors:
    """How one layer's weight is changed: by `scale` times up times down."""

    down: Tensor  # (rank, in[, height, width])
    up: Tensor  # (out, rank[, 1, 1])
    scale: float = 1.0

    @property
    def rank(self) -> int:
        return self.down.shape[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Word:
    """A word that a prompt can say once it is worn, and what text encoders are to read there."""

    trigger: str
    vectors: Mapping[str, Tensor]
    """By network, (vectors, channels)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adapter:
    """Changes by layer, such as "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q", and words; `name` is for people."""

    name: str
    layers: Mapping[str, Factors] = field(default_factory=dict)
    words: tuple[Word, ...] = ()
    said_for: Family | None = None
    """The base model that its file says it was made for."""

    @property
    def family(self) -> Family | None:
        """The base model that it was made for, by its sizes or else by what its file says; None for none that is known."""
        layers = {layer: factors.down.shape[1] for layer, factors in self.layers.items()}
        return family_of(layers, [(of, rows.shape[1]) for word in self.words for of, rows in word.vectors.items()], self.said_for)


def read_adapter(file: Path, name: str) -> Adapter:
    """Read a LoRA in the layout of diffusers (old or new), kohya or peft, or an embedding of diffusers or A1111; safetensors all.

    Raises AdapterError where the file cannot be read, holds what is none of these, or lacks one of a pair.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {key: opened.get_tensor(key).float() for key in opened.keys()}  # noqa: SIM118
        about = json.loads(metadata.get(METADATA, "{}"))
        beside = file.parent / PEFT_CONFIG
        about |= json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    except (OSError, SafetensorError, ValueError) as error:
        raise AdapterError(f"style '{name}': {file} cannot be read ({error}); fetch or train it again") from None
    return _adapter(tensors, about, metadata, file, name)


def read_pickle(file: Path, name: str) -> Adapter:
    """Read a LoRA or an embedding that was pickled, without running what else may be in it; AdapterError as in `read_adapter`.

    A1111's .pt holds its vectors in "string_to_param", and its word in "name".
    """
    try:
        read = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise AdapterError(f"style '{name}': {file} cannot be read without running its code ({str(error).splitlines()[0]})") from None
    if isinstance(read, dict) and isinstance(read.get("string_to_param"), dict):
        read = {str(read.get("name") or file.stem): next(iter(read["string_to_param"].values()))}
    if isinstance(read, dict) and isinstance(read.get("state_dict"), dict):
        read = read["state_dict"]
    if not isinstance(read, dict) or not read or not all(isinstance(value, Tensor) for value in read.values()):
        raise AdapterError(f"style '{name}': {file} holds no LoRA and no embedding")
    return _adapter({key: value.detach().float() for key, value in read.items()}, {}, {}, file, name)


def _adapter(tensors: Mapping[str, Tensor], about: Mapping[str, Any], metadata: Mapping[str, Any], file: Path, name: str) -> Adapter:
    said_for = family_said(metadata)
    if words := _words(tensors, metadata, file.stem):
        return Adapter(name=name, words=words, said_for=said_for)
    return Adapter(name=name, layers=_layers(tensors, about, file, name), said_for=said_for)


def read_style(files: Sequence[Path], name: str) -> Adapter:
    """Read the files of one style as one adapter; raises AdapterError."""
    read = [read_adapter(file, name) for file in files]
    layers = {layer: factors for one in read for layer, factors in one.layers.items()}
    return Adapter(name=name, layers=layers, words=tuple(word for one in read for word in one.words), said_for=read[0].said_for)


def _words(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any], stem: str) -> tuple[Word, ...]:
    vectors: dict[str, dict[str, Tensor]] = {}
    for key, (trigger, network) in words_in({key: value.shape for key, value in tensors.items()}, metadata, stem).items():
        vectors.setdefault(trigger, {})[network] = tensors[key] if tensors[key].ndim == 2 else tensors[key][None]
    return tuple(Word(trigger=trigger, vectors=parts) for trigger, parts in vectors.items())


def _layers(tensors: Mapping[str, Tensor], about: Mapping[str, Any], file: Path, name: str) -> dict[str, Factors]:
    places = {key: place(key) for key in tensors}
    if unknown := sorted(key for key, found in places.items() if found is None):
        raise AdapterError(_refusal(unknown, len(tensors), file, name))
    if any(value for key, value in about.items() if key.split(".")[-1] == "use_dora"):
        raise AdapterError(f"style '{name}': {file} is a DoRA, which is no sum of low-rank changes and cannot be worn: train a plain LoRA")
    parts: dict[str, dict[str, Tensor]] = {}
    for key, found in places.items():
        assert found
        if found.part in parts.setdefault(found.layer, {}):
            raise AdapterError(f"style '{name}': {file} changes {found.layer} twice; fetch or train it again")
        parts[found.layer][found.part] = tensors[key]
    if not parts or any(not {"down", "up"} <= part.keys() for part in parts.values()):
        raise AdapterError(f"style '{name}': {file} holds no pairs of LoRA weights, or not all of them; fetch or train it again")
    return {layer: _factors(layer, part, about) for layer, part in parts.items()}


def _refusal(unknown: Sequence[str], count: int, file: Path, name: str) -> str:
    if kind := next(filter(None, map(other_kind, unknown)), None):
        return f"style '{name}': {file} is a {kind}, which cannot be worn yet: LoRA and LoCon can"
    if any(TRANSFORMERS.match(key) for key in unknown):
        return f"style '{name}': {file} was made for a diffusion transformer (Flux, Stable Diffusion 3 or the like), and not for a UNet"
    return f"style '{name}': {len(unknown)} of the {count} tensors in {file} are of no LoRA that is known here ({unknown[0]})"


def _factors(layer: str, part: Mapping[str, Tensor], about: Mapping[str, Any]) -> Factors:
    """The scale is alpha / rank (or / its root): by the layer's own alpha, else by the network's, else 1."""
    down = with_middle(part["down"], part["mid"]) if "mid" in part else part["down"]
    alpha = part["alpha"].item() if "alpha" in part else _said(layer, about)
    divisor = math.sqrt(down.shape[0]) if _about(layer, about, "use_rslora") and "alpha" not in part else down.shape[0]
    return Factors(down=down, up=part["up"], scale=1.0 if alpha is None else float(alpha) / divisor)


def _said(layer: str, about: Mapping[str, Any]) -> float | None:
    """The alpha of a layer that peft's configuration tells, perhaps by a pattern of names."""
    patterns = _about(layer, about, "alpha_pattern") or {}
    own = next((alpha for pattern, alpha in patterns.items() if re.match(rf"(.*\.)?({pattern})$", layer)), None)
    told = own if own is not None else _about(layer, about, "lora_alpha")
    return None if told is None else float(told)


def _about(layer: str, about: Mapping[str, Any], key: str) -> Any:
    return about.get(f"{layer.split('.', 1)[0]}.{key}", about.get(key))


def write_adapter(adapter: Adapter, file: Path, layout: Layout = "diffusers", dtype: torch.dtype = torch.float16) -> None:
    """Write an adapter's LoRA: in kohya's layout with its alphas, in diffusers' with its scales in the weights, so that no reader errs."""
    tensors: dict[str, Tensor] = {}
    two = any(layer.startswith("text_encoder_2.") for layer in adapter.layers) or adapter.family == "sdxl"
    for layer, factors in sorted(adapter.layers.items()):
        if layout == "kohya":
            name = kohya_layer(layer, two)
            told = {f"{name}.lora_down.weight": factors.down, f"{name}.lora_up.weight": factors.up}
            tensors[name + ALPHA] = torch.tensor(factors.scale * factors.rank)
        else:
            told = {written(layer) + DOWN: factors.down, written(layer) + UP: factors.up.float() * factors.scale}
        tensors |= {key: value.detach().cpu().to(dtype).contiguous() for key, value in told.items()}
    _save(tensors, adapter, file)


def write_words(adapter: Adapter, file: Path, layout: Layout = "diffusers") -> None:
    """Write an adapter's words as diffusers does, {trigger: vectors}, or one as A1111 does, whose name is the file's.

    So is SDXL's word, which the file's metadata says too. Raises AdapterError where a file cannot hold so many.
    """
    tensors: dict[str, Tensor] = {}
    doubled = any("text_encoder_2" in word.vectors for word in adapter.words)
    if len(adapter.words) > 1 and (layout == "kohya" or doubled):
        remedy = "keep them in styles of their own" if doubled else "write diffusers' layout"
        raise AdapterError(f"style '{adapter.name}' teaches {len(adapter.words)} words, and such a file holds one: {remedy}")
    for word in adapter.words:
        two = "text_encoder_2" in word.vectors
        keys: dict[str, str] = (
            {network: key for key, network in XL.items()} if two else {"text_encoder": A1111 if layout == "kohya" else word.trigger}
        )
        tensors |= {keys[network]: vectors.detach().float().cpu().contiguous() for network, vectors in word.vectors.items()}
    _save(tensors, adapter, file, {WORD: adapter.words[0].trigger} if doubled else {})


def _save(tensors: Mapping[str, Tensor], adapter: Adapter, file: Path, more: Mapping[str, str] = MappingProxyType({})) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    made_for = {"sakuga.base": adapter.family} if adapter.family else {}
    beside = file.with_name(f".writing-{file.name}")
    save_file(dict(tensors), beside, {"format": "pt", **made_for, **more})
    beside.replace(file)
