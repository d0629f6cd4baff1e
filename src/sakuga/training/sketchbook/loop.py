"""One loop for every training: it yields steps, keeps its run in a folder, and goes on from there exactly as if never stopped."""

import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from sakuga.files import write_whole
from sakuga.training.adamw import OneCallAdamW
from sakuga.training.sketchbook import together
from sakuga.training.speed import half_is_fast
from sakuga.training.state import Average, Learning
from sakuga.training.step_random import Chance

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What decides a training besides its networks; every length is counted in samples, never in time.

    `half` lets it compute in bfloat16 where that is fast.
    """

    samples: int
    batch: int
    rate: float
    pictures: int
    warmup: int = 2_000
    last_rate: float = 0.02
    half_life: int = 8_000
    clip: float = 1.0
    decay: float = 0.01
    half: bool = True
    seed: int = 0

    def rate_at(self, seen: int) -> float:
        """Return the learning rate: a linear rise, then a half cosine down to `last_rate` times the greatest."""
        if seen < self.warmup:
            return self.rate * (seen + self.batch) / (self.warmup + self.batch)
        done = min(1.0, (seen - self.warmup) / max(1, self.samples - self.warmup))
        return self.rate * (self.last_rate + (1 - self.last_rate) * (1 + math.cos(math.pi * done)) / 2)

    def averaging_at(self, seen: int, batch: int) -> float:
        """Return how much of the average a step of so many samples keeps: its half-life grows (Karras et al. 2024, section 3.1)."""
        return float(0.5 ** (batch / max(batch / 8, min(self.half_life, 0.1 * seen))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a training."""

    seen: int
    samples: int
    losses: Mapping[str, Tensor | float]


class Task(Protocol):
    """What is trained: its plan, its networks (in training mode, on the device), and what to make of them."""

    @property
    def plan(self) -> Plan: ...

    @property
    def networks(self) -> nn.Module: ...

    def losses(self, chance: Chance) -> dict[str, Tensor]:
        """Return the parts of the loss of one batch; their sum is minimised."""

    def measure(self) -> dict[str, float]:
        """Return figures on pictures that the training does not see."""

    def sheet(self) -> NDArray[np.uint8] | None:
        """Return a picture for the eye, (height, width, 3), if there is anything to see."""

    def save(self, weights: Path) -> None:
        """Write the networks below the folder, in half precision."""


class Training:
    """A task with its optimizer and average; `seen` samples so far. All of it goes into one checkpoint file."""

    def __init__(self, task: Task, run: Path, *, resume: bool) -> None:
        self.task, self.run, self.seen = task, run, 0
        self.learning = Learning(
            task.networks, OneCallAdamW.of(task.networks, task.plan.decay, betas=(0.9, 0.99)), average=Average(task.networks)
        )  # fmt: skip
        run.mkdir(parents=True, exist_ok=True)
        if resume and (run / CHECKPOINT).exists():
            self._restore()

    @property
    def steps(self) -> int:
        return self.learning.steps

    def step(self) -> Step:
        """Take one step: a batch, its gradient, the optimizer, the average."""
        plan, networks = self.task.plan, self.task.networks
        batch = plan.batch * together.size()
        device = next(networks.parameters()).device
        half = plan.half and half_is_fast(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
            losses = self.task.losses(Chance(seed=plan.seed, seen=self.seen + plan.batch * together.rank()))
        torch.autograd.backward(torch.stack([*losses.values()]).sum())
        together.average_gradients(networks, half=half)
        after = self.seen + batch
        self.learning.apply(plan.rate_at(self.seen), plan.clip, plan.averaging_at(after, batch))
        self.seen = after
        return Step(seen=self.seen, samples=plan.samples, losses={name: value.detach() for name, value in losses.items()})

    def save(self) -> None:
        """Write the checkpoint: it appears whole or not at all."""
        about = {"seen": str(self.seen), "steps": str(self.steps), "plan": json.dumps(asdict(self.task.plan))}
        write_whole(self.run / CHECKPOINT, lambda path: save_file(self.learning.tensors(), path, about))

    def _restore(self) -> None:
        with safe_open(self.run / CHECKPOINT, framework="pt") as file:
            about = file.metadata()
            self.seen = int(about["seen"])
            self.learning.restore({key: file.get_tensor(key) for key in file.keys()}, int(about["steps"]))  # noqa: SIM118

    def look(self) -> dict[str, float]:
        """Measure the averaged networks, write a sheet of what they make, and return the figures."""
        self.task.networks.eval()
        with self.learning.averaged(), torch.inference_mode():
            figures = self.task.measure()
            sheet = self.task.sheet()
        self.task.networks.train()
        if sheet is not None:
            write_whole(self.run / f"sheet-{self.seen:08d}.png", lambda path: Image.fromarray(sheet).save(path, "png"))
        self._log(figures)
        return figures

    def write_weights(self, weights: Path) -> None:
        """Write the averaged networks into the folder of finished weights."""
        with self.learning.averaged():
            self.task.save(weights)

    def log(self, losses: dict[str, float], speed: float) -> None:
        """Append a line to the run's log."""
        self._log({**losses, "rate": self.task.plan.rate_at(self.seen), "samples_per_second": speed})

    def _log(self, figures: dict[str, float]) -> None:
        rounded = {name: float(f"{value:.5g}") for name, value in figures.items()}
        with (self.run / "log.jsonl").open("a") as file:
            file.write(json.dumps({"seen": self.seen, **rounded}) + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When a training stops by the clock, and how often (in minutes) it saves itself and looks at what it makes."""

    minutes: float = math.inf
    save_every: float = 4.0
    look_every: float = 8.0


def run_training(training: Training, weights: Path, pace: Pace) -> Iterator[Step]:
    """Train until the plan's samples are seen or the time is over, yielding every step; then save, look, and write the weights.

    Closing the iterator saves too, so nothing is lost when the caller has enough. Of several processes only the first one writes.
    """
    leads = together.rank() == 0
    started = saved = looked = logged = time.monotonic()
    sums: dict[str, Tensor | float] = {}
    begun = training.seen
    try:
        while training.seen < training.task.plan.samples and not together.any_says(time.monotonic() - started > 60 * pace.minutes):
            step = training.step()
            sums = {name: value + sums.get(name, 0.0) for name, value in step.losses.items()}
            now = time.monotonic()
            if leads and now - logged > 10:
                fresh = training.seen - begun
                steps = fresh / (training.task.plan.batch * together.size())
                training.log({name: float(value) / steps for name, value in sums.items()}, fresh / (now - logged))
                sums, begun, logged = {}, training.seen, now
            if leads and now - saved > 60 * pace.save_every:
                training.save()
                saved = time.monotonic()
            if leads and now - looked > 60 * pace.look_every:
                training.look()
                looked = logged = time.monotonic()
                sums, begun = {}, training.seen
            yield step
    finally:
        if leads and training.steps and training.learning.whole:
            training.save()
    if leads:
        training.look()
        training.write_weights(weights)


def with_budget(plan: Plan, **counts: int | None) -> Plan:
    """Return the plan with other numbers of samples, pictures, or samples a batch, where they are given."""
    given: dict[str, Any] = {name: count for name, count in counts.items() if count is not None}
    return replace(plan, **given)
