"""LoRA training on the finished UNet."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sakuga.diffusion.noise import seeded_noise
from sakuga.models.adapters import Adapter, read_adapter
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint import to_uint8
from sakuga.models.classifier import load_classifier
from sakuga.models.conditioning import stack_noise
from sakuga.models.image_tensors import Images, to_tensor
from sakuga.models.placement import place_encoder, place_unet
from sakuga.models.sampling import sample
from sakuga.models.sketchbook import LATENT_CHANNELS, NATIVE_SIZE, TOKEN_LIMIT, assemble_checkpoint, load_unet, make_scheduler
from sakuga.models.style_files import LORA_FILE
from sakuga.sketchbook.label_codes import ATTRIBUTES
from sakuga.timeline.spec import Sampler
from sakuga.training.caption_embeddings import encode_padded
from sakuga.training.low_rank import LowRank
from sakuga.training.sketchbook.latent_dataset import LatentDataset
from sakuga.training.sketchbook.loop import StageSetup
from sakuga.training.sketchbook.unet import GUIDANCE, STEPS

BATCH_SIZE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterSpec:
    """A LoRA's folder, target layers and rank."""

    part: str
    targets: tuple[str, ...]
    rank: int


class AdapterTask:
    """A LoRA in training.

    The UNet and the other networks are finished and frozen.
    """

    def __init__(self, setup: StageSetup, spec: AdapterSpec) -> None:
        self.setup, self.plan, self.device, self.spec = setup, setup.plan, setup.device, spec
        self.weights = setup.work / "weights"
        unet = place_unet(load_unet(self.weights).requires_grad_(False), self.device)
        self.checkpoint = assemble_checkpoint(unet, self.weights, self.device)
        place_encoder(self.checkpoint.text_encoder, self.device)
        self.signal = make_scheduler().alphas_cumprod.to(self.device)
        self.scale: float = self.checkpoint.vae.config.scaling_factor
        torch.manual_seed(self.plan.seed)
        self.networks = LowRank(unet, spec.targets, spec.rank)
        if setup.start is not None:
            self.networks.load(read_adapter(setup.start / spec.part / LORA_FILE, spec.part))
        classifier = self.weights / "classifier"
        self.classifier = load_classifier(classifier) if classifier.is_dir() else None
        self.metrics: dict[str, float] = {}
        self.sample_sheet: Images | None = None

    def adapter(self) -> Adapter:
        """Return the trained LoRA as an adapter."""
        return self.networks.adapter(self.spec.part)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Encode prompts as a checkpoint does, (texts, 77, channels)."""
        return encode_padded(self.checkpoint, texts, TOKEN_LIMIT)

    def clean(self, latents: LatentDataset, chosen: NDArray[np.int64]) -> Tensor:
        """Return scaled latents by their indices."""
        return (latents.latents(chosen) * self.scale).to(self.device)

    def signal_at(self, timesteps: Tensor) -> Tensor:
        """Return the cumulative alphas, (n, 1, 1, 1).

        1 before timestep 0.
        """
        return torch.where(timesteps < 0, 1.0, self.signal[timesteps.clamp(min=0)]).view(-1, 1, 1, 1)

    def velocity(self, network: Any, noisy: Tensor, timesteps: Tensor, prompt_embeds: Tensor) -> Tensor:
        """Return the UNet's velocity with or without the LoRA."""
        predicted: Tensor = network(noisy, timesteps.clamp(min=0), prompt_embeds, return_dict=False)[0]
        return predicted.float()

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[str],
        *,
        with_adapter: bool,
        sampler: Sampler = "dpm++",
        steps: int | None = None,
        guidance: float = GUIDANCE,
    ) -> Images:
        """Generate prompts with or without the LoRA.

        Seeds are 0, 1, 2, ...
        """
        images: list[Images] = []
        shape = (LATENT_CHANNELS, NATIVE_SIZE // 8, NATIVE_SIZE // 8)
        with applied_adapters(self.checkpoint, [(self.adapter(), 1.0)]) if with_adapter else nullcontext():
            for first in range(0, len(prompts), BATCH_SIZE):
                prompt_embeds = self.embed_texts(prompts[first : first + BATCH_SIZE])
                *_, last = sample(
                    self.checkpoint,
                    prompt_embeds=prompt_embeds,
                    negative_prompt_embeds=self.embed_texts([""]).expand_as(prompt_embeds),
                    noise=stack_noise([seeded_noise(shape, first + row) for row in range(len(prompt_embeds))]),
                    sampler=sampler,
                    steps=steps or STEPS,
                    guidance_scale=guidance,
                )
                images.append(to_uint8(self.checkpoint.decode(last.latents)))
        return np.concatenate(images)

    def read(self, images: Images, attribute: str) -> NDArray[np.int64]:
        """Return what the classifier reads in images, as codes."""
        assert self.classifier is not None
        logits = self.classifier(to_tensor(images, torch.device("cpu")))[list(ATTRIBUTES).index(attribute)]
        codes: NDArray[np.int64] = logits.argmax(dim=-1).numpy()
        return codes

    def training_rows(self) -> str:
        """Return a card's rows on training and newest metrics."""
        size, plan = sum(factor.numel() for factor in self.networks.parameters()), self.plan
        before = ", after those of an earlier edition," if self.setup.start else ""
        rows = {
            "training": f"{plan.samples:,} samples{before} in batches of {plan.batch}, AdamW, learning rate {plan.rate:g}, EMA",
            "LoRA": f"rank and alpha {self.networks.rank}, on {', '.join(self.spec.targets)}; {size:,} parameters",
            **{f"`{name}`, in training": f"{value:.3g}" for name, value in self.metrics.items()},
        }
        return "\n".join(f"| {name} | {value} |" for name, value in rows.items())
