"""Adapters: changes of layers and learned words (Textual Inversion), as files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import Tensor

from sakuga import InputError
from sakuga.files import read_utf8, write_atomic
from sakuga.models.embeddings import A1111_KEY, SDXL_KEYS, WORD_KEY, embedding_keys, is_bundled
from sakuga.models.families import FamilyName, adapter_family, declared_family
from sakuga.models.layer_changes import KINDS, LayerChange, input_channels
from sakuga.models.layer_changes import LoraLayer as LoraLayer
from sakuga.models.layer_files import bias_changes, layer_change
from sakuga.models.layer_shapes import is_whole
from sakuga.models.lora_keys import ALPHA, DOWN, TRANSFORMER_KEYS, UP, file_layer_name, kohya_layer, other_kind, parse_key, unsupported_kind
from sakuga.models.pickles import PickleError, load_pickle
from sakuga.models.saving import save_tensors
from sakuga.models.tensor_files import open_tensors

ADAPTER_METADATA = "lora_adapter_metadata"
"""The metadata key under which diffusers writes rank and alpha, as JSON."""
PEFT_CONFIG = "adapter_config.json"
"""The file beside the weights in which peft writes them."""
Layout = Literal["diffusers", "kohya"]
NAMED = 12
"""Keys that a message names; of more it gives the number."""


class AdapterError(InputError):
    """An adapter cannot be read or applied.

    The message says which, why, and what to do.
    """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearnedWord:
    """A word of Textual Inversion with its token embeddings."""

    trigger: str
    vectors: Mapping[str, Tensor]
    """By text encoder, (vectors, channels)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adapter:
    """Changes of layers by name, and learned words.

    A layer's name is like "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"; that of a bias ends with ".bias".
    """

    name: str
    layers: Mapping[str, LayerChange] = field(default_factory=dict)
    learned_words: tuple[LearnedWord, ...] = ()
    declared_family: FamilyName | None = None
    """The base model that its file names."""

    @property
    def family(self) -> FamilyName | None:
        """Return the family of its base model.

        It is recognized by sizes, or else as declared; None if unknown.
        """
        layers = {layer: input_channels(change) for layer, change in self.layers.items()}
        words = [(encoder, rows.shape[1]) for word in self.learned_words for encoder, rows in word.vectors.items()]
        return adapter_family(layers, words, self.declared_family)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return what its changes are called: LoRA, LoHa, ..."""
        return tuple(dict.fromkeys(KINDS[type(change)] for change in self.layers.values()))

    def low_rank_layers(self) -> dict[str, LoraLayer]:
        """Return its layers as LoRA; raises AdapterError where one is of another kind."""
        layers = {layer: change for layer, change in self.layers.items() if isinstance(change, LoraLayer)}
        if len(layers) < len(self.layers):
            other = next(kind for kind in self.kinds if kind != KINDS[LoraLayer])
            raise AdapterError(f"style '{self.name}' is a {other}, which cannot be written, blended or trained on: only a LoRA can")
        return layers


def read_adapter(file: Path, name: str) -> Adapter:
    """Read a LoRA or an embedding from safetensors.

    Layouts are those of diffusers (old or new), kohya, LyCORIS, peft, ComfyUI and A1111. Raises AdapterError where the file cannot be read,
    has another layout, or lacks some weights.
    """
    try:
        with open_tensors(file) as opened:
            metadata = opened.metadata() or {}
            tensors = {key: opened.get_tensor(key).float() for key in opened.keys()}  # noqa: SIM118
        config = json.loads(metadata.get(ADAPTER_METADATA, "{}"))
        beside = file.parent / PEFT_CONFIG
        config |= json.loads(read_utf8(beside)) if beside.is_file() else {}
    except (OSError, SafetensorError, ValueError, TypeError, RecursionError) as error:
        raise AdapterError(f"style '{name}': cannot read {file} ({error}); download or train it again") from None
    return _adapter(tensors, config, metadata, file, name)


def read_pickle(file: Path, name: str) -> Adapter:
    """Read a pickled LoRA or embedding without running code.

    Raises AdapterError as `read_adapter` does. A1111's .pt holds its vectors in "string_to_param", and its word in "name".
    """
    try:
        read = load_pickle(file)
    except PickleError as error:
        raise AdapterError(f"style '{name}': cannot read {file} without running its code ({error}); get it as safetensors") from None
    if isinstance(read, dict) and isinstance(read.get("string_to_param"), dict) and read["string_to_param"]:
        read = {str(read.get("name") or file.stem): next(iter(read["string_to_param"].values()))}
    if isinstance(read, dict) and isinstance(read.get("state_dict"), dict):
        read = read["state_dict"]
    if not isinstance(read, dict) or not read or not all(isinstance(value, Tensor) for value in read.values()):
        raise AdapterError(f"style '{name}': {file} is neither a LoRA nor an embedding")
    return _adapter({key: value.detach().float() for key, value in read.items()}, {}, {}, file, name)


def _adapter(tensors: Mapping[str, Tensor], config: Mapping[str, Any], metadata: Mapping[str, Any], file: Path, name: str) -> Adapter:
    if broken := next((key for key, value in tensors.items() if not value.isfinite().all()), None):
        raise AdapterError(f"style '{name}': {file} holds values that are not numbers ({broken}): download or train it again")
    declared = declared_family(metadata)
    words = _learned_words(tensors, metadata, file.stem)
    rest = {key: value for key, value in tensors.items() if not is_bundled(key)}
    layers = {} if words and len(rest) in (0, len(tensors)) else _layers(rest, config, file, name)
    return Adapter(name=name, layers=layers, learned_words=words, declared_family=declared)


def read_style(files: Sequence[Path], name: str) -> Adapter:
    """Read the files of one style as one adapter; raises AdapterError."""
    read = [read_adapter(file, name) for file in files]
    layers = {layer: change for one in read for layer, change in one.layers.items()}
    words = tuple(word for one in read for word in one.learned_words)
    return Adapter(name=name, layers=layers, learned_words=words, declared_family=read[0].declared_family)


def _learned_words(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any], stem: str) -> tuple[LearnedWord, ...]:
    vectors: dict[str, dict[str, Tensor]] = {}
    for key, (trigger, encoder) in embedding_keys({key: value.shape for key, value in tensors.items()}, metadata, stem).items():
        vectors.setdefault(trigger, {})[encoder] = tensors[key] if tensors[key].ndim == 2 else tensors[key][None]
    return tuple(LearnedWord(trigger=trigger, vectors=rows) for trigger, rows in vectors.items())


def _layers(tensors: Mapping[str, Tensor], config: Mapping[str, Any], file: Path, name: str) -> dict[str, LayerChange]:
    targets = {key: parse_key(key) for key in tensors}
    if unknown := sorted(key for key, target in targets.items() if target is None):
        raise AdapterError(_unknown_keys(unknown, len(tensors), file, name))
    parts: dict[str, dict[str, Tensor]] = {}
    for key, target in targets.items():
        assert target
        if target.part in parts.setdefault(target.layer, {}):
            raise AdapterError(f"style '{name}': {file} changes {target.layer} twice; download or train it again")
        parts[target.layer][target.part] = tensors[key]
    if broken := [layer for layer, part in parts.items() if not is_whole(part)]:
        whole = f"style '{name}': {file} lacks some of its weights, of {_shortened(broken)}"
        raise AdapterError(f"{whole}; download or train it again")
    if not parts:
        raise AdapterError(f"style '{name}': {file} has no weights; download or train it again")
    decomposed = any(value for key, value in config.items() if key.split(".")[-1] == "use_dora")
    if decomposed and not any("magnitude" in part for part in parts.values()):
        raise AdapterError(f"style '{name}': {file} is a DoRA without its magnitudes; save it again with them")
    return {layer: layer_change(layer, part, config) for layer, part in parts.items()} | bias_changes(parts)


def _unknown_keys(unknown: Sequence[str], count: int, file: Path, name: str) -> str:
    if kind := next(filter(None, map(unsupported_kind, unknown)), None):
        instead = "use a LoRA, LoCon, LoHa, LoKr, IA3 or DoRA"
        return f"style '{name}': {file} holds {kind}, which is not supported: {instead}; not read: {_shortened(unknown)}"
    if other := other_kind(unknown):
        return f"style '{name}': {file} is {other}"
    if any(TRANSFORMER_KEYS.match(key) for key in unknown):
        return f"style '{name}': {file} is for a diffusion transformer (Flux, Stable Diffusion 3 or the like): use one for a UNet"
    return f"style '{name}': {len(unknown)} of {count} tensors in {file} are of no known layout: {_shortened(unknown)}"


def _shortened(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def write_adapter(
    adapter: Adapter,
    file: Path,
    layout: Layout = "diffusers",
    dtype: torch.dtype = torch.float16,
    metadata: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write an adapter's LoRA, with more metadata.

    In kohya's layout it has alphas; in diffusers' the scales are multiplied into the weights.
    """
    tensors: dict[str, Tensor] = {}
    two = any(layer.startswith("text_encoder_2.") for layer in adapter.layers) or adapter.family == "sdxl"
    for layer, lora in sorted(adapter.low_rank_layers().items()):
        if layout == "kohya":
            name = kohya_layer(layer, two)
            pair = {f"{name}.lora_down.weight": lora.down, f"{name}.lora_up.weight": lora.up}
            tensors[name + ALPHA] = torch.tensor(lora.scale * lora.rank)
        else:
            pair = {file_layer_name(layer) + DOWN: lora.down, file_layer_name(layer) + UP: lora.up.float() * lora.scale}
        tensors |= {key: value.detach().cpu().to(dtype).contiguous() for key, value in pair.items()}
    _save(tensors, adapter, file, metadata)


