"""Trainings, evaluations and studies as jobs."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from sakuga import InputError, studio
from sakuga.studies import service
from sakuga.training.plan import METHODS, options_of
from sakuga.web.data_folder import DataFolder
from sakuga.web.names import named_folder, plain_name
from sakuga.web.recipes import file_of
from sakuga.web.refusal import Refused
from sakuga.web.schemas.jobs import EvaluateJob, StudyJob, TrainJob
from sakuga.web.task import Fault, Made, Task, read_settings

TRAIN_SETTINGS = (
    "epochs", "steps", "batch", "gradient_accumulation", "learning_rate", "schedule", "warmup", "cycles", "weight_decay", "max_grad_norm",
    "optimizer", "seed", "size", "buckets", "flip", "caption_dropout", "min_snr_gamma", "noise_offset", "ema_decay", "precision",
    "gradient_checkpointing", "patience", "validate_every", "checkpoint_every", "keep", "sample_every", "prompts", "log_every",
)  # fmt: skip
"""Settings of a training that a page may give."""


def train_task(request: TrainJob, data: DataFolder) -> Task:
    """Return a task that trains into a run folder, or goes on from its last checkpoint; raises SakugaError."""
    method: Any = METHODS[request.method]
    own = {key: value for key, value in request.settings.items() if key in options_of(method)}
    rest = {key: value for key, value in request.settings.items() if key not in own}
    if "class_set" in own:
        own["class_set"] = str(named_folder(data.sets, str(own["class_set"]), "training set"))
    run, folder = data.runs / request.name, named_folder(data.sets, request.set, "training set")
    if unknown := next((key for key in rest if key not in TRAIN_SETTINGS), None):
        raise Refused(
            f"settings: there is no training setting {unknown!r}; there are {', '.join(TRAIN_SETTINGS)}", field=f"settings.{unknown}"
        )
    configured = studio.lora_method(None, **own) if request.method == "lora" else method(**own)
    try:
        settings = studio.TrainSettings(
            method=configured, set=folder, out=run, model=request.model, resume=(run / "config.json").is_file(), **rest
        )
    except TypeError as error:
        raise InputError(f"settings: {error}") from None
    return Task(work=studio.train(settings), made=lambda result: _trained(result, request.name, request.model))


def _trained(result: Any, name: str, model: str) -> Made:
    """Copy the style into the library, unless a run before has done so."""
    values = {"run": name, "steps": result.steps, "loss": result.loss, "validation_loss": result.validation_loss}
    try:
        studio.add_style(str(result.style), name, model)
    except InputError as error:
        values["note"] = str(error)
    return Made(values={**values, "style": name})


def evaluate_task(request: EvaluateJob, job: str, data: DataFolder, connection: sqlite3.Connection) -> Task:
    """Return a task that measures a clip, a run or a style, and writes a report; raises SakugaError."""
    subject, against = (name and _subject(name, data, connection) for name in (request.subject, request.against))
    wanted = studio.EvaluationRequest(
        subject=str(subject),
        against=against,
        count=request.count,
        seeds=request.seeds,
        text=request.text,
        settings=read_settings(request.settings),
    )
    work = studio.evaluate(wanted, data.reports / job, store=data.frames)
    is_clip = connection.execute("SELECT 1 FROM clips WHERE id = ?", (request.subject,)).fetchone() is not None

    def made(result: Any) -> Made:
        faults = _faults(data.reports / job / "config.json") if is_clip else None
        return Made(values={"report": job}, report=studio.to_json(result.metrics), faults=faults)

    return Task(work=work, made=made)


def _faults(config: Path) -> tuple[Fault, ...]:
    """Read the bad frames of a clip's report, which counts from 1."""
    found = json.loads(config.read_text(encoding="utf-8")).get("bad_frames", [])
    return tuple(Fault(first=bad["first"] - 1, last=bad["last"] - 1, fault=bad["why"]) for bad in found)


def _subject(name: str, data: DataFolder, connection: sqlite3.Connection) -> str:
    """Return what a name stands for: a clip, a run, or a style by its name."""
    if len(name) == 12 and set(name) <= set("0123456789abcdef"):
        return str(file_of(connection, data, name)[0])
    if (data.runs / plain_name(name)).is_dir():
        return str(data.runs / name)
    if name not in {style.name for style in studio.list_styles()}:
        raise Refused(f"there is no clip, run or style {name!r}: choose one of the library", "not_found")
    return name


def study_task(request: StudyJob, job: str, data: DataFolder) -> Task:
    """Return a task that runs a study; runs that an earlier attempt has finished are kept."""
    settings = service.study_settings(request.model, quick=request.quick)
    work = service.run_study(request.name, settings, data.reports / job)
    return Task(work=work, made=lambda result: Made(values={"report": job}, report=studio.to_json(result.metrics)))
