"""Do a study: plan it, run what is not finished, and lay one report out over all."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sakuga import InputError, __version__
from sakuga.datasets.training_set import digest as set_digest
from sakuga.datasets.training_set import read_set
from sakuga.evaluation.figure import Outcome
from sakuga.evaluation.report import Page, Prose, Section
from sakuga.evaluation.report.figures import figures_table
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.sketchbook.labels import LOOKS
from sakuga.studies.ablation import Grid, ablation
from sakuga.studies.curation import curation
from sakuga.studies.folders import known_runs
from sakuga.studies.interpolation import interpolation
from sakuga.studies.methods import methods
from sakuga.studies.prompting import prompting
from sakuga.studies.results import Results
from sakuga.studies.running import run_table
from sakuga.studies.search import searched
from sakuga.studies.study import Study, budget_words, plan_words
from sakuga.studies.styles import styles
from sakuga.studies.tables import Setting
from sakuga.studies.values import Folder, digest, in_order
from sakuga.studio import Step, Work
from sakuga.studio.evaluation.reports import CONFIG, MADE_BY, REPORT, check_report, said_as_json, write_report, write_text

STUDIES: dict[str, Callable[[Setting], Study]] = {
    "styles": styles,
    "ablation": ablation,
    "methods": methods,
    "interpolation": interpolation,
    "curation": curation,
    "prompting": prompting,
}


SETS = {"interpolation": 2, "curation": 2, "ablation": 1, "methods": 1, "prompting": 1}
"""Training sets of one's own that a study takes; `styles` takes any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    """A study that was done: its report, its figures, what was found, and how many runs there were anew."""

    report: Path
    figures: tuple[Outcome, ...]
    found: str
    runs: int
    performed: int


def settle(
    model: str = SKETCHBOOK,
    *,
    quick: bool = False,
    prompts: Sequence[str] = (),
    sets: Sequence[Path] = (),
    grid: Grid = (),
    search: int = 0,
) -> Setting:
    """Find the model and the training sets that a study is done with; raises InputError.

    Other models than the Sketchbook need sets of their own, as the world's pictures are 128 px small.
    """
    source = find_checkpoint(model)
    if model != SKETCHBOOK and not sets:
        raise InputError(f"a study on {model!r} needs training sets of its own: give them with --set FOLDER")
    folders = []
    for place in sets:
        made = read_set(place)
        look = made.trigger if made.trigger in LOOKS else made.name
        count = len(made.epoch)
        folders.append(
            Folder(path=str(place.absolute()), digest=set_digest(made), trigger=made.trigger, count=count, look=look, subject=made.name)
        )
    return Setting(
        model=source.name, digest=source.core, quick=quick, prompts=tuple(prompts), sets=tuple(folders), grid=grid, search=search
    )


def study(name: str, setting: Setting, out: Path | str, *, jobs: int = 1) -> Work[Step, Studied]:
    """Do a study into a folder: runs/ below it, and one report over all; what was finished there before is not run again.

    The plan, with an estimate of its time, is told before anything is run. Raises InputError for an unknown study, or a folder that holds
    other things.
    """
    if jobs < 1:
        raise InputError(f"{jobs} runs at a time do nothing: choose 1 or more")
    if setting.search < 0 or (setting.search and name != "ablation"):
        raise InputError("a search is for the grid of an ablation: say how many places it may look at, or leave it out")
    return Work(_study(_laid(name, setting), setting, Path(out), jobs))


def planned(name: str, setting: Setting, out: Path | str, jobs: int = 1) -> list[str]:
    """Say what a study would run, and about how long that takes; raises InputError for an unknown one."""
    return plan_words(_laid(name, setting), _finished(Path(out)), jobs, digest)


def _laid(name: str, setting: Setting) -> Study:
    if name not in STUDIES:
        raise InputError(f"no study {name!r}: there are {', '.join(STUDIES)}")
    given, wanted = len(setting.sets), SETS.get(name, len(setting.sets))
    if given not in (0, wanted):
        raise InputError(f"{given} training sets were given, and {name!r} takes {wanted}: repeat --set so often, or leave it out")
    if setting.grid and name != "ablation":
        raise InputError(f"{name!r} varies nothing: --vary is for the grid of an ablation")
    return STUDIES[name](setting)


def _finished(out: Path) -> set[str]:
    return {name for name, folder in known_runs(out).items() if folder.finished}


def _study(asked: Study, setting: Setting, out: Path, jobs: int) -> Generator[Step, None, Studied]:
    check_report(out)
    for line in plan_words(asked, _finished(out), jobs, digest):
        yield Step(stage="story", note=line)
    write_mark(out, asked, setting)
    if setting.search:
        yield Step(stage="story", note=f"of these only {setting.search} trainings, chosen one after the other by what was seen before")
        asked = yield from searched(setting, out, jobs)
    results = yield from run_table(asked.runs, out, setting.model, jobs)
    page, outcomes, found = laid_out(asked, setting, results)
    write_report(out, page, outcomes, {**_config(asked, setting), "question": asked.question, "found": found.splitlines()})
    return Studied(report=out / REPORT, figures=tuple(outcomes), found=found, runs=len(results.folders), performed=results.performed)


def laid_out(asked: Study, setting: Setting, results: Results) -> tuple[Page, Sequence[Outcome], str]:
    """Lay the report of a study out, what was found first."""
    sections, outcomes, names, found = asked.lay(results)
    seconds = sum(float(folder.metrics().get("seconds", 0.0)) for folder in results.folders.values())
    table = figures_table(outcomes, names, "Intervals are 95%, by bootstrap over prompts; differences are pair by pair. n counts pictures.")
    said = Section(title="Found", blocks=tuple(Prose(text=line) for line in found.splitlines()))
    page = Page(
        title=f"Study: {asked.name}",
        lede=asked.question,
        sections=(
            said,
            *sections,
            Section(title="All figures", blocks=(table,)),
        ),
        facts=(
            ("model", f"{setting.model} {setting.digest[:12]}"),
            ("runs", f"{len(results.folders)}, {seconds / 60:.0f} minutes of them all"),
            ("each training", budget_words(one.run for one in in_order(asked.runs))),
            ("edition", "quick: too small to conclude from" if setting.quick else "full"),
            ("judges", "the label classifier for looks, subjects and labels; the model's own CLIP for words"),
        ),
    )
    return page, outcomes, found


def write_mark(out: Path, asked: Study, setting: Setting) -> None:
    """Mark a folder as a study's before anything is in it, so that a second call knows it as ours."""
    write_text(out / CONFIG, said_as_json({MADE_BY: f"sakuga {__version__}", **_config(asked, setting)}))


def _config(asked: Study, setting: Setting) -> dict[str, object]:
    return {
        "kind": "study",
        "study": asked.name,
        "model": setting.digest,
        "quick": setting.quick,
        "runs": [digest(one.run) for one in asked.runs],
    }
