"""The style stages.

LoRAs of the finished UNet, on the same scenes in each other look.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image as PILImage
from torch import Tensor

from sakuga.models.adapters import Adapter, write_adapter
from sakuga.models.image_tensors import Images
from sakuga.models.style_files import LORA_FILE, STYLE_FILE
from sakuga.models.style_metadata import Finishing, PixelFinish, StyleMetadata, format_metadata
from sakuga.models.styles import STYLES_FOLDER
from sakuga.sketchbook.captions import full_caption
from sakuga.sketchbook.label_codes import ATTRIBUTES
from sakuga.sketchbook.labels import Labels, Look
from sakuga.sketchbook.training_scenes import trigger_of
from sakuga.training.low_rank import ATTENTION, CONVOLUTIONS
from sakuga.training.sketchbook import loss_maps
from sakuga.training.sketchbook.adapter_task import AdapterSpec, AdapterTask
from sakuga.training.sketchbook.image_dataset import BASE, HELD_OUT_IN_LOOK, IN_LOOK, DatasetSpec
from sakuga.training.sketchbook.latent_dataset import LatentDataset, LatentSpec, channel_variance
from sakuga.training.sketchbook.loop import StagePlan, StageSetup
from sakuga.training.sketchbook.unet import CAPTIONS, choose_images, make_caption, velocity_errors
from sakuga.training.step_random import StepRandom

PLAN = StagePlan(samples=24_000, batch=16, rate=2e-3, images=4_096, warmup=320, half_life=2_000, decay=0.0)
RANK = 8
CAPTION_DROPOUT = 0.1
"""The share of samples in the look with an empty prompt."""
BASE_SHARE = 0.05
"""The share of base images with an empty prompt: guidance moves away from these, which strengthens the look."""
STRENGTH: dict[Look, float] = {"comic": 0.95, "pixel": 1.5}
"""Adapter weight of the written style, where it is not 1: the least that shows the look at the lowest cost of subjects."""
FINISHING: dict[Look, Finishing] = {"pixel": Finishing(pixel=PixelFinish(colors=24, dither="bayer"))}
"""Finishing of a style: the autoencoder blurs a grid of two pixels, so generated images are pixelated again."""
WITHOUT_LOOK = 0.2
"""The share of captions without the look, so that the style applies to every prompt."""
MEASURED = 32
SHOWN = 8


class StyleTask(AdapterTask):
    """A style's LoRA in training."""

    def __init__(self, look: Look, setup: StageSetup) -> None:
        super().__init__(setup, AdapterSpec(part=f"{STYLES_FOLDER}/{look}", targets=(*ATTENTION, *CONVOLUTIONS), rank=RANK))
        self.look, self.strength = look, STRENGTH.get(look, 1.0)
        if setup.start is not None:
            torch._foreach_div_([up.data for up in self.networks.ups], self.strength)
        self.latents, self.base = (self._latents(spec, self.plan.images) for spec in (IN_LOOK[look], BASE))
        self.variance = channel_variance(self.base).to(self.device) * self.scale**2
        self.held_out = self._latents(HELD_OUT_IN_LOOK[look], min(MEASURED, self.plan.images))

    def _latents(self, dataset: DatasetSpec, count: int) -> LatentDataset:
        return LatentDataset(LatentSpec(dataset=dataset, work=self.setup.work, device=self.device), count, self.setup.processes)

    def adapter(self) -> Adapter:
        """Return the LoRA at its written strength."""
        trained = super().adapter()
        return replace(trained, layers={name: replace(one, scale=one.scale * self.strength) for name, one in trained.layers.items()})

    def errors(self, clean: Tensor, timesteps: Tensor, noise: Tensor, prompt_embeds: Tensor, cell_weights: Tensor | float = 1.0) -> Tensor:
        """Return the weighted error of each sample.

        The loss is that of the UNet's training. Shape (n,).
        """
        signal = self.signal_at(timesteps).flatten()
        return velocity_errors(
            lambda noisy: self.velocity(self.networks, noisy, timesteps, prompt_embeds), signal, clean, noise, self.variance, cell_weights
        )

    def sample(self, rng: np.random.Generator) -> tuple[Tensor, str, Labels]:
        """Return an image's latents, caption and labels.

        The caption lacks its look now and then, or is empty.
        """
        roll = rng.random()
        latents = self.base if roll < BASE_SHARE else self.latents
        index = int(choose_images(latents, 1, rng)[0])
        labels, look = latents.described(index)
        captioned = roll >= BASE_SHARE + CAPTION_DROPOUT
        text = make_caption(labels, "flat" if rng.random() < WITHOUT_LOOK else look, rng) if captioned else ""
        return latents.latents([index])[0], text, labels

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        """Return the error of a batch.

        Its timesteps are spread evenly over the schedule.
        """
        rng, count = random.rng(), self.plan.batch
        latents, captions, labels = zip(*(self.sample(rng) for _ in range(count)), strict=True)
        clean, prompt_embeds = (torch.stack(latents) * self.scale).to(self.device), self.embed_texts(captions)
        spread = (np.arange(count) + rng.random(count)) / count
        timesteps = torch.from_numpy((spread * len(self.signal)).astype(np.int64)).to(self.device)
        noise = torch.randn(clean.shape, generator=random.noise()).to(self.device)
        cell_weights = loss_maps.weights(labels, *clean.shape[2:]).to(self.device)
        return {"error": self.errors(clean, timesteps, noise, prompt_embeds, cell_weights).mean()}

    def measure(self) -> dict[str, float]:
        """Return held-out error, look accuracy and subject loss."""
        count = len(self.held_out)
        shown = [labels for labels, _ in map(self.held_out.described, range(count))]
        styled, plain = ([full_caption(labels, None, look) for labels in shown] for look in (self.look, "flat"))
        timesteps = torch.linspace(0, len(self.signal) - 1, count).long().to(self.device)
        clean = self.clean(self.held_out, np.arange(count))
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1)).to(self.device)
        parts = zip(*(torch.split(part, 16) for part in (clean, timesteps, noise, self.embed_texts(styled))), strict=True)
        self.metrics = {"error": float(torch.cat([self.errors(*part) for part in parts]).mean())}
        if self.classifier is not None:
            self.metrics |= self._read_generated(shown, styled, plain)
        return self.metrics

    def _read_generated(self, shown: list[Labels], styled: list[str], plain: list[str]) -> dict[str, float]:
        generated, base = self.generate(styled, with_adapter=True), self.generate(plain, with_adapter=False)
        wanted = np.array([ATTRIBUTES["subject"].index(labels.subject) for labels in shown])
        there = np.array([labels.portrait is None and labels.subject != "none" for labels in shown])
        metrics = {"accuracy": float((self.read(generated, "look") == ATTRIBUTES["look"].index(self.look)).mean())}
        if there.any():
            right = [float((self.read(images, "subject") == wanted)[there].mean()) for images in (base, generated)]
            metrics["subject_loss"] = right[0] - right[1]
        return metrics

    def sheet(self) -> Images:
        """Return base images above the same in the style.

        The captions and seeds are the same.
        """
        captions = [text for text in CAPTIONS if "watercolor" not in text][:: max(1, len(CAPTIONS) // SHOWN)][:SHOWN]
        styled = [f"{text}, {trigger_of(self.look)}" for text in captions]
        rows = np.stack([self.generate(captions, with_adapter=False), self.generate(styled, with_adapter=True)])
        self.sample_sheet = np.ascontiguousarray(rearrange(rows, "row column y x c -> (row y) (column x) c"))
        return self.sample_sheet

    def save(self, weights: Path) -> None:
        """Write styles/LOOK/ with LoRA, trigger word, card and sheet."""
        folder = weights / self.spec.part
        write_adapter(self.adapter(), folder / LORA_FILE)
        metadata = StyleMetadata(trigger=trigger_of(self.look), finishing=FINISHING.get(self.look, Finishing()))
        (folder / STYLE_FILE).write_text(format_metadata(metadata), encoding="utf-8")
        if self.sample_sheet is not None:
            PILImage.fromarray(self.sample_sheet).save(folder / "sheet.webp", quality=80)
        (folder / "README.md").write_text(self.card(), encoding="utf-8")

    def card(self) -> str:
        """Return its card: usage, training, newest metrics."""
        first, held = IN_LOOK[self.look].first_seed, HELD_OUT_IN_LOOK[self.look].first_seed
        return f"""---
base_model: sakuga sketchbook
tags: [lora, diffusers, text-to-image]
instance_prompt: {trigger_of(self.look)}
license: mit
---
# {self.look}: a style of the Sketchbook

Apply it with `sakuga draw "a castle by the sea" --style {self.look}`; its trigger word, "{trigger_of(self.look)}", is added to the prompt.

| | |
|---|---|
| data | {self.plan.images:,} images that this package renders in this look, seeds from {first:,}; no other image was used |
| held out | {len(self.held_out)} scenes, seeds from {held:,} |
| strength | {self.strength:g} times the trained LoRA, within the file |
| empty prompts | {BASE_SHARE:.0%} base images, {CAPTION_DROPOUT:.0%} in the look |
{self.training_rows()}

`sakuga sketchbook score` measures it over more images.

![base above, style below](sheet.webp)
"""
