"""Runs on the disk: `runs/<time>-<name>/`, each found again by the digest in its config.json; `metrics.json` makes it finished."""

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
from sakuga.studies.values import Named, digest, plain
from sakuga.studio.evaluation.reports import CONFIG, METRICS, is_report, said_as_json, write_text

RUNS, LOG, ROWS, SPENT = "runs", "log.txt", "rows.json", "spent.json"
CHECKPOINTS, INFERENCE, THUMBNAILS = "checkpoints", "inference", "thumbnails"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder: config.json, metrics.json, log.txt, checkpoints/, inference/, thumbnails/."""

    path: Path

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def finished(self) -> bool:
        return (self.path / METRICS).is_file()

    def metrics(self) -> dict[str, Any]:
        """Read the figures of a finished run."""
        return dict(json.loads((self.path / METRICS).read_text(encoding="utf-8")))

    def rows(self) -> dict[str, Any]:
        """Read what was measured picture by picture, and who judged."""
        return dict(json.loads((self.path / ROWS).read_text(encoding="utf-8")))

    def say(self, words: str) -> None:
        """Add a line to the log."""
        with (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {words}\n")

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add up the time that is spent in here, also where it is stopped: a run may take several sittings."""
        before, begun, busy = self.spent(), perf_counter(), process_time()
        try:
            yield
        finally:
            now = {"seconds": perf_counter() - begun, "processor_seconds": process_time() - busy}
            write_text(self / SPENT, said_as_json({key: round(before.get(key, 0.0) + value, 3) for key, value in now.items()}))

    def spent(self) -> dict[str, float]:
        """Read the seconds of the clock and of the processor that a run has taken so far."""
        path = self / SPENT
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}

    def finish(self, figures: Mapping[str, Any]) -> None:
        """Write the figures, by which the run is finished."""
        write_text(self.path / METRICS, said_as_json(figures))


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Hold a study's folder; raises InputError where another process is at work there.

    A process that dies lets go. Windows has no such locks.
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
            raise InputError(f"another process is at work on the study in {out}: wait for it, or name another folder") from error
        yield
    finally:
        os.close(held)


def known_runs(out: Path) -> dict[str, RunFolder]:
    """Find runs by digest: those of a study's folder, and finished ones of the studies beside it, so that what they share is run once.

    Of two with one digest a finished one counts.
    """
    own = _runs_in(out)
    beside = (place for place in sorted(out.absolute().parent.glob("*")) if place != out.absolute() and is_report(place))
    others = {name: folder for place in beside for name, folder in _runs_in(place).items() if folder.finished}
    return others | {name: folder for name, folder in own.items() if folder.finished or name not in others}


def _runs_in(out: Path) -> dict[str, RunFolder]:
    found: dict[str, RunFolder] = {}
    for config in sorted((out / RUNS).glob(f"*/{CONFIG}")):
        try:
            said = json.loads(config.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        folder = RunFolder(config.parent)
        if isinstance(said, dict) and (name := said.get("digest")) and not (name in found and found[name].finished):
            found[name] = folder
    return found


def begin_run(out: Path, one: Named) -> RunFolder:
    """Make the folder of a run that is not there yet."""
    slug = re.sub(r"[^a-z0-9]+", "-", one.name.lower()).strip("-")[:48]
    name = digest(one.run)
    folder = RunFolder(out / RUNS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{slug}-{name[:6]}")
    folder.path.mkdir(parents=True)
    kind = type(one.run).__name__.lower()
    write_text(folder / CONFIG, said_as_json({"digest": name, "kind": kind, "name": one.name, **plain(one.run)}))
    return folder
