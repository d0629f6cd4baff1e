"""Run folders `runs/<time>-<name>/`, found by the digest in config.json."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from sakuga import InputError
from sakuga.files import discard_drafts
from sakuga.studies.runs import NamedRun, digest, kind_of, run_values
from sakuga.studio.evaluation.reports import CONFIG, METRICS, is_report, json_text, write_text

RUNS, LOG, ROWS, SPENT = "runs", "log.txt", "rows.json", "spent.json"
CHECKPOINTS, INFERENCE, THUMBNAILS = "checkpoints", "inference", "thumbnails"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder: config.json, metrics.json, log.txt, checkpoints/, inference/, thumbnails/.

    A run with metrics.json is finished.
    """

    path: Path

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def finished(self) -> bool:
        return (self.path / METRICS).is_file()

    def metrics(self) -> dict[str, Any]:
        """Read the metrics of a finished run."""
        return dict(json.loads((self.path / METRICS).read_text(encoding="utf-8")))

    def rows(self) -> dict[str, Any]:
        """Read the scores of each image."""
        return dict(json.loads((self.path / ROWS).read_text(encoding="utf-8")))

    def log(self, text: str) -> None:
        """Append a line to the log."""
        with (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}\n")

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add the time spent inside to the run's total.

        Also when interrupted.
        """
        before, started, busy = self.spent(), perf_counter(), process_time()
        try:
            yield
        finally:
            now = {"seconds": perf_counter() - started, "processor_seconds": process_time() - busy}
            write_text(self / SPENT, json_text({key: round(before.get(key, 0.0) + value, 3) for key, value in now.items()}))

    def spent(self) -> dict[str, float]:
        """Read the wall-clock and CPU seconds so far."""
        path = self / SPENT
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}

    def finish(self, metrics: Mapping[str, Any]) -> None:
        """Write the metrics, which marks the run as finished."""
        write_text(self.path / METRICS, json_text(metrics))


@contextmanager
def locked_folder(out: Path) -> Iterator[None]:
    """Lock a study's folder, and delete what a killed study left half-written in it.

    Raises InputError if another process uses it.

    The lock ends with the process. Windows has no such locks.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    out.mkdir(parents=True, exist_ok=True)
    held = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"another process is running the study in {out}: wait for it, or use another folder") from error
        discard_drafts(out)
        yield
    finally:
        os.close(held)


def known_runs(out: Path) -> dict[str, RunFolder]:
    """Return the runs of a study by digest.

    With the finished ones of the studies beside it.

    So studies share runs. Of two runs with one digest the finished one counts.
    """
    own = _runs_in(out)
    siblings = (path for path in sorted(out.absolute().parent.glob("*")) if path != out.absolute() and is_report(path))
    others = {name: folder for path in siblings for name, folder in _runs_in(path).items() if folder.finished}
    return others | {name: folder for name, folder in own.items() if folder.finished or name not in others}


def _runs_in(out: Path) -> dict[str, RunFolder]:
    found: dict[str, RunFolder] = {}
    for config in sorted((out / RUNS).glob(f"*/{CONFIG}")):
        try:
            values = json.loads(config.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        folder = RunFolder(config.parent)
        if isinstance(values, dict) and (name := values.get("digest")) and not (name in found and found[name].finished):
            found[name] = folder
    return found


def create_run(out: Path, one: NamedRun) -> RunFolder:
    """Create the folder of a new run; one without a plan, whose process was killed in this second, is taken over."""
    slug = re.sub(r"[^a-z0-9]+", "-", one.name.lower()).strip("-")[:48]
    name = digest(one.run)
    folder = RunFolder(out / RUNS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{slug}-{name[:6]}")
    folder.path.mkdir(parents=True, exist_ok=True)
    write_text(folder / CONFIG, json_text({"digest": name, "kind": kind_of(one.run), "name": one.name, **run_values(one.run)}))
    return folder
