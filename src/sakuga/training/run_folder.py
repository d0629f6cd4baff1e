"""A run's folder: what was planned, what was measured, what was said, and what came of it."""

import json
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sakuga.files import write_whole
from sakuga.training.plan import Plan, PlanError, differences, read_plan, to_values

CONFIG, METRICS, LOG, RESULT = "config.json", "metrics.jsonl", "log.txt", "metrics.json"
LIBRARIES = ("sakuga", "torch", "diffusers", "transformers")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """`config.json`, `metrics.jsonl`, `log.txt`, `checkpoints/`, `samples/`, `style/`; finished, `metrics.json` too."""

    path: Path
    leads: bool = True
    """Whether this process writes; of several that learn together only one does."""

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
    def begun(self) -> bool:
        """Whether there is a run here."""
        return (self.path / CONFIG).is_file()

    def begin(self, plan: Plan) -> None:
        """Write what is planned. Raises PlanError where the folder holds something else, or cannot be written."""
        if not self.leads:
            return
        if self.path.exists() and (not self.path.is_dir() or any(place for place in self.path.iterdir() if place.name != "class")):
            what = "a run: give --resume to go on with it" if self.begun else "something that is no run: nothing of it is overwritten"
            raise PlanError(f"{self.path} holds {what}, or name another folder")
        try:
            for folder in (self.path, self.checkpoints, self.cache):
                folder.mkdir(parents=True, exist_ok=True)
            versions = {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}
            text = json.dumps({**to_values(plan), "versions": versions}, indent=2, ensure_ascii=False) + "\n"
            write_whole(self.path / CONFIG, lambda path: path.write_text(text, encoding="utf-8"))
        except OSError as error:
            raise PlanError(f"{self.path} cannot be written to ({error.strerror}): name another folder") from None

    def withdraw(self) -> None:
        """Take back what `begin` wrote where nothing was learnt: a run that was refused does not hold its folder."""
        if self.leads and not any(self.checkpoints.iterdir()):
            for folder in (self.checkpoints, self.cache):
                shutil.rmtree(folder)
            for file in (CONFIG, LOG):
                (self.path / file).unlink(missing_ok=True)

    def taken_up(self, plan: Plan) -> Plan:
        """Return the plan of the run that is here, to go on with; raises PlanError where it is another than is asked for now."""
        kept = read_plan(self.path / CONFIG)
        differ = differences(kept, plan)
        if "set_digest" in differ:
            raise PlanError(f"the set {plan.set} has changed since this run began: begin another run, or bring the set back as it was")
        if "model_digest" in differ:
            raise PlanError(f"the model '{plan.model}' is another than that this run began with: begin another run")
        if differ:
            told = ", ".join(f"{key.replace('_', ' ')} {kept_value!r}, not {asked!r}" for key, (kept_value, asked) in differ.items())
            raise PlanError(f"the run in {self.path} was begun otherwise ({told}): resume it as it was, or begin another run")
        return plan

    def say(self, words: str) -> None:
        """Add a line to the log."""
        if not self.leads:
            return
        with (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {words}\n")

    def measure(self, step: int, figures: Mapping[str, float]) -> None:
        """Add figures to the metrics."""
        if not self.leads:
            return
        rounded = {name: float(f"{value:.7g}") for name, value in figures.items()}
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **rounded}) + "\n")

    def forget_after(self, step: int) -> None:
        """Drop what was measured after a step: it is about to be measured again; a line cut short is dropped too."""
        file = self.path / METRICS
        if not self.leads or not file.is_file():
            return
        kept = [line for line in file.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
        write_whole(file, lambda path: path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8"))

    def last(self, name: str) -> float | None:
        """Return the newest of a figure's measurements, if there is one."""
        file = self.path / METRICS
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        found = [json.loads(line) for line in lines if f'"{name}"' in line]
        return float(found[-1][name]) if found else None

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write what came of it; the run is finished then."""
        text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
        write_whole(self.path / RESULT, lambda path: path.write_text(text, encoding="utf-8"))

    def result(self) -> dict[str, Any] | None:
        """Read what came of a finished run; None of one that is not finished."""
        file = self.path / RESULT
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
