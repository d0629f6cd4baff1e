"""Plan and run studies, and write their reports."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sakuga import InputError, __version__
from sakuga.datasets.training_set import digest as set_digest
from sakuga.datasets.training_set import read_set
from sakuga.evaluation.metric import Measurement
from sakuga.evaluation.report import Page, Paragraph, Section
from sakuga.evaluation.report.metrics import metrics_table
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.sketchbook.labels import LOOKS
from sakuga.studies.ablation import Grid, ablation
from sakuga.studies.curation import curation
from sakuga.studies.interpolation import interpolation
from sakuga.studies.methods import methods
from sakuga.studies.prompting import prompting
from sakuga.studies.results import Results
from sakuga.studies.run_folders import known_runs
from sakuga.studies.run_table import run_table
from sakuga.studies.runs import FolderSet, digest, ordered_runs
from sakuga.studies.search import search_grid
from sakuga.studies.settings import StudySettings
from sakuga.studies.study import Study, budget_text, plan_text
from sakuga.studies.styles import styles
from sakuga.studio import Step, Work
from sakuga.studio.evaluation.reports import CONFIG, MADE_BY, REPORT, check_report, json_text, write_report, write_text

STUDIES: dict[str, Callable[[StudySettings], Study]] = {
    "styles": styles,
    "ablation": ablation,
    "methods": methods,
    "interpolation": interpolation,
    "curation": curation,
    "prompting": prompting,
}


SETS = {"interpolation": 2, "curation": 2, "ablation": 1, "methods": 1, "prompting": 1}
"""The number of training sets a study takes; `styles` takes any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult:
    """A finished study: report, metrics, conclusion and number of runs."""

    report: Path
    metrics: tuple[Measurement, ...]
    conclusion: str
    runs: int
    executed: int
    """Runs that were not finished before."""


def study_settings(
    model: str = SKETCHBOOK,
    *,
    quick: bool = False,
    prompts: Sequence[str] = (),
    sets: Sequence[Path] = (),
    grid: Grid = (),
    search: int = 0,
) -> StudySettings:
    """Resolve a study's model and training sets; raises InputError.

    Models other than the Sketchbook need `sets`, as rendered training sets are only 128 px.
    """
    source = find_checkpoint(model)
    if model != SKETCHBOOK and not sets:
        raise InputError(f"a study of {model!r} needs your own training sets: give them with --set FOLDER")
    folders = []
    for place in sets:
        made = read_set(place)
        look = made.trigger if made.trigger in LOOKS else made.name
        count = len(made.epoch)
        folders.append(
            FolderSet(path=str(place.absolute()), digest=set_digest(made), trigger=made.trigger, count=count, look=look, subject=made.name)
        )
    return StudySettings(
        model=source.name, digest=source.base_digest, quick=quick, prompts=tuple(prompts), sets=tuple(folders), grid=grid, search=search
    )


def run_study(name: str, settings: StudySettings, out: Path | str, *, jobs: int = 1) -> Work[Step, StudyResult]:
    """Run a study in a folder and write its report.

    Runs are in runs/ below it.

    Finished runs are reused. The first steps carry the plan with a time estimate. Raises InputError for an unknown study, or a folder that
    holds other files.
    """
    if jobs < 1:
        raise InputError(f"{jobs} parallel runs are too few: use 1 or more")
    if settings.search < 0 or (settings.search and name != "ablation"):
        raise InputError("--search is for the grid of an ablation: give the number of points to try, or leave it out")
    return Work(_run(study_of(name, settings), settings, Path(out), jobs))


def study_plan(name: str, settings: StudySettings, out: Path | str, jobs: int = 1) -> list[str]:
    """Return a study's plan, as lines.

    Raises InputError for an unknown one.
    """
    return plan_text(study_of(name, settings), _finished(Path(out)), jobs, digest)


def study_of(name: str, settings: StudySettings) -> Study:
    """Return a study with its question and runs; raises InputError for an unknown one."""
    if name not in STUDIES:
        raise InputError(f"no study {name!r}: choose {', '.join(STUDIES)}")
    given, wanted = len(settings.sets), SETS.get(name, len(settings.sets))
    if given not in (0, wanted):
        raise InputError(f"{given} training sets were given, and {name!r} takes {wanted}: repeat --set {wanted} times, or leave it out")
    if settings.grid and name != "ablation":
        raise InputError(f"{name!r} has no grid: --vary is for an ablation")
    return STUDIES[name](settings)


def _finished(out: Path) -> set[str]:
    return {name for name, folder in known_runs(out).items() if folder.finished}


def _run(study: Study, settings: StudySettings, out: Path, jobs: int) -> Generator[Step, None, StudyResult]:
    check_report(out)
    finished = _finished(out)
    for line in plan_text(study, finished, jobs, digest):
        yield Step(stage="story", note=line)
    write_marker(out, study, settings)
    if settings.search:
        yield Step(stage="story", note=f"of these, {settings.search} trainings are chosen by the scores so far")
        study = yield from search_grid(settings, out, jobs)
    results = yield from run_table(study.runs, out, settings.model, jobs)
    page, metrics, conclusion = build_report(study, settings, results)
    write_report(out, page, metrics, {**_config(study, settings), "question": study.question, "found": conclusion.splitlines()})
    return StudyResult(
        report=out / REPORT,
        metrics=tuple(metrics),
        conclusion=conclusion,
        runs=len(results.folders),
        executed=len(results.folders.keys() - finished),
    )


def build_report(study: Study, settings: StudySettings, results: Results) -> tuple[Page, Sequence[Measurement], str]:
    """Build a study's report page, the conclusion first.

    Return page, metrics and conclusion.
    """
    sections, metrics, names, conclusion = study.build(results)
    seconds = sum(float(folder.metrics().get("seconds", 0.0)) for folder in results.folders.values())
    table = metrics_table(metrics, names, "Intervals are 95%, by bootstrap over prompts; differences are pair by pair. n counts images.")
    first = Section(title="Conclusion", blocks=tuple(Paragraph(text=line) for line in conclusion.splitlines()))
    page = Page(
        title=f"Study: {study.name}",
        lede=study.question,
        sections=(
            first,
            *sections,
            Section(title="All metrics", blocks=(table,)),
        ),
        facts=(
            ("model", f"{settings.model} {settings.digest[:12]}"),
            ("runs", f"{len(results.folders)}, {seconds / 60:.0f} minutes in total"),
            ("each training", budget_text(one.run for one in ordered_runs(study.runs))),
            ("edition", "quick: too small for conclusions" if settings.quick else "full"),
            ("metric models", "the label classifier for looks, subjects and labels; the model's own CLIP for prompts"),
        ),
    )
    return page, metrics, conclusion


def write_marker(out: Path, study: Study, settings: StudySettings) -> None:
    """Mark a folder as a study's before its first run."""
    write_text(out / CONFIG, json_text({MADE_BY: f"sakuga {__version__}", **_config(study, settings)}))


def _config(study: Study, settings: StudySettings) -> dict[str, object]:
    return {
        "kind": "study",
        "study": study.name,
        "model": settings.digest,
        "quick": settings.quick,
        "runs": [digest(one.run) for one in study.runs],
    }
