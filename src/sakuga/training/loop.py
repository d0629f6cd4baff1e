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


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What follows from the steps besides the weights.

    It is replaced as a whole, so that an interruption finds the old one or the new one.
    """

    step: int = 0
    """The last step that was validated and logged."""
    best: float = math.inf
    """The lowest validation loss."""
    stale: int = 0
    """Validations since."""
    losses: tuple[float, ...] = ()
    """Losses of the steps since the last line of metrics."""


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
        self.progress = Progress()
        self.loss, self.seconds = 0.0, 0.0
        """The loss of the last step; the seconds of all steps."""
        self.saved = -1
        self._tracker: Tracker | None = None

    @property
    def steps(self) -> int:
        return self.state.steps

    @property
    def finished(self) -> bool:
        """Whether all steps are done or early stopping ends the training."""
        return self.ends(self.progress.stale)

    def ends(self, stale: int) -> bool:
        """Return whether the training ends with this step, after so many validations without a better loss."""
        return self.steps >= self.plan.steps or 0 < self.plan.patience <= stale

    @property
    def best(self) -> float:
        """Return the lowest validation loss."""
        return self.progress.best

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
        self.loss = loss
        self.state.apply(self._learning_rate(number), self.plan.max_grad_norm, self.plan.ema_decay)
        self.seconds += time.monotonic() - started
        return self.last_step(notes)

    def last_step(self, notes: Sequence[str] = ()) -> TrainingStep:
        """Return the last step."""
        return TrainingStep(
            number=self.steps, total=self.plan.steps, loss=self.loss, learning_rate=self._learning_rate(self.steps - 1),
            gradient=self.state.gradient, notes=tuple(notes),
        )  # fmt: skip

    def _learning_rate(self, number: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        plan = self.plan
        return plan.learning_rate * rate_share(number, plan.steps, plan.schedule, warmup=plan.warmup, cycles=plan.cycles)

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

    def validation_loss(self) -> float:
        """Return the validation loss of the weights as they are."""
        assert self.validation is not None
        with self.state.averaged():
            return self.validation.loss(self.method)

    def save(self) -> None:
        """Write the checkpoint of this step."""
        if self.saved == self.steps or not self.run.is_main:
            return
        self.run.flush_metrics()
        checkpoints.save(self.run.checkpoints, self.steps, self.state.tensors(), self._metadata(), self.plan.keep)
        self.saved = self.steps

    def save_best(self) -> None:
        """Write the checkpoint of this step as the best one."""
        if self.run.is_main:
            checkpoints.save_best(self.run.checkpoints, self.steps, self.state.tensors(), self._metadata())

    def _metadata(self) -> dict[str, str]:
        known = self.progress
        return {
            "parts": str(self.chunks), "seconds": repr(self.seconds), "scale": json.dumps(self.state.scaler.state_dict()),
            "logged": str(known.step), "best": repr(known.best), "stale": str(known.stale), "losses": json.dumps(known.losses),
            "loss": repr(self.loss), "gradient": repr(self.state.gradient),
        }  # fmt: skip

    def resume(self) -> list[str]:
        """Continue from the newest intact checkpoint.

        Returns notes on it, and on damaged ones.
        """
        saved, notes = checkpoints.read_newest(self.run.checkpoints)
        if saved:
            self._restore(saved)
            self.saved = saved.step
        self.run.drop_metrics_after(self.progress.step)
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
        self.chunks, self.seconds = int(metadata["parts"]), float(metadata["seconds"])
        self.state.restore_scale(metadata["scale"])
        self.loss, self.state.gradient = float(metadata.get("loss", 0)), float(metadata.get("gradient", 0))
        self.progress = Progress(
            step=int(metadata.get("logged", saved.step)), best=float(metadata["best"]), stale=int(metadata["stale"]),
            losses=tuple(json.loads(metadata.get("losses", "[]"))),
        )  # fmt: skip


def run_training(training: Training) -> Iterator[TrainingStep]:
    """Train to the end of the plan, yielding every step.

    Closing the iterator saves a checkpoint. Raises TrainingError where it cannot continue, and checkpoints.DiskFull where the disk is
    nearly full: all steps are saved then.
    """
    pace = Pace(training)
    torch.set_flush_denormal(True)  # a setting of the whole process, so it is switched off again
    try:
        if training.steps > training.progress.step:  # stopped between the step and what follows it
            yield _follow_up(training, training.last_step(), pace)
        while not training.finished:
            step = training.step()
            for note in step.notes:
                training.run.log(note)
            yield _follow_up(training, step, pace)
    except checkpoints.DiskFull:
        raise
    except BaseException:
        if training.state.consistent and training.steps:
            training.save()
        raise
    finally:
        torch.set_flush_denormal(False)


class Pace:
    """The speed of a training since the last line of metrics."""

    def __init__(self, training: Training) -> None:
        self._plan, self._step, self._since = training.plan, training.steps, time.monotonic()

    def measured(self, step: int) -> dict[str, float]:
        """Return the images a second up to a step, which is the first of the next measure; nothing where there was no step."""
        plan, steps, seconds = self._plan, step - self._step, time.monotonic() - self._since
        self._step, self._since = step, time.monotonic()
        images = steps * plan.batch * plan.gradient_accumulation * plan.processes
        return {"samples_per_second": images / max(1e-9, seconds)} if steps else {}


def _follow_up(training: Training, step: TrainingStep, pace: Pace) -> TrainingStep:
    """Validate, log and save after a step; what is interrupted before the progress is set is done again."""
    plan, known = training.plan, training.progress
    reached = replace(known, step=step.number, losses=(*known.losses, step.loss))
    if training.validation and (step.number % plan.validate_every == 0 or step.number == step.total):
        step, reached = _validated(training, step, reached)
    ends, better = training.ends(reached.stale), reached.best < known.best
    if ends and step.number < step.total:
        step = replace(step, notes=(*step.notes, f"stopped early: no better validation loss in {reached.stale} validations"))
        training.run.log(step.notes[-1])
    if step.number % plan.log_every == 0 or ends:
        reached = _logged(training, step, reached, pace)
        _stop_if_disk_full(training)
    if better:
        training.save_best()
    training.progress = reached
    if better or step.number % plan.checkpoint_every == 0 or ends:
        training.save()
    return step


def _validated(training: Training, step: TrainingStep, reached: Progress) -> tuple[TrainingStep, Progress]:
    loss = training.validation_loss()
    training.log_metrics(step.number, {"validation_loss": loss})
    stale = 0 if loss < reached.best else reached.stale + 1
    return replace(step, validation_loss=loss), replace(reached, best=min(loss, reached.best), stale=stale)


def _logged(training: Training, step: TrainingStep, reached: Progress, pace: Pace) -> Progress:
    """Write the mean loss of the steps since the last line."""
    rates = {"learning_rate": step.learning_rate, "gradient": step.gradient, **pace.measured(step.number)}
    training.log_metrics(step.number, {"loss": sum(reached.losses) / len(reached.losses), **rates})
    return replace(reached, losses=())


def _stop_if_disk_full(training: Training) -> None:
    if not distributed.any_process(not checkpoints.has_room(training.run.checkpoints, training.state.tensors())):
        return
    training.save()
    raise checkpoints.DiskFull(
        f"the disk is nearly full: stopped after step {training.steps}, which is saved in {training.run.path}; free some space and resume"
    )
