"""Workers of a Ray cluster and their jobs, as the driver knows them."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sakuga.rendering.batch_queue import Task
from sakuga.rendering.batches import Batch
from sakuga.rendering.ray_worker import WorkerFacts


@dataclass(slots=True, eq=False)
class Job:
    """A batch that a worker renders; a copy of it is another job of the same task."""

    number: int
    task: Task
    batch: Batch
    started: float
    is_copy: bool = False
    given_up: bool = False
    """Whether its result is of no use any more."""


@dataclass(slots=True, eq=False)
class Worker:
    """A worker, as the driver knows it."""

    actor: Any
    node: str
    """The id of its node; "" while Ray chooses one."""
    starting: Any
    """The answer to its first question; None when it has come."""
    facts: WorkerFacts | None = None
    number: int = 1
    """Tells it from others of the same machine and kind of device."""
    job: Job | None = None
    answer: Any = None
    """The answer to its job, when it comes."""

    @property
    def waits_for(self) -> Any:
        return self.starting if self.starting is not None else self.answer

    @property
    def title(self) -> str:
        """Its machine and device, and its number there from the second one on."""
        return (self.facts.title + f" {self.number}" * (self.number > 1)) if self.facts else "a new worker"

    def send(self, job: Job) -> None:
        """Let it render a batch."""
        self.job, self.answer = job, self.actor.render.remote(job.number, job.batch)

    def give_up(self) -> None:
        """Cancel what it renders; its answer is of no use."""
        if self.job and not self.job.given_up:
            self.job.given_up = True
            with suppress(Exception):
                self.actor.cancel.remote(self.job.number)
