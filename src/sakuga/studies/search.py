"""Grid search of an ablation with optuna."""

from collections.abc import Generator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.studies.ablation import Grid, Place, ablation_of, grid_of
from sakuga.studies.results import metric_value
from sakuga.studies.run_table import parallel_runs, run_table
from sakuga.studies.runs import GenerationRun
from sakuga.studies.settings import StudySettings
from sakuga.studies.study import Study
from sakuga.studio import Step

SEED = 0
MAX_REPEATS = 30
"""Repeated suggestions in a row that end the search."""


def search_grid(settings: StudySettings, out: Path, jobs: int) -> Generator[Step, None, Study]:
    """Run a search over the grid, as many points at a time as run side by side; returns their study.

    Up to `settings.search` points, chosen by the scores so far; those that are being tried count as bad ones (optuna's constant liar), so
    that points tried together differ. The tree-structured Parzen estimator (Bergstra et al. 2011) with a fixed seed: repeated with as many
    runs at a time, it takes the same way over finished runs.
    """
    sampler, width = make_sampler(grid_of(settings)), parallel_runs(jobs)
    scores: dict[Place, float] = {}
    while asked := next_points(sampler, scores, min(width, settings.search - len(scores))):
        places = list(dict.fromkeys(place for _, place in asked))
        said = "; ".join(_place_text(settings, place) for place in places)
        yield Step(stage="running", done=len(scores) + len(places), total=settings.search, note=f"trying {said}")
        scores |= yield from _style_scores(settings, places, out, jobs)
        for trial, place in asked:
            sampler.tell(trial, scores[place])
    return ablation_of(settings, list(scores))


def next_points(sampler: "Sampler", scores: Mapping[Place, float], count: int) -> list[tuple[Any, Place]]:
    """Return trials of up to `count` points that have no score; none where the sampler suggests nothing new any more.

    A point may come twice; known points get their scores at once.
    """
    asked: list[tuple[Any, Place]] = []
    repeats = 0
    while len({place for _, place in asked}) < count and repeats < MAX_REPEATS:
        trial, place = sampler.ask()
        repeats = repeats + 1 if place in scores or any(place == one for _, one in asked) else 0
        if place in scores:
            sampler.tell(trial, scores[place])
        else:
            asked.append((trial, place))
    return asked


def _style_scores(settings: StudySettings, places: Sequence[Place], out: Path, jobs: int) -> Generator[Step, None, dict[Place, float]]:
    """Run some points and return their style scores; 0 for those that were not measured."""
    results = yield from run_table(ablation_of(settings, places).runs, out, settings.model, jobs)
    scores: dict[Place, float] = {}
    for place in places:
        trial = ablation_of(settings, [place]).runs[-1].run
        assert isinstance(trial, GenerationRun)
        score = metric_value(results.mean_metric("score", trial, f"look.{trial.looks[0]}"))
        scores[place] = score if isfinite(score) else 0.0
    return scores


def _place_text(settings: StudySettings, place: Place) -> str:
    return ", ".join(f"{name} {value:g}" for (name, _), value in zip(grid_of(settings), place, strict=True))


class Sampler:
    """A sampler of grid points.

    A tree-structured Parzen estimator.
    """

    def __init__(self, grid: Grid, optuna: Any) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.grid = grid
        self.study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED, n_startup_trials=4, constant_liar=True)
        )

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
