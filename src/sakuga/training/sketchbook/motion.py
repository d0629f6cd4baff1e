"""The motion stage.

The image UNet is frozen.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor, nn

from sakuga.diffusion.noise import seeded_noise
from sakuga.models.checkpoint import to_uint8
from sakuga.models.image_tensors import Images, to_tensor
from sakuga.models.motion import MotionUNet, make_motion_adapter, motion_modules, open_motion_adapter
from sakuga.models.placement import place_encoder, place_unet
from sakuga.models.sampling import sample
from sakuga.models.sketchbook import LATENT_CHANNELS, TOKEN_LIMIT, assemble_checkpoint, load_unet, make_scheduler
from sakuga.sketchbook import scene
from sakuga.sketchbook.caption_reading import NOT_LEARNT
from sakuga.sketchbook.labels import Labels
from sakuga.training.caption_embeddings import encode_padded
from sakuga.training.sketchbook import loss_maps
from sakuga.training.sketchbook.image_dataset import CLIPS, HELD_OUT_CLIPS, LONGEST_TIME
from sakuga.training.sketchbook.loop import StagePlan, StageSetup
from sakuga.training.sketchbook.unet import CAPTION_DROPOUT, GUIDANCE, STEPS, make_caption, velocity_errors
from sakuga.training.speed import bf16_is_fast
from sakuga.training.step_random import StepRandom

PLAN = StagePlan(samples=64_000, batch=2, rate=6e-4, images=1_000_000, warmup=400, half_life=1_500)
"""Samples and images are clips here; so many different ones that hardly any comes twice."""
FRAMES, FRAME_RATE = 16, 8
"""Frames of a clip, and how many there are in a second (Guo et al. 2024 train on 16)."""
GIVEN = 0.5
"""How many clips are trained with given frames: the first one, the last, both, or any."""
MEASURED = 24
"""Held-out clips that the error is measured on."""
VARIANCE_CLIPS = 64
CAPTIONS = (
    "snow falls on a cabin in the woods at night",
    "a windmill in a meadow on a sunny day, birds",
    "a sailing boat on the sea at dawn",
    "rain over the forest, a tower on the right",
    "portrait of a girl with long red hair, smiling, clouds behind her",
    "a dragon over the mountains at night",
    "clouds over a castle on green hills at noon",
    "a small figure in a meadow at sunset, a cottage on the left",
)
"""What the sheet shows: things that move by themselves, each as a row of frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Consecutive frames of one scene with its labels.

    Frames are (frames, height, width, 3).
    """

    frames: Images
    labels: Labels


def render_clip(seed: int, *, frames: int = FRAMES, size: int = 128) -> Clip:
    """Render a clip of a seed's scene.

    The seed decides its first moment too. People who walk and second subjects come once the image networks know them.
    """
    shown = scene.sample(seed, accompanied="action" not in NOT_LEARNT)
    start = np.random.default_rng((seed, 17)).uniform(0.0, LONGEST_TIME)
    moments = (shown.at(start + frame / FRAME_RATE) for frame in range(frames))
    return Clip(frames=np.stack([moment.image(size, size) for moment in moments]), labels=shown.labels)


def choose_given(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose which frames of a clip are given, (frames,).

    None in half of the clips; else the first, both ends, the last, or any of them.
    """
    if rng.random() >= GIVEN:
        return _mask([])
    match rng.choice(4, p=(0.4, 0.3, 0.1, 0.2)):
        case 0:
            return _mask([0])
        case 1:
            return _mask([0, FRAMES - 1])
        case 2:
            return _mask([FRAMES - 1])
        case _:
            return _mask(rng.choice(FRAMES, size=rng.integers(1, FRAMES), replace=False).tolist())


