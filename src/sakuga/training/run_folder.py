"""The folder of a training run."""

import json
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sakuga.files import discard_drafts, flush_to_disk, sole_user, write_text
from sakuga.training.plan import TrainingPlan, TrainingPlanError, plan_differences, plan_to_dict, read_plan

CONFIG, METRICS, LOG, RESULT = "config.json", "metrics.jsonl", "log.txt", "metrics.json"
LIBRARIES = ("sakuga", "torch", "diffusers", "transformers")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """`config.json`, `metrics.jsonl`, `log.txt`, `checkpoints/`, `samples/`, `style/`; finished, `metrics.json` too."""

    path: Path
    is_main: bool = True
    """Whether this process writes; of several that train together only one does."""

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def cache(self) -> Path:
        return self.path / "cache"

    @property
    def exists(self) -> bool:
        """Whether the folder holds a run."""
        return (self.path / CONFIG).is_file()

    def check_free(self) -> None:
        """Raise TrainingPlanError where the folder is in use.

        It may hold class images in `class`, a set made of a folder in `set`, hidden files, and empty folders.
        """
        if not self.is_main:
            return
        if self.path.exists() and (not self.path.is_dir() or any(map(_in_use, self.path.iterdir()))):
            what = "a run: continue it with --resume" if self.exists else "other files, which are not overwritten: empty it"
            raise TrainingPlanError(f"{self.path} holds {what}, or choose another folder")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder inside a block, and make it if needed; what a killed run left half-written in it is deleted.

        Raises TrainingPlanError where another process trains in it, or it cannot be written.
        """
        if not self.is_main:
            yield
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingPlanError(f"{self.path} cannot be written to ({error.strerror}): choose another folder") from None
        with sole_user(self.path) as free:
            if not free:
                raise TrainingPlanError(f"another process trains in {self.path}: wait for its end, or choose another folder")
            discard_drafts(self.path)
            yield

    def create(self, plan: TrainingPlan) -> None:
        """Create the folder with its plan.

        Raises TrainingPlanError where it cannot be written.
        """
        if not self.is_main:
            return
        try:
            for folder in (self.path, self.checkpoints, self.cache):
                folder.mkdir(parents=True, exist_ok=True)
            versions = {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}
            write_text(self.path / CONFIG, json.dumps({**plan_to_dict(plan), "versions": versions}, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise TrainingPlanError(f"{self.path} cannot be written to ({error.strerror}): choose another folder") from None

    def discard_empty(self) -> None:
        """Delete what `create` wrote where nothing was trained.

        So a refused run leaves its folder free.
        """
        if self.is_main and not any(self.checkpoints.iterdir()):
            for folder in (self.checkpoints, self.cache):
                shutil.rmtree(folder)
            for file in (CONFIG, LOG):
                (self.path / file).unlink(missing_ok=True)

    def check_resumable(self, plan: TrainingPlan) -> None:
        """Raise TrainingPlanError where the run has other settings."""
        saved = read_plan(self.path / CONFIG)
        differing = plan_differences(saved, plan)
        if "set_digest" in differing:
            raise TrainingPlanError(f"the set {plan.set} has changed since this run was started: start another run, or restore the set")
        if "model_digest" in differing:
            raise TrainingPlanError(f"the model '{plan.model}' is not the one that this run was started with: start another run")
        if differing:
            settings = ", ".join(f"{key.replace('_', ' ')} {old!r}, not {new!r}" for key, (old, new) in differing.items())
            raise TrainingPlanError(
                f"the run in {self.path} has other settings ({settings}): resume it with the same settings, or start another run"
            )

    def log(self, message: str) -> None:
        """Append a line to the log."""
        if not self.is_main:
            return
        with (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {message}\n")

    def log_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Append metrics of a step to `metrics.jsonl`."""
        if not self.is_main:
            return
        rounded = {name: float(f"{value:.7g}") for name, value in metrics.items()}
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **rounded}) + "\n")

    def flush_metrics(self) -> None:
        """Flush the metrics to the disk, so that a power cut leaves those up to the checkpoint that is written next."""
        if self.is_main:
            flush_to_disk(self.path / METRICS)

    def drop_metrics_after(self, step: int) -> None:
        """Delete metrics after a step.

        That step is about to be repeated. Truncated lines are deleted too.
        """
        file = self.path / METRICS
        if not self.is_main or not file.is_file():
            return
        valid = [line for line in file.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
        write_text(file, "".join(f"{line}\n" for line in valid))

    def last_metric(self, name: str) -> float | None:
        """Return a metric's newest value, if there is one."""
        file = self.path / METRICS
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        found = [json.loads(line) for line in lines if f'"{name}"' in line]
        return float(found[-1][name]) if found else None

    def step_of(self, name: str, value: float) -> int:
        """Return the first step at which a metric had a value, as it was rounded; 0 where it had not."""
        file, rounded = self.path / METRICS, float(f"{value:.7g}")
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []
        return next((int(row["step"]) for row in rows if row.get(name) == rounded), 0)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the results, which mark the run as finished."""
        write_text(self.path / RESULT, json.dumps(result, indent=2, ensure_ascii=False) + "\n")

    def result(self) -> dict[str, Any] | None:
        """Read the results of a finished run.

        None of an unfinished one.
        """
        file = self.path / RESULT
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def _in_use(place: Path) -> bool:
    """Return whether something in a folder is another's; empty folders are those of a run that was killed before it had a plan."""
    is_own = place.name in ("class", "set") or place.name.startswith(".")
    return not is_own and not (place.is_dir() and not any(place.iterdir()))


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
