"""Jobs as works: what each kind of request runs, and what it leaves."""

import sqlite3
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, assert_never

from sakuga import studio
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.rendering.store import FrameStore
from sakuga.story.film import from_document
from sakuga.studio.animate.shot_frames import shot_frames
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.timeline.spec import digest
from sakuga.web.choose_state import outside_styles_of, session_log, session_row
from sakuga.web.data_folder import DataFolder
from sakuga.web.grids import axes_of
from sakuga.web.names import check_film, check_model, check_settings
from sakuga.web.recipes import clip_row, file_of, image_path
from sakuga.web.refusal import Refused
from sakuga.web.schemas.jobs import (
    AnimateJob,
    ChooseJob,
    DrawJob,
    EditJob,
    EvaluateJob,
    ExportJob,
    GridJob,
    JobRequest,
    MorphJob,
    PixelateJob,
    RedoJob,
    RenderJob,
    StudyJob,
    TakesJob,
    TrainJob,
    VaryJob,
)
from sakuga.web.task import Made, Task, read_settings
from sakuga.web.training_tasks import evaluate_task, study_task, train_task

MAX_IMAGES = 200
"""Images of one job, as they are held in memory."""
INTERRUPTIBLE = ("animate", "render", "takes", "redo", "edit", "draw", "grid", "morph", "vary", "choose")
"""Kinds that a more urgent job may suspend between two frames."""


def check_request(request: JobRequest, data: DataFolder, connection: sqlite3.Connection) -> None:
    """Refuse what cannot run or names a file, before it is queued; raises SakugaError."""
    match request:
        case RenderJob() | TakesJob():
            check_film(request.film, data)
        case TrainJob() | StudyJob():
            check_model(request.model, data)
        case AnimateJob() | DrawJob() | GridJob() | MorphJob() | VaryJob() | EvaluateJob():
            check_settings(request.settings, data)
        case RedoJob() | EditJob() | PixelateJob() | ExportJob() | ChooseJob():
            pass
    make_task(request, "0" * 12, data, connection).work.close()


def make_task(request: JobRequest, job: str, data: DataFolder, connection: sqlite3.Connection) -> Task:
    """Return the work of a job, which does not run yet; raises SakugaError.

    A job that is run again goes on from the frames in the store, or from the last checkpoint of its training.
    """
    match request:
        case AnimateJob() | RenderJob() | MorphJob() | VaryJob() | ExportJob():
            return _clip_task(request, data.clips / f"{job}.{request.format}", data, connection)
        case ChooseJob():
            return _choose_task(request, job, data, connection)
        case TakesJob():
            return _takes_task(request, data)
        case RedoJob():
            return _redo_task(request, data, connection)
        case EditJob():
            return _edit_task(request, data.clips / f"{job}.{request.format}", data, connection)
        case DrawJob():
            return _draw_task(request, data, connection)
        case GridJob():
            return _grid_task(request, job, data)
        case PixelateJob():
            return _pixelate_task(request, job, data, connection)
        case TrainJob():
            return train_task(request, data, connection)
        case EvaluateJob():
            return evaluate_task(request, job, data, connection)
        case StudyJob():
            return study_task(request, job, data)
        case _:
            assert_never(request)


def _clip_task(
    request: AnimateJob | RenderJob | MorphJob | VaryJob | ExportJob, out: Path, data: DataFolder, connection: sqlite3.Connection
) -> Task:
    """Return a task that writes a clip of the library."""
    shots: Callable[[], Mapping[str, int]] = dict
    match request:
        case AnimateJob():
            work: Work[Any, Any] = studio.animate(
                request.idea,
                out,
                shots=request.shots,
                seconds=request.seconds,
                seed=request.seed,
                settings=read_settings(request.settings),
                store=data.frames,
                preview=request.preview,
            )
        case RenderJob():
            film = from_document(request.film, "this film")
            work = studio.render(film, out, store=data.frames, preview=request.preview, edits=request.edits)
            shots = partial(shot_frames, film, out, preview=request.preview, store=data.frames)
        case MorphJob():
            work = studio.morph(
                request.prompts,
                out,
                frames=request.frames,
                seed=request.seed,
                loop=request.loop,
                even=request.even,
                settings=read_settings(request.settings),
                store=data.frames,
            )
        case VaryJob():
            work = studio.vary(
                image_path(connection, data, request.image),
                out,
                variants=request.variants,
                between=request.between,
                seed=request.seed,
                settings=read_settings(request.settings),
                store=data.frames,
            )
        case ExportJob():
            source, _ = file_of(connection, data, request.clip)
            work = studio.video(source, out, fps=request.fps, max_size=request.max_size)
    model = _model_of(request, connection)
    return Task(work=work, made=lambda result: Made(values=_figures(result), clip=out, model=model), shots=shots)


def _model_of(request: AnimateJob | RenderJob | MorphJob | VaryJob | ExportJob, connection: sqlite3.Connection) -> str | None:
    """Return the model that a clip is made with, None for the built-in one."""
    match request:
        case RenderJob():
            name = request.film.get("film", {}).get("model")
        case ExportJob():
            row = connection.execute("SELECT model FROM clips WHERE id = ?", (request.clip,)).fetchone()
            name = row and row["model"]
        case _:
            name = request.settings.get("model")
    return None if name in (None, SKETCHBOOK) else str(name)


