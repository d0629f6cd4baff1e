"""The training loop of the Sketchbook's stages.

It yields steps and resumes bit for bit.
"""

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
from PIL import Image as PILImage
from safetensors import safe_open
from torch import Tensor, nn

from sakuga.files import write_atomic
from sakuga.models.saving import save_file
from sakuga.training import distributed
from sakuga.training.optimizers import FusedAdamW
from sakuga.training.speed import bf16_is_fast
from sakuga.training.state import TrainingState, WeightAverage
from sakuga.training.step_random import StepRandom

CHECKPOINT = "checkpoint.safetensors"
WEAKER = "weaker"
"""The folder below the work folder for weights of a plan's `weaker_at`."""
SEEN = "seen"
"""The key of the samples seen, in checkpoints and logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """Settings of a stage's training.

    Every length is a number of samples, not of steps or minutes. `half` computes in bfloat16 where that is fast; `half_life` is that of the
    averaged weights. `weaker_at` is the share of the samples after which those are also kept as less trained ones; 0 keeps none.
    """

    samples: int
    batch: int
    rate: float
    images: int
    warmup: int = 2_000
    last_rate: float = 0.02
    half_life: int = 8_000
    clip: float = 1.0
    decay: float = 0.01
    half: bool = True
    weaker_at: float = 0.0
    seed: int = 0

    def rate_at(self, samples_seen: int) -> float:
        """Return the learning rate.

        Linear warmup, then half a cosine down to `last_rate` times the peak.
        """
        if samples_seen < self.warmup:
            return self.rate * (samples_seen + self.batch) / (self.warmup + self.batch)
        done = min(1.0, (samples_seen - self.warmup) / max(1, self.samples - self.warmup))
        return self.rate * (self.last_rate + (1 - self.last_rate) * (1 + math.cos(math.pi * done)) / 2)

    def ema_decay_at(self, samples_seen: int, batch: int) -> float:
        """Return the EMA decay of a step.

        Its half-life grows (Karras et al. 2024, section 3.1).
        """
        return float(0.5 ** (batch / max(batch / 8, min(self.half_life, 0.1 * samples_seen))))


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSetup:
    """Plan, work folder and starting weights of a task."""

    plan: StagePlan
    work: Path
    device: torch.device
    processes: int = 1
    """Processes that render missing images."""
    start: Path | None = None
    """Weights to continue from, with a fresh optimizer; None starts from scratch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStep:
    """One step of a stage with its losses.

    It counts samples seen, of how many.
    """

    stage: str = ""
    samples_seen: int
    samples: int
    losses: Mapping[str, Tensor | float]


class StageTask(Protocol):
    """Networks in training with their loss, metrics and files."""

    @property
    def plan(self) -> StagePlan: ...

    @property
    def networks(self) -> nn.Module: ...

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        """Return the parts of a batch's loss.

        Their sum is minimised.
        """

    def measure(self) -> dict[str, float]:
        """Return metrics on held-out images."""

    def sheet(self) -> NDArray[np.uint8] | None:
        """Return a sheet of sample images, if there are any.

        Shape (height, width, 3).
        """

    def save(self, weights: Path) -> None:
        """Write the networks below the folder, in half precision."""


