"""MotionLoRA: one camera move learnt from a few clips, as mean flow before and after.

    python benchmarks/motion_lora.py [--clips 12] [--steps 150] [--rank 8] [--prompts 8] [--frames 16] [--speed 4] [--seed 0]
        [--learning-rate 1e-3] [--given 0.5] [--both-ways] [--min-timestep 200] [--max-timestep 700] [--min-snr-gamma 0] [--out FOLDER]

Clips are scenes of the Sketchbook's world under a camera that moves to the right, `speed` pixels a frame at 128 px, so that images move to
the left. A MotionLoRA beside the Sketchbook's motion adapter trains on them. Held-out prompts are then generated as clips of as many frames
with the same seeds, by the adapter alone and with the MotionLoRA. `across` and `down` are the mean flow from frame to frame in pixels,
`left` the share of clips whose mean flow goes to the left by half a pixel or more, `shown` the share of what prompts state that the middle
frame shows, each with its 95% interval over prompts; `more` is the paired difference of `across` from the first row. The last row says what
true clips have. One JSON line a row.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from intervals import interval, paired
from PIL import Image as PILImage

from sakuga import studio
from sakuga.finishing.flow import optical_flow
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.sketchbook import scene
from sakuga.studio.core.settings import resolve_settings
from sakuga.studio.core.work import Work
from sakuga.studio.evaluation.metric_models import load_metric_models
from sakuga.studio.evaluation.style_comparison import default_prompts
from sakuga.studio.training.open_sets import clip_set
from sakuga.studio.training.resolution import TrainSettings, resolve_training
from sakuga.studio.training.samples import generate_clip, write_sheet
from sakuga.studio.training.weight_choice import shown_labels
from sakuga.training.loop import Training, run_training
from sakuga.training.method_settings import MotionLora
from sakuga.training.setup import prepare_training

SIZE, FRAMES, FPS = 128, 20, 8
WEIGHTS = (0.0, 1.0)
STEPS = 10
MOVED = 0.5
"""Pixels a frame from which a clip counts as moving."""


def pan(seed: int, speed: float) -> list[PILImage.Image]:
    """Render a clip of a scene under a camera that moves to the right."""
    width = SIZE + round(speed * FRAMES)
    shown = scene.sample(seed, aspect=width / SIZE, portrait=False)
    frames = [shown.at(place / FPS).image(width, SIZE) for place in range(FRAMES)]
    return [PILImage.fromarray(image[:, round(speed * place) :][:, :SIZE]) for place, image in enumerate(frames)]


def write_clips(folder: Path, count: int, speed: float) -> Path:
    """Write the clips to train on, with captions."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        first, *rest = pan(seed, speed)
        first.save(folder / f"{seed:02}.webp", save_all=True, append_images=rest, duration=1000 // FPS, lossless=True)
        (folder / f"{seed:02}.txt").write_text(scene.sample(seed, portrait=False).at(0.0).captions(1)[0])
    return folder


def mean_flow(frames: Any) -> tuple[float, float]:
    """Return the mean flow of a clip's frames to the next, across and down, in pixels."""
    grey = [np.asarray(PILImage.fromarray(frame).convert("L")) for frame in frames]
    flows = [optical_flow(before, after).mean(axis=(0, 1)) for before, after in pairwise(grey)]
    across, down = np.mean(flows, axis=0)
    return float(across), float(down)


def trained(clips: Path, work: Path, args: argparse.Namespace) -> tuple[Training, float]:
    """Train the MotionLoRA; returns it with the CPU seconds of a step."""
    settings = TrainSettings(
        method=MotionLora(rank=args.rank, frames=args.frames, given=args.given, both_ways=args.both_ways), set=clips, out=work / "run",
        steps=args.steps, seed=args.seed, learning_rate=args.learning_rate, timestep_sampling=args.timestep_sampling,
        min_timestep=args.min_timestep, max_timestep=args.max_timestep, min_snr_gamma=args.min_snr_gamma, sample_every=0, tracker="none",
        device="cpu",
    )  # fmt: skip
    resolved = resolve_training(settings, clip_set(clips, None))
    resolved.run.create(resolved.plan)
    training = Work(prepare_training(resolved, None, "cpu")).result()
    started = process_time()
    for _ in run_training(training):
        pass
    training.method.write(work / "style", "pan-right", "")
    return training, (process_time() - started) / args.steps


def rows(training: Training, prompts: Sequence[str], clips: Sequence[Any], work: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each weight, and one of true clips."""
    source = find_checkpoint("sketchbook")
    models, settings = load_metric_models(source.name, None), resolve_settings(studio.FilmSettings(steps=STEPS), source)
    first, sheet = None, []
    for weight in WEIGHTS:
        training.method.low_rank.scales[:] = [weight] * len(training.method.low_rank.scales)  # type: ignore[attr-defined]
        with training.method.base_weights():  # attached anew, with these scales
            pass
        made = [generate_clip(training.method, prompt, seed, settings) for seed, prompt in enumerate(prompts)]
        row = moved(f"weight {weight:g}", made)
        across = np.array([mean_flow(clip)[0] for clip in made])
        first = across if first is None else first
        shown = shown_labels(models, np.stack([clip[len(clip) // 2] for clip in made]), prompts)
        yield {**row, "more": paired(first, across), "shown": interval(shown), "n": len(prompts)}
        sheet += [np.stack(clip[::5]) for clip in made[:3]]
    write_sheet(work / "clips.png", sheet)
    yield {**moved("true clips", clips), "n": len(clips)}


def moved(name: str, clips: Sequence[Any]) -> dict[str, Any]:
    """Return the mean flow of clips with its interval."""
    across, down = np.array([mean_flow(clip) for clip in clips]).T
    return {"row": name, "across": interval(across), "down": interval(down), "left": interval(across <= -MOVED)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("clips", 12), ("steps", 150), ("rank", 8), ("prompts", 8), ("frames", 16), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--learning-rate", type=float, help="by default the trainer's, as those below")
    parser.add_argument("--given", type=float, help="share of clips whose first frame is given in training; generated ones have none")
    parser.add_argument("--both-ways", action="store_true", help="learn each clip backwards, too, at weight -1")
    parser.add_argument("--timestep-sampling")
    parser.add_argument("--min-timestep", type=int)
    parser.add_argument("--max-timestep", type=int)
    parser.add_argument("--min-snr-gamma", type=float, help="0 weights all noise levels alike")
    parser.add_argument("--speed", type=float, default=4.0, help="pixels a frame")
    parser.add_argument("--out", type=Path, help="folder to keep clips and style in")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = args.out or Path(scratch)
        training, seconds = trained(write_clips(work / "clips", args.clips, args.speed), work, args)
        true = [np.stack([np.asarray(frame) for frame in pan(1000 + seed, args.speed)]) for seed in range(args.prompts)]
        for row in rows(training, default_prompts("sketchbook", args.prompts), true, work):
            print(json.dumps({**row, "step_s": round(seconds, 3)}, default=np.ndarray.tolist), flush=True)
        training.method.close()


if __name__ == "__main__":
    main()
