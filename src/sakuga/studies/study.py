"""A study: a question, a table of runs of equal budget, and the page that is laid out of what came of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sakuga.evaluation.figure import Outcome
from sakuga.evaluation.report import Section
from sakuga.studies.conclusions import listed
from sakuga.studies.results import Results
from sakuga.studies.values import Named, Teach, Trial, in_order

Laid: TypeAlias = tuple[Sequence[Section], Sequence[Outcome], dict[str, str], str]
"""The sections, the figures, what these are called, and what was found, in a sentence or two."""

OPENING = 8.0
"""Seconds until a process has opened the networks."""
SAMPLE = {"lora": 0.035, "textual-inversion": 0.035, "dreambooth": 0.07}
"""Seconds of one core for one training sample of 128 px (docs/log.md: 147 ms for 4, 482 for 16); DreamBooth learns its class too."""
PICTURE = 0.039
"""Seconds of one core for one step of one guided picture of 128 px: 8 pictures in 20 steps, processor time, busy machine, median of 3."""
JUDGED = 0.03
"""Seconds to judge a picture and to write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is asked, what is run to know it, and how it is laid out."""

    name: str
    question: str
    runs: tuple[Named, ...]
    lay: Callable[[Results], Laid]


def seconds(run: Teach | Trial) -> float:
    """Estimate the time of a run on one core, by rates measured on the Sketchbook."""
    match run:
        case Teach(method=method, steps=steps, batch=batch):
            return OPENING + steps * batch * SAMPLE[method]
        case Trial(prompts=prompts, seeds=seeds, steps=steps):
            return OPENING + len(prompts) * seeds * (steps * PICTURE + JUDGED)


def budget_words(runs: Iterable[Teach | Trial]) -> str:
    """Say what each training of a table is given: its steps, and how often it sees each picture of its set."""
    taught = [run for run in runs if isinstance(run, Teach)]
    sizes = dict.fromkeys((run.steps, run.batch) for run in taught)
    sets = {size: sorted({run.source.count for run in taught if (run.steps, run.batch) == size}) for size in sizes}
    return "; ".join(
        f"{steps} steps of {batch} pictures ({listed([f'{steps * batch / count:.3g} passes over {count}' for count in counts])})"
        for (steps, batch), counts in sets.items()
    )


def plan_words(study: Study, finished: set[str], jobs: int, names: Callable[[Teach | Trial], str]) -> list[str]:
    """Say what will be run, and about how long it takes on so many cores."""
    table = in_order(study.runs)
    left = [one for one in table if names(one.run) not in finished]
    total = sum(seconds(one.run) for one in left)
    longest = max((seconds(one.run) for one in left), default=0.0)
    rows = [f"  {one.name:44} {seconds(one.run):5.0f} s" for one in left]
    said = f"{study.name}: {len(table)} runs, {len(table) - len(left)} of them finished before"
    wall = max(total / jobs, longest)
    time = f"{wall / 60:.0f} minutes" if wall >= 120 else f"{wall:.0f} seconds"
    budget = f"  each training: {budget_words(one.run for one in table)}"
    return [said, budget, *rows, f"about {time} with {jobs} at a time, each on a core like those that the rates were measured on"]
