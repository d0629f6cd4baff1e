"""The loop of every training of a style: it yields steps, keeps its run in a folder, and goes on from there exactly as if never stopped."""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sakuga import SakugaError
from sakuga.models.checkpoint import DTYPES
from sakuga.models.memory import is_memory
from sakuga.training import checkpoints
from sakuga.training.method import Learner
from sakuga.training.objective import Objective, Question
from sakuga.training.optimizers import make_optimizer
from sakuga.training.plan import Plan
from sakuga.training.run_folder import RunFolder
from sakuga.training.schedule import rate_share
from sakuga.training.sketchbook import together
from sakuga.training.state import Average, Learning
from sakuga.training.trackers import Track, make_tracker
from sakuga.training.training_data import Course
from sakuga.training.validation import Validation


class TrainingError(SakugaError):
    """A training that cannot go on; the sentence says what is kept and what to try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a training, counted from 1; the validation's loss where there was one, and words to the person."""

    number: int
    total: int
    loss: float
    rate: float
    gradient: float
    """The gradient's length before it was clipped."""
    validation: float | None = None
    notes: tuple[str, ...] = ()


class Training:
    """A learner with its lessons and optimizer. What a step depends on goes into a checkpoint; all else follows from plan and step."""

    def __init__(
        self, plan: Plan, learner: Learner, courses: Sequence[Course], objective: Objective, run: RunFolder, validation: Validation | None
    ) -> None:
        self.plan, self.learner, self.courses, self.objective, self.run = plan, learner, courses, objective, run
        self.validation = validation if plan.validate_every else None
        self.learning = Learning(
            learner.networks,
            make_optimizer(plan.optimizer, learner.networks, plan.decay),
            average=Average(learner.networks) if plan.average else None,
            scaled=plan.precision == "fp16",
            device=learner.checkpoint.device,
        )
        self.parts = 1
        """Into how many parts a batch is cut, each with its own pass, so that memory lasts."""
        self.best, self.stale, self.seconds = math.inf, 0, 0.0
        self.saved = -1
        self._track: Track | None = None

    @property
    def steps(self) -> int:
        return self.learning.steps

    @property
    def finished(self) -> bool:
        """Whether all steps are taken, or the validation has not become better for long enough."""
        return self.steps >= self.plan.steps or 0 < self.plan.patience <= self.stale

    def track(self) -> list[str]:
        """Let curves be drawn from here on, and say where they are not; raises PlanError where what is asked for is not installed."""
        if not self.run.leads:
            return []
        self._track, word = make_tracker(self.plan, self.run.path, self.steps)
        return [word] if word else []

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Write figures down."""
        self.run.measure(step, figures)
        if self._track:
            self._track(step, figures)

    def step(self) -> Step:
        """Take one step. Raises TrainingError where the loss is no number; the weights are then as before."""
        assert together.size() == self.plan.processes, "each takes its own share of the batches"
        began, notes = time.monotonic(), list[str]()
        number = self.steps
        rate = self.plan.rate * rate_share(
            number, self.plan.steps, self.plan.schedule, warmup=self.plan.warmup, cycles=self.plan.cycles
        )  # fmt: skip
        while True:
            try:
                loss = self._gather(number)
                break
            except (MemoryError, RuntimeError) as error:
                if not is_memory(error):
                    raise
                notes.append(self._narrow())
        if together.any_says(not math.isfinite(loss)):
            raise TrainingError(
                f"the loss is no number at step {number + 1}: everything before it is kept in {self.run.checkpoints}. "
                "Try a lower rate, a stronger clip, or fp32, in another run"
            )
        together.average_gradients(self.learner.networks, half=False)
        gradient = self.learning.apply(rate, self.plan.clip, self.plan.average)
        self.seconds += time.monotonic() - began
        return Step(number=self.steps, total=self.plan.steps, loss=loss, rate=rate, gradient=float(gradient), notes=tuple(notes))

    def _gather(self, number: int) -> float:
        """Let the gradients of a whole step gather, and return its loss."""
        self.learning.optimizer.zero_grad(set_to_none=True)
        total, batches = torch.zeros((), dtype=torch.float64), self.plan.accumulation
        first = (number * self.plan.processes + together.rank()) * batches
        for course in self.courses:
            for place in range(first, first + batches):
                asked = self.objective.ask(course, place)
                for part in self._split(asked):
                    loss = self._loss(part, course.held) * (course.weight / (course.batch * batches))
                    torch.autograd.backward(self.learning.scaler.scale(loss))
                    total += loss.detach().double().cpu()
        return float(total)

    def _loss(self, asked: Question, held: bool) -> Tensor:
        device, dtype = self.learner.checkpoint.device, self.learner.checkpoint.dtype
        mixed = self.plan.precision != "fp32" and dtype == torch.float32
        with torch.autocast(device.type, dtype=DTYPES[self.plan.precision] if mixed else torch.bfloat16, enabled=mixed):
            before = self._answered_before(asked) if held else None
            return self.objective.loss(asked, self.learner.told(asked.captions), before)

    @torch.no_grad()
    def _answered_before(self, asked: Question) -> Tensor:
        with self.learner.unchanged():
            return self.objective.answer(asked, self.learner.told(asked.captions))

    def _split(self, asked: Question) -> Iterator[Question]:
        rows = len(asked.clean)
        width = -(-rows // self.parts)
        for first in range(0, rows, width):
            yield asked.part(first, first + width)

    def _narrow(self) -> str:
        """Halve the part of a batch that is in memory at a time; raises TrainingError where it is one picture already."""
        if self.parts >= self.plan.batch:
            raise TrainingError(
                "memory ran out with one picture at a time: train at a smaller size, with gradient checkpointing, or in bf16"
            ) from None
        self.parts = min(2 * self.parts, self.plan.batch)
        width, passes = -(-self.plan.batch // self.parts), self.plan.accumulation * self.parts
        return f"memory ran out: batches are {width} wide from here on, with {passes} of them a step, which learns the same"

    def validate(self) -> tuple[float, bool]:
        """Return the loss on the pictures held out, and whether it is the best so far."""
        assert self.validation is not None
        with self.learning.averaged():
            loss = self.validation.loss(self.learner)
        better = loss < self.best
        self.best, self.stale = min(loss, self.best), 0 if better else self.stale + 1
        return loss, better

    def save(self) -> None:
        """Write the checkpoint of this step."""
        if self.saved == self.steps or not self.run.leads:
            return
        about = {
            "parts": str(self.parts), "best": repr(self.best), "stale": str(self.stale), "seconds": repr(self.seconds),
            "scale": json.dumps(self.learning.scaler.state_dict()),
        }  # fmt: skip
        checkpoints.save(self.run.checkpoints, self.steps, self.learning.tensors(), about, self.plan.keep)
        self.saved = self.steps

    def resume(self) -> list[str]:
        """Go on from the newest checkpoint that is whole, and say which, and why no newer one."""
        saved, notes = checkpoints.newest(self.run.checkpoints)
        if saved:
            self._take_up(saved)
            self.saved = saved.step
        self.run.forget_after(self.steps)
        return [*notes, f"going on after step {self.steps} of {self.plan.steps}"]

    def go_back_to_best(self) -> bool:
        """Take up the checkpoint with the best loss on the pictures held out, if one was kept."""
        path = self.run.checkpoints / checkpoints.BEST
        if path.is_file():
            self._take_up(checkpoints.read(path))
        return path.is_file()

    def _take_up(self, saved: checkpoints.Saved) -> None:
        about = saved.about
        self.learning.restore(saved.tensors, saved.step)
        self.parts, self.stale = int(about["parts"]), int(about["stale"])
        self.best, self.seconds = float(about["best"]), float(about["seconds"])
        self.learning.restore_scale(about["scale"])


def run_training(training: Training) -> Iterator[Step]:
    """Train to the end of the plan, yielding every step; closing the iterator saves, so nothing is lost when the caller has enough.

    Raises TrainingError where it cannot go on, and checkpoints.DiskFull where the disk is nearly full: all steps taken are saved then.
    """
    plan, run = training.plan, training.run
    sums, counted, told = 0.0, 0, time.monotonic()
    torch.set_flush_denormal(True)  # a setting of the whole process, so it comes off again
    try:
        while not training.finished:
            step = training.step()
            sums, counted = sums + step.loss, counted + 1
            for note in step.notes:
                run.say(note)
            better = False
            if training.validation and (step.number % plan.validate_every == 0 or training.finished):
                step, better = _validated(training, step)
            if step.number % plan.log_every == 0 or training.finished:
                pace = counted * plan.batch * plan.accumulation * plan.processes / max(1e-9, time.monotonic() - told)
                training.record(
                    step.number, {"loss": sums / counted, "rate": step.rate, "gradient": step.gradient, "samples_per_second": pace}
                )
                sums, counted, told = 0.0, 0, time.monotonic()
                _stop_while_there_is_room(training)
            if better or step.number % plan.checkpoint_every == 0 or training.finished:
                training.save()
                if better and run.leads:
                    checkpoints.keep_best(run.checkpoints, checkpoints.path_of(run.checkpoints, step.number))
            yield step
    except checkpoints.DiskFull:
        raise
    except BaseException:
        if training.learning.whole and training.steps:
            training.save()
        raise
    finally:
        torch.set_flush_denormal(False)


def _validated(training: Training, step: Step) -> tuple[Step, bool]:
    loss, better = training.validate()
    training.record(step.number, {"validation_loss": loss})
    notes = [*step.notes]
    if training.finished and step.number < step.total:
        notes.append(f"stopped early: no better loss on the pictures held out for {training.stale} validations")
        training.run.say(notes[-1])
    return Step(
        number=step.number, total=step.total, loss=step.loss, rate=step.rate, gradient=step.gradient, validation=loss, notes=tuple(notes)
    ), better


def _stop_while_there_is_room(training: Training) -> None:
    if not together.any_says(not checkpoints.room_left(training.run.checkpoints, training.learning.tensors())):
        return
    training.save()
    raise checkpoints.DiskFull(
        f"the disk is nearly full: stopped after step {training.steps}, which is saved in {training.run.path}; make room and resume"
    )
