"""Teach the UNet to draw in few steps without guidance: where the guided teacher's way ends (Luhman and Luhman 2021), as a low-rank change.

The `lcm` sampler then takes a picture for the end of the way, and goes on from it with new noise (Song et al. 2023, algorithm 1).
"""

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sakuga.diffusion.guidance import guided, rescaled
from sakuga.diffusion.velocity import clean_of, noise_of, noised, pseudo_huber
from sakuga.models.adapters import write_adapter
from sakuga.models.classifier import ATTRIBUTES
from sakuga.models.image_tensors import Pixels
from sakuga.models.sampling import ZERO_SNR_RESCALE
from sakuga.models.sketchbook import TOKENS
from sakuga.models.styles import FEW_STEP, LORA
from sakuga.sketchbook.captions import full_caption
from sakuga.training.low_rank import ATTENTION, CONVOLUTIONS
from sakuga.training.sketchbook import loss_maps
from sakuga.training.sketchbook.adapter_task import AdapterTask
from sakuga.training.sketchbook.latents import Latents, Series
from sakuga.training.sketchbook.loop import Plan
from sakuga.training.sketchbook.pictures import BASE
from sakuga.training.sketchbook.unet import CAPTIONS, GUIDANCE, SEEING, choose, held_out, in_words
from sakuga.training.step_random import Chance

PLAN = Plan(samples=8_000, batch=16, rate=1e-3, pictures=8_192, warmup=320, last_rate=0.1, half_life=800, decay=0.0)
TARGETS = (*ATTENTION, *CONVOLUTIONS)
RANK = 8
ASKED = (999, 759, 499, 259)
"""Where the `lcm` sampler asks in four steps, and so the training."""
WAY = 4
"""In so many steps the teacher goes from there to the picture."""
FEW = len(ASKED)
WIDTH = 1e-3
"""Below this an error counts by its square."""
MEASURED = 32
SHOWN = 8