def _choose_task(request: ChooseJob, job: str, data: DataFolder, connection: sqlite3.Connection) -> Task:
    row = session_row(connection, request.session)
    out = data.clips / f"{job}.{request.format}"
    work = studio.replay(
        session_log(data, request.session),
        out,
        node=request.node,
        model=row["model"],
        styles=outside_styles_of(row),
        store=data.frames,
    )
    return Task(work=work, made=lambda result: Made(values=_figures(result), clip=out))


def _takes_task(request: TakesJob, data: DataFolder) -> Task:
    from sakuga.studio.animate.takes import shot_takes

    film = from_document(request.film, "this film")
    work = shot_takes(film, request.shot, request.seeds, preview=request.preview, store=data.frames)
    return Task(work=work, made=lambda takes: Made(values={"takes": [asdict(take) for take in takes]}))


def _redo_task(request: RedoJob, data: DataFolder, connection: sqlite3.Connection) -> Task:
    """Return a task that generates takes of each frame."""
    row = clip_row(connection, request.clip)
    takes = partial(
        studio.redo,
        data.clips / row["file"],
        seeds=request.seeds,
        strength=request.strength,
        prompt=request.prompt,
        model=row["model"],
        store=data.frames,
    )
    works = [(frame, takes(frame + 1)) for frame in request.frames]
    return Task(work=Work(_each(works)), made=lambda found: Made(values={"takes": found}))


def _each(works: list[tuple[int, Work[Any, Any]]]) -> Generator[Any, None, list[dict[str, Any]]]:
    """Drive works one after the other; returns their takes."""
    found = list[dict[str, Any]]()
    for place, (frame, work) in enumerate(works):
        for step in work:
            take = getattr(step, "take", None)
            if take is not None:
                found.append({"frame": frame, "seed": take.seed, "digest": take.frames[0]})
            yield RedoStep(
                stage=step.stage,
                done=place,
                total=len(works),
                note=step.note,
                frame=step.frame,
                share=(place + step.fraction) / len(works),
                redone=found[-1] if take is not None else None,
            )
        work.result()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RedoStep(Step):
    """Progress of takes of frames; one is done where `redone` holds it."""

    redone: dict[str, Any] | None = None


def _edit_task(request: EditJob, out: Path, data: DataFolder, connection: sqlite3.Connection) -> Task:
    row = clip_row(connection, request.clip)
    work = studio.edit_clip(data.clips / row["file"], out, request.edits, model=row["model"], store=data.frames)
    return Task(work=work, made=lambda made: Made(values=_remade(made), clip=out, model=row["model"]))


def _remade(made: Any) -> dict[str, Any]:
    return {"frames": made.frames, "generated": made.generated, "reused": made.reused}


def _draw_task(request: DrawJob, data: DataFolder, connection: sqlite3.Connection) -> Task:
    if len(request.prompts) * request.images_per_prompt > MAX_IMAGES:
        raise Refused(f"one job generates at most {MAX_IMAGES} images: queue several jobs", field="images_per_prompt")
    work = studio.draw(
        request.prompts,
        images_per_prompt=request.images_per_prompt,
        seed=request.seed,
        settings=read_settings(request.settings),
        init_image=image_path(connection, data, request.init_image) if request.init_image else None,
        store=data.frames,
        preview=request.preview,
    )

    def made(result: Any) -> Made:
        store = FrameStore(data.frames)
        names = [digest(store.write_given(image)) for image in result.images]
        return Made(values={"images": names, "seeds": list(result.seeds)}, images=tuple(zip(names, result.prompts, strict=True)))

    return Task(work=work, made=made)


def _grid_task(request: GridJob, job: str, data: DataFolder) -> Task:
    for axis in axes_of(request):
        for value in axis.values:
            check_settings({axis.name: value}, data, f"axes: {axis.name}")
    settings = read_settings(request.settings)
    work = studio.grid(request.prompt, request.axes, data.grids / f"{job}.png", seed=request.seed, settings=settings, store=data.frames)
    return Task(work=work, made=lambda made: Made(values={"grid": job, **_cell_counts(made)}))


def _cell_counts(made: Any) -> dict[str, int]:
    return {"cells": made.cells, "generated": made.generated, "reused": made.reused}


def _pixelate_task(request: PixelateJob, job: str, data: DataFolder, connection: sqlite3.Connection) -> Task:
    source, _ = file_of(connection, data, request.source)
    upload = connection.execute("SELECT kind FROM uploads WHERE id = ?", (request.source,)).fetchone()
    out = data.clips / f"{job}.{'png' if upload and upload['kind'] == 'image' else request.format}"
    work = studio.pixelate(source, out, pixel=request.pixel)
    return Task(work=work, made=lambda result: Made(values={"colors": list(result.colors), "grid": result.grid}, clip=out))


def _figures(result: Any) -> dict[str, Any]:
    """Return the numbers of a result."""
    values: dict[str, Any] = {"frames": result.frames}
    count: Any = getattr(result, "count", None)
    seconds: Any = getattr(result, "seconds", None)
    values |= {"generated": count.generated, "reused": count.reused} if count else {}
    return values | ({key: round(value, 3) for key, value in asdict(seconds).items()} if hasattr(seconds, "total") else {})
