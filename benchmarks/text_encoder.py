"""Frozen or jointly trained text encoder: which trains the better UNet?

`python benchmarks/text_encoder.py WORK [--samples 20000]`, where WORK holds finished weights and latents of the recipe. Three UNets are
trained from the same seed on the same samples: with the finished text encoder frozen, with the same one trained jointly, and with one
from random weights, trained jointly. Prints each one's error on held-out images, and the difference to the first with its 95% interval
over images.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.models.sketchbook import LATENT_CHANNELS, TOKEN_LIMIT, make_text_encoder
from sakuga.sketchbook.captions import caption
from sakuga.training.sketchbook.loop import Intervals, StageSetup, StageTraining, run_training
from sakuga.training.sketchbook.unet import PLAN, UnetTask


class Both(nn.Module):
    """A UNet and a jointly trained text encoder, called like the UNet."""

    def __init__(self, unet: nn.Module, text_encoder: nn.Module) -> None:
        super().__init__()
        self.unet, self.text_encoder = unet, text_encoder

    def forward(self, *inputs: Any, **options: Any) -> Any:
        return self.unet(*inputs, **options)


class JointTask(UnetTask):
    """Train UNet and text encoder jointly."""

    def __init__(self, setup: StageSetup, *, fresh: bool) -> None:
        super().__init__(setup)
        if fresh:
            torch.manual_seed(self.plan.seed)
            self.checkpoint.text_encoders[0].network = make_text_encoder(self.checkpoint.tokenizer)
        self.networks = Both(self.networks, self.checkpoint.text_encoder.requires_grad_(True)).train()

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Return prompt embeddings that gradients flow through."""
        ids = self.checkpoint.tokenizer(texts, padding="max_length", max_length=TOKEN_LIMIT, truncation=True, return_tensors="pt").input_ids
        embedded: Tensor = self.checkpoint.text_encoder(ids)[0]
        return embedded


def held_out_errors(task: UnetTask) -> Tensor:
    """Return the error on each held-out image with its caption, the mean over eight timesteps."""
    count = len(task.held_out)
    clean = task.held_out.latents(np.arange(count)) * task.scale
    labels = [task.held_out.described(index) for index in range(count)]
    embeds = task.embed_texts([caption(of_image, np.random.default_rng(index), look) for index, (of_image, look) in enumerate(labels)])
    noise = torch.randn((count, LATENT_CHANNELS, 16, 16), generator=torch.Generator().manual_seed(1))
    times = [torch.full((count,), time) for time in torch.linspace(60, len(task.signal) - 60, 8).long().tolist()]
    return torch.stack([task.errors(clean, time, noise, embeds) for time in times]).mean(dim=0)


def main() -> None:
    """Train three UNets and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--images", type=int, default=20_480)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    plan = replace(PLAN, samples=arguments.samples, images=arguments.images)
    setup = StageSetup(plan=plan, work=arguments.work, device=torch.device("cpu"))
    makers = {
        "frozen": lambda: UnetTask(setup),
        "joint": lambda: JointTask(setup, fresh=False),
        "joint, from random weights": lambda: JointTask(setup, fresh=True),
    }
    first: Tensor | None = None
    for name, make in makers.items():
        training = StageTraining(make(), arguments.work / "trials" / name.replace(" ", "-"), resume=True)
        for _ in run_training(training, arguments.work / "trials" / "weights", Intervals(look_every=60)):
            pass
        with training.average.with_adapter(), torch.inference_mode():
            errors = held_out_errors(training.task)  # type: ignore[arg-type]
        first = errors if first is None else first
        differences = (errors - first).numpy()
        resampled = np.random.default_rng(0).choice(differences, (2000, len(differences))).mean(axis=1)
        low, high = np.percentile(resampled, (2.5, 97.5))
        print(
            f"{name}: error {errors.mean():.4f}, to frozen {differences.mean():+.4f} [{low:+.4f}, {high:+.4f}], n {len(differences)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
