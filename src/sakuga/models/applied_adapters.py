"""Wear adapters: put on for as long as a block lasts, and taken off to the bit."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.diffusion.low_rank import low_rank_change
from sakuga.models.adapters import Adapter, AdapterError, Factors, Word
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.families import CALLED, Family, family_of_source
from sakuga.models.lora_keys import TEXT_MODEL
from sakuga.models.text_encoders import Reader

Networks = Mapping[str, Any]
"""By name: unet, text_encoder, text_encoder_2."""
Scales = tuple[tuple[str, float], ...]
"""By how much parts are changed more or less: ("down", 0.5), ("up.1.0", 0.0), ("text", 0.8); of several the longest name counts."""
PARTS = {"down": "down_blocks", "mid": "mid_block", "up": "up_blocks"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Put:
    """An adapter that is put on, how strongly, and how strongly in parts."""

    adapter: Adapter
    weight: float = 1.0
    scales: Scales = ()


@contextmanager
def wearing(checkpoint: Checkpoint, worn: Sequence[tuple[Adapter, float] | Put]) -> Iterator[None]:
    """Put adapters on, each with its weight, for as long as the block lasts; the weights are summed exactly.

    Words are learnt whole, whatever the weight; a prompt weighs them by emphasis. Raises AdapterError where an adapter was made for
    another model, has a layer that the checkpoint lacks, or brings a word that another brings too; nothing is changed then.
    """
    puts = [one if isinstance(one, Put) else Put(adapter=one[0], weight=one[1]) for one in worn]
    networks = checkpoint.networks
    for put in puts:
        refuse_unfit(put.adapter, networks, checkpoint.source.name, family_of_source(checkpoint.source))
        _refuse_idle(put)
    words = _words(puts)
    reworded = bool(words) or any(layer.startswith("text_encoder") for put in puts for layer in put.adapter.layers)
    with changed(networks, puts), _knowing(checkpoint, words):
        try:
            if reworded:
                checkpoint.forget_texts()
            yield
        finally:
            if reworded:
                checkpoint.forget_texts()


@contextmanager
def changed(networks: Networks, puts: Sequence[Put]) -> Iterator[None]:
    """Change the weights of networks, for as long as the block lasts."""
    changes = _changes(networks, puts)
    before = {layer: weight.data.clone() for layer, (weight, _) in changes.items()}
    try:
        for weight, change in changes.values():
            weight.data.add_(change.to(weight.dtype))
        yield
    finally:
        for layer, (weight, _) in changes.items():
            weight.data.copy_(before[layer])


@torch.no_grad()
def _changes(networks: Networks, puts: Sequence[Put]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return by layer the weight, and what all adapters together add to it."""
    changes: dict[str, tuple[Tensor, Tensor]] = {}
    for put in puts:
        for layer, factors in put.adapter.layers.items():
            share = factors.scale * put.weight * scale_of(layer, put.scales)
            if not share:
                continue
            weight = weight_of(networks, layer)
            assert weight is not None, "who is unfit was refused"
            down, up = (value.to(weight.device, torch.float32) for value in (factors.down, factors.up))
            change = low_rank_change(down, up).view(weight.shape) * share
            changes[layer] = (weight, changes[layer][1] + change if layer in changes else change)
    return changes


def scale_of(layer: str, scales: Scales) -> float:
    """Return how strongly a layer is changed.

    >>> scale_of("unet.up_blocks.1.attentions.0.proj_in", (("up", 0.5), ("up.1.0", 0.2), ("text", 0.0)))
    0.2
    """
    fitting = [(len(part), scale) for part, scale in scales if within(layer, part)]
    return max(fitting, key=lambda fit: fit[0])[1] if fitting else 1.0


def scaled(adapter: Adapter, scales: Scales) -> Adapter:
    """Return an adapter whose parts are changed more or less; raises AdapterError where it has no such part."""
    _refuse_idle(Put(adapter=adapter, scales=scales))
    layers = {layer: replace(factors, scale=factors.scale * scale_of(layer, scales)) for layer, factors in adapter.layers.items()}
    return replace(adapter, layers=layers)


def within(layer: str, part: str) -> bool:
    """Tell whether a layer belongs to a part: text, unet, mid, down, down.1 (a block), down.1.0 (a layer of it)."""
    network, *way = layer.split(".")
    side, *numbers = part.split(".")
    if side == "text":
        return network.startswith("text_encoder")
    if side == "unet" or network != "unet":
        return side == network
    if not numbers or side not in PARTS:
        return side in PARTS and way[0] == PARTS[side]
    places = [way[1], *way[3:4]] if side != "mid" else way[2:3]
    return way[0] == PARTS[side] and places[: len(numbers)] == numbers


