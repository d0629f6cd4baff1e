"""LoRA training (Hu et al. 2022)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.files import write_atomic, write_text
from sakuga.models.adapters import Adapter, write_adapter
from sakuga.models.applied_adapters import block_weight
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.factor_files import write_factors
from sakuga.models.families import family_of
from sakuga.models.style_files import LORA_FILE, STYLE_FILE
from sakuga.models.style_metadata import StyleMetadata, format_metadata
from sakuga.training.attachment import Attachment, Network
from sakuga.training.caption_embeddings import CaptionEncoder
from sakuga.training.factor_network import FactorNetwork
from sakuga.training.low_rank import ATTENTION, CONVOLUTIONS, FEED_FORWARD, LowRank, matching
from sakuga.training.method_settings import Lora
from sakuga.training.plan import TrainingPlanError
from sakuga.training.plan_options import parse_block_rates
from sakuga.training.step_random import StepRandom

GROUPS: dict[str, tuple[str, ...]] = {"attention": ATTENTION, "feed-forward": FEED_FORWARD, "convolutions": CONVOLUTIONS}
TEXT_GROUPS: dict[str, tuple[str, ...]] = {
    "attention": ("q_proj", "k_proj", "v_proj", "out_proj"),
    "feed-forward": ("fc1", "fc2"),
    "convolutions": (),
}


class LoraMethod:
    """LoRA matrices, or LyCORIS' factors, beside layers of the UNet and the text encoders."""

    def __init__(self, checkpoint: Checkpoint, method: Lora, *, seed: int, cache_captions: bool = True) -> None:
        self.checkpoint, self.settings, self.seed = checkpoint, method, seed
        generator = torch.Generator().manual_seed(seed % 2**63)
        networks: dict[str, Network] = {
            "unet": _network(checkpoint.unet, layer_endings(checkpoint.unet, method.targets), method, "unet", generator)
        }
        for encoder in checkpoint.text_encoders if method.text_encoder else ():
            endings = [ending for target in method.targets for ending in TEXT_GROUPS.get(target, ())] or TEXT_GROUPS["attention"]
            networks[encoder.name] = _network(encoder.network, endings, method, encoder.name, generator)
        self.low_rank = networks
        self.networks = nn.ModuleDict(networks)
        self.encode_captions: Callable[[Sequence[str]], Tensor] = CaptionEncoder(
            checkpoint, trained=method.text_encoder, cached=cache_captions
        )
        self._attachment = Attachment(tuple(networks.values()))

    def base_weights(self) -> AbstractContextManager[None]:
        """Run the block without the LoRA."""
        return self._attachment.detached()

    def rate_shares(self) -> Mapping[str, float]:
        """Return the rates of blocks, times LoRA+'s ratio for up matrices (Hayou et al. 2024)."""
        rates, ratio = parse_block_rates(self.settings.block_rates), self.settings.loraplus_ratio
        shares: dict[str, float] = {}
        for part, network in self.low_rank.items():
            shares |= {f"{part}.{name}": block_weight(layer, rates) for name, layer in network.parameter_layers().items()}
            shares |= {f"{part}.{name}": ratio * block_weight(layer, rates) for name, layer in network.up_names().items()}
        return shares

    @contextmanager
    def training_step(self, number: int) -> Iterator[None]:
        """Run the block as a training step: with rank dropout, drawn by seed and step number."""
        if not self.settings.rank_dropout:
            yield
            return
        generator = StepRandom(seed=self.seed, samples_seen=number).noise()
        for network in self.low_rank.values():
            network.drop_ranks(self.settings.rank_dropout, generator)
        try:
            yield
        finally:
            for network in self.low_rank.values():
                network.use_all_ranks()

    @contextmanager
    def negative(self) -> Iterator[None]:
        """Run the block with the LoRA at weight -1; LyCORIS' factors have none."""
        for network in self.low_rank.values():
            assert isinstance(network, LowRank)
            network.negate()
        try:
            yield
        finally:
            for network in self.low_rank.values():
                network.use_all_ranks()

    def close(self) -> None:
        """Detach the LoRA, which restores the checkpoint."""
        self._attachment.close()

    def adapter(self, name: str) -> Adapter:
        """Return the trained LoRA as an adapter."""
        adapters = [network.adapter(name) for network in self.low_rank.values()]
        layers = {layer: change for adapter in adapters for layer, change in adapter.layers.items()}
        return Adapter(name=name, layers=layers, declared_family=family_of(self.checkpoint.info).name)

    def write(self, folder: Path, name: str, trigger: str, metadata: Mapping[str, str] = MappingProxyType({})) -> None:
        """Write a LoRA in diffusers' and kohya's layouts, or LyCORIS' factors and DoRA in kohya's alone.

        `style.toml` has its trigger word; `metadata` goes into kohya's file.
        """
        folder.mkdir(parents=True, exist_ok=True)
        adapter = self.adapter(name)
        if self.settings.algorithm == "lora":
            write_atomic(folder / LORA_FILE, partial(write_adapter, adapter))
            write_atomic(folder / f"{name}-kohya.safetensors", partial(write_adapter, adapter, layout="kohya", metadata=metadata))
        else:
            networks = [network for network in self.low_rank.values() if isinstance(network, FactorNetwork)]
            factors = {layer: parts for network in networks for layer, parts in network.tensors().items()}
            write_factors(adapter, factors, folder / f"{name}-{self.settings.algorithm}.safetensors", metadata)
        write_text(folder / STYLE_FILE, format_metadata(StyleMetadata(trigger=trigger)))


def _network(network: Any, targets: Sequence[str], method: Lora, part: str, generator: torch.Generator) -> Network:
    if method.algorithm != "lora":
        return FactorNetwork(network, targets, method, part=part, generator=generator)
    return LowRank(
        network, targets, method.rank, alpha=method.alpha, convolution_rank=method.convolution_rank, part=part, generator=generator
    )  # fmt: skip


def layer_endings(unet: Any, targets: Sequence[str]) -> tuple[str, ...]:
    """Return the name endings of the targeted layers.

    Raises TrainingPlanError for a target that matches no layer, with those that do.
    """
    endings: list[str] = []
    for target in targets:
        endings_of = GROUPS.get(target, (target,))
        if not matching(unet, endings_of):
            raise TrainingPlanError(f"this model has no layer named {target!r}; targets are {', '.join(known_targets(unet))}")
        endings += endings_of
    if not endings:
        raise TrainingPlanError(f"a LoRA needs target layers: choose among {', '.join(known_targets(unet))}")
    return tuple(dict.fromkeys(endings))


def known_targets(unet: Any) -> list[str]:
    """List valid targets.

    Groups that this UNet has, and endings of layer names.
    """
    layers = [name for name, layer in unet.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    endings = {".".join(name.split(".")[-2:]) if name.split(".")[-1].isdigit() else name.split(".")[-1] for name in layers}
    groups = [group for group, endings_of in GROUPS.items() if matching(unet, endings_of)]
    return [*groups, *sorted(endings)]