class FewStepTask(AdapterTask):
    """Drawing in few steps in training: the UNet with guidance teaches its changed self, on what it learnt from."""

    def __init__(self, plan: Plan, work: Path, device: torch.device, processes: int, start: Path | None = None) -> None:
        super().__init__(plan, work, device, start, FEW_STEP, TARGETS, RANK)
        self.latents = Latents(Series(album=BASE, work=work, device=device), plan.pictures, processes)
        series, count = held_out(work, plan.pictures, device)
        self.held_out = Latents(series, min(MEASURED, count))
        self.nothing = self.embed_texts([""])

    def tell(self, chosen: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return what student and teacher are told, words or one image token all along, and what guidance leads away from: (n, 77, 256)."""
        texts = [in_words(*self.latents.shown(index), rng) for index in chosen.tolist()]
        told, without = self.embed_texts(texts), self.nothing.repeat(len(chosen), 1, 1)
        seeing = rng.random(len(chosen)) < SEEING
        if seeing.any():
            told[seeing] = self.latents.images(chosen[seeing]).to(told)[:, None].expand(-1, TOKENS, -1)
            without[seeing] = 0.0
        return told, without

    @torch.no_grad()
    def target(self, noisy: Tensor, timesteps: Tensor, told: Tensor, without: Tensor) -> Tensor:
        """Return the picture that the guided teacher comes to from there, in even steps of DDIM (Song et al. 2021, eq. 12)."""
        at, both = timesteps, torch.cat([without, told])
        for left in reversed(range(WAY)):
            velocities = self.velocity(self.checkpoint.unet, torch.cat([noisy, noisy]), torch.cat([at, at]), both)
            unconditional, conditional = velocities.chunk(2)
            velocity = rescaled(guided(unconditional, conditional, GUIDANCE), conditional, ZERO_SNR_RESCALE)
            signal, at = self.signal_at(at), (timesteps + 1) * left // WAY - 1
            noisy = noised(clean_of(noisy, velocity, signal), noise_of(noisy, velocity, signal), self.signal_at(at))
        return noisy

    def errors(
        self, clean: Tensor, timesteps: Tensor, noise: Tensor, told: Tensor, without: Tensor, counts: Tensor | float = 1.0
    ) -> Tensor:
        """Return how far the student's pictures are from the teacher's, (n,)."""
        signal = self.signal_at(timesteps)
        noisy = noised(clean, noise, signal)
        made = clean_of(noisy, self.velocity(self.networks, noisy, timesteps, told), signal)
        return pseudo_huber(made, self.target(noisy, timesteps, told, without), WIDTH, counts)

    def timesteps(self, places: NDArray[np.float64]) -> Tensor:
        """Turn places from 0 to 1 into the timesteps that are asked at."""
        return torch.tensor(ASKED, device=self.device)[torch.from_numpy((places * FEW).astype(np.int64))]

    def losses(self, chance: Chance) -> dict[str, Tensor]:
        """Return the error of a batch, its timesteps spread evenly over those that are asked at."""
        rng, count = chance.rng(), self.plan.batch
        chosen = choose(self.latents, count, rng)
        told, without = self.tell(chosen, rng)
        clean = self.clean(self.latents, chosen)
        noise = torch.randn(clean.shape, generator=chance.noise()).to(self.device)
        timesteps = self.timesteps((np.arange(count) + rng.random(count)) / count)
        counts = loss_maps.weights([self.latents.shown(index)[0] for index in chosen.tolist()], *clean.shape[2:]).to(self.device)
        return {"error": self.errors(clean, timesteps, noise, told, without, counts).mean()}

    @cached_property
    def said(self) -> list[str]:
        """Return everything about the held-out pictures, in words."""
        return [full_caption(labels) for labels, _ in map(self.held_out.shown, range(len(self.held_out)))]

    @cached_property
    def full(self) -> Pixels:
        """Draw the held-out captions with all steps and guidance: the teacher does not change."""
        return self.draw(self.said, worn=False)

    def few(self, prompts: list[str]) -> Pixels:
        """Draw in few steps without guidance."""
        return self.draw(prompts, worn=True, sampler="lcm", steps=FEW, guidance=1.0)

    def measure(self) -> dict[str, float]:
        """Return the error on pictures not trained on, and how many subjects and places few steps get right, and all steps."""
        count = len(self.held_out)
        clean = self.clean(self.held_out, np.arange(count))
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1)).to(self.device)
        told, without = self.embed_texts(self.said), self.nothing.repeat(count, 1, 1)
        given = (clean, self.timesteps(np.arange(count) / count), noise, told, without)
        parts = zip(*(torch.split(part, 16) for part in given), strict=True)
        self.figures = {"error": float(torch.cat([self.errors(*part) for part in parts]).mean())}
        if self.classifier is not None:
            self.figures |= self._read_draws()
        return self.figures

    def _read_draws(self) -> dict[str, float]:
        shown = [labels for labels, _ in map(self.held_out.shown, range(len(self.held_out)))]
        scenes = np.array([labels.portrait is None for labels in shown])
        drawn = {"few": self.few(self.said), "full": self.full}
        figures: dict[str, float] = {}
        for attribute in ("place", "subject") if scenes.any() else ():
            wanted = np.array([ATTRIBUTES[attribute].index(getattr(labels, attribute)) for labels in shown])
            for name, pictures in drawn.items():
                figures[f"{name}.{attribute}"] = float((self.read(pictures, attribute) == wanted)[scenes].mean())
        return figures

    def sheet(self) -> Pixels:
        """Return pictures in all steps with guidance, above the same captions and seeds in few steps without."""
        said = list(CAPTIONS[:: max(1, len(CAPTIONS) // SHOWN)][:SHOWN])
        rows = np.stack([self.draw(said, worn=False), self.few(said)])
        self.shown = np.ascontiguousarray(rearrange(rows, "row column y x c -> (row y) (column x) c"))
        return self.shown

    def save(self, weights: Path) -> None:
        """Write few_step/: the LoRA, its card, and all steps and few side by side."""
        folder = weights / self.part
        write_adapter(self.adapter(), folder / LORA)
        if self.shown is not None:
            Image.fromarray(self.shown).save(folder / "sheet.webp", quality=80)
        (folder / "README.md").write_text(self.card(), encoding="utf-8")

    def card(self) -> str:
        """Say what it is for, how it was learnt, and how good it was when last measured."""
        return f"""---
base_model: sakuga sketchbook
tags: [lora, diffusers, text-to-image, lcm]
license: mit
---
# Drawing in {FEW} steps

Worn by `--preview` and by `--sampler lcm`, with guidance 1. At the {FEW} timesteps that are asked at, it learnt to tell the picture that
the UNet comes to from there with guidance {GUIDANCE:g} (rescaled by {ZERO_SNR_RESCALE:g}) in {WAY} steps of DDIM.

| | |
|---|---|
| data | {self.plan.pictures:,} pictures that this package draws, seeds from {BASE.first_seed:,} |
| held out | {len(self.held_out)} scenes |
{self.learnt()}

`sakuga sketchbook score` measures it anew, over more pictures, and how much faster it is.

![all steps above, {FEW} below](sheet.webp)
"""
