"""Trainings, and reports of evaluations and studies."""

import json
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from PIL import Image as PILImage

from sakuga.web.forecast import forecast
from sakuga.web.names import check_model, named_folder
from sakuga.web.refusal import Refused, missing
from sakuga.web.routes.frames import IMAGES, Width
from sakuga.web.schemas import Id, Report, Run, RunPoint, RunSummary, TrainingForecast, TrainJob
from sakuga.web.security import REPORT_POLICY
from sakuga.web.state import State, StudioState
from sakuga.web.thumbnails import webp
from sakuga.web.training_tasks import forecast_settings

router = APIRouter(tags=["training"])

POINTS = 2000
"""Points of a curve that are sent, evenly chosen."""


@router.get("/runs")
def list_runs(state: State) -> list[RunSummary]:
    """List the trainings, the newest first."""
    folders = [folder for folder in state.data.runs.iterdir() if (folder / "config.json").is_file()]
    newest = sorted(folders, key=lambda folder: -(folder / "config.json").stat().st_mtime)
    return [RunSummary(**_summary(state, folder, _points(folder), _read(folder / "config.json"))) for folder in newest]


@router.post("/runs/plan")
def plan_run(request: TrainJob, state: State) -> TrainingForecast:
    """Return what a training would take, measured on one forward pass; `POST /api/v1/jobs` starts it."""
    check_model(request.model, state.data)
    with TemporaryDirectory(dir=state.data.studio) as scratch:
        with state.database.read() as connection:
            settings = forecast_settings(request, state.data, connection, Path(scratch))
        made = forecast(settings)
    return made.model_copy(update={"notes": [state.data.without_paths(note) for note in made.notes]})


@router.get("/runs/{name}")
def read_run(name: str, state: State) -> Run:
    """Return a training with its curve and samples."""
    folder = named_folder(state.data.runs, name, "training")
    points, config = _points(folder), _read(folder / "config.json")
    every = max(1, len(points) // POINTS)
    shown = [point for place, point in enumerate(points) if place % every == 0 or point.validation_loss is not None]
    return Run(
        **_summary(state, folder, points, config),
        points=shown,
        samples=[f"/api/v1/runs/{name}/samples/{number}" for number, _ in enumerate(_samples(folder))],
        config=config,
        notes=[str(note).replace(f"{state.data.sets}/", "") for note in _read(folder / "metrics.json").get("notes", [])],
    )


def _summary(state: StudioState, folder: Path, points: list[RunPoint], config: dict[str, Any]) -> dict[str, Any]:
    with state.database.read() as connection:
        job = _job(connection, folder.name)
    losses = [point.loss for point in points if point.loss is not None]
    validations = [point.validation_loss for point in points if point.validation_loss is not None]
    done = (folder / "metrics.json").is_file()
    return {
        "name": folder.name,
        "method": config.get("method", {}).get("kind", ""),
        "state": "done" if done else job["state"] if job else "stopped",
        "step": points[-1].step if points else 0,
        "steps": config.get("steps", 0),
        "loss": losses[-1] if losses else None,
        "validation_loss": validations[-1] if validations else None,
        "job": job["id"] if job else None,
    }


def _job(connection: sqlite3.Connection, run: str) -> sqlite3.Row | None:
    """Return the newest job that trains this run."""
    found = connection.execute(
        "SELECT id, state FROM jobs WHERE kind = 'train' AND json_extract(request, '$.name') = ? ORDER BY created DESC LIMIT 1", (run,)
    ).fetchone()
    return found if isinstance(found, sqlite3.Row) else None


def _points(folder: Path) -> list[RunPoint]:
    """Return the figures of a run; a line that is being written is left out."""
    try:
        lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    values = [value for line in lines if (value := _json(line))]
    return [RunPoint(step=value["step"], loss=value.get("loss"), validation_loss=value.get("validation_loss")) for value in values]


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    return _json(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _samples(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "samples").glob("*") if path.suffix in (".png", ".webp", ".jpg"))


@router.get("/runs/{name}/samples/{number}", response_class=Response, responses=IMAGES)  # type: ignore[arg-type]
def run_sample(name: str, number: int, state: State, w: Width = None) -> Response:
    """Return a sheet of sample images of a training."""
    samples = _samples(named_folder(state.data.runs, name, "training"))
    if not 0 <= number < len(samples):
        raise Refused(f"{name} has {len(samples)} sample sheets, and no {number}", "not_found")
    with PILImage.open(samples[number]) as image:
        return Response(webp(image, w or 2048), media_type="image/webp", headers={"cache-control": "no-cache"})


@router.get("/reports")
def list_reports(state: State) -> list[Report]:
    """List the reports, the newest first."""
    with state.database.read() as connection:
        return [_report(row) for row in connection.execute("SELECT * FROM reports ORDER BY created DESC LIMIT 1000")]


@router.get("/reports/{report}")
def read_report(report: Id, state: State) -> Report:
    """Return a report's figures."""
    with state.database.read() as connection:
        row = connection.execute("SELECT * FROM reports WHERE id = ?", (report,)).fetchone()
    if row is None:
        raise missing("report", report)
    return _report(row)


def _report(row: sqlite3.Row) -> Report:
    page = f"/api/v1/reports/{row['id']}/page"
    return Report(id=row["id"], title=row["title"], url=page, metrics=json.loads(row["metrics"]), created=row["created"])


@router.get("/reports/{report}/page", response_class=Response, responses={200: {"content": {"text/html": {}}}})
def report_page(report: Id, state: State) -> HTMLResponse:
    """Return a report as a page, which may load and run nothing."""
    path = state.data.reports / report / "report.html"
    if not path.is_file():
        raise missing("report", report)
    return HTMLResponse(path.read_text(encoding="utf-8"), headers={"content-security-policy": REPORT_POLICY})
