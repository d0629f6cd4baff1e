"""A step of a LoRA's training against the way in which diffusers' published example takes it.

    python benchmarks/lora_step.py [--batch 8] [--steps 4] [--rounds 3] [--model sketchbook]

The example's way: pictures and captions are encoded anew at every step, all in fp32, peft adapters, the default AdamW. Ours: what
`sakuga train lora` does. Both see the same pictures, noise, times and first weights, in one process and on one thread, in the order
A B B A; `step_s` is CPU seconds a step, the median of all, `speedup` the median of the ratios of neighbouring blocks. `curves` is the
greatest relative difference of the losses; in fp32 they are equal. The optimizers step the whole UNet's parameters with the same
gradients. `peak_mb` is the peak of resident memory, each in a process of its own.
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

import numpy as np
import torch
from diffusers.optimization import get_scheduler
from peft import LoraConfig

from sakuga.datasets.training_set import Example, read_set
from sakuga.datasets.writing import write_set
from sakuga.models.checkpoint import load
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.core.work import Work
from sakuga.studio.training.train import TrainSettings, settled_plan
from sakuga.training.adamw import OneCallAdamW
from sakuga.training.loop import Training
from sakuga.training.objective import Question
from sakuga.training.plan import Lora
from sakuga.training.run_folder import RunFolder
from sakuga.training.setup import begin
from sakuga.training.training_data import cut

RANK, RATE, PICTURES = 8, 1e-3, 32


def make_set(folder: Path) -> Path:
    """Write a set of pictures with captions; what they show does not matter for the time that a step takes."""
    if folder.exists():
        return folder
    rng = np.random.default_rng(0)
    texts = [
        "a castle by the sea at sunset",
        "a cabin in a snowy forest",
        "a portrait of a girl with red hair",
        "a boat on a lake at night",
    ]
    pictures = [
        (
            Example(file=f"images/{place:04d}.png", text=f"{texts[place % 4]}, {place}", licence="MIT", source="drawn"),
            np.kron(rng.integers(0, 256, (16, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8),
        )
        for place in range(PICTURES)
    ]
    write_set(folder, pictures, trigger="", licence="MIT", provenance="random squares")
    return folder


def ours(model: str, taught: Path, out: Path, batch: int, precision: str) -> Training:
    """Put our training together."""
    settings = TrainSettings(
        method=Lora(rank=RANK, targets=("attention",)), set=taught, out=out, model=model, steps=10_000, batch=batch, rate=RATE,
        schedule="constant", sample_every=0, validate_every=0, precision=precision, tracker="none", device="cpu", caption_dropout=0.0,
        min_snr=0.0, warmup=0,
    )  # fmt: skip
    source, told = find_checkpoint(model), read_set(settings.set)
    plan, run = settled_plan(settings, source, told), RunFolder(out)
    run.begin(plan)
    return Work(begin(plan, source, told, None, run, torch.device("cpu"))).result()


class Published:
    """The example's way of stepping, on what a training of ours asks."""

    def __init__(self, model: str, training: Training) -> None:
        self.checkpoint = load(find_checkpoint(model))
        self.unet = self.checkpoint.unet
        self.unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
        low_rank: Any = training.learner.networks["unet"]
        for layer, down in zip(low_rank.layers, low_rank.downs, strict=True):
            self.unet.get_submodule(layer).lora_A["default"].weight.data.copy_(down.data)
        self.learning = [parameter for parameter in self.unet.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(self.learning, lr=RATE, betas=(0.9, 0.999), weight_decay=training.plan.decay, eps=1e-8)
        self.rates = get_scheduler("constant", self.optimizer)
        self.signal = training.objective.signal
        self.lessons = training.courses[0].latents.lessons

    def ask(self, asked: Question, chosen: tuple[int, ...]) -> tuple[Any, ...]:
        """Return what a data loader of the example would: pixels and ids; and the same chance as ours had."""
        pixels = torch.stack([torch.from_numpy(cut(self.lessons[index], False)).permute(2, 0, 1) / 127.5 - 1 for index in chosen])
        with torch.no_grad():
            told = self.checkpoint.vae.encode(pixels).latent_dist
        chance = (asked.clean / self.checkpoint.vae.config.scaling_factor - told.mean) / told.std
        limit = self.checkpoint.facts.token_limit
        ids = self.checkpoint.tokenizer(list(asked.captions), padding="max_length", max_length=limit, truncation=True, return_tensors="pt")
        return pixels, ids.input_ids, chance, asked.noise, asked.timesteps

    def step(self, pixels: Any, ids: Any, chance: Any, noise: Any, timesteps: Any) -> float:
        """Encode, predict, learn."""
        with torch.no_grad():
            told = self.checkpoint.vae.encode(pixels).latent_dist
            words = self.checkpoint.text_encoder(ids)[0]
        clean = (told.mean + told.std * chance) * self.checkpoint.vae.config.scaling_factor
        signal = self.signal[timesteps].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * clean + (1 - signal).sqrt() * noise
        wanted = signal.sqrt() * noise - (1 - signal).sqrt() * clean if self.checkpoint.facts.prediction == "v_prediction" else noise
        loss = torch.nn.functional.mse_loss(self.unet(noisy, timesteps, words).sample.float(), wanted)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learning, 1.0)
        self.optimizer.step()
        self.rates.step()
        self.optimizer.zero_grad()
        return float(loss.detach())


