"""The worker of a Ray cluster: one device with the networks loaded."""

import hashlib
import os
import platform
import socket
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from sakuga import __version__
from sakuga.cancellation import Cancelled, CancelScope
from sakuga.event_log import log_event
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.resources import Resources
from sakuga.timeline.spec import ENGINE, Digest

if TYPE_CHECKING:
    from sakuga.rendering.batches import Batch
    from sakuga.rendering.executor import Landed


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What must be the same on all machines of a render."""

    sakuga: str
    source: str
    """A digest of its source, as one version may be changed."""
    engine: int
    """The engine number in the names of frames."""
    python: str
    torch: str

    @classmethod
    def here(cls) -> "Installation":
        """Describe this process."""
        import torch

        python = ".".join(platform.python_version_tuple()[:2])
        return cls(sakuga=__version__, source=_source(), engine=ENGINE, python=python, torch=torch.__version__.partition("+")[0])

    def __str__(self) -> str:
        return f"sakuga {self.sakuga} (source {self.source}, frames of engine {self.engine}), Python {self.python}, torch {self.torch}"


@cache
def _source() -> str:
    """Return the first letters of the digest of this package's modules."""
    folder = Path(__file__).parent.parent
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        total.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return total.hexdigest()[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """What a worker says of itself before it renders."""

    node: str
    """The name of its machine."""
    node_id: str
    """The id that Ray gives it."""
    device: str
    machine: str
    """The class of its machine."""
    installation: Installation
    process: int
    problem: str = ""
    """Why it cannot render, as the end of a sentence about its machine."""

    @property
    def title(self) -> str:
        """Its machine and device."""
        return f"{self.node} {self.device}"


def check_facts(facts: WorkerFacts) -> WorkerFacts:
    """Refuse a worker that cannot render the same frames; raises RenderError with its machine's name."""
    if (here := Installation.here()) != facts.installation:
        raise RenderError(
            f"{facts.node} has {facts.installation}, and {socket.gethostname()} has {here}: install the same versions on every machine"
        )
    if facts.problem:
        raise RenderError(f"{facts.node} {facts.problem}")
    return facts


class RenderWorker:
    """Renders batches one after the other; Ray runs it as an actor, with `cancel` in a thread of its own."""

    def __init__(self, resources: Resources, threads: int, probe: Digest) -> None:
        """`probe` names a frame that the driver has just written to the store."""
        from sakuga.rendering.executor import LocalExecutor

        self._threads, self._probe = threads, probe
        self._resources, self._problem = local_resources(resources)
        self._executor = LocalExecutor(self._resources)
        self._flags: defaultdict[int, Event] = defaultdict(Event)

    def describe(self) -> WorkerFacts:
        """Return what this worker is, and whether it has all that it needs."""
        import ray

        self._use_threads()
        loaded = self._executor.loaded
        return WorkerFacts(
            node=socket.gethostname(),
            node_id=ray.get_runtime_context().get_node_id(),
            device=_device(loaded.lazy_checkpoint.device),
            machine=loaded.machine,
            installation=Installation.here(),
            process=os.getpid(),
            problem=self._problem or self._store_problem(),
        )

    def render(self, number: int, batch: "Batch") -> "tuple[Landed, ...] | Exception":
        """Render what of a batch is not stored yet; errors are returned.

        A cancelled request returns the frames that are stored by then.
        """
        from sakuga.rendering.executor import Landed
        from sakuga.rendering.worker_executor import portable

        self._use_threads()
        landed: list[Landed] = []
        try:
            with CancelScope(self._flags[number]):
                for name in batch.names:
                    if self._executor.store.has_now(name):
                        batch = batch.without(name)
                        landed.append(Landed(name=name, seconds=0.0))
                if batch.frames:
                    landed += self._executor.run([batch])
        except Cancelled:
            log_event("batch.cancelled", batch=number)
        except Exception as error:
            log_event("batch.failed", batch=number, reason=str(error))
            return portable(error)
        finally:
            self._flags.pop(number, None)
        for one in landed:
            log_event("frame.stored", batch=number, frame=one.name, seconds=round(one.seconds, 3), attempts=one.attempts)
        return tuple(landed)

    def cancel(self, number: int) -> None:
        """Cancel a request between two denoising steps."""
        self._flags[number].set()

    def _use_threads(self) -> None:
        """Set torch's threads, which OpenMP counts for each thread that calls it: Ray takes any of two."""
        import torch

        torch.set_num_threads(self._threads)

    def _store_problem(self) -> str:
        store = self._executor.store
        try:
            if store.has_now(self._probe):
                return ""
        except Exception as error:
            return f"cannot reach the store ({error})"
        return f"does not see the frames of {store}: use a folder that all machines mount, or a URL such as s3://BUCKET/frames"


def _device(device: str) -> str:
    """Name a GPU with its number on this machine, as Ray shows a worker only its own."""
    import ray

    numbers = ray.get_runtime_context().get_accelerator_ids().get("GPU", ())
    return f"{device}:{numbers[0]}" if device == "cuda" and numbers else device


def local_resources(resources: Resources) -> tuple[Resources, str]:
    """Return the resources as this machine has them, and what is missing.

    A checkpoint in another place than on the driver's machine is looked up by its name.
    """
    if missing := next((path for path in _other_files(resources) if not path.exists()), None):
        return resources, f"has no {missing}: put it in the same place on every machine"
    try:
        return replace(resources, checkpoint=_checkpoint_folder(resources)), ""
    except RenderError as error:
        return resources, str(error)


def _other_files(resources: Resources) -> Iterator[Path]:
    """Yield the files and folders of styles, motion adapters and ControlNets outside the checkpoint."""
    for _, style in resources.styles:
        yield from (path for path in style.files if resources.checkpoint not in path.parents)
    others = [*(files.path for _, files in resources.motion), *(files.path for _, files in resources.controlnets)]
    yield from (path for path in others if resources.checkpoint not in path.parents)


def _checkpoint_folder(resources: Resources) -> Path:
    from sakuga.models.checkpoint_files import CheckpointFiles
    from sakuga.models.checkpoint_lookup import find_checkpoint

    name, wanted = resources.checkpoint_name, resources.checkpoint_digest
    found: list[Digest] = []
    if resources.checkpoint.is_dir():
        found.append(CheckpointFiles(name=name, folder=resources.checkpoint).digest)
        if found[0] == wanted:
            return resources.checkpoint
    try:
        files = find_checkpoint(name)
        if files.digest == wanted:
            return files.folder
        found.append(files.digest)
    except Exception as error:
        if not found:
            raise RenderError(f"has no model {name!r} ({error}): install it there, as `sakuga model` lists it") from error
    raise RenderError(f"has another model {name!r} ({found[-1][:12]}, not {wanted[:12]}): install the same on every machine")
