"""How much of what a motion adapter learns from a camera move is the direction.

    python benchmarks/motion_direction.py [--clips 8] [--speed 1] [--timesteps 150,300,450,600,800,920] [--seed 0]

Clips are scenes under a camera that moves to the right, `speed` pixels a frame. For each, the gradient of the denoising loss by the
adapter's weights is taken on the clip, and on the clip and its noise played backwards. Half the difference of both is the part that knows
the direction, their mean the rest. A row is a timestep and a kind of layer: `direction` and `rest` are the mean norms of both parts,
`agree` the mean cosine between the directions of two clips. `clips` is after how many of them the direction that they share is as long as
what is left of all else in their mean gradient, if that is chance: in plain training, and in training both ways, where only directions are
left. One JSON line a row.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import torch
from PIL import Image as PILImage
from torch import Tensor
from torch.nn.functional import cosine_similarity

from sakuga.diffusion.objective import training_target
from sakuga.diffusion.velocity import add_noise
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.image_tensors import to_tensor
from sakuga.models.motion_lookup import find_motion_adapter
from sakuga.models.placement import place_unet
from sakuga.models.schedulers import noise_schedule
from sakuga.sketchbook import scene
from sakuga.training.clip_data import backwards
from sakuga.training.method_settings import MotionLora
from sakuga.training.motion_lora import MotionLoraMethod

SIZE, FRAMES, FPS = 128, 16, 8
KINDS = ("to_q", "to_k", "to_v", "to_out", "ff", "proj_in", "proj_out")


def pan(seed: int, speed: float) -> list[PILImage.Image]:
    """Render a clip of a scene under a camera that moves to the right."""
    width = SIZE + round(speed * FRAMES)
    shown = scene.sample(seed, aspect=width / SIZE, portrait=False)
    frames = [shown.at(place / FPS).image(width, SIZE) for place in range(FRAMES)]
    return [PILImage.fromarray(image[:, round(speed * place) :][:, :SIZE]) for place, image in enumerate(frames)]


class Gradients:
    """Gradients of the denoising loss of clips by the weights of the Sketchbook's motion adapter, by kind of layer."""

    def __init__(self) -> None:
        source = find_checkpoint("sketchbook")
        base = load_checkpoint(source, "cpu")
        place_unet(base.unet.requires_grad_(False), base.device)
        self.method = MotionLoraMethod(base, find_motion_adapter(source, None), MotionLora(frames=FRAMES), seed=0)
        self.checkpoint: Any = self.method.checkpoint
        self.signal = noise_schedule(self.checkpoint)
        named = dict(self.checkpoint.unet.adapter.named_parameters())
        self.weights = {kind: [weight for name, weight in named.items() if f".{kind}." in f".{name}."] for kind in KINDS}
        self.every = [weight for weights in self.weights.values() for weight in weights]
        for weight in self.every:
            weight.requires_grad_(True)

    @torch.no_grad()
    def clip(self, seed: int, speed: float) -> tuple[Tensor, Tensor]:
        """Return the latents of a clip and the embeddings of its caption for each frame."""
        frames = np.stack([np.asarray(frame) for frame in pan(seed, speed)])
        latents = self.checkpoint.vae.encode(to_tensor(frames, self.checkpoint.device)).latent_dist.mean
        caption = scene.sample(seed, portrait=False).at(0.0).captions(1)[0]
        return latents * self.checkpoint.vae.config.scaling_factor, self.method.encode_captions([caption]).expand(FRAMES, -1, -1)

    def of(self, clean: Tensor, noise: Tensor, embeds: Tensor, timestep: int) -> dict[str, Tensor]:
        """Return the gradient by the weights of each kind, as one vector."""
        signal = self.signal[timestep]
        predicted = self.checkpoint.forward(add_noise(clean, noise, signal), torch.tensor(timestep), embeds)
        target = training_target(self.checkpoint.info.prediction_type, clean, noise, signal)
        found = iter(torch.autograd.grad((predicted - target).square().mean(), self.every))
        return {kind: torch.cat([next(found).flatten() for _ in weights]) for kind, weights in self.weights.items()}


def parts(gradients: Gradients, clips: list[tuple[Tensor, Tensor]], timestep: int, seed: int) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield for each clip and kind the part of the gradient that knows the direction, and the rest."""
    for number, (clean, embeds) in enumerate(clips):
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed + 1000 * number + timestep))
        forwards = gradients.of(clean, noise, embeds, timestep)
        reverse = gradients.of(backwards(clean, FRAMES), backwards(noise, FRAMES), embeds, timestep)
        for kind in KINDS:
            yield kind, (forwards[kind] - reverse[kind]) / 2, (forwards[kind] + reverse[kind]) / 2


def row(timestep: int, kind: str, directions: list[Tensor], rests: list[Tensor]) -> dict[str, Any]:
    """Return a row; `clips` are None where directions do not agree."""
    agree = float(np.mean([float(cosine_similarity(one, other, dim=0)) for one, other in combinations(directions, 2)]))
    direction, rest = (float(np.mean([float(one.norm()) for one in found])) for found in (directions, rests))
    shared = agree * direction**2
    plain, both = (round(other / shared) if shared > 0 else None for other in (direction**2 + rest**2, direction**2))
    figures = {"direction": direction, "rest": rest, "agree": agree}
    return {"timestep": timestep, "layers": kind, **{key: round(value, 5) for key, value in figures.items()}, "clips": [plain, both]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--speed", type=float, default=1.0, help="pixels a frame")
    parser.add_argument("--timesteps", default="150,300,450,600,800,920", help="with commas")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    gradients = Gradients()
    clips = [gradients.clip(seed, args.speed) for seed in range(args.clips)]
    for timestep in map(int, args.timesteps.split(",")):
        directions, rests = defaultdict[str, list[Tensor]](list), defaultdict[str, list[Tensor]](list)
        for kind, direction, rest in parts(gradients, clips, timestep, args.seed):
            directions[kind].append(direction)
            rests[kind].append(rest)
        for kind in KINDS:
            print(json.dumps(row(timestep, kind, directions[kind], rests[kind])), flush=True)


if __name__ == "__main__":
    main()
