"""The UNet stage.

Prompts are captions, or image embeddings in their place.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from sakuga.diffusion.noise import seeded_noise
from sakuga.diffusion.objective import min_snr_weights, training_target
from sakuga.diffusion.velocity import add_noise
from sakuga.models.checkpoint import to_uint8
from sakuga.models.image_tensors import Images
from sakuga.models.placement import place_encoder, place_unet
from sakuga.models.sampling import sample
from sakuga.models.sketchbook import LATENT_CHANNELS, TOKEN_LIMIT, assemble_checkpoint, load_unet, make_scheduler, make_unet
from sakuga.sketchbook.captions import caption, full_caption
from sakuga.sketchbook.labels import Labels, Look
from sakuga.training.caption_embeddings import encode_padded
from sakuga.training.sketchbook import loss_maps
from sakuga.training.sketchbook.image_dataset import BASE, BASE_ASPECTS, HELD_OUT, DatasetSpec
from sakuga.training.sketchbook.latent_dataset import LatentDataset, LatentSpec, channel_variance
from sakuga.training.sketchbook.loop import StagePlan, StageSetup
from sakuga.training.step_random import StepRandom

PLAN = StagePlan(samples=600_000, batch=16, rate=8e-4, images=100_352, warmup=4_000, half_life=10_000, weaker_at=0.7)
ASPECTS = 0.2
"""The share of batches, and of images, in other aspect ratios, over all of these together."""
IMAGE_PROMPTS = 0.2
"""The share of samples with an image embedding as prompt."""
CAPTION_DROPOUT = 0.1
"""The share of samples with an empty prompt, for classifier-free guidance."""
FULL_CAPTIONS = 0.4
"""The share of captions that state everything; short ones rarely mention faces and expressions."""
PORTRAITS = 0.2
"""The share of samples that are always portraits, besides those that come at random."""
MAX_WEIGHT = 5.0
MIN_WEIGHT = 0.25
"""Loss weight of the noisiest latents, where the layout is decided; min-SNR alone gives 0."""
MEASURED = 96
STEPS, GUIDANCE = 16, 4.0
CAPTIONS = (
    "a cottage in a meadow on a sunny day, flowers",
    "Snowy cabin in the woods",
    "a castle on green hills at sunset",
    "a lighthouse by the sea at night, full moon",
    "a sailing boat on the sea at dawn",
    "a windmill in a meadow, cloudy sky",
    "a stone bridge over a lake in the fog",
    "a big tree on a hill, left, clear day",
    "Ancient castle with a fire breathing dragon above",
    "a village in the valley at night, lit windows, stars",
    "rain over the forest, a tower on the right",
    "a desert at noon under the sun",
    "mountains in falling snow, a cabin in the centre",
    "a path through the forest at dawn, birds",
    "a full moon glowing brightly over a snowfield",
    "a small figure in a meadow at sunset, windmill on the left",
    "a portrait of a girl with red hair, smiling, blue sky background",
    "close-up of a man with short black hair in a green coat, sad, at night",
    "portrait of a woman with long blond hair and a purple dress, mountains behind her",
    "a surprised boy with blue hair, red shirt, snow",
    "a dragon over the mountains at night",
    "houses in the valley on a rainy day",
    "a boat on the lake, sunset, birds",
    "watercolor of a cottage by the sea",
)


def training_sets(work: Path, images: int, device: torch.device, *, accompanied: bool = True) -> list[tuple[LatentSpec, int]]:
    """Return the datasets with their sizes.

    Other aspect ratios come first, then the square one. `accompanied` is that of a DatasetSpec.
    """

    def latents(dataset: DatasetSpec) -> LatentSpec:
        return LatentSpec(dataset=replace(dataset, accompanied=accompanied), work=work, device=device)

    each = max(1, round(images * ASPECTS / len(BASE_ASPECTS)))
    return [*((latents(dataset), each) for dataset in BASE_ASPECTS), (latents(BASE), images)]


def held_out(work: Path, images: int, device: torch.device) -> tuple[LatentSpec, int]:
    """Return the held-out dataset with its size."""
    return LatentSpec(dataset=HELD_OUT, work=work, device=device), min(MEASURED, images)


def loss_weights(signal: Tensor, variance: Tensor) -> Tensor:
    """Return the loss weight of each channel of each sample.

    Shape (n, channels). `signal` is the cumulative alpha, (n,), `variance` that of the channels. A channel of low variance is hidden by
    less noise and decided later, and holds the finest detail: so each is weighted by its own signal-to-noise ratio, with its error in its
    own deviations.
    """
    return min_snr_weights(signal[:, None], MAX_WEIGHT, "v_prediction", MIN_WEIGHT, variance)


def velocity_errors(
    predict: Callable[[Tensor], Tensor], signal: Tensor, clean: Tensor, noise: Tensor, variance: Tensor, cell_weights: Tensor | float = 1.0
) -> Tensor:
    """Return the weighted squared error of each sample's predicted velocity.

    Shape (n,). `signal` is the cumulative alpha, (n,), `variance` that of the channels, `cell_weights` (n, 1, h, w).
    """
    share = signal.view(-1, 1, 1, 1)
    made = predict(add_noise(clean, noise, share))
    squared: Tensor = ((made.float() - training_target("v_prediction", clean, noise, share)).square() * cell_weights).mean(dim=(2, 3))
    return (squared * loss_weights(signal, variance)).mean(dim=1)


def choose_images(latents: LatentDataset, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose the images of a batch.

    Where it must be a portrait, the first one from a random index on.
    """
    chosen = rng.integers(len(latents), size=count)
    for place in np.flatnonzero(rng.random(count) < PORTRAITS):
        after = ((chosen[place] + step) % len(latents) for step in range(len(latents)))
        chosen[place] = next((index for index in after if latents.described(index)[0].portrait), chosen[place])
    return chosen