def _mask(given: list[int]) -> NDArray[np.bool_]:
    return np.isin(np.arange(FRAMES), given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Clips of one training step.

    Frames of one clip lie one after the other.
    """

    clean: Tensor  # (clips * frames, channels, height / 8, width / 8), scaled
    noise: Tensor
    timesteps: Tensor  # (clips * frames,), the same for all frames of a clip, but 0 for given ones
    prompt_embeds: Tensor  # (clips * frames, 77, channels)
    counts: Tensor  # (clips * frames, 1, height / 8, width / 8): how much each cell's error counts; 0 in given frames


class MotionTask:
    """The motion adapter in training, inside the finished UNet."""

    def __init__(self, setup: StageSetup) -> None:
        self.plan, self.device = plan, device = setup.plan, setup.device
        weights = setup.work / "weights"
        torch.manual_seed(plan.seed)
        unet = load_unet(weights)
        adapter = make_motion_adapter(unet) if setup.start is None else open_motion_adapter(setup.start / "motion_adapter")
        self.unet: Any = MotionUNet(unet, adapter, FRAMES)
        place_unet(unet.requires_grad_(False), device)
        place_unet(adapter, device)
        self.networks = nn.ModuleList(motion_modules(adapter)).requires_grad_(True).train()
        self.checkpoint = assemble_checkpoint(self.unet, weights, device)
        place_encoder(self.checkpoint.text_encoder, device)
        self.signal = make_scheduler().alphas_cumprod.to(device)
        self.unconditional = self.embed_texts([""])
        firsts = np.stack([render_clip(CLIPS.first_seed - 1 - index, frames=1).frames[0] for index in range(VARIANCE_CLIPS)])
        self.variance = self.encode(firsts).var(dim=(0, 2, 3))
        self.held_out = {"held_out": self._held_out([]), "first_given": self._held_out([0]), "ends_given": self._held_out([0, FRAMES - 1])}

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Encode prompts, (texts, 77, channels)."""
        return encode_padded(self.checkpoint, texts, TOKEN_LIMIT)

    def half(self) -> torch.autocast:
        """Return a context of bfloat16 where that is fast."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16_is_fast(self.device))

    @torch.no_grad()
    def encode(self, frames: Images) -> Tensor:
        """Encode frames (n, height, width, 3) to scaled latents."""
        with self.half():
            latents: Tensor = self.checkpoint.vae.encode(to_tensor(frames, self.device)).latent_dist.mean
        scaling: float = self.checkpoint.vae.config.scaling_factor
        return latents.float() * scaling

    def batch(
        self,
        seeds: list[int],
        timesteps: Tensor,
        rng: np.random.Generator,
        noise: torch.Generator,
        *,
        dropped: float,
        given: NDArray[np.bool_],
    ) -> Batch:
        """Render and encode clips of these seeds.

        Each frame has noise of its own. `timesteps` is (clips,), `given` (clips, frames).
        """
        clips = [render_clip(seed) for seed in seeds]
        clean = torch.cat([self.encode(clip.frames) for clip in clips])
        texts = ["" if rng.random() < dropped else make_caption(clip.labels, "flat", rng) for clip in clips]
        counts = loss_maps.weights([clip.labels for clip in clips], *clean.shape[2:])
        is_given = torch.from_numpy(given.reshape(-1)).to(self.device)
        weights = torch.from_numpy((~given / (~given).mean(axis=1, keepdims=True)).astype(np.float32).reshape(-1, 1, 1, 1)).to(self.device)
        return Batch(
            clean=clean,
            noise=torch.randn(clean.shape, generator=noise).to(self.device),
            timesteps=timesteps.to(self.device).repeat_interleave(FRAMES).masked_fill(is_given, 0),
            prompt_embeds=self.embed_texts(texts).repeat_interleave(FRAMES, dim=0),
            counts=counts.to(self.device).repeat_interleave(FRAMES, dim=0) * weights,
        )

    def errors(self, batch: Batch) -> Tensor:
        """Return the weighted error of each frame's predicted velocity.

        Shape (clips * frames,).
        """

        def predict(noisy: Tensor) -> Tensor:
            predicted: Tensor = self.unet(noisy, batch.timesteps, batch.prompt_embeds)[0]
            return predicted

        return velocity_errors(predict, self.signal[batch.timesteps], batch.clean, batch.noise, self.variance, batch.counts)

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        """Return the error of a batch.

        Its timesteps are spread evenly over the schedule.
        """
        rng = random.rng()
        seeds = (CLIPS.first_seed + rng.integers(self.plan.images, size=self.plan.batch)).tolist()
        places = (np.arange(self.plan.batch) + rng.random(self.plan.batch)) / self.plan.batch
        timesteps = torch.from_numpy((places * len(self.signal)).astype(np.int64))
        given = np.stack([choose_given(rng) for _ in seeds])
        batch = self.batch(seeds, timesteps, rng, random.noise(), dropped=CAPTION_DROPOUT, given=given)
        return {"error": self.errors(batch).mean()}

    def _held_out(self, given: list[int]) -> list[Batch]:
        timesteps = torch.linspace(0, len(self.signal) - 1, MEASURED).long()
        return [
            self.batch([HELD_OUT_CLIPS.first_seed + index], timesteps[index : index + 1], np.random.default_rng(index),
                       torch.Generator().manual_seed(index), dropped=0.0, given=_mask(given)[None])
            for index in range(MEASURED)
        ]  # fmt: skip

    def measure(self) -> dict[str, float]:
        """Return the error on clips not trained on.

        Noise and timesteps stay the same.
        """
        with self.half():
            return {
                f"error.{name}": float(torch.cat([self.errors(batch) for batch in batches]).mean())
                for name, batches in self.held_out.items()
            }

    def sheet(self) -> Images:
        """Return clips of fixed captions and seeds.

        One clip to a row, every second frame.
        """
        rows = [self.generate(caption, seed)[::2] for seed, caption in enumerate(CAPTIONS)]
        return np.ascontiguousarray(rearrange(np.stack(rows), "clip frame y x c -> (clip y) (frame x) c"))

    def generate(self, caption: str, seed: int) -> Images:
        """Generate a clip from independent noise for each frame.

        Shape (frames, height, width, 3).
        """
        prompt, empty = self.embed_texts([caption]), self.unconditional
        noise = seeded_noise((FRAMES, LATENT_CHANNELS, 16, 16), seed)
        with self.half():
            *_, last = sample(
                self.checkpoint, prompt_embeds=prompt.expand(FRAMES, -1, -1), negative_prompt_embeds=empty.expand(FRAMES, -1, -1),
                noise=noise, sampler="dpm++", steps=STEPS, guidance_scale=GUIDANCE,
            )  # fmt: skip
            decoded: NDArray[np.uint8] = to_uint8(self.checkpoint.decode(last.latents))
        return decoded

    def save(self, weights: Path) -> None:
        """Write motion_adapter/."""
        self.unet.save_adapter(weights / "motion_adapter")
