"""The few-step stage (Luhman and Luhman 2021).

A LoRA is distilled from the guided UNet. The student predicts the image that the teacher reaches; the `lcm` sampler then continues from it
with new noise (Song et al. 2023, algorithm 1).
"""

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from PIL import Image as PILImage
from torch import Tensor

from sakuga.diffusion.guidance import apply_guidance, rescale_guidance
from sakuga.diffusion.velocity import add_noise, predict_clean, predict_noise, pseudo_huber
from sakuga.models.adapters import write_adapter
from sakuga.models.image_tensors import Images
from sakuga.models.sampling import ZERO_SNR_GUIDANCE_RESCALE
from sakuga.models.sketchbook import TOKEN_LIMIT
from sakuga.models.style_files import LORA_FILE
from sakuga.models.styles import FEW_STEP
from sakuga.sketchbook.captions import full_caption
from sakuga.sketchbook.label_codes import ATTRIBUTES
from sakuga.training.low_rank import ATTENTION, CONVOLUTIONS
from sakuga.training.sketchbook import loss_maps
from sakuga.training.sketchbook.adapter_task import AdapterSpec, AdapterTask
from sakuga.training.sketchbook.image_dataset import BASE
from sakuga.training.sketchbook.latent_dataset import LatentDataset, LatentSpec
from sakuga.training.sketchbook.loop import StagePlan, StageSetup
from sakuga.training.sketchbook.unet import CAPTIONS, GUIDANCE, IMAGE_PROMPTS, choose_images, held_out, make_caption
from sakuga.training.step_random import StepRandom

PLAN = StagePlan(samples=8_000, batch=16, rate=1e-3, images=8_192, warmup=320, last_rate=0.1, half_life=800, decay=0.0)
SPEC = AdapterSpec(part=FEW_STEP, targets=(*ATTENTION, *CONVOLUTIONS), rank=8)
TIMESTEPS = (999, 759, 499, 259)
"""Timesteps of the `lcm` sampler with four steps."""
TEACHER_STEPS = 4
"""Steps that the teacher takes from there to the image."""
STUDENT_STEPS = len(TIMESTEPS)
WIDTH = 1e-3
"""The pseudo-Huber loss is quadratic below this error."""
MEASURED = 32
SHOWN = 8


