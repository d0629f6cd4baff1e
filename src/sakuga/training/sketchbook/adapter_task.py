"""Train a low-rank change of the finished UNet: what styles and the drawing in few steps have in common."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sakuga.diffusion.noise import seeded
from sakuga.models.adapters import Adapter, read_adapter
from sakuga.models.applied_adapters import wearing
from sakuga.models.checkpoint import quantised
from sakuga.models.classifier import ATTRIBUTES, load_classifier
from sakuga.models.conditioning import stacked
from sakuga.models.image_tensors import Pixels, to_tensor
from sakuga.models.sampling import sample
from sakuga.models.sketchbook import LATENT_CHANNELS, NATIVE_SIZE, TOKENS, make_scheduler, open_around, open_unet
from sakuga.models.styles import LORA
from sakuga.timeline.spec import Sampler
from sakuga.training.low_rank import LowRank
from sakuga.training.sketchbook.latents import Latents
from sakuga.training.sketchbook.loop import Plan
from sakuga.training.sketchbook.unet import GUIDANCE, STEPS
from sakuga.training.speed import placed, with_plain_attention

AT_ONCE = 8


class AdapterTask:
    """A low-rank change in training; the UNet and all around it is read from the finished weights and stays as it is.

    `part` is its folder below the weights.
    """

    def __init__(
        self, plan: Plan, work: Path, device: torch.device, start: Path | None, part: str, targets: Sequence[str], rank: int
    ) -> None:
        self.plan, self.device, self.part, self.targets = plan, device, part, targets
        self.weights = work / "weights"
        unet = placed(open_unet(self.weights).requires_grad_(False), device)
        self.checkpoint = open_around(unet, self.weights, device)
        with_plain_attention(self.checkpoint.text_encoder, device)
        self.signal = make_scheduler().alphas_cumprod.to(device)
        self.scale: float = self.checkpoint.vae.config.scaling_factor
        torch.manual_seed(plan.seed)
        self.networks = LowRank(unet, targets, rank)
        self.begun = start is not None
        if start is not None:
            self.networks.load(read_adapter(start / part / LORA, part))
        reader = self.weights / "classifier"
        self.classifier = load_classifier(reader) if reader.is_dir() else None
        self.figures: dict[str, float] = {}
        self.shown: Pixels | None = None

    def adapter(self) -> Adapter:
        """Return what was learnt so far, to be worn."""
        return self.networks.adapter(self.part)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Return the words' embeddings as a checkpoint encodes prompts, (texts, 77, channels)."""
        ids = self.checkpoint.tokenizer(
            list(texts), padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt"
        ).input_ids
        embedded: Tensor = self.checkpoint.text_encoder(ids.to(self.device))[0]
        return embedded

    def clean(self, latents: Latents, chosen: NDArray[np.int64]) -> Tensor:
        """Return latents by their numbers, scaled."""
        return (latents.latents(chosen) * self.scale).to(self.device)

    def signal_at(self, timesteps: Tensor) -> Tensor:
        """Return alpha squared, (n, 1, 1, 1); before timestep 0 there is nothing but signal."""
        return torch.where(timesteps < 0, 1.0, self.signal[timesteps.clamp(min=0)]).view(-1, 1, 1, 1)

    def velocity(self, network: Any, noisy: Tensor, timesteps: Tensor, told: Tensor) -> Tensor:
        """Ask the UNet, or the changed one, for v."""
        predicted: Tensor = network(noisy, timesteps.clamp(min=0), told, return_dict=False)[0]
        return predicted.float()

    @torch.inference_mode()
    def draw(
        self, prompts: Sequence[str], *, worn: bool, sampler: Sampler = "dpm++", steps: int = STEPS, guidance: float = GUIDANCE
    ) -> Pixels:
        """Draw prompts with the seeds 0, 1, 2, ..., with or without what was learnt."""
        drawn: list[Pixels] = []
        shape = (LATENT_CHANNELS, NATIVE_SIZE // 8, NATIVE_SIZE // 8)
        with wearing(self.checkpoint, [(self.adapter(), 1.0)]) if worn else nullcontext():
            for first in range(0, len(prompts), AT_ONCE):
                words = self.embed_texts(prompts[first : first + AT_ONCE])
                rows = [seeded(shape, first + row) for row in range(len(words))]
                nothing = self.embed_texts([""]).expand_as(words)
                *_, last = sample(
                    self.checkpoint, conditioning=words, negative=nothing, noise=stacked(rows),
                    sampler=sampler, steps=steps, guidance=guidance,
                )  # fmt: skip
                drawn.append(quantised(self.checkpoint.decode(last.latents)))
        return np.concatenate(drawn)

    def read(self, pictures: Pixels, attribute: str) -> NDArray[np.int64]:
        """Return what the classifier reads in pictures, as codes."""
        assert self.classifier is not None
        logits = self.classifier(to_tensor(pictures, torch.device("cpu")))[list(ATTRIBUTES).index(attribute)]
        codes: NDArray[np.int64] = logits.argmax(dim=-1).numpy()
        return codes

    def learnt(self) -> str:
        """Return the rows of a card: how it was trained, and the figures when it was last measured."""
        size, plan = sum(factor.numel() for factor in self.networks.parameters()), self.plan
        before = ", after those of an earlier edition," if self.begun else ""
        rows = {
            "training": f"{plan.samples:,} samples{before} in batches of {plan.batch}, AdamW, rate {plan.rate:g}, averaged weights",
            "LoRA": f"rank and alpha {self.networks.rank}, on {', '.join(self.targets)}; {size:,} parameters",
            **{f"`{name}`, in training": f"{value:.3g}" for name, value in self.figures.items()},
        }
        return "\n".join(f"| {name} | {value} |" for name, value in rows.items())
