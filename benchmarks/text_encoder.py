"""Does the UNet learn better from a frozen contrastive text encoder, or from one that is trained along with it?

`python benchmarks/text_encoder.py WORK [--samples 20000]`, where WORK holds finished weights and latents of the recipe. Three UNets
are trained from the same seed on the same samples: told by the finished text encoder, by the same one trained along, and by one that
begins at random. Each one's error on held-out pictures is printed, with the difference to the first and its 95% interval over pictures.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.models.sketchbook import LATENT_CHANNELS, TOKENS, make_text_encoder
from sakuga.sketchbook.captions import caption
from sakuga.training.sketchbook.loop import Pace, Training, run_training
from sakuga.training.sketchbook.unet import PLAN, UnetTask


class Both(nn.Module):
    """A UNet with the text encoder that is trained along, called as the UNet is."""

    def __init__(self, unet: nn.Module, text_encoder: nn.Module) -> None:
        super().__init__()
        self.unet, self.text_encoder = unet, text_encoder

    def forward(self, *given: Any, **named: Any) -> Any:
        return self.unet(*given, **named)


class JointTask(UnetTask):
    """The UNet and the text encoder, both in training."""

    def __init__(self, *given: Any, fresh: bool) -> None:
        super().__init__(*given)
        if fresh:
            torch.manual_seed(self.plan.seed)
            self.checkpoint.readers[0].encoder = make_text_encoder(self.checkpoint.tokenizer)
        self.networks = Both(self.networks, self.checkpoint.text_encoder.requires_grad_(True)).train()

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Return the words' embeddings, through which the error flows back."""
        ids = self.checkpoint.tokenizer(texts, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt").input_ids
        embedded: Tensor = self.checkpoint.text_encoder(ids)[0]
        return embedded


def held_out_errors(task: UnetTask) -> Tensor:
    """Return the error on each held-out picture told by words, the mean over eight evenly spread times."""
    count = len(task.held_out)
    clean = task.held_out.latents(np.arange(count)) * task.scale
    shown = [task.held_out.shown(index) for index in range(count)]
    told = task.embed_texts([caption(labels, np.random.default_rng(index), look) for index, (labels, look) in enumerate(shown)])
    noise = torch.randn((count, LATENT_CHANNELS, 16, 16), generator=torch.Generator().manual_seed(1))
    times = [torch.full((count,), time) for time in torch.linspace(60, len(task.signal) - 60, 8).long().tolist()]
    return torch.stack([task.errors(clean, time, noise, told) for time in times]).mean(dim=0)


def main() -> None:
    """Train three times and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--pictures", type=int, default=20_480)
    given = parser.parse_args()
    torch.set_num_threads(1)
    plan = replace(PLAN, samples=given.samples, pictures=given.pictures)
    device = torch.device("cpu")
    makers = {
        "frozen": lambda: UnetTask(plan, given.work, device, 1),
        "trained along": lambda: JointTask(plan, given.work, device, 1, fresh=False),
        "trained along, from random": lambda: JointTask(plan, given.work, device, 1, fresh=True),
    }
    first: Tensor | None = None
    for name, make in makers.items():
        training = Training(make(), given.work / "trials" / name.replace(" ", "-"), resume=True)
        for _ in run_training(training, given.work / "trials" / "weights", Pace(look_every=60)):
            pass
        with training.average.worn(), torch.inference_mode():
            errors = held_out_errors(training.task)  # type: ignore[arg-type]
        first = errors if first is None else first
        apart = (errors - first).numpy()
        drawn = np.random.default_rng(0).choice(apart, (2000, len(apart))).mean(axis=1)
        low, high = np.percentile(drawn, (2.5, 97.5))
        print(f"{name}: error {errors.mean():.4f}, to frozen {apart.mean():+.4f} [{low:+.4f}, {high:+.4f}], n {len(apart)}", flush=True)


if __name__ == "__main__":
    main()
