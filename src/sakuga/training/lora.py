"""LoRA training (Hu et al. 2022)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.files import write_atomic
from sakuga.models.adapters import Adapter, write_adapter
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.families import family_of
from sakuga.models.style_files import LORA_FILE, STYLE_FILE
from sakuga.models.style_metadata import StyleMetadata, format_metadata
from sakuga.training.caption_embeddings import CaptionEncoder
from sakuga.training.low_rank import ATTENTION, CONVOLUTIONS, FEED_FORWARD, LowRank, matching
from sakuga.training.plan import Lora, TrainingPlanError

GROUPS: dict[str, tuple[str, ...]] = {"attention": ATTENTION, "feed-forward": FEED_FORWARD, "convolutions": CONVOLUTIONS}
TEXT_GROUPS: dict[str, tuple[str, ...]] = {
    "attention": ("q_proj", "k_proj", "v_proj", "out_proj"),
    "feed-forward": ("fc1", "fc2"),
    "convolutions": (),
}


class LoraMethod:
    """LoRA matrices beside layers of the UNet and the text encoders."""

    def __init__(self, checkpoint: Checkpoint, method: Lora, *, seed: int, cache_captions: bool = True) -> None:
        self.checkpoint = checkpoint
        generator = torch.Generator().manual_seed(seed % 2**63)
        networks: dict[str, LowRank] = {}
        targets = layer_endings(checkpoint.unet, method.targets)
        networks["unet"] = LowRank(checkpoint.unet, targets, method.rank, alpha=method.alpha, generator=generator)
        for encoder in checkpoint.text_encoders if method.text_encoder else ():
            endings = [ending for target in method.targets for ending in TEXT_GROUPS.get(target, ())] or TEXT_GROUPS["attention"]
            networks[encoder.name] = LowRank(
                encoder.network, endings, method.rank, alpha=method.alpha, part=encoder.name, generator=generator
            )  # fmt: skip
        self.low_rank = networks
        self.networks = nn.ModuleDict(networks)
        self.encode_captions: Callable[[Sequence[str]], Tensor] = CaptionEncoder(
            checkpoint, trained=method.text_encoder, cached=cache_captions
        )
        self._attached = self._attach()

    def _attach(self) -> ExitStack:
        with ExitStack() as stack:
            for network in self.low_rank.values():
                stack.enter_context(network.attached())
            return stack.pop_all()

    @contextmanager
    def base_weights(self) -> Iterator[None]:
        """Run the block without the LoRA."""
        self._attached.close()
        try:
            yield
        finally:
            self._attached = self._attach()

    def close(self) -> None:
        """Detach the LoRA, which restores the checkpoint."""
        self._attached.close()

    def adapter(self, name: str) -> Adapter:
        """Return the trained LoRA as an adapter."""
        layers = {layer: factors for network in self.low_rank.values() for layer, factors in network.adapter(name).layers.items()}
        return Adapter(name=name, layers=layers, declared_family=family_of(self.checkpoint.info).name)

    def write(self, folder: Path, name: str, trigger: str) -> None:
        """Write the LoRA in diffusers' and kohya's layouts.

        `style.toml` has its trigger word.
        """
        folder.mkdir(parents=True, exist_ok=True)
        adapter = self.adapter(name)
        write_atomic(folder / LORA_FILE, partial(write_adapter, adapter))
        write_atomic(folder / f"{name}-kohya.safetensors", partial(write_adapter, adapter, layout="kohya"))
        (folder / STYLE_FILE).write_text(format_metadata(StyleMetadata(trigger=trigger)), encoding="utf-8")


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