class StageTraining:
    """A task with its optimizer and averaged weights.

    All are in one checkpoint file.
    """

    def __init__(self, task: StageTask, run: Path, *, resume: bool) -> None:
        self.task, self.run, self.samples_seen = task, run, 0
        self.state = TrainingState(
            task.networks, FusedAdamW.of(task.networks, task.plan.decay, betas=(0.9, 0.99)), average=WeightAverage(task.networks)
        )  # fmt: skip
        run.mkdir(parents=True, exist_ok=True)
        if resume and (run / CHECKPOINT).exists():
            self._restore()

    @property
    def steps(self) -> int:
        return self.state.steps

    def step(self) -> StageStep:
        """Run one step: a batch, its gradients, optimizer and average."""
        plan, networks = self.task.plan, self.task.networks
        batch = plan.batch * distributed.world_size()
        device = next(networks.parameters()).device
        half = plan.half and bf16_is_fast(device)
        random = StepRandom(seed=plan.seed, samples_seen=self.samples_seen + plan.batch * distributed.rank())
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
            losses = self.task.losses(random)
        torch.autograd.backward(torch.stack([*losses.values()]).sum())
        distributed.average_gradients(networks, half=half)
        after = self.samples_seen + batch
        self.state.apply(plan.rate_at(self.samples_seen), plan.clip, plan.ema_decay_at(after, batch))
        self.samples_seen = after
        return StageStep(samples_seen=after, samples=plan.samples, losses={name: value.detach() for name, value in losses.items()})

    def save(self) -> None:
        """Write the checkpoint atomically."""
        metadata = {SEEN: str(self.samples_seen), "steps": str(self.steps), "plan": json.dumps(asdict(self.task.plan))}
        write_atomic(self.run / CHECKPOINT, lambda path: save_file(self.state.tensors(), path, metadata))

    def _restore(self) -> None:
        with safe_open(self.run / CHECKPOINT, framework="pt") as file:
            metadata = file.metadata()
            self.samples_seen = int(metadata[SEEN])
            self.state.restore({key: file.get_tensor(key) for key in file.keys()}, int(metadata["steps"]))  # noqa: SIM118

    def evaluate(self) -> dict[str, float]:
        """Measure the averaged networks.

        Writes a sheet of samples, and returns the metrics.
        """
        self.task.networks.eval()
        with self.state.averaged(), torch.inference_mode():
            metrics = self.task.measure()
            sheet = self.task.sheet()
        self.task.networks.train()
        if sheet is not None:
            write_atomic(self.run / f"sheet-{self.samples_seen:08d}.png", lambda path: PILImage.fromarray(sheet).save(path, "png"))
        self._log(metrics)
        return metrics

    def write_weights(self, weights: Path) -> None:
        """Write the averaged networks into the folder of finished weights."""
        with self.state.averaged():
            self.task.save(weights)

    def log(self, losses: dict[str, float], speed: float) -> None:
        """Append losses, learning rate and speed to the run's log."""
        self._log({**losses, "rate": self.task.plan.rate_at(self.samples_seen), "samples_per_second": speed})

    def _log(self, metrics: dict[str, float]) -> None:
        rounded = {name: float(f"{value:.5g}") for name, value in metrics.items()}
        with (self.run / "log.jsonl").open("a") as file:
            file.write(json.dumps({SEEN: self.samples_seen, **rounded}) + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Minutes until a stage stops, saves and evaluates."""

    minutes: float = math.inf
    save_every: float = 4.0
    evaluate_every: float = 8.0


def run_training(training: StageTraining, weights: Path, intervals: Intervals) -> Iterator[StageStep]:
    """Train to the end, yielding every step.

    The end is that of the plan or of the time. Then save, evaluate and write the weights. Closing the iterator saves too. Of several
    processes only the main one writes.
    """
    is_main = distributed.rank() == 0
    started = saved = evaluated = logged = time.monotonic()
    sums: dict[str, Tensor | float] = {}
    first = training.samples_seen
    plan = training.task.plan
    try:
        while training.samples_seen < plan.samples and not distributed.any_process(time.monotonic() - started > 60 * intervals.minutes):
            before, step = training.samples_seen, training.step()
            if is_main and before < plan.weaker_at * plan.samples <= training.samples_seen:
                training.write_weights(weights.parent / WEAKER)
            sums = {name: value + sums.get(name, 0.0) for name, value in step.losses.items()}
            now = time.monotonic()
            if is_main and now - logged > 10:
                fresh = training.samples_seen - first
                steps = fresh / (plan.batch * distributed.world_size())
                training.log({name: float(value) / steps for name, value in sums.items()}, fresh / (now - logged))
                sums, first, logged = {}, training.samples_seen, now
            if is_main and now - saved > 60 * intervals.save_every:
                training.save()
                saved = time.monotonic()
            if is_main and now - evaluated > 60 * intervals.evaluate_every:
                training.evaluate()
                evaluated = logged = time.monotonic()
                sums, first = {}, training.samples_seen
            yield step
    finally:
        if is_main and training.steps and training.state.consistent:
            training.save()
    if is_main:
        training.evaluate()
        training.write_weights(weights)


def override_plan(plan: StagePlan, **settings: float | None) -> StagePlan:
    """Return the plan with other settings, where given."""
    given: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    return replace(plan, **given)
