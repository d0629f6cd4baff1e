"""Temporary application of adapters to a checkpoint.

Afterwards the weights are the same to the bit.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.models.adapters import Adapter, AdapterError, LearnedWord
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.families import FAMILY_NAMES, FamilyName, family_of
from sakuga.models.layer_changes import LayerChange, RescaledLayer, fits
from sakuga.models.lora_keys import BIAS, TEXT_MODEL, is_motion_layer
from sakuga.models.motion import MotionUNet
from sakuga.models.text_encoders import TextEncoder

Networks = Mapping[str, Any]
"""By component: unet, text_encoder, text_encoder_2, and motion_adapter if there is one."""
BlockWeights = tuple[tuple[str, float], ...]
"""Weights of blocks relative to the adapter weight: ("down", 0.5), ("up.1.0", 0.0), ("text", 0.8); the longest match counts."""
BLOCKS = {"down": "down_blocks", "mid": "mid_block", "up": "up_blocks"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AppliedAdapter:
    """An adapter with its weight, and weights of single blocks."""

    adapter: Adapter
    weight: float = 1.0
    block_weights: BlockWeights = ()


def image_parts(adapters: Sequence[AppliedAdapter]) -> list[AppliedAdapter]:
    """Return adapters without their layers of motion adapters, as single frames of a film in motion are generated with them."""
    kept = [replace(one, adapter=_without_motion(one.adapter)) for one in adapters]
    return [one for one in kept if one.adapter.layers or one.adapter.learned_words]


def _without_motion(adapter: Adapter) -> Adapter:
    return replace(adapter, layers={layer: change for layer, change in adapter.layers.items() if not is_motion_layer(layer)})


@contextmanager
def applied_adapters(
    checkpoint: Checkpoint, adapters: Sequence[tuple[Adapter, float] | AppliedAdapter], motion: MotionUNet | None = None
) -> Iterator[None]:
    """Apply adapters, each times its weight, inside a block.

    A MotionLoRA changes the motion adapter in use.

    Their changes are summed exactly, and undone to the bit. Learned words ignore the weight; a prompt weighs them by emphasis. Raises
    AdapterError, before any change, where an adapter is for another model, has a layer that the checkpoint lacks, or has the same word as
    another.
    """
    applied = [one if isinstance(one, AppliedAdapter) else AppliedAdapter(adapter=one[0], weight=one[1]) for one in adapters]
    networks = checkpoint.networks | ({"motion_adapter": motion.adapter} if motion else {})
    for one in applied:
        check_compatible(one.adapter, networks, checkpoint.files.name, family_of(checkpoint.files.info).name)
        _check_blocks(one)
    words = _learned_words(applied)
    changes_text = bool(words) or any(layer.startswith("text_encoder") for one in applied for layer in one.adapter.layers)
    with patched_weights(networks, applied), _added_words(checkpoint, words):
        try:
            if changes_text:
                checkpoint.clear_prompt_cache()
            yield
        finally:
            if changes_text:
                checkpoint.clear_prompt_cache()


@contextmanager
def patched_weights(networks: Networks, applied: Sequence[AppliedAdapter]) -> Iterator[None]:
    """Add the changes of adapters to networks inside a block."""
    deltas = _weight_deltas(networks, applied)
    before = {layer: weight.detach().clone() for layer, (weight, _) in deltas.items()}
    try:
        with torch.no_grad():  # not through `weight.data`: packed layers go by the weight's version
            for weight, delta in deltas.values():
                weight.add_(delta.to(weight.dtype))
        yield
    finally:
        with torch.no_grad():
            for layer, (weight, _) in deltas.items():
                weight.copy_(before[layer])


@torch.no_grad()
def _weight_deltas(networks: Networks, applied: Sequence[AppliedAdapter]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return by layer its weight and the sum of all changes."""
    deltas: dict[str, tuple[Tensor, Tensor]] = {}
    for one in applied:
        for layer, change in one.adapter.layers.items():
            share = change.scale * one.weight * block_weight(layer, one.block_weights)
            if not share:
                continue
            weight = find_weight(networks, layer)
            if weight is None:  # checked before: a layer without bias
                continue
            delta = change.unit_delta(weight.float()) * share
            deltas[layer] = (weight, deltas[layer][1] + delta if layer in deltas else delta)
    return deltas


def block_weight(layer: str, block_weights: BlockWeights) -> float:
    """Return the weight of a layer's block; 1.0 if none is given.

    >>> block_weight("unet.up_blocks.1.attentions.0.proj_in", (("up", 0.5), ("up.1.0", 0.2), ("text", 0.0)))
    0.2
    """
    matching = [(len(block), weight) for block, weight in block_weights if in_block(layer, block)]
    return max(matching, key=lambda match: match[0])[1] if matching else 1.0


def scale_blocks(adapter: Adapter, block_weights: BlockWeights) -> Adapter:
    """Return an adapter with its blocks scaled.

    Raises AdapterError where it has no layer in a block.
    """
    _check_blocks(AppliedAdapter(adapter=adapter, block_weights=block_weights))
    layers = {layer: replace(change, scale=change.scale * block_weight(layer, block_weights)) for layer, change in adapter.layers.items()}
    return replace(adapter, layers=layers)


def in_block(layer: str, block: str) -> bool:
    """Return whether a layer is in a block.

    Blocks are text, unet, mid, down, down.1 (a UNet level) and down.1.0 (a layer of it).
    """
    network, *path = layer.split(".")
    side, *numbers = block.split(".")
    if side == "text":
        return network.startswith("text_encoder")
    if side == "unet" or network != "unet":
        return side == network
    if not numbers or side not in BLOCKS:
        return side in BLOCKS and path[0] == BLOCKS[side]
    places = [path[1], *path[3:4]] if side != "mid" else path[2:3]
    return path[0] == BLOCKS[side] and places[: len(numbers)] == numbers


