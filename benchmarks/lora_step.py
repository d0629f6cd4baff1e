"""A LoRA training step, compared with that of diffusers' published example.

    python benchmarks/lora_step.py [--batch 8] [--steps 4] [--rounds 3] [--model sketchbook] [--rows bf16,streaming]

The example encodes images and captions at every step, all in fp32, with peft adapters and the default AdamW. Ours is `sakuga train
lora`. Both get the same images, noise, timesteps and initial weights, in one process and on one thread, in the order A B B A. `step_s`
is the median of CPU seconds per step, `speedup` the median ratio of neighbouring blocks, `curves` the greatest relative difference of
the losses; in fp32 they are equal. The optimizers step all parameters of the UNet with the same gradients. `peak_mb` is the peak of
resident memory, in processes of their own. `streaming` compares fp32 with latents in files, as of sets larger than memory, and with images
encoded at every use (`--no-cache`), each against latents in memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from diffusers.optimization import get_scheduler
from peft import LoraConfig
from transformers import CLIPTokenizer

from sakuga.datasets.image_reading import read_image
from sakuga.datasets.training_set import Example
from sakuga.datasets.writing import write_set
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.core.work import Work
from sakuga.studio.training.resolution import TrainSettings, resolve_training
from sakuga.training import latent_cache
from sakuga.training.loop import Training
from sakuga.training.method_settings import Lora
from sakuga.training.objective import TrainingBatch
from sakuga.training.optimizers import FusedAdamW
from sakuga.training.setup import prepare_training
from sakuga.training.training_data import crop_to_bucket

RANK, LEARNING_RATE, IMAGES = 8, 1e-3, 32
FILE_BYTES = 32 * 2**10
"""Latents in one file of a streamed set: few of them, so that a batch reads several files."""
ROWS = ("peak", "fp32", "bf16", "optimizer", "streaming")


def make_set(folder: Path) -> Path:
    """Write a set of random images with captions; their content does not affect the time."""
    if folder.exists():
        return folder
    rng = np.random.default_rng(0)
    texts = [
        "a castle by the sea at sunset",
        "a cabin in a snowy forest",
        "a portrait of a girl with red hair",
        "a boat on a lake at night",
    ]
    images = [
        (
            Example(file=f"images/{place:04d}.png", text=f"{texts[place % 4]}, {place}", licence="MIT", source="random"),
            np.kron(rng.integers(0, 256, (16, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8),
        )
        for place in range(IMAGES)
    ]
    write_set(folder, images, trigger="", licence="MIT", provenance="random squares")
    return folder


def ours(model: str, training_set: Path, out: Path, batch: int, precision: str, *, cache: bool = True) -> Training:
    """Prepare our training."""
    settings = TrainSettings(
        method=Lora(rank=RANK, targets=("attention",)), set=training_set, out=out, model=model, steps=10_000, batch=batch,
        learning_rate=LEARNING_RATE, schedule="constant", sample_every=0, validate_every=0, precision=precision, tracker="none",
        device="cpu", caption_dropout=0.0, min_snr_gamma=0.0, warmup=0, cache=cache,
    )  # fmt: skip
    resolved = resolve_training(settings)
    resolved.run.create(resolved.plan)
    return Work(prepare_training(resolved, None, settings.device)).result()


class Published:
    """The example's training step, on the batches of ours."""

    def __init__(self, model: str, training: Training) -> None:
        self.checkpoint = load_checkpoint(find_checkpoint(model))
        self.tokenizer = CLIPTokenizer.from_pretrained(self.checkpoint.files.folder / "tokenizer")
        self.unet = self.checkpoint.unet
        self.unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
        low_rank: Any = training.method.networks["unet"]
        for layer, down in zip(low_rank.layers, low_rank.downs, strict=True):
            self.unet.get_submodule(layer).lora_A["default"].weight.data.copy_(down.data)
        self.trainable = [parameter for parameter in self.unet.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.trainable, lr=LEARNING_RATE, betas=(0.9, 0.999), weight_decay=training.plan.weight_decay, eps=1e-8
        )
        self.rates = get_scheduler("constant", self.optimizer)
        self.signal = training.objective.signal
        self.examples = training.streams[0].encoded

    def inputs(self, batch: TrainingBatch, chosen: tuple[int, ...]) -> tuple[Any, ...]:
        """Return what the example's data loader returns, and the random numbers of ours."""
        examples = [self.examples.examples[index] for index in chosen]
        images = [crop_to_bucket(read_image(example.path).image, example) for example in examples]
        pixels = torch.stack([torch.from_numpy(image).permute(2, 0, 1) / 127.5 - 1 for image in images])
        with torch.no_grad():
            latents = self.checkpoint.vae.encode(pixels).latent_dist
        sample = (batch.clean / self.checkpoint.vae.config.scaling_factor - latents.mean) / latents.std
        limit = self.checkpoint.info.token_limit
        ids = self.tokenizer(list(batch.captions), padding="max_length", max_length=limit, truncation=True, return_tensors="pt")
        return pixels, ids.input_ids, sample, batch.noise, batch.timesteps

    def step(self, pixels: Any, ids: Any, sample: Any, noise: Any, timesteps: Any) -> float:
        """Encode, predict, step."""
        with torch.no_grad():
            latents = self.checkpoint.vae.encode(pixels).latent_dist
            embeds = self.checkpoint.text_encoder(ids)[0]
        clean = (latents.mean + latents.std * sample) * self.checkpoint.vae.config.scaling_factor
        signal = self.signal[timesteps].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * clean + (1 - signal).sqrt() * noise
        target = signal.sqrt() * noise - (1 - signal).sqrt() * clean if self.checkpoint.info.prediction_type == "v_prediction" else noise
        loss = torch.nn.functional.mse_loss(self.unet(noisy, timesteps, embeds).sample.float(), target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trainable, 1.0)
        self.optimizer.step()
        self.rates.step()
        self.optimizer.zero_grad()
        return float(loss.detach())