@dataclass
class Side:
    """One way of stepping: what is made ready unmeasured, the step, the CPU seconds of each, and the losses."""

    prepare: Callable[[], Any]
    step: Callable[[Any], float]
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def block(self, steps: int) -> float:
        """Take steps, and return the median of their seconds."""
        for _ in range(steps):
            ready = self.prepare()
            began = process_time()
            self.losses.append(self.step(ready))
            self.seconds.append(process_time() - began)
        return median(self.seconds[-steps:])


def side_of(name: str, model: str, folder: Path, batch: int) -> Side:
    """Make one way of stepping: the example's, or ours in a precision."""
    training = ours(model, make_set(folder / "set"), folder / name, batch, "fp32" if name == "example" else name)
    if name != "example":
        return Side(lambda: None, lambda _: training.step().loss)
    theirs, course, places = Published(model, training), training.courses[0], count()
    training.learner.close()

    def ready() -> Any:
        place = next(places)
        return theirs.ask(training.objective.ask(course, place), course.batch_at(place))

    return Side(ready, lambda asked: theirs.step(*asked))


def abba(first: Side, second: Side, steps: int, rounds: int) -> dict[str, Any]:
    """Step both in the order A B B A, after a warm-up."""
    for side in (first, second):
        side.block(1)
        side.seconds.clear()
    ratios = []
    for _ in range(rounds):
        one, other, again, last = first.block(steps), second.block(steps), second.block(steps), first.block(steps)
        ratios += [one / other, last / again]
    seconds = [median(first.seconds), median(second.seconds)]
    return {"step_s": seconds, "speedup": median(ratios), "ratios": [round(ratio, 3) for ratio in ratios]}


def optimizers(model: str, rounds: int) -> dict[str, Any]:
    """Step the whole UNet's parameters by the default AdamW and by ours."""
    unets = [load(find_checkpoint(model)).unet.requires_grad_(True) for _ in range(2)]
    default, ours = torch.optim.AdamW(unets[0].parameters(), lr=RATE), OneCallAdamW.of(unets[1], 0.01)
    for unet in unets:
        torch.manual_seed(0)
        for parameter in unet.parameters():
            parameter.grad = torch.randn_like(parameter)
    first, second = (Side(lambda: None, lambda _, step=one.step: float(bool(step()))) for one in (default, ours))
    return abba(first, second, 5, rounds)


def peak(name: str, arguments: argparse.Namespace) -> float:
    """Return the peak of resident memory of one way of stepping, in a process of its own."""
    command = [sys.executable, __file__, "--only", name, "--batch", str(arguments.batch), "--model", arguments.model]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="sketchbook")
    parser.add_argument("--only", choices=("example", "fp32", "bf16"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if asked.only:
            side_of(asked.only, asked.model, folder, asked.batch).block(3)
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            return
        # First, while this process is small: a child begins with its parent's peak.
        told: dict[str, Any] = {"peak_mb": {name: peak(name, asked) for name in ("example", "fp32", "bf16")}}
        for name in ("fp32", "bf16"):
            example, mine = (side_of(way, asked.model, folder / name, asked.batch) for way in ("example", name))
            told[name] = abba(example, mine, asked.steps, asked.rounds)
            curves = [abs(one - other) / other for one, other in zip(mine.losses, example.losses, strict=True)]
            told[name]["curves"] = max(curves)
            print(name, json.dumps(told[name]), file=sys.stderr, flush=True)
        told["optimizer"] = optimizers(asked.model, asked.rounds)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
