"""Train the UNet: what the noise of a latent hides, told by a caption, or by the embedding of a picture in place of words."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from sakuga.diffusion.noise import seeded
from sakuga.diffusion.objective import min_snr_weights, wanted
from sakuga.diffusion.velocity import noised
from sakuga.models.checkpoint import quantised
from sakuga.models.image_tensors import Pixels
from sakuga.models.sampling import sample
from sakuga.models.sketchbook import LATENT_CHANNELS, TOKENS, make_scheduler, make_unet, open_around, open_unet
from sakuga.sketchbook.captions import caption, full_caption
from sakuga.sketchbook.labels import Labels, Look
from sakuga.training.sketchbook import loss_maps
from sakuga.training.sketchbook.latents import Latents, Series, channel_variance
from sakuga.training.sketchbook.loop import Plan
from sakuga.training.sketchbook.pictures import BASE, BASE_ASPECTS, HELD_OUT
from sakuga.training.speed import placed, with_plain_attention
from sakuga.training.step_random import Chance

PLAN = Plan(samples=600_000, batch=16, rate=8e-4, pictures=100_352, warmup=4_000, half_life=10_000)
ASPECTS = 0.2
"""The share of batches in one of the other aspects, and of pictures, over all of these aspects together."""
SEEING = 0.2
"""The share of samples that are told by a picture's embedding in place of words."""
DROPPED = 0.1
"""The share of samples that are told nothing, so that guidance has something to lead away from."""
WHOLE = 0.4
"""The share of captions that state everything: a face and its expression are seldom told otherwise."""
PEOPLE = 0.2
"""The share of samples that are portraits for sure, beside those that chance brings."""
GREATEST_WEIGHT = 5.0
LEAST_WEIGHT = 0.25
"""Of the noisiest pictures, where the layout is decided; their min-SNR weight is 0."""
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


def albums(work: Path, pictures: int, device: torch.device) -> list[tuple[Series, int]]:
    """Return what is learnt from, with numbers of pictures: the other aspects, then the square ones."""
    aspects = [
        (Series(album=album, work=work, device=device), max(1, round(pictures * ASPECTS / len(BASE_ASPECTS)))) for album in BASE_ASPECTS
    ]
    return [*aspects, (Series(album=BASE, work=work, device=device), pictures)]


def held_out(work: Path, pictures: int, device: torch.device) -> tuple[Series, int]:
    """Return what is measured on."""
    return Series(album=HELD_OUT, work=work, device=device), min(MEASURED, pictures)


def loss_weights(signal: Tensor, variance: Tensor) -> Tensor:
    """Return how much the error of each channel of each sample counts (n, channels), given alpha squared (n,) and the channels' variance.

    A channel that varies little is hidden by less noise and decided later, and the finest of a picture is in such channels: so each is
    weighted by its own ratio of signal to noise, and its error counts in its own deviations.
    """
    return min_snr_weights(signal[:, None], GREATEST_WEIGHT, "v_prediction", LEAST_WEIGHT, variance)


def velocity_errors(
    predict: Callable[[Tensor], Tensor], signal: Tensor, clean: Tensor, noise: Tensor, variance: Tensor, counts: Tensor | float = 1.0
) -> Tensor:
    """Return the weighted squared error of each sample's predicted v (n,), given alpha squared (n,) and the channels' variance.

    `counts`, (n, 1, h, w), says how much each cell counts.
    """
    share = signal.view(-1, 1, 1, 1)
    made = predict(noised(clean, noise, share))
    squared: Tensor = ((made.float() - wanted("v_prediction", clean, noise, share)).square() * counts).mean(dim=(2, 3))
    return (squared * loss_weights(signal, variance)).mean(dim=1)


