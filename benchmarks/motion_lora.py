"""MotionLoRA: one camera move learnt from a few clips, as the way that images have gone at the end of a clip.

    python benchmarks/motion_lora.py [--clips 24] [--steps 200] [--rank 16] [--prompts 12] [--frames 16] [--pan 0.1] [--seed 0]
        [--learning-rate 3e-3] [--given 1] [--no-both-ways] [--no-feed-forward] [--min-timestep 150] [--max-timestep 1000]
        [--min-snr-gamma 0] [--out FOLDER]

Clips are scenes of the Sketchbook's world under its own camera, which goes to the right by `pan` of an image height, what is near more than
what is far, so that images move to the left. A MotionLoRA beside the Sketchbook's motion adapter trains on them. Images of held-out prompts
are then continued as clips of as many frames, with the same seeds, by the adapter alone and with the MotionLoRA at several weights. `moved`
is how many pixels the last frame lies to the right of the second, where both fit best, and `fit` their correlation there; `left` is the
share of clips that go to the left by MOVED pixels or more, `shown` the share of what prompts state that the last frame shows, each with its
95% interval over prompts. `more` is the paired difference of `moved` from weight 0. The last row says what true clips have. `train_s` are
the CPU seconds of the training. One JSON line a row.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import cv2
import numpy as np
import torch
from intervals import interval, paired
from PIL import Image as PILImage

from sakuga import studio
from sakuga.diffusion.noise import seeded_noise
from sakuga.models.checkpoint import to_uint8
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.image_tensors import to_tensor
from sakuga.models.motion_denoiser import MotionDenoiser
from sakuga.models.sampling import sample
from sakuga.models.schedulers import noise_schedule
from sakuga.sketchbook import scene
from sakuga.studio.core.settings import resolve_settings
from sakuga.studio.core.work import Work
from sakuga.studio.evaluation.metric_models import load_metric_models
from sakuga.studio.evaluation.style_comparison import default_prompts
from sakuga.studio.training.open_sets import clip_set
from sakuga.studio.training.resolution import TrainSettings, resolve_training
from sakuga.studio.training.samples import write_sheet
from sakuga.studio.training.weight_choice import shown_labels
from sakuga.training.loop import Training, run_training
from sakuga.training.method_settings import MotionLora
from sakuga.training.setup import prepare_training

SIZE, FRAMES, FPS = 128, 20, 8
WEIGHTS = (0.0, 1.0, -1.0)
STEPS = 10
FARTHEST, MOVED = 32, 4
"""Pixels that are looked for to both sides, and from which a clip counts as moving."""
SHEET = 6
"""Clips of each weight that the sheet shows."""


def pan(seed: int, reach: float) -> list[PILImage.Image]:
    """Render a clip of a scene under a camera that moves to the right."""
    shown = replace(scene.sample(seed, portrait=False), pan=reach)
    return [PILImage.fromarray(shown.at(place / FPS).image(SIZE, SIZE)) for place in range(FRAMES)]


def write_clips(folder: Path, count: int, reach: float) -> Path:
    """Write the clips to train on, with captions."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        first, *rest = pan(seed, reach)
        first.save(folder / f"{seed:02}.webp", save_all=True, append_images=rest, duration=1000 // FPS, lossless=True)
        (folder / f"{seed:02}.txt").write_text(scene.sample(seed, portrait=False).at(0.0).captions(1)[0])
    return folder


def displacement(first: Any, last: Any) -> tuple[int, float]:
    """Return how many pixels an image lies to the right of another where their details fit best, and their correlation there."""
    one, other = (_details(image) for image in (first, last))
    fits = {shift: _fit(one, other, shift) for shift in range(-FARTHEST, FARTHEST + 1)}
    best = max(fits, key=lambda shift: fits[shift])
    return best, fits[best]


def _details(image: Any) -> Any:
    grey = cv2.GaussianBlur(image.mean(axis=-1).astype(np.float32), (0, 0), 1)
    return grey - cv2.GaussianBlur(grey, (0, 0), 8)


def _fit(first: Any, last: Any, shift: int) -> float:
    width = first.shape[1] - abs(shift)
    rows = [(first[:, :width], last[:, -width:]), (first[:, -width:], last[:, :width])][shift < 0]
    return float(np.corrcoef(rows[0].ravel(), rows[1].ravel())[0, 1])


def trained(clips: Path, work: Path, args: argparse.Namespace) -> tuple[Training, float]:
    """Train the MotionLoRA; returns it with its CPU seconds."""
    method = MotionLora(
        rank=args.rank, frames=args.frames, given=args.given, both_ways=args.both_ways, feed_forward=args.feed_forward
    )  # fmt: skip
    settings = TrainSettings(
        method=method, set=clips, out=work / "run", steps=args.steps, seed=args.seed, learning_rate=args.learning_rate,
        min_timestep=args.min_timestep, max_timestep=args.max_timestep, min_snr_gamma=args.min_snr_gamma, sample_every=0, tracker="none",
        device="cpu",
    )  # fmt: skip
    resolved = resolve_training(settings, clip_set(clips, None))
    resolved.run.create(resolved.plan)
    training = Work(prepare_training(resolved, None, "cpu")).result()
    started = process_time()
    for _ in run_training(training):
        pass
    seconds = process_time() - started
    training.method.write(work / "style", "pan-right", "")
    return training, seconds


def continued(method: Any, image: Any, prompt: str, seed: int, settings: Any) -> Any:
    """Generate a clip that begins with an image, (frames, h, w, 3) uint8."""
    checkpoint, frames = method.checkpoint, method.checkpoint.unet.frames
    with torch.no_grad():
        clean = checkpoint.vae.encode(to_tensor(image[None], checkpoint.device)).latent_dist.mean * checkpoint.vae.config.scaling_factor
    denoiser = MotionDenoiser(
        network=checkpoint.unet, info=checkpoint.info, signal=noise_schedule(checkpoint), frames=frames, context=frames, given={0: clean}
    )
    embeds, negative = (method.encode_captions([text]).expand(frames, -1, -1) for text in (prompt, ""))
    *_, last = sample(
        replace(checkpoint, custom_denoiser=denoiser), prompt_embeds=embeds, negative_prompt_embeds=negative,
        noise=seeded_noise((frames, *clean.shape[1:]), seed), sampler="dpm++", steps=settings.steps, guidance_scale=settings.guidance,
    )  # fmt: skip
    return to_uint8(checkpoint.decode(last.latents))


def set_weight(method: Any, weight: float) -> None:
    """Take the MotionLoRA at a weight."""
    method.low_rank.ranks[:] = [weight * torch.ones(len(down)) for down in method.low_rank.downs]


def rows(method: Any, prompts: Sequence[str], clips: Sequence[Any], work: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each weight, and one of true clips."""
    source = find_checkpoint("sketchbook")
    models, settings = load_metric_models(source.name, None), resolve_settings(studio.FilmSettings(steps=STEPS), source)
    images = studio.draw(prompts, settings=studio.FilmSettings(size=(SIZE, SIZE))).result().images
    first, sheet = None, []
    for weight in WEIGHTS:
        set_weight(method, weight)
        made = [continued(method, image, prompt, seed, settings) for seed, (image, prompt) in enumerate(zip(images, prompts, strict=True))]
        moved = np.array([displacement(clip[1], clip[-1])[0] for clip in made])
        first = moved if first is None else first
        shown = shown_labels(models, np.stack([clip[-1] for clip in made]), prompts)
        yield {**row(f"weight {weight:g}", made), "more": paired(first, moved), "shown": interval(shown), "n": len(prompts)}
        sheet += [clip[[0, 1, 6, 11, len(clip) - 1]] for clip in made[:SHEET]]
        write_sheet(work / "clips.png", sheet)
    yield {**row("true clips", clips), "n": len(clips)}


def row(name: str, clips: Sequence[Any]) -> dict[str, Any]:
    """Return how far clips move, with intervals."""
    moved, fit = np.array([displacement(clip[1], clip[-1]) for clip in clips]).T
    return {"row": name, "moved": interval(moved), "fit": interval(fit), "left": interval(moved <= -MOVED)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    counts = (
        ("clips", 24), ("steps", 200), ("rank", 16), ("prompts", 12), ("frames", 16), ("seed", 0), ("min-timestep", 150),
        ("max-timestep", 1000),
    )  # fmt: skip
    for name, default in counts:
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--pan", type=float, default=0.1, help="how far the camera goes, in image heights; the adapter knows 0.07")
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--given", type=float, default=1.0, help="share of clips whose first frame is given in training")
    parser.add_argument(
        "--both-ways", action=argparse.BooleanOptionalAction, default=True, help="learn each clip backwards, too, at weight -1"
    )
    parser.add_argument("--feed-forward", action=argparse.BooleanOptionalAction, default=True, help="train these layers, too")
    parser.add_argument("--min-snr-gamma", type=float, default=0.0, help="0 weights all noise levels alike")
    parser.add_argument("--out", type=Path, help="folder to keep clips and style in")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = args.out or Path(scratch)
        training, seconds = trained(write_clips(work / "clips", args.clips, args.pan), work, args)
        true = [np.stack([np.asarray(frame) for frame in pan(1000 + seed, args.pan)[: args.frames]]) for seed in range(args.prompts)]
        for made in rows(training.method, default_prompts("sketchbook", args.prompts), true, work):
            print(json.dumps({**made, "train_s": round(seconds)}, default=np.ndarray.tolist), flush=True)
        training.method.close()


if __name__ == "__main__":
    main()