class FewStepTask(AdapterTask):
    """The few-step LoRA in training.

    The guided UNet is the teacher of the UNet with the LoRA.
    """

    def __init__(self, setup: StageSetup) -> None:
        plan, device = setup.plan, setup.device
        super().__init__(setup, SPEC)
        self.latents = LatentDataset(LatentSpec(dataset=BASE, work=setup.work, device=device), plan.images, setup.processes)
        spec, count = held_out(setup.work, plan.images, device)
        self.held_out = LatentDataset(spec, min(MEASURED, count))
        self.unconditional = self.embed_texts([""])

    def encode_prompts(self, chosen: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return prompt embeddings and negative ones.

        Each is (n, 77, 256): captions, or one image token repeated.
        """
        texts = [make_caption(*self.latents.described(index), rng) for index in chosen.tolist()]
        prompt_embeds, negative_embeds = self.embed_texts(texts), self.unconditional.repeat(len(chosen), 1, 1)
        image_prompts = rng.random(len(chosen)) < IMAGE_PROMPTS
        if image_prompts.any():
            prompt_embeds[image_prompts] = self.latents.images(chosen[image_prompts]).to(prompt_embeds)[:, None].expand(-1, TOKEN_LIMIT, -1)
            negative_embeds[image_prompts] = 0.0
        return prompt_embeds, negative_embeds

    @torch.no_grad()
    def target(self, noisy: Tensor, timesteps: Tensor, prompt_embeds: Tensor, negative_embeds: Tensor) -> Tensor:
        """Return the image that the guided teacher reaches.

        In even steps of DDIM (Song et al. 2021, eq. 12).
        """
        at, both = timesteps, torch.cat([negative_embeds, prompt_embeds])
        for left in reversed(range(TEACHER_STEPS)):
            velocities = self.velocity(self.checkpoint.unet, torch.cat([noisy, noisy]), torch.cat([at, at]), both)
            unconditional, conditional = velocities.chunk(2)
            velocity = rescale_guidance(apply_guidance(unconditional, conditional, GUIDANCE), conditional, ZERO_SNR_GUIDANCE_RESCALE)
            signal, at = self.signal_at(at), (timesteps + 1) * left // TEACHER_STEPS - 1
            noisy = add_noise(predict_clean(noisy, velocity, signal), predict_noise(noisy, velocity, signal), self.signal_at(at))
        return noisy

    def errors(
        self,
        clean: Tensor,
        timesteps: Tensor,
        noise: Tensor,
        prompt_embeds: Tensor,
        negative_embeds: Tensor,
        cell_weights: Tensor | float = 1.0,
    ) -> Tensor:
        """Return the student's error against the teacher's images.

        Shape (n,).
        """
        signal = self.signal_at(timesteps)
        noisy = add_noise(clean, noise, signal)
        made = predict_clean(noisy, self.velocity(self.networks, noisy, timesteps, prompt_embeds), signal)
        return pseudo_huber(made, self.target(noisy, timesteps, prompt_embeds, negative_embeds), WIDTH, cell_weights)

    def timesteps(self, spread: NDArray[np.float64]) -> Tensor:
        """Return the sampler's timestep for places in [0, 1)."""
        return torch.tensor(TIMESTEPS, device=self.device)[torch.from_numpy((spread * STUDENT_STEPS).astype(np.int64))]

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        """Return the error of a batch.

        Its timesteps are spread evenly over the sampler's.
        """
        rng, count = random.rng(), self.plan.batch
        chosen = choose_images(self.latents, count, rng)
        prompt_embeds, negative_embeds = self.encode_prompts(chosen, rng)
        clean = self.clean(self.latents, chosen)
        noise = torch.randn(clean.shape, generator=random.noise()).to(self.device)
        timesteps = self.timesteps((np.arange(count) + rng.random(count)) / count)
        cell_weights = loss_maps.weights([self.latents.described(index)[0] for index in chosen.tolist()], *clean.shape[2:]).to(self.device)
        return {"error": self.errors(clean, timesteps, noise, prompt_embeds, negative_embeds, cell_weights).mean()}

    @cached_property
    def captions(self) -> list[str]:
        """Return full captions of the held-out images."""
        return [full_caption(labels) for labels, _ in map(self.held_out.described, range(len(self.held_out)))]

    @cached_property
    def full(self) -> Images:
        """Generate the held-out captions with all steps and guidance.

        The teacher does not change.
        """
        return self.generate(self.captions, with_adapter=False)

    def few(self, prompts: list[str]) -> Images:
        """Generate in few steps without guidance."""
        return self.generate(prompts, with_adapter=True, sampler="lcm", steps=STUDENT_STEPS, guidance=1.0)

    def measure(self) -> dict[str, float]:
        """Return the held-out error and label accuracies.

        How often few steps and all steps show the right subject and place.
        """
        count = len(self.held_out)
        clean = self.clean(self.held_out, np.arange(count))
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1)).to(self.device)
        prompt_embeds, negative_embeds = self.embed_texts(self.captions), self.unconditional.repeat(count, 1, 1)
        given = (clean, self.timesteps(np.arange(count) / count), noise, prompt_embeds, negative_embeds)
        parts = zip(*(torch.split(part, 16) for part in given), strict=True)
        self.metrics = {"error": float(torch.cat([self.errors(*part) for part in parts]).mean())}
        if self.classifier is not None:
            self.metrics |= self._read_generated()
        return self.metrics

    def _read_generated(self) -> dict[str, float]:
        shown = [labels for labels, _ in map(self.held_out.described, range(len(self.held_out)))]
        scenes = np.array([labels.portrait is None for labels in shown])
        generated = {"few": self.few(self.captions), "full": self.full}
        metrics: dict[str, float] = {}
        for attribute in ("place", "subject") if scenes.any() else ():
            wanted = np.array([ATTRIBUTES[attribute].index(getattr(labels, attribute)) for labels in shown])
            for name, images in generated.items():
                metrics[f"{name}.{attribute}"] = float((self.read(images, attribute) == wanted)[scenes].mean())
        return metrics

    def sheet(self) -> Images:
        """Return images of all steps above few steps.

        The captions and seeds are the same.
        """
        captions = list(CAPTIONS[:: max(1, len(CAPTIONS) // SHOWN)][:SHOWN])
        rows = np.stack([self.generate(captions, with_adapter=False), self.few(captions)])
        self.sample_sheet = np.ascontiguousarray(rearrange(rows, "row column y x c -> (row y) (column x) c"))
        return self.sample_sheet

    def save(self, weights: Path) -> None:
        """Write few_step/: the LoRA, its card, and the sheet."""
        folder = weights / self.spec.part
        write_adapter(self.adapter(), folder / LORA_FILE)
        if self.sample_sheet is not None:
            PILImage.fromarray(self.sample_sheet).save(folder / "sheet.webp", quality=80)
        (folder / "README.md").write_text(self.card(), encoding="utf-8")

    def card(self) -> str:
        """Return its card: usage, training, newest metrics."""
        return f"""---
base_model: sakuga sketchbook
tags: [lora, diffusers, text-to-image, lcm]
license: mit
---
# Generation in {STUDENT_STEPS} steps

Applied by `--preview` and `--sampler lcm`, with guidance 1. At the sampler's {STUDENT_STEPS} timesteps it was trained to predict the image
that the UNet reaches from there with guidance {GUIDANCE:g} (rescaled by {ZERO_SNR_GUIDANCE_RESCALE:g}) in {TEACHER_STEPS} steps of DDIM.

| | |
|---|---|
| data | {self.plan.images:,} images that this package renders, seeds from {BASE.first_seed:,} |
| held out | {len(self.held_out)} scenes |
{self.training_rows()}

`sakuga sketchbook score` measures it over more images, and how much faster it is.

![all steps above, {STUDENT_STEPS} below](sheet.webp)
"""