def find_weight(networks: Networks, layer: str) -> Any:
    """Return a layer's weight, or its bias; None if there is none."""
    network, _, path = layer.partition(".")
    network = "motion_adapter" if is_motion_layer(layer) else network
    path, parameter = (path.removesuffix(BIAS), "bias") if path.endswith(BIAS) else (path, "weight")
    for known in (path, f"{TEXT_MODEL}{path}"):
        try:
            weight = getattr(networks[network].get_submodule(known), parameter)
        except (KeyError, AttributeError):
            continue
        return weight if isinstance(weight, Tensor) else None
    return None


def find_mismatches(adapter: Adapter, networks: Networks) -> dict[str, str]:
    """Return why layers and words of an adapter do not fit.

    A reason is like "is 32 x 32, but 64 x 64 in the model".
    """
    wrong = {layer: why for layer, change in adapter.layers.items() if (why := _mismatch(networks, layer, change))}
    for word in adapter.learned_words:
        for network in networks:
            if network.startswith("text_encoder") and network not in word.vectors:
                wrong[f"'{word.trigger}'"] = f"has no vectors for {network}"
        for network, vectors in word.vectors.items():
            width = networks[network].get_input_embeddings().weight.shape[1] if network in networks else None
            if width != vectors.shape[1]:
                wrong[f"'{word.trigger}'"] = f"has {vectors.shape[1]} channels for {network}, but the model has {width}"
    return wrong


def _mismatch(networks: Networks, layer: str, change: LayerChange) -> str | None:
    weight = find_weight(networks, layer)
    if weight is None:
        rescaled_bias = isinstance(change, RescaledLayer) and layer.endswith(BIAS)
        optional = rescaled_bias and find_weight(networks, layer.removesuffix(BIAS)) is not None
        return None if optional else "is not in the model"
    if fits(change, tuple(weight.shape)):
        return None
    return f"is {' x '.join(map(str, change.shape))}, but {' x '.join(map(str, weight.shape))} in the model"


def check_compatible(adapter: Adapter, networks: Networks, model: str, family: FamilyName | None) -> None:
    """Raise AdapterError if an adapter does not fit a model.

    `model` is the checkpoint's name, `family` its family.
    """
    trained_for = adapter.family
    if trained_for and family and trained_for != family:
        raise AdapterError(
            f"style '{adapter.name}' was trained for {FAMILY_NAMES[trained_for]}, but '{model}' is {FAMILY_NAMES[family]}: "
            "use it with a model of its own family, or train a style for this one"
        )
    if "motion_adapter" not in networks and any(map(is_motion_layer, adapter.layers)):
        raise AdapterError(f"style '{adapter.name}' is a MotionLoRA, which changes a motion adapter: use it with one (--motion)")
    if wrong := find_mismatches(adapter, networks):
        where, why = next(iter(wrong.items()))
        count = f"{len(wrong)} of {len(adapter.layers) + len(adapter.learned_words)} changes do not fit '{model}'"
        base = FAMILY_NAMES[trained_for] if trained_for else "another model"
        raise AdapterError(f"style '{adapter.name}' was trained for {base}: {count} ({where} {why})")


def _check_blocks(applied: AppliedAdapter) -> None:
    """Raise AdapterError for weighted blocks without layers."""
    layers = applied.adapter.layers
    for block, _ in applied.block_weights:
        if not any(in_block(layer, block) for layer in layers):
            there = [known for known in ("text", *BLOCKS) if any(in_block(layer, known) for layer in layers)]
            blocks = ", ".join(there) or "no block"
            raise AdapterError(f"style '{applied.adapter.name}' has no layers in block '{block}'; it has some in {blocks}")


def _learned_words(applied: Sequence[AppliedAdapter]) -> tuple[LearnedWord, ...]:
    words = tuple(word for one in applied for word in one.adapter.learned_words)
    triggers = [word.trigger.lower() for word in words]
    if twice := next((trigger for trigger in triggers if triggers.count(trigger) > 1), None):
        raise AdapterError(f"two styles have the word '{twice}': use one of them, or rename it with `sakuga style convert --trigger`")
    return words


@contextmanager
def _added_words(checkpoint: Checkpoint, words: Sequence[LearnedWord]) -> Iterator[None]:
    """Add learned words to all text encoders inside a block."""
    with ExitStack() as stack:
        for encoder in checkpoint.text_encoders if words else ():
            stack.enter_context(_added_tokens(encoder, {word.trigger: word.vectors[encoder.name] for word in words}))
        yield


@contextmanager
def _added_tokens(encoder: TextEncoder, vectors: Mapping[str, Tensor]) -> Iterator[None]:
    """Append word vectors to an embedding table inside a block."""
    network, before = encoder.network, encoder.added_tokens
    table: nn.Embedding = network.get_input_embeddings()
    rows = [one.to(table.weight) for one in vectors.values()]
    ends = [table.num_embeddings]
    for one in rows:
        ends.append(ends[-1] + len(one))
    added = {trigger: tuple(range(first, last)) for trigger, first, last in zip(vectors, ends, ends[1:], strict=False)}
    longer = nn.Embedding(ends[-1], table.embedding_dim, _weight=torch.cat([table.weight.detach(), *rows]), _freeze=True)
    network.set_input_embeddings(longer)
    encoder.added_tokens = {**before, **added}
    try:
        yield
    finally:
        network.set_input_embeddings(table)
        encoder.added_tokens = before