def choose(latents: Latents, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose the pictures of a batch; where a portrait is wanted, the first one from a place by chance on."""
    chosen = rng.integers(len(latents), size=count)
    for place in np.flatnonzero(rng.random(count) < PEOPLE):
        after = ((chosen[place] + step) % len(latents) for step in range(len(latents)))
        chosen[place] = next((index for index in after if latents.shown(index)[0].portrait), chosen[place])
    return chosen


def in_words(labels: Labels, look: Look, rng: np.random.Generator) -> str:
    """Say what a picture shows: now and then all of it, else as somebody might write it."""
    return (full_caption if rng.random() < WHOLE else caption)(labels, rng, look)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Samples of one series (its place in `albums`), what hides them, and what is told of them."""

    series: int
    chosen: NDArray[np.int64]
    clean: Tensor
    timesteps: Tensor
    noise: Tensor
    told: Tensor
    counts: Tensor
    """How much each cell counts, (n, 1, h, w)."""


class UnetTask:
    """The UNet in training, on latents of the base's pictures, between finished networks."""

    def __init__(self, plan: Plan, work: Path, device: torch.device, processes: int, start: Path | None = None) -> None:
        self.plan, self.device = plan, device
        torch.manual_seed(plan.seed)
        unet = make_unet() if start is None else open_unet(start)
        self.networks: Any = placed(unet, device).train()
        self.checkpoint = open_around(self.networks, work / "weights", device)
        with_plain_attention(self.checkpoint.text_encoder, device)
        self.signal = make_scheduler().alphas_cumprod.to(device)
        self.scale: float = self.checkpoint.vae.config.scaling_factor
        self.nothing = self.embed_texts([""])
        *self.aspects, self.square = [Latents(series, count, processes) for series, count in albums(work, plan.pictures, device)]
        self.variance = channel_variance(self.square).to(device) * self.scale**2
        self.held_out = Latents(*held_out(work, plan.pictures, device))

    @torch.no_grad()
    def embed_texts(self, texts: list[str]) -> Tensor:
        """Return the words' embeddings as a checkpoint encodes prompts, (texts, 77, 256)."""
        ids = self.checkpoint.tokenizer(texts, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt").input_ids
        embedded: Tensor = self.checkpoint.text_encoder(ids.to(self.device))[0]
        return embedded

    def tell(self, latents: Latents, chosen: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Return what the UNet is told of pictures, (n, 77, 256): words, one image token all along, or nothing (no words, or zeros)."""
        seeing, dropped = rng.random(len(chosen)) < SEEING, rng.random(len(chosen)) < DROPPED
        told = self.nothing.repeat(len(chosen), 1, 1)
        worded = np.flatnonzero(~seeing & ~dropped)
        if len(worded):
            texts = [in_words(*latents.shown(index), rng) for index in chosen[worded].tolist()]
            told[worded] = self.embed_texts(texts).to(told)
        pictured = np.flatnonzero(seeing)
        if len(pictured):
            tokens = latents.images(chosen[pictured]) * torch.from_numpy(~dropped[pictured])[:, None]
            told[pictured] = tokens.to(told)[:, None].expand(-1, TOKENS, -1)
        return told

    def errors(self, clean: Tensor, timesteps: Tensor, noise: Tensor, told: Tensor, counts: Tensor | float = 1.0) -> Tensor:
        """Return the weighted error of each sample, (n,)."""

        def predict(noisy: Tensor) -> Tensor:
            predicted: Tensor = self.networks(noisy, timesteps, told, return_dict=False)[0]
            return predicted

        return velocity_errors(predict, self.signal[timesteps], clean, noise, self.variance, counts)

    def batch(self, chance: Chance) -> Batch:
        """Return a batch of one shape, its timesteps spread evenly over the schedule."""
        rng = chance.rng()
        series = int(rng.integers(len(self.aspects))) if rng.random() < ASPECTS else len(self.aspects)
        latents = [*self.aspects, self.square][series]
        chosen = choose(latents, self.plan.batch, rng)
        told = self.tell(latents, chosen, rng)
        places = (np.arange(self.plan.batch) + rng.random(self.plan.batch)) / self.plan.batch
        timesteps = torch.from_numpy((places * len(self.signal)).astype(np.int64)).to(self.device)
        clean = (latents.latents(chosen) * self.scale).to(self.device)
        noise = torch.randn(clean.shape, generator=chance.noise()).to(self.device)
        counts = loss_maps.weights([latents.shown(index)[0] for index in chosen.tolist()], *clean.shape[2:]).to(self.device)
        return Batch(series=series, chosen=chosen, clean=clean, timesteps=timesteps, noise=noise, told=told, counts=counts)

    def losses(self, chance: Chance) -> dict[str, Tensor]:
        """Return the error of a batch."""
        batch = self.batch(chance)
        return {"error": self.errors(batch.clean, batch.timesteps, batch.noise, batch.told, batch.counts).mean()}

    def measure(self) -> dict[str, float]:
        """Return the error on pictures not trained on, told by words and by their embeddings; noise and times stay the same."""
        count = len(self.held_out)
        indices = np.arange(count)
        timesteps = torch.linspace(0, len(self.signal) - 1, count).long().to(self.device)
        noise = torch.randn((count, LATENT_CHANNELS, 16, 16), generator=torch.Generator().manual_seed(1)).to(self.device)
        clean = (self.held_out.latents(indices) * self.scale).to(self.device)
        texts = [
            caption(labels, np.random.default_rng(index), look)
            for index, (labels, look) in enumerate(map(self.held_out.shown, range(count)))
        ]
        images = self.held_out.images(indices).to(self.device)[:, None].expand(-1, TOKENS, -1)
        figures: dict[str, float] = {}
        for name, told in (("error.words", self.embed_texts(texts)), ("error.image", images)):
            parts = zip(*(torch.split(part, 16) for part in (clean, timesteps, noise, told)), strict=True)
            figures[name] = float(torch.cat([self.errors(*part) for part in parts]).mean())
        return figures

    def sheet(self) -> Pixels:
        """Return 24 pictures drawn from fixed captions and seeds, six to a row."""
        words = self.checkpoint.encode_text(CAPTIONS)
        nothing = self.nothing.expand_as(words)
        noise = torch.cat([next(seeded((1, LATENT_CHANNELS, 16, 16), seed)) for seed in range(len(CAPTIONS))])
        steps = [
            list(sample(
                self.checkpoint, conditioning=words[k : k + 8], negative=nothing[k : k + 8], noise=iter([noise[k : k + 8]]),
                sampler="dpm++", steps=STEPS, guidance=GUIDANCE,
            ))[-1].latents
            for k in range(0, len(CAPTIONS), 8)
        ]  # fmt: skip
        drawn = quantised(self.checkpoint.decode(torch.cat(steps)))
        return np.ascontiguousarray(rearrange(drawn, "(row column) y x c -> (row y) (column x) c", column=6))

    def save(self, weights: Path) -> None:
        """Write unet/ and scheduler/."""
        finished = copy.deepcopy(self.networks).half().to("cpu", memory_format=torch.contiguous_format)
        finished.save_pretrained(weights / "unet")
        make_scheduler().save_pretrained(weights / "scheduler")
