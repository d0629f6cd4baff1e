"""Train styles: low-rank changes of the finished UNet, each on the same scenes in one of the other looks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from torch import Tensor

from sakuga.models.adapters import Adapter, write_adapter
from sakuga.models.classifier import ATTRIBUTES
from sakuga.models.image_tensors import Pixels
from sakuga.models.style_metadata import About, Finishing, PixelFinish, about_text
from sakuga.models.styles import ABOUT, LORA, STYLES
from sakuga.sketchbook.captions import full_caption
from sakuga.sketchbook.labels import Labels, Look
from sakuga.sketchbook.training_scenes import trigger_of
from sakuga.training.low_rank import ATTENTION, CONVOLUTIONS
from sakuga.training.sketchbook import loss_maps
from sakuga.training.sketchbook.adapter_task import AdapterTask
from sakuga.training.sketchbook.latents import Latents, Series, channel_variance
from sakuga.training.sketchbook.loop import Plan
from sakuga.training.sketchbook.pictures import BASE, HELD_OUT_IN_LOOK, IN_LOOK
from sakuga.training.sketchbook.unet import CAPTIONS, choose, in_words, velocity_errors
from sakuga.training.step_random import Chance

PLAN = Plan(samples=24_000, batch=16, rate=2e-3, pictures=4_096, warmup=320, half_life=2_000, decay=0.0)
TARGETS = (*ATTENTION, *CONVOLUTIONS)
RANK = 8
DROPPED = 0.1
"""The share of samples that are told nothing, in the look."""
PLAIN = 0.05
"""The share that are told nothing and are the base's own pictures: guidance leads away from these, and so strengthens the look."""
STRENGTH: dict[Look, float] = {"comic": 0.95, "pixel": 1.5}
"""How much of what it learnt a style wears, where it is not all: where its look is read often enough at the least cost of subjects."""
FINISHING: dict[Look, Finishing] = {"pixel": Finishing(pixel=PixelFinish(colors=24, dither="bayer"))}
"""How pictures in a style are finished: the autoencoder keeps no grid of two pixels, so one is laid over what is drawn."""
UNSAID = 0.2
"""The share of captions that do not name the look: it is worn, whatever is said."""
MEASURED = 32
SHOWN = 8


