"""Studies as a question, runs and a report."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sakuga.evaluation.metric import Measurement
from sakuga.evaluation.report import Section
from sakuga.studies.results import Results
from sakuga.studies.runs import GenerationRun, NamedRun, TrainingRun, ordered_runs
from sakuga.text import listed

StudyReport: TypeAlias = tuple[Sequence[Section], Sequence[Measurement], dict[str, str], str]
"""The sections, metrics, metric names and conclusion of a study."""

LOAD_SECONDS = 8.0
"""Seconds for a process to load the networks."""
SAMPLE_SECONDS = {"lora": 0.035, "textual-inversion": 0.035, "dreambooth": 0.07}
"""CPU seconds for one training sample of 128 px (docs/log.md: 147 ms for 4, 482 for 16); DreamBooth adds class images."""
STEP_SECONDS = 0.039
"""CPU seconds for one step of one guided image of 128 px: 8 images in 20 steps, median of 3."""
SCORE_SECONDS = 0.03
"""Seconds to score and store an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A question, its runs and its report."""

    name: str
    question: str
    runs: tuple[NamedRun, ...]
    build: Callable[[Results], StudyReport]


def estimate_seconds(run: TrainingRun | GenerationRun) -> float:
    """Estimate a run's seconds on one core.

    By rates measured on the Sketchbook.
    """
    match run:
        case TrainingRun(method=method, steps=steps, batch=batch):
            return LOAD_SECONDS + steps * batch * SAMPLE_SECONDS[method]
        case GenerationRun(prompts=prompts, seeds=seeds, steps=steps):
            return LOAD_SECONDS + len(prompts) * seeds * (steps * STEP_SECONDS + SCORE_SECONDS)


def budget_text(runs: Iterable[TrainingRun | GenerationRun]) -> str:
    """Describe each training's budget: steps, batch size and epochs."""
    trainings = [run for run in runs if isinstance(run, TrainingRun)]
    sizes = dict.fromkeys((run.steps, run.batch) for run in trainings)
    sets = {size: sorted({run.training_set.count for run in trainings if (run.steps, run.batch) == size}) for size in sizes}
    return "; ".join(
        f"{steps} steps of {batch} images ({listed([f'{steps * batch / count:.3g} epochs of {count}' for count in counts])})"
        for (steps, batch), counts in sets.items()
    )


def plan_text(study: Study, finished: set[str], jobs: int, digest_of: Callable[[TrainingRun | GenerationRun], str]) -> list[str]:
    """Return the runs and a time estimate, as lines."""
    table = ordered_runs(study.runs)
    left = [one for one in table if digest_of(one.run) not in finished]
    total = sum(estimate_seconds(one.run) for one in left)
    longest = max((estimate_seconds(one.run) for one in left), default=0.0)
    rows = [f"  {one.name:44} {estimate_seconds(one.run):5.0f} s" for one in left]
    summary = f"{study.name}: {len(table)} runs, {len(table) - len(left)} of them already finished"
    wall = max(total / jobs, longest)
    time = f"{wall / 60:.0f} minutes" if wall >= 120 else f"{wall:.0f} seconds"
    budget = f"  each training: {budget_text(one.run for one in table)}"
    return [summary, budget, *rows, f"about {time} with {jobs} at a time, each on one core"]