@dataclass
class Side:
    """One implementation: unmeasured preparation, the step, CPU seconds of each, and losses."""

    prepare: Callable[[], Any]
    step: Callable[[Any], float]
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def block(self, steps: int) -> float:
        """Run steps and return the median of their seconds."""
        for _ in range(steps):
            inputs = self.prepare()
            started = process_time()
            self.losses.append(self.step(inputs))
            self.seconds.append(process_time() - started)
        return median(self.seconds[-steps:])


def side_of(name: str, model: str, folder: Path, batch: int) -> Side:
    """Build one implementation: the example's, or ours in a precision."""
    training = ours(model, make_set(folder / "set"), folder / name, batch, "fp32" if name == "example" else name)
    if name != "example":
        return Side(lambda: None, lambda _: training.step().loss)
    theirs, stream, positions = Published(model, training), training.streams[0], count()
    training.method.close()

    def prepare() -> Any:
        position = next(positions)
        return theirs.inputs(training.objective.make_batch(stream, position), stream.batch_at(position))

    return Side(prepare, lambda inputs: theirs.step(*inputs))


def abba(first: Side, second: Side, steps: int, rounds: int) -> dict[str, Any]:
    """Run both in the order A B B A, after a warm-up."""
    for side in (first, second):
        side.block(1)
        side.seconds.clear()
    ratios = []
    for _ in range(rounds):
        one, other, again, last = first.block(steps), second.block(steps), second.block(steps), first.block(steps)
        ratios += [one / other, last / again]
    seconds = [median(first.seconds), median(second.seconds)]
    return {"step_s": seconds, "speedup": median(ratios), "ratios": [round(ratio, 3) for ratio in ratios]}


def streaming(model: str, folder: Path, batch: int, steps: int, rounds: int) -> dict[str, Any]:
    """Step with latents in files, and with images encoded at every use, each against latents in memory."""
    training_set = make_set(folder / "set")
    cached = ours(model, training_set, folder / "cached", batch, "fp32")
    with patch.object(latent_cache, "LIMIT", FILE_BYTES):
        files = ours(model, training_set, folder / "files", batch, "fp32")
    encoded = ours(model, training_set, folder / "encoded", batch, "fp32", cache=False)
    assert len(list(files.run.cache.glob("training.*.safetensors"))) > 1
    memory, *others = (Side(lambda: None, lambda _, one=one: one.step().loss) for one in (cached, files, encoded))
    return {name: abba(other, memory, steps, rounds) for name, other in zip(("files", "encoded"), others, strict=True)}


def optimizers(model: str, rounds: int) -> dict[str, Any]:
    """Step all parameters of the UNet with the default AdamW and with ours."""
    unets = [load_checkpoint(find_checkpoint(model)).unet.requires_grad_(True) for _ in range(2)]
    default, ours = torch.optim.AdamW(unets[0].parameters(), lr=LEARNING_RATE), FusedAdamW.of(unets[1], 0.01)
    for unet in unets:
        torch.manual_seed(0)
        for parameter in unet.parameters():
            parameter.grad = torch.randn_like(parameter)
    first, second = (Side(lambda: None, lambda _, step=one.step: float(bool(step()))) for one in (default, ours))
    return abba(first, second, 5, rounds)


def peak(name: str, arguments: argparse.Namespace) -> float:
    """Return the peak of resident memory of one implementation, in a process of its own."""
    command = [sys.executable, __file__, "--only", name, "--batch", str(arguments.batch), "--model", arguments.model]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="sketchbook")
    parser.add_argument("--only", choices=("example", "fp32", "bf16"))
    parser.add_argument("--rows", default=",".join(ROWS), help="what to measure, with commas")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = arguments.rows.split(",")
    if unknown := set(chosen) - set(ROWS):
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if arguments.only:
            side_of(arguments.only, arguments.model, folder, arguments.batch).block(3)
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            return
        # First, while this process is small: a child starts with its parent's peak.
        results: dict[str, Any] = {}
        if "peak" in chosen:
            results["peak_mb"] = {name: peak(name, arguments) for name in ("example", "fp32", "bf16")}
        for name in (name for name in ("fp32", "bf16") if name in chosen):
            example, mine = (side_of(side, arguments.model, folder / name, arguments.batch) for side in ("example", name))
            results[name] = abba(example, mine, arguments.steps, arguments.rounds)
            curves = [abs(one - other) / other for one, other in zip(mine.losses, example.losses, strict=True)]
            results[name]["curves"] = max(curves)
            print(name, json.dumps(results[name]), file=sys.stderr, flush=True)
        if "optimizer" in chosen:
            results["optimizer"] = optimizers(arguments.model, arguments.rounds)
        if "streaming" in chosen:
            results["streaming"] = streaming(arguments.model, folder, arguments.batch, arguments.steps, arguments.rounds)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