def make_caption(labels: Labels, look: Look, rng: np.random.Generator) -> str:
    """Return a caption, a full one now and then."""
    return (full_caption if rng.random() < FULL_CAPTIONS else caption)(labels, rng, look)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Latents of one dataset with timesteps, noise and prompt embeddings."""

    dataset: int
    """The index in `training_sets`."""
    chosen: NDArray[np.int64]
    clean: Tensor
    timesteps: Tensor
    noise: Tensor
    prompt_embeds: Tensor
    cell_weights: Tensor
    """How much each cell's error counts, (n, 1, h, w)."""


def write_unet(unet: Any, weights: Path) -> None:
    """Write unet/, in half precision, and scheduler/; the UNet is changed."""
    unet.half().to("cpu", memory_format=torch.contiguous_format).save_pretrained(weights / "unet")
    make_scheduler().save_pretrained(weights / "scheduler")


class UnetTask:
    """The UNet in training, between finished networks."""

    accompanied = True
    """Whether scenes show people who walk and second subjects."""

    def __init__(self, setup: StageSetup) -> None:
        self.plan, self.device = setup.plan, setup.device
        torch.manual_seed(self.plan.seed)
        unet = make_unet() if setup.start is None else load_unet(setup.start)
        self.networks: Any = place_unet(unet, self.device).train()
        self.checkpoint = assemble_checkpoint(self.networks, setup.work / "weights", self.device)
        place_encoder(self.checkpoint.text_encoder, self.device)
        self.signal = make_scheduler().alphas_cumprod.to(self.device)
        self.scale: float = self.checkpoint.vae.config.scaling_factor
        self.unconditional = self.embed_texts([""])
        sets = training_sets(setup.work, self.plan.images, self.device, accompanied=self.accompanied)
        *self.aspects, self.square = [LatentDataset(spec, count, setup.processes) for spec, count in sets]
        self.variance = channel_variance(self.square).to(self.device) * self.scale**2
        self.held_out = LatentDataset(*held_out(setup.work, self.plan.images, self.device))

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Encode prompts as a checkpoint does, (texts, 77, 256)."""
        return encode_padded(self.checkpoint, texts, TOKEN_LIMIT)

    def encode_prompts(self, latents: LatentDataset, chosen: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Return prompt embeddings of images.

        Shape (n, 77, 256): captions, image embeddings, or empty ones. An image embedding is one token repeated; dropped, a caption becomes
        the empty prompt and an image embedding zeros.
        """
        image_prompts, dropped = rng.random(len(chosen)) < IMAGE_PROMPTS, rng.random(len(chosen)) < CAPTION_DROPOUT
        embeds = self.unconditional.repeat(len(chosen), 1, 1)
        captioned = np.flatnonzero(~image_prompts & ~dropped)
        if len(captioned):
            texts = [make_caption(*latents.described(index), rng) for index in chosen[captioned].tolist()]
            embeds[captioned] = self.embed_texts(texts).to(embeds)
        pictured = np.flatnonzero(image_prompts)
        if len(pictured):
            tokens = latents.images(chosen[pictured]) * torch.from_numpy(~dropped[pictured])[:, None]
            embeds[pictured] = tokens.to(embeds)[:, None].expand(-1, TOKEN_LIMIT, -1)
        return embeds

    def errors(self, clean: Tensor, timesteps: Tensor, noise: Tensor, prompt_embeds: Tensor, cell_weights: Tensor | float = 1.0) -> Tensor:
        """Return the weighted error of each sample, (n,)."""

        def predict(noisy: Tensor) -> Tensor:
            predicted: Tensor = self.networks(noisy, timesteps, prompt_embeds, return_dict=False)[0]
            return predicted

        return velocity_errors(predict, self.signal[timesteps], clean, noise, self.variance, cell_weights)

    def batch(self, random: StepRandom) -> Batch:
        """Build a batch of one shape.

        Its timesteps are spread evenly over the schedule.
        """
        rng = random.rng()
        dataset = int(rng.integers(len(self.aspects))) if rng.random() < ASPECTS else len(self.aspects)
        latents = [*self.aspects, self.square][dataset]
        chosen = choose_images(latents, self.plan.batch, rng)
        prompt_embeds = self.encode_prompts(latents, chosen, rng)
        spread = (np.arange(self.plan.batch) + rng.random(self.plan.batch)) / self.plan.batch
        timesteps = torch.from_numpy((spread * len(self.signal)).astype(np.int64)).to(self.device)
        clean = (latents.latents(chosen) * self.scale).to(self.device)
        noise = torch.randn(clean.shape, generator=random.noise()).to(self.device)
        labels = [latents.described(index)[0] for index in chosen.tolist()]
        cell_weights = loss_maps.weights(labels, *clean.shape[2:]).to(self.device)
        return Batch(
            dataset=dataset, chosen=chosen, clean=clean, timesteps=timesteps, noise=noise, prompt_embeds=prompt_embeds,
            cell_weights=cell_weights,
        )  # fmt: skip

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        """Return the error of a batch."""
        batch = self.batch(random)
        return {"error": self.errors(batch.clean, batch.timesteps, batch.noise, batch.prompt_embeds, batch.cell_weights).mean()}

    def measure(self) -> dict[str, float]:
        """Return held-out errors with captions and image embeddings.

        Noise and timesteps are always the same.
        """
        count = len(self.held_out)
        indices = np.arange(count)
        timesteps = torch.linspace(0, len(self.signal) - 1, count).long().to(self.device)
        noise = torch.randn((count, LATENT_CHANNELS, 16, 16), generator=torch.Generator().manual_seed(1)).to(self.device)
        clean = (self.held_out.latents(indices) * self.scale).to(self.device)
        described = enumerate(map(self.held_out.described, range(count)))
        texts = [caption(labels, np.random.default_rng(index), look) for index, (labels, look) in described]
        images = self.held_out.images(indices).to(self.device)[:, None].expand(-1, TOKEN_LIMIT, -1)
        metrics: dict[str, float] = {}
        for name, prompt_embeds in (("error.words", self.embed_texts(texts)), ("error.image", images)):
            parts = zip(*(torch.split(part, 16) for part in (clean, timesteps, noise, prompt_embeds)), strict=True)
            metrics[name] = float(torch.cat([self.errors(*part) for part in parts]).mean())
        return metrics

    def sheet(self) -> Images:
        """Return images of fixed captions and seeds.

        24 images, six to a row.
        """
        prompt_embeds = self.checkpoint.encode_prompts(CAPTIONS)
        negative = self.unconditional.expand_as(prompt_embeds)
        noise = torch.cat([next(seeded_noise((1, LATENT_CHANNELS, 16, 16), seed)) for seed in range(len(CAPTIONS))])
        latents = [
            list(sample(
                self.checkpoint, prompt_embeds=prompt_embeds[k : k + 8], negative_prompt_embeds=negative[k : k + 8],
                noise=iter([noise[k : k + 8]]), sampler="dpm++", steps=STEPS, guidance_scale=GUIDANCE,
            ))[-1].latents
            for k in range(0, len(CAPTIONS), 8)
        ]  # fmt: skip
        images = to_uint8(self.checkpoint.decode(torch.cat(latents)))
        return np.ascontiguousarray(rearrange(images, "(row column) y x c -> (row y) (column x) c", column=6))

    def save(self, weights: Path) -> None:
        """Write unet/ and scheduler/."""
        write_unet(copy.deepcopy(self.networks), weights)
