"""Studies as plans, and how far they are."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from sakuga.studies import service
from sakuga.studies.ablation import parse_grid
from sakuga.studies.run_folders import THUMBNAILS, RunFolder, known_runs
from sakuga.studies.runs import NamedRun, digest, kind_of, ordered_runs
from sakuga.studies.settings import StudySettings
from sakuga.studies.study import Study, estimate_seconds
from sakuga.web.data_folder import DataFolder
from sakuga.web.names import named_folder
from sakuga.web.schemas.jobs import Job, StudyJob
from sakuga.web.schemas.studies import StudyInfo, StudyPlan, StudyProgress, StudyRun


def settings_of(request: StudyJob, data: DataFolder) -> StudySettings:
    """Resolve a request's model and training sets; raises SakugaError."""
    sets = [named_folder(data.sets, name, "training set") for name in request.sets]
    return service.study_settings(request.model, quick=request.quick, sets=sets, grid=parse_grid(request.grid), search=request.search)


@cache
def list_studies() -> list[StudyInfo]:
    """Return every study with its size."""
    quick, full = (service.study_settings(quick=quick) for quick in (True, False))
    return [_info(name, service.study_of(name, quick), service.study_of(name, full)) for name in service.STUDIES]


def _info(name: str, quick: Study, full: Study) -> StudyInfo:
    return StudyInfo(
        name=name,
        question=full.question,
        sets=service.SETS.get(name),
        runs=len(ordered_runs(full.runs)),
        seconds=_seconds(ordered_runs(full.runs)),
        quick_runs=len(ordered_runs(quick.runs)),
        quick_seconds=_seconds(ordered_runs(quick.runs)),
    )


def _seconds(runs: tuple[NamedRun, ...]) -> float:
    return sum(estimate_seconds(one.run) for one in runs)


def plan_of(request: StudyJob, data: DataFolder) -> StudyPlan:
    """Return the runs that a request starts; raises SakugaError."""
    study = service.study_of(request.name, settings_of(request, data))
    return StudyPlan(**_plan(study, data.reports / "none", ""))


def progress_of(job: Job, data: DataFolder) -> StudyProgress:
    """Return how far a study is; raises SakugaError where its sets are gone."""
    request = StudyJob.model_validate(job.request)
    study = service.study_of(request.name, settings_of(request, data))
    out = data.reports / job.id
    report = (out / "report.html").is_file()
    found = json.loads((out / "config.json").read_text(encoding="utf-8")).get("found", []) if report else []
    return StudyProgress(
        **_plan(study, out, job.id),
        id=job.id,
        title=job.title,
        name=request.name,
        state=job.state,
        quick=request.quick,
        found=found,
        report=job.id if report else None,
    )


def strip_of(job: str, number: int, request: StudyJob, data: DataFolder) -> Path | None:
    """Return the first images of a run, by its number in the plan."""
    study = service.study_of(request.name, settings_of(request, data))
    runs, known = ordered_runs(study.runs), known_runs(data.reports / job)
    return _strip(known.get(digest(runs[number].run))) if number < len(runs) else None


def _plan(study: Study, out: Path, job: str) -> dict[str, Any]:
    known = known_runs(out)
    runs = [_run(one, known.get(digest(one.run)), job, number) for number, one in enumerate(ordered_runs(study.runs))]
    return {"question": study.question, "runs": runs, "seconds": sum(one.seconds for one in runs if one.state != "done")}


def _run(one: NamedRun, folder: RunFolder | None, job: str, number: int) -> StudyRun:
    started = folder is not None and (folder / "log.txt").is_file()
    state: Any = "done" if folder and folder.finished else "running" if started else "waiting"
    strip = f"/api/v1/studies/{job}/runs/{number}/strip" if _strip(folder) else None
    kind: Any = kind_of(one.run)
    return StudyRun(name=one.name, kind=kind, seconds=estimate_seconds(one.run), state=state, strip=strip)


def _strip(folder: RunFolder | None) -> Path | None:
    path = folder / THUMBNAILS / "strip.webp" if folder else None
    return path if path and path.is_file() else None
