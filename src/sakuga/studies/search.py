"""Search an ablation's grid in place of running all of it: each round asks where to look next, and is told what was seen."""

from collections.abc import Generator
from math import isfinite
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.studies.ablation import Grid, Place, ablation_of, grid_of
from sakuga.studies.results import value
from sakuga.studies.running import run_table
from sakuga.studies.study import Study
from sakuga.studies.tables import Setting
from sakuga.studies.values import Trial
from sakuga.studio import Step

SEED = 0
FRUITLESS = 30
"""Times in a row that only places that are known may be asked for, until the search ends."""


def searched(setting: Setting, out: Path, jobs: int) -> Generator[Step, None, Study]:
    """Run up to `setting.search` places of the grid, chosen one after the other by what was seen so far; return the study of them.

    The tree-structured Parzen estimator (Bergstra et al. 2011), as optuna has it, with a seed of its own: asked again it goes the same way,
    over runs that are finished.
    """
    sampler = make_sampler(grid_of(setting))
    seen: dict[Place, float] = {}
    places: list[Place] = []
    fruitless = 0
    while len(places) < setting.search and fruitless < FRUITLESS:
        asked, place = sampler.ask()
        if place in seen:
            fruitless += 1
        else:
            places, fruitless = [*places, place], 0
            yield Step(stage="running", done=len(places), total=setting.search, note=f"looking at {_said(setting, place)}")
            seen[place] = yield from _shown(ablation_of(setting, [place]), out, setting.model, jobs)
        sampler.tell(asked, seen[place])
    return ablation_of(setting, places)


def _shown(study: Study, out: Path, model: str, jobs: int) -> Generator[Step, None, float]:
    """Run a study of one place, and return how surely its look is read there; 0 where nobody can tell."""
    results = yield from run_table(study.runs, out, model, jobs)
    trial = study.runs[-1].run
    assert isinstance(trial, Trial)
    shown = value(results.figure("shown", trial, f"look.{trial.looks[0]}"))
    return shown if isfinite(shown) else 0.0


def _said(setting: Setting, place: Place) -> str:
    return ", ".join(f"{name} {value:g}" for (name, _), value in zip(grid_of(setting), place, strict=True))


class Sampler:
    """Asks for places of a grid, the more likely ones the more is known."""

    def __init__(self, grid: Grid, optuna: Any) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.grid = grid
        self.study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED, n_startup_trials=4))

    def ask(self) -> tuple[Any, Place]:
        """Return a place, and by what to tell what was seen there."""
        trial = self.study.ask()
        return trial, tuple(float(trial.suggest_categorical(name, values)) for name, values in self.grid)

    def tell(self, trial: Any, shown: float) -> None:
        """Learn from what was seen; more is better."""
        self.study.tell(trial, shown)


def make_sampler(grid: Grid) -> Sampler:
    """Return what asks for places of a grid; raises InputError where optuna is not installed."""
    try:
        import optuna
    except ImportError:
        raise InputError("--search needs optuna: pip install 'sakuga[search]', or leave it out to run the whole grid") from None
    return Sampler(grid, optuna)