def weight_of(networks: Networks, layer: str) -> Any:
    """Find the weight that a layer's name means; None where there is none."""
    network, _, path = layer.partition(".")
    for known in (path, f"{TEXT_MODEL}{path}"):
        try:
            weight = networks[network].get_submodule(known).weight
        except (KeyError, AttributeError):
            continue
        return weight if isinstance(weight, Tensor) else None
    return None


def unmatched(adapter: Adapter, networks: Networks) -> dict[str, str]:
    """Say by layer, or by word, what of an adapter does not fit: "is 32 x 32, and in the model 64 x 64", or that the model has it not."""
    wrong = {layer: why for layer, factors in adapter.layers.items() if (why := _misfit(weight_of(networks, layer), factors))}
    for word in adapter.words:
        for network in networks:
            if network != "unet" and network not in word.vectors:
                wrong[f"'{word.trigger}'"] = f"has no vectors for {network}, which reads it too"
        for network, vectors in word.vectors.items():
            width = networks[network].get_input_embeddings().weight.shape[1] if network in networks else None
            if width != vectors.shape[1]:
                wrong[f"'{word.trigger}'"] = f"has {vectors.shape[1]} channels for {network}, and in the model it is {width}"
    return wrong


def _misfit(weight: Any, factors: Factors) -> str | None:
    if weight is None:
        return "is not there in the model"
    wanted = (factors.up.shape[0], *factors.down.shape[1:])
    if _window_free(wanted) == _window_free(tuple(weight.shape)):
        return None
    return f"is {' x '.join(map(str, wanted))}, and in the model it is {' x '.join(map(str, weight.shape))}"


def _window_free(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A convolution with a window of one pixel is a linear layer, and files write either."""
    return shape[:2] if shape[2:] == (1, 1) else shape


def refuse_unfit(adapter: Adapter, networks: Networks, name: str, family: Family | None) -> None:
    """Raise AdapterError where an adapter was made for another model than that of this name and family."""
    made = adapter.family
    if made and family and made != family:
        raise AdapterError(
            f"style '{adapter.name}' was made for {CALLED[made]}, and '{name}' is {CALLED[family]}: "
            "wear it on a model of its own kind, or train one for this"
        )
    if wrong := unmatched(adapter, networks):
        what, why = next(iter(wrong.items()))
        count = f"{len(wrong)} of {len(adapter.layers) + len(adapter.words)} changes do not fit '{name}'"
        whose = f"{CALLED[made]}" if made else "another model"
        raise AdapterError(f"style '{adapter.name}' was made for {whose}: {count} ({what} {why})")


def _refuse_idle(put: Put) -> None:
    """Raise AdapterError where a part is scaled that the adapter does not change."""
    for part, _ in put.scales:
        if not any(within(layer, part) for layer in put.adapter.layers):
            there = [known for known in ("text", *PARTS) if any(within(layer, known) for layer in put.adapter.layers)]
            raise AdapterError(f"style '{put.adapter.name}' changes nothing in '{part}': it changes {', '.join(there) or 'no layer'}")


def _words(puts: Sequence[Put]) -> tuple[Word, ...]:
    words = tuple(word for put in puts for word in put.adapter.words)
    told = [word.trigger.lower() for word in words]
    if twice := next((trigger for trigger in told if told.count(trigger) > 1), None):
        raise AdapterError(f"two styles bring the word '{twice}': wear one of them, or rename it with `sakuga style convert --trigger`")
    return words


@contextmanager
def _knowing(checkpoint: Checkpoint, words: Sequence[Word]) -> Iterator[None]:
    """Let the text encoders know words, for as long as the block lasts."""
    with ExitStack() as stack:
        for reader in checkpoint.readers if words else ():
            stack.enter_context(_longer(reader, {word.trigger: word.vectors[reader.network] for word in words}))
        yield


@contextmanager
def _longer(reader: Reader, vectors: Mapping[str, Tensor]) -> Iterator[None]:
    """Let one text encoder know words by their vectors: its table is longer for as long as the block lasts."""
    encoder, before = reader.encoder, reader.words
    table: nn.Embedding = encoder.get_input_embeddings()
    rows = [one.to(table.weight) for one in vectors.values()]
    ends = [table.num_embeddings]
    for one in rows:
        ends.append(ends[-1] + len(one))
    known = {trigger: tuple(range(first, last)) for trigger, first, last in zip(vectors, ends, ends[1:], strict=False)}
    longer = nn.Embedding(ends[-1], table.embedding_dim, _weight=torch.cat([table.weight.detach(), *rows]), _freeze=True)
    encoder.set_input_embeddings(longer)
    reader.words = {**before, **known}
    try:
        yield
    finally:
        encoder.set_input_embeddings(table)
        reader.words = before
