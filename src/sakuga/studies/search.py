"""Grid search of an ablation with optuna."""

from collections.abc import Generator
from math import isfinite
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.studies.ablation import Grid, Place, ablation_of, grid_of
from sakuga.studies.results import metric_value
from sakuga.studies.run_table import run_table
from sakuga.studies.runs import GenerationRun
from sakuga.studies.settings import StudySettings
from sakuga.studies.study import Study
from sakuga.studio import Step

SEED = 0
MAX_REPEATS = 30
"""Repeated suggestions in a row that end the search."""


def search_grid(settings: StudySettings, out: Path, jobs: int) -> Generator[Step, None, Study]:
    """Run a search over the grid.

    Up to `settings.search` points, each chosen by the scores so far.

    Return their study.

    The tree-structured Parzen estimator (Bergstra et al. 2011) of optuna with a fixed seed: repeated, it takes the same way over finished
    runs.
    """
    sampler = make_sampler(grid_of(settings))
    scores: dict[Place, float] = {}
    places: list[Place] = []
    repeats = 0
    while len(places) < settings.search and repeats < MAX_REPEATS:
        trial, place = sampler.ask()
        if place in scores:
            repeats += 1
        else:
            places, repeats = [*places, place], 0
            yield Step(stage="running", done=len(places), total=settings.search, note=f"trying {_place_text(settings, place)}")
            scores[place] = yield from _style_score(ablation_of(settings, [place]), out, settings.model, jobs)
        sampler.tell(trial, scores[place])
    return ablation_of(settings, places)


def _style_score(study: Study, out: Path, model: str, jobs: int) -> Generator[Step, None, float]:
    """Run one point and return its style score.

    0 if it was not measured.
    """
    results = yield from run_table(study.runs, out, model, jobs)
    trial = study.runs[-1].run
    assert isinstance(trial, GenerationRun)
    score = metric_value(results.mean_metric("score", trial, f"look.{trial.looks[0]}"))
    return score if isfinite(score) else 0.0


def _place_text(settings: StudySettings, place: Place) -> str:
    return ", ".join(f"{name} {value:g}" for (name, _), value in zip(grid_of(settings), place, strict=True))


class Sampler:
    """A sampler of grid points.

    A tree-structured Parzen estimator.
    """

    def __init__(self, grid: Grid, optuna: Any) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.grid = grid
        self.study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED, n_startup_trials=4))

    def ask(self) -> tuple[Any, Place]:
        """Return a trial handle and the point to try."""
        trial = self.study.ask()
        return trial, tuple(float(trial.suggest_categorical(name, values)) for name, values in self.grid)

    def tell(self, trial: Any, score: float) -> None:
        """Record the score of a trial; higher is better."""
        self.study.tell(trial, score)


def make_sampler(grid: Grid) -> Sampler:
    """Build a sampler.

    Raises InputError where optuna is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise InputError("--search needs optuna: pip install 'sakuga[search]', or leave it out to run the whole grid") from None
    return Sampler(grid, optuna)
