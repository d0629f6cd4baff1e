"""Learn a LoRA (Hu et al. 2022): which layers may change, and what comes of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.files import write_whole
from sakuga.models.adapters import Adapter, write_adapter
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.families import family_of_source
from sakuga.models.style_metadata import About, about_text
from sakuga.models.styles import ABOUT, LORA
from sakuga.training.caption_embeddings import Texts
from sakuga.training.low_rank import ATTENTION, CONVOLUTIONS, FEED_FORWARD, LowRank, matching
from sakuga.training.plan import Lora, PlanError

GROUPS: dict[str, tuple[str, ...]] = {"attention": ATTENTION, "feed-forward": FEED_FORWARD, "convolutions": CONVOLUTIONS}
TEXT_GROUPS: dict[str, tuple[str, ...]] = {
    "attention": ("q_proj", "k_proj", "v_proj", "out_proj"),
    "feed-forward": ("fc1", "fc2"),
    "convolutions": (),
}


class LoraLearner:
    """Low-rank changes of the UNet, and of its text encoders if asked for; the checkpoint answers with them on from here on."""

    def __init__(self, checkpoint: Checkpoint, method: Lora, *, seed: int, keep_texts: bool = True) -> None:
        self.checkpoint = checkpoint
        chance = torch.Generator().manual_seed(seed % 2**63)
        made: dict[str, LowRank] = {}
        targets = layer_endings(checkpoint.unet, method.targets)
        made["unet"] = LowRank(checkpoint.unet, targets, method.rank, alpha=method.alpha, generator=chance)
        for reader in checkpoint.readers if method.text_encoder else ():
            endings = [ending for target in method.targets for ending in TEXT_GROUPS.get(target, ())] or TEXT_GROUPS["attention"]
            made[reader.network] = LowRank(
                reader.encoder, endings, method.rank, alpha=method.alpha, part=reader.network, generator=chance
            )  # fmt: skip
        self.changes = made
        self.networks = nn.ModuleDict(made)
        self.told: Callable[[Sequence[str]], Tensor] = Texts(checkpoint, learning=method.text_encoder, kept=keep_texts)
        self._attached = self._attach()

    def _attach(self) -> ExitStack:
        with ExitStack() as stack:
            for network in self.changes.values():
                stack.enter_context(network.attached())
            return stack.pop_all()

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Take the changes off, and put them on again."""
        self._attached.close()
        try:
            yield
        finally:
            self._attached = self._attach()

    def close(self) -> None:
        """Leave the checkpoint as it was."""
        self._attached.close()

    def adapter(self, name: str) -> Adapter:
        """Return what was learnt, to be worn."""
        layers = {layer: factors for network in self.changes.values() for layer, factors in network.adapter(name).layers.items()}
        return Adapter(name=name, layers=layers, said_for=family_of_source(self.checkpoint.source))

    def write(self, folder: Path, name: str, trigger: str) -> None:
        """Write the LoRA in diffusers' layout and in kohya's, and what calls it up."""
        folder.mkdir(parents=True, exist_ok=True)
        adapter = self.adapter(name)
        write_whole(folder / LORA, partial(write_adapter, adapter))
        write_whole(folder / f"{name}-kohya.safetensors", partial(write_adapter, adapter, layout="kohya"))
        (folder / ABOUT).write_text(about_text(About(trigger=trigger)), encoding="utf-8")


def layer_endings(unet: Any, targets: Sequence[str]) -> tuple[str, ...]:
    """Return how the names of the targeted layers end; raises PlanError for a target that no layer has, with those that exist."""
    endings: list[str] = []
    for target in targets:
        meant = GROUPS.get(target, (target,))
        if not matching(unet, meant):
            raise PlanError(f"no layer of this model is called {target!r}: targets are {', '.join(known_targets(unet))}")
        endings += meant
    if not endings:
        raise PlanError(f"a LoRA without targets learns nothing: targets are {', '.join(known_targets(unet))}")
    return tuple(dict.fromkeys(endings))


def known_targets(unet: Any) -> list[str]:
    """List what can be targeted: the groups that this UNet has, and how the names of its layers end."""
    layers = [name for name, layer in unet.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    endings = {".".join(name.split(".")[-2:]) if name.split(".")[-1].isdigit() else name.split(".")[-1] for name in layers}
    groups = [group for group, meant in GROUPS.items() if matching(unet, meant)]
    return [*groups, *sorted(endings)]
