"""The training loop of styles.

It yields steps and resumes bit for bit.
"""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sakuga import SakugaError
from sakuga.models.checkpoint import DTYPES
from sakuga.models.loading import is_out_of_memory
from sakuga.training import checkpoints, distributed
from sakuga.training.method import TrainingMethod
from sakuga.training.method_settings import MotionLora, Slider
from sakuga.training.objective import Objective, TrainingBatch
from sakuga.training.optimizers import make_optimizer
from sakuga.training.plan import TrainingPlan
from sakuga.training.run_folder import RunFolder
from sakuga.training.schedule import rate_share
from sakuga.training.slider import pair_weights, slider_targets
from sakuga.training.state import TrainingState, WeightAverage
from sakuga.training.trackers import Tracker, open_tracker
from sakuga.training.training_data import BatchStream
from sakuga.training.validation import Validation


class TrainingError(SakugaError):
    """A training that cannot continue.

    The message says what is saved and what to try.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStep:
    """One optimizer step with its loss and notes.

    Counted from 1.
    """

    number: int
    total: int
    loss: float
    learning_rate: float
    gradient: float
    """The gradient norm before clipping."""
    validation_loss: float | None = None
    notes: tuple[str, ...] = ()


class Training:
    """A method with its batches and optimizer.

    A checkpoint holds all state that a step depends on; the rest follows from plan and step number.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        method: TrainingMethod,
        streams: Sequence[BatchStream],
        objective: Objective,
        run: RunFolder,
        validation: Validation | None,
    ) -> None:
        self.plan, self.method, self.streams, self.objective, self.run = plan, method, streams, objective, run
        self.validation = validation if plan.validate_every else None
        self.state = TrainingState(
            method.networks,
            make_optimizer(plan.optimizer, method.networks, plan.weight_decay, method.rate_shares()),
            average=WeightAverage(method.networks) if plan.ema_decay else None,
            scaled=plan.precision == "fp16",
            device=method.checkpoint.device,
        )
        self.chunks = 1
        """How many forward passes a batch is split into, to fit into memory."""
        self.best, self.stale, self.seconds = math.inf, 0, 0.0
        self.saved = -1
        self._tracker: Tracker | None = None

    @property
    def steps(self) -> int:
        return self.state.steps

    @property
    def finished(self) -> bool:
        """Whether all steps are done or early stopping ends the training."""
        return self.steps >= self.plan.steps or 0 < self.plan.patience <= self.stale

    def open_tracker(self) -> list[str]:
        """Start logging curves.

        Returns a note where the tracker is missing. Raises TrainingPlanError where one was chosen that is not installed.
        """
        if not self.run.is_main:
            return []
        self._tracker, note = open_tracker(self.plan, self.run.path, self.steps)
        return [note] if note else []

    def log_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write metrics to the run folder and the tracker."""
        self.run.log_metrics(step, metrics)
        if self._tracker:
            self._tracker(step, metrics)

    def step(self) -> TrainingStep:
        """Run one optimizer step.

        Raises TrainingError where the loss is not finite, with the weights unchanged.
        """
        assert distributed.world_size() == self.plan.processes, "each process trains on its own share of the batches"
        started, notes = time.monotonic(), list[str]()
        number = self.steps
        learning_rate = self.plan.learning_rate * rate_share(
            number, self.plan.steps, self.plan.schedule, warmup=self.plan.warmup, cycles=self.plan.cycles
        )  # fmt: skip
        while True:
            try:
                loss = self._accumulate_gradients(number)
                break
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                notes.append(self._split_further())
        if distributed.any_process(not math.isfinite(loss)):
            raise TrainingError(
                f"the loss is not a finite number at step {number + 1}: everything before it is saved in {self.run.checkpoints}. "
                "Try a lower learning rate, a smaller gradient norm or fp32 in another run"
            )
        distributed.average_gradients(self.method.networks, half=False)
        gradient = self.state.apply(learning_rate, self.plan.max_grad_norm, self.plan.ema_decay)
        self.seconds += time.monotonic() - started
        return TrainingStep(
            number=self.steps, total=self.plan.steps, loss=loss, learning_rate=learning_rate, gradient=float(gradient), notes=tuple(notes)
        )  # fmt: skip

    def _accumulate_gradients(self, number: int) -> float:
        """Run a step's forward and backward passes.

        Returns its loss.
        """
        self.state.optimizer.zero_grad(set_to_none=True)
        with self.method.training_step(number):
            return self._sum_gradients(number)

    def _sum_gradients(self, number: int) -> float:
        total, batches = torch.zeros((), dtype=torch.float64), self.plan.gradient_accumulation
        first = (number * self.plan.processes + distributed.rank()) * batches
        for stream in self.streams:
            for position in range(first, first + batches):
                batch = self.objective.make_batch(stream, position)
                for part in self._split(batch):
                    targets = self._targets(part, stream)
                    for target, weights in targets:
                        with weights:  # until the backward pass is done, which may run the networks again
                            loss = self._loss(part, target) * (stream.weight / (stream.batch * batches * len(targets)))
                            torch.autograd.backward(self.state.scaler.scale(loss))
                        total += loss.detach().double().cpu()
        return float(total)

    def _targets(self, batch: TrainingBatch, stream: BatchStream) -> Sequence[tuple[Tensor | None, AbstractContextManager[None]]]:
        """Return the targets of a batch, each with the weights that it is for; None is the image's own."""
        with self._autocast():
            match self.plan.method:
                case Slider(less_set="") as slider:
                    return slider_targets(slider, self.method, self.objective, batch)
                case Slider() | MotionLora():
                    return [(None, pair_weights(self.method, negative=stream.negative))]
                case _:
                    return [(self._base_prediction(batch) if stream.distill else None, nullcontext())]

    def _loss(self, batch: TrainingBatch, target: Tensor | None) -> Tensor:
        with self._autocast():
            return self.objective.loss(batch, self.method.encode_captions(batch.captions), target)

    def _autocast(self) -> torch.autocast:
        """Run networks in half precision where the plan mixes precisions."""
        device, dtype = self.method.checkpoint.device, self.method.checkpoint.dtype
        mixed = self.plan.precision != "fp32" and dtype == torch.float32
        return torch.autocast(device.type, dtype=DTYPES[self.plan.precision] if mixed else torch.bfloat16, enabled=mixed)

    @torch.no_grad()
    def _base_prediction(self, batch: TrainingBatch) -> Tensor:
        with self.method.base_weights():
            return self.objective.predict(batch, self.method.encode_captions(batch.captions))

    def _split(self, batch: TrainingBatch) -> Iterator[TrainingBatch]:
        width = -(-len(batch.clean) // batch.frames // self.chunks) * batch.frames
        for first in range(0, len(batch.clean), width):
            yield batch.part(first, first + width)

    def _split_further(self) -> str:
        """Halve the images of a forward pass.

        Raises TrainingError where it is one already.
        """
        if self.chunks >= self.plan.batch:
            raise TrainingError(
                "out of memory with one image at a time: train at a smaller size, with gradient checkpointing, or in bf16"
            ) from None
        self.chunks = min(2 * self.chunks, self.plan.batch)
        width, passes = -(-self.plan.batch // self.chunks), self.plan.gradient_accumulation * self.chunks
        return f"out of memory: continuing with {width} images at a time in {passes} passes a step, with the same result"

    def validate(self) -> tuple[float, bool]:
        """Return the validation loss, and whether it is the best."""
        assert self.validation is not None
        with self.state.averaged():
            loss = self.validation.loss(self.method)
        better = loss < self.best
        self.best, self.stale = min(loss, self.best), 0 if better else self.stale + 1
        return loss, better

    def save(self) -> None:
        """Write the checkpoint of this step."""
        if self.saved == self.steps or not self.run.is_main:
            return
        metadata = {
            "parts": str(self.chunks), "best": repr(self.best), "stale": str(self.stale), "seconds": repr(self.seconds),
            "scale": json.dumps(self.state.scaler.state_dict()),
        }  # fmt: skip
        self.run.flush_metrics()
        checkpoints.save(self.run.checkpoints, self.steps, self.state.tensors(), metadata, self.plan.keep)
        self.saved = self.steps

    def resume(self) -> list[str]:
        """Continue from the newest intact checkpoint.

        Returns notes on it, and on damaged ones.
        """
        saved, notes = checkpoints.read_newest(self.run.checkpoints)
        if saved:
            self._restore(saved)
            self.saved = saved.step
        self.run.drop_metrics_after(self.steps)
        return [*notes, f"resuming after step {self.steps} of {self.plan.steps}"]

    def restore_best(self) -> bool:
        """Load the checkpoint with the best validation loss.

        Returns whether there is one.
        """
        path = self.run.checkpoints / checkpoints.BEST
        if path.is_file():
            self._restore(checkpoints.read(path))
        return path.is_file()

    def _restore(self, saved: checkpoints.SavedCheckpoint) -> None:
        metadata = saved.metadata
        self.state.restore(saved.tensors, saved.step)
        self.chunks, self.stale = int(metadata["parts"]), int(metadata["stale"])
        self.best, self.seconds = float(metadata["best"]), float(metadata["seconds"])
        self.state.restore_scale(metadata["scale"])


def run_training(training: Training) -> Iterator[TrainingStep]:
    """Train to the end of the plan, yielding every step.

    Closing the iterator saves a checkpoint. Raises TrainingError where it cannot continue, and checkpoints.DiskFull where the disk is
    nearly full: all steps are saved then.
    """
    plan, run = training.plan, training.run
    total, counted, logged = 0.0, 0, time.monotonic()
    torch.set_flush_denormal(True)  # a setting of the whole process, so it is switched off again
    try:
        while not training.finished:
            step = training.step()
            total, counted = total + step.loss, counted + 1
            for note in step.notes:
                run.log(note)
            better = False
            if training.validation and (step.number % plan.validate_every == 0 or training.finished):
                step, better = _validated(training, step)
            if step.number % plan.log_every == 0 or training.finished:
                speed = counted * plan.batch * plan.gradient_accumulation * plan.processes / max(1e-9, time.monotonic() - logged)
                metrics = {"learning_rate": step.learning_rate, "gradient": step.gradient, "samples_per_second": speed}
                training.log_metrics(step.number, {"loss": total / counted, **metrics})
                total, counted, logged = 0.0, 0, time.monotonic()
                _stop_if_disk_full(training)
            if better or step.number % plan.checkpoint_every == 0 or training.finished:
                training.save()
                if better and run.is_main:
                    checkpoints.keep_best(run.checkpoints, checkpoints.checkpoint_path(run.checkpoints, step.number))
            yield step
    except checkpoints.DiskFull:
        raise
    except BaseException:
        if training.state.consistent and training.steps:
            training.save()
        raise
    finally:
        torch.set_flush_denormal(False)


def _validated(training: Training, step: TrainingStep) -> tuple[TrainingStep, bool]:
    loss, better = training.validate()
    training.log_metrics(step.number, {"validation_loss": loss})
    notes = [*step.notes]
    if training.finished and step.number < step.total:
        notes.append(f"stopped early: no better validation loss in {training.stale} validations")
        training.run.log(notes[-1])
    return replace(step, validation_loss=loss, notes=tuple(notes)), better


def _stop_if_disk_full(training: Training) -> None:
    if not distributed.any_process(not checkpoints.has_room(training.run.checkpoints, training.state.tensors())):
        return
    training.save()
    raise checkpoints.DiskFull(
        f"the disk is nearly full: stopped after step {training.steps}, which is saved in {training.run.path}; free some space and resume"
    )