def write_embeddings(adapter: Adapter, file: Path, layout: Layout = "diffusers") -> None:
    """Write learned words in diffusers' or A1111's layout.

    diffusers writes {word: vectors}; A1111 one word, named by the file. An SDXL word is written in A1111's layout, with its word in the
    metadata. Raises AdapterError if a file cannot hold all words.
    """
    tensors: dict[str, Tensor] = {}
    doubled = any("text_encoder_2" in word.vectors for word in adapter.learned_words)
    if len(adapter.learned_words) > 1 and (layout == "kohya" or doubled):
        remedy = "write one style per word" if doubled else "use the diffusers layout"
        raise AdapterError(f"style '{adapter.name}' has {len(adapter.learned_words)} learned words, and this layout holds one: {remedy}")
    for word in adapter.learned_words:
        two = "text_encoder_2" in word.vectors
        keys: dict[str, str] = (
            {encoder: key for key, encoder in SDXL_KEYS.items()}
            if two
            else {"text_encoder": A1111_KEY if layout == "kohya" else word.trigger}
        )
        tensors |= {keys[encoder]: vectors.detach().float().cpu().contiguous() for encoder, vectors in word.vectors.items()}
    _save(tensors, adapter, file, {WORD_KEY: adapter.learned_words[0].trigger} if doubled else {})


def _save(tensors: Mapping[str, Tensor], adapter: Adapter, file: Path, more: Mapping[str, str] = MappingProxyType({})) -> None:
    base = {"sakuga.base": adapter.family} if adapter.family else {}
    write_atomic(file, lambda draft: save_tensors(tensors, draft, {"format": "pt", **base, **more}))