class StyleTask(AdapterTask):
    """A style in training, on latents of pictures in its look."""

    def __init__(self, look: Look, plan: Plan, work: Path, device: torch.device, processes: int, start: Path | None = None) -> None:
        super().__init__(plan, work, device, start, f"{STYLES}/{look}", TARGETS, RANK)
        self.look, self.strength = look, STRENGTH.get(look, 1.0)
        if start is not None:
            torch._foreach_div_([up.data for up in self.networks.ups], self.strength)
        self.latents = Latents(Series(album=IN_LOOK[look], work=work, device=device), plan.pictures, processes)
        self.plain = Latents(Series(album=BASE, work=work, device=device), plan.pictures, processes)
        self.variance = channel_variance(self.plain).to(device) * self.scale**2
        self.held_out = Latents(Series(album=HELD_OUT_IN_LOOK[look], work=work, device=device), min(MEASURED, plan.pictures))

    def adapter(self) -> Adapter:
        """Return what was learnt so far, in the strength that it is worn."""
        learnt = super().adapter()
        return replace(learnt, layers={name: replace(one, scale=one.scale * self.strength) for name, one in learnt.layers.items()})

    def errors(self, clean: Tensor, timesteps: Tensor, noise: Tensor, told: Tensor, counts: Tensor | float = 1.0) -> Tensor:
        """Return the weighted error of each sample, as the UNet was trained by, (n,)."""
        signal = self.signal_at(timesteps).flatten()
        return velocity_errors(
            lambda noisy: self.velocity(self.networks, noisy, timesteps, told), signal, clean, noise, self.variance, counts
        )

    def sample(self, rng: np.random.Generator) -> tuple[Tensor, str, Labels]:
        """Return the latents of a picture, its caption, now and then without its look, or with no word, and what it shows."""
        roll = rng.random()
        latents = self.plain if roll < PLAIN else self.latents
        index = int(choose(latents, 1, rng)[0])
        labels, look = latents.shown(index)
        told = roll >= PLAIN + DROPPED
        said = in_words(labels, "flat" if rng.random() < UNSAID else look, rng) if told else ""
        return latents.latents([index])[0], said, labels

    def losses(self, chance: Chance) -> dict[str, Tensor]:
        """Return the error of a batch, its timesteps spread evenly over the schedule."""
        rng, count = chance.rng(), self.plan.batch
        latents, said, labels = zip(*(self.sample(rng) for _ in range(count)), strict=True)
        clean, told = (torch.stack(latents) * self.scale).to(self.device), self.embed_texts(said)
        places = (np.arange(count) + rng.random(count)) / count
        timesteps = torch.from_numpy((places * len(self.signal)).astype(np.int64)).to(self.device)
        noise = torch.randn(clean.shape, generator=chance.noise()).to(self.device)
        counts = loss_maps.weights(labels, *clean.shape[2:]).to(self.device)
        return {"error": self.errors(clean, timesteps, noise, told, counts).mean()}

    def measure(self) -> dict[str, float]:
        """Return the error on pictures not trained on; and how many draws of their captions have the look, and lose the subject."""
        count = len(self.held_out)
        shown = [labels for labels, _ in map(self.held_out.shown, range(count))]
        styled, plain = ([full_caption(labels, None, look) for labels in shown] for look in (self.look, "flat"))
        timesteps = torch.linspace(0, len(self.signal) - 1, count).long().to(self.device)
        clean = self.clean(self.held_out, np.arange(count))
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1)).to(self.device)
        parts = zip(*(torch.split(part, 16) for part in (clean, timesteps, noise, self.embed_texts(styled))), strict=True)
        self.figures = {"error": float(torch.cat([self.errors(*part) for part in parts]).mean())}
        if self.classifier is not None:
            self.figures |= self._read_draws(shown, styled, plain)
        return self.figures

    def _read_draws(self, shown: list[Labels], styled: list[str], plain: list[str]) -> dict[str, float]:
        drawn, base = self.draw(styled, worn=True), self.draw(plain, worn=False)
        wanted = np.array([ATTRIBUTES["subject"].index(labels.subject) for labels in shown])
        there = np.array([labels.portrait is None and labels.subject != "none" for labels in shown])
        figures = {"accuracy": float((self.read(drawn, "look") == ATTRIBUTES["look"].index(self.look)).mean())}
        if there.any():
            right = [float((self.read(pictures, "subject") == wanted)[there].mean()) for pictures in (base, drawn)]
            figures["subject_loss"] = right[0] - right[1]
        return figures

    def sheet(self) -> Pixels:
        """Return pictures of the base above the same captions and seeds in the style."""
        said = [text for text in CAPTIONS if "watercolor" not in text][:: max(1, len(CAPTIONS) // SHOWN)][:SHOWN]
        rows = np.stack([self.draw(said, worn=False), self.draw([f"{text}, {trigger_of(self.look)}" for text in said], worn=True)])
        self.shown = np.ascontiguousarray(rearrange(rows, "row column y x c -> (row y) (column x) c"))
        return self.shown

    def save(self, weights: Path) -> None:
        """Write styles/LOOK/: the LoRA, its trigger, its card, and base and style side by side."""
        folder = weights / self.part
        write_adapter(self.adapter(), folder / LORA)
        about = About(trigger=trigger_of(self.look), finishing=FINISHING.get(self.look, Finishing()))
        (folder / ABOUT).write_text(about_text(about), encoding="utf-8")
        if self.shown is not None:
            Image.fromarray(self.shown).save(folder / "sheet.webp", quality=80)
        (folder / "README.md").write_text(self.card(), encoding="utf-8")

    def card(self) -> str:
        """Say what the style is, what it learnt from, and how good it was when last measured."""
        first, held = IN_LOOK[self.look].first_seed, HELD_OUT_IN_LOOK[self.look].first_seed
        return f"""---
base_model: sakuga sketchbook
tags: [lora, diffusers, text-to-image]
instance_prompt: {trigger_of(self.look)}
license: mit
---
# {self.look}: a style of the Sketchbook

Worn by `sakuga draw "a castle by the sea" --style {self.look}`; its trigger, "{trigger_of(self.look)}", is added to the prompt.

| | |
|---|---|
| data | {self.plan.pictures:,} pictures that this package draws in this look, seeds from {first:,}; no other picture was used |
| held out | {len(self.held_out)} scenes, seeds from {held:,} |
| strength | {self.strength:g} times what was learnt, within the file |
| told nothing | {PLAIN:.0%} plain pictures of the base, {DROPPED:.0%} in the look |
{self.learnt()}

`sakuga sketchbook score` measures it anew, over more pictures.

![base above, style below](sheet.webp)
"""
