"""Evaluate images, a clip, a style, a training run or a motion adapter."""

from collections.abc import Generator
from pathlib import Path

from sakuga import InputError
from sakuga.models.checkpoint_lookup import find_model
from sakuga.models.hub import HUB_PREFIX
from sakuga.models.styles import checkpoint_styles
from sakuga.paths import local_path
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.output import check_store
from sakuga.studio.core.progress import Step
from sakuga.studio.core.style_lookup import is_style_name, is_style_path
from sakuga.studio.core.styles import parse_style
from sakuga.studio.core.work import Work
from sakuga.studio.evaluation.image_evaluation import evaluate_clip, evaluate_images
from sakuga.studio.evaluation.motion_evaluation import MOTION, evaluate_motion
from sakuga.studio.evaluation.reports import REPORT, check_report, write_report
from sakuga.studio.evaluation.request import EvaluatedPage, Evaluation, EvaluationRequest
from sakuga.studio.evaluation.style_evaluation import evaluate_style


@checked()
def evaluate(request: EvaluationRequest, out: Path | str | None = None, *, store: Path | None = None) -> Work[Step, Evaluation]:
    """Evaluate images, a clip, a style, a run or a motion adapter.

    Writes a report into the folder `out`, by default SUBJECT-report. Raises InputError where the subject is none of these, or where the
    folder holds other files than a report.
    """
    if not request.subject.strip():
        raise InputError("nothing to evaluate: name a folder of images, a clip, a style, a training run, or motion")
    folder = Path(out) if out else Path(f"{Path(request.subject).stem}-report")
    check_report(folder)
    check_store(store)
    return Work(_evaluate(request, folder, _measure(request, store)))


def _evaluate(request: EvaluationRequest, out: Path, measure: Generator[Step, None, EvaluatedPage]) -> Generator[Step, None, Evaluation]:
    made = yield from measure
    subjects = {"thing": Path(request.subject).name, "against": request.against and Path(request.against).name}
    write_report(out, made.page, made.metrics, {**subjects, **made.config})
    return Evaluation(report=out / REPORT, metrics=made.metrics)


def _measure(request: EvaluationRequest, store: Path | None) -> Generator[Step, None, EvaluatedPage]:
    """Return what evaluates the subject as what it is; raises InputError.

    A style's name comes before a path.
    """
    source = find_model(request.settings)
    name, path = parse_style(request.subject).name, local_path(request.subject)
    if request.subject == MOTION:
        note = f"{MOTION} is the model's motion adapter: for the folder write ./{MOTION}" if path.exists() else ""
        return _after_note(note, evaluate_motion(request, source, store))
    if request.settings.motion:
        raise InputError(f"a motion adapter is evaluated by `sakuga evaluate {MOTION}`: for {request.subject} leave --motion out")
    if is_style_name(name, source):
        note = f"{name} is a style's name: for the folder write ./{request.subject}" if path.is_dir() else ""
        return _after_note(note, evaluate_style(request, source, store))
    if name.startswith(HUB_PREFIX) or is_style_path(local_path(name)):
        return evaluate_style(request, source, store)
    if path.is_dir():
        return evaluate_images(request, path)
    if path.is_file():
        return evaluate_clip(request, path)
    own = checkpoint_styles(source)
    styles = f"; styles of '{source.name}' are {', '.join(own)}" if own else ""
    raise InputError(f"{request.subject}: no such folder, clip or style{styles}")


def _after_note(note: str, steps: Generator[Step, None, EvaluatedPage]) -> Generator[Step, None, EvaluatedPage]:
    if note:
        yield Step(stage="story", note=note)
    return (yield from steps)
