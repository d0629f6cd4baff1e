"""Trainings, evaluations and studies as jobs."""

import json
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from sakuga import InputError, studio
from sakuga.files import link_or_copy, write_text
from sakuga.story.limits import MAX_FACTOR
from sakuga.story.options import Number, Option
from sakuga.studies import service
from sakuga.studio.training.open_sets import SET
from sakuga.studio.training.resolution import PLAN_SETTINGS
from sakuga.training.method_settings import DreamBooth, Lora, MethodSettings, Slider
from sakuga.training.plan import METHODS, TrainingPlan, options_of
from sakuga.training.run_folder import CONFIG
from sakuga.web.data_folder import DataFolder
from sakuga.web.names import check_motion, named_folder, plain_name
from sakuga.web.recipes import file_of
from sakuga.web.refusal import Refused
from sakuga.web.schemas.jobs import EvaluateJob, StudyJob, TrainJob
from sakuga.web.studies import settings_of
from sakuga.web.task import Fault, Made, Task, read_settings

SERVERS_OWN = ("cache", "tracker")
"""Settings of a training that belong to the machine, so no page gives them."""
SETS = ("class_set", "less_set")
"""Settings of methods that are training sets."""
EPOCHS = Number(
    help="How often each image is trained on, in place of steps", default_help="as the steps give", least=0, most=MAX_FACTOR, above=True
)


@cache
def train_options() -> dict[str, Option]:
    """Return the settings of any training that a page may give."""
    plan = {name: option for name, option in options_of(TrainingPlan).items() if name in PLAN_SETTINGS and name not in SERVERS_OWN}
    return {"epochs": EPOCHS, **plan}


@cache
def method_options(name: str) -> dict[str, Option]:
    """Return the settings of one method; those of DreamBooth and sliders include their LoRA's."""
    kind: Any = METHODS[name]
    own = dict(options_of(kind))
    return {**own, **options_of(Lora)} if name in ("dreambooth", "slider") else own


def method_of(name: str, given: Mapping[str, Any]) -> MethodSettings:
    """Return a method with the settings that are given."""
    kinds: tuple[Any, ...] = (Lora, METHODS[name])
    lora, own = ({key: given[key] for key in options_of(kind) if key in given} for kind in kinds)
    match name:
        case "lora":
            return studio.lora_method(None, **lora)
        case "dreambooth":
            return DreamBooth(adapter=studio.lora_method(None, **lora), **own)
        case "slider":
            return Slider(adapter=studio.lora_method(None, **lora), **own)
        case _:
            made: MethodSettings = METHODS[name](**own)
            return made


def read_values(given: Mapping[str, Any], options: Mapping[str, Option]) -> dict[str, Any]:
    """Read values as their options declare them; raises Refused naming the setting."""
    read = dict[str, Any]()
    for key, value in given.items():
        if key not in options:
            raise Refused(f"settings: there is no training setting {key!r}; there are {', '.join(options)}", field=f"settings.{key}")
        try:
            read[key] = options[key].read(value)
        except ValueError as error:
            raise Refused(f"settings: {key}: {error}", field=f"settings.{key}") from None
    return read


def train_task(request: TrainJob, data: DataFolder, connection: sqlite3.Connection) -> Task:
    """Return a task that trains into a run folder, or goes on from its last checkpoint; raises SakugaError."""
    run = data.runs / request.name
    if request.method == "motion-lora":
        _keep_clips(request, data, connection)
    settings = replace(train_settings(request, data, run, run / SET), resume=(run / CONFIG).is_file())
    return Task(work=studio.train(settings), made=lambda result: _trained(result, request.name, request.model))


def forecast_settings(request: TrainJob, data: DataFolder, connection: sqlite3.Connection, scratch: Path) -> studio.TrainSettings:
    """Return the settings of a training that is only asked about, with its clips in a scratch folder; raises SakugaError."""
    clips = scratch / SET
    if request.method == "motion-lora":
        _link_clips(request, data, connection, clips)
    return train_settings(request, data, scratch / request.name, clips)


def train_settings(request: TrainJob, data: DataFolder, run: Path, clips: Path) -> studio.TrainSettings:
    """Read the settings of a training into a run folder, of a MotionLoRA from clips; raises SakugaError."""
    common, special = train_options(), method_options(request.method)
    values = read_values(request.settings, {**common, **special})
    own = {key: value for key, value in values.items() if key in special}
    rest = {key: value for key, value in values.items() if key in common}
    check_motion(own.get("motion"), "settings.motion")
    for name in filter(own.get, SETS):
        own[name] = str(named_folder(data.sets, own[name], "training set"))
    source = clips if request.method == "motion-lora" else named_folder(data.sets, request.set, "training set")
    return studio.TrainSettings(method=method_of(request.method, own), set=source, out=run, model=request.model, **rest)


def _keep_clips(request: TrainJob, data: DataFolder, connection: sqlite3.Connection) -> None:
    """Put the clips of a training into its run, unless it has begun: it keeps those it began with; raises Refused."""
    run = data.runs / request.name
    if not (run / CONFIG).is_file():
        shutil.rmtree(run / SET, ignore_errors=True)
        _link_clips(request, data, connection, run / SET)


def _link_clips(request: TrainJob, data: DataFolder, connection: sqlite3.Connection, folder: Path) -> None:
    """Link clips into a folder, each captioned by its title if it is one of the library; raises Refused."""
    if not request.clips:
        raise Refused("a movement is learnt from clips: choose some of the library, or bring some", field="clips")
    files = [file_of(connection, data, clip) for clip in request.clips]
    folder.mkdir(parents=True)
    for number, (path, title) in enumerate(files, 1):
        place = folder / f"{number:05}{path.suffix}"
        link_or_copy(path, place)
        if path.parent == data.clips:
            write_text(place.with_suffix(".txt"), title)


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
    titles = (_title(name, connection) for name in (request.subject, request.against) if name)
    wanted = studio.EvaluationRequest(
        subject=str(subject),
        against=against,
        count=request.count,
        seeds=request.seeds,
        text=request.text,
        titles=tuple(titles),
        in_studio=True,
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


def _title(name: str, connection: sqlite3.Connection) -> str:
    """Return what a person calls a clip or an upload; others by their names."""
    found = connection.execute(
        "SELECT title FROM clips WHERE id = ? UNION ALL SELECT name FROM uploads WHERE id = ?", (name, name)
    ).fetchone()
    return str(found[0]) if found else name


def study_task(request: StudyJob, job: str, data: DataFolder) -> Task:
    """Return a task that runs a study; runs that an earlier attempt has finished are kept."""
    work = service.run_study(request.name, settings_of(request, data), data.reports / job)
    return Task(work=work, made=lambda result: Made(values={"report": job}, report=studio.to_json(result.metrics)))
