"""Study `ablation`: rank, steps and learning rate."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from math import nan

from sakuga import InputError
from sakuga.evaluation.metric import Measurement, Metric, NotMeasured
from sakuga.evaluation.report import Chart, Point, Section, Table, heat, scatter
from sakuga.evaluation.report.metrics import interval_text
from sakuga.evaluation.report.svg import number
from sakuga.studies.conclusions import clear_sign, difference_text, level_text, sign_summary
from sakuga.studies.results import Results, evenly_spaced, metric_value
from sakuga.studies.runs import GenerationRun, NamedRun, TrainedStyle, TrainingRun
from sakuga.studies.settings import StudySettings
from sakuga.studies.study import Study, StudyReport

QUESTION = "How do rank, steps and learning rate affect how well a style is trained, and what is the cheapest adapter that does?"
LOOK = "watercolor"
Grid = tuple[tuple[str, tuple[float, ...]], ...]
"""Training settings with their values."""
Place = tuple[float, ...]
"""One value of each setting."""
GRID: Grid = (("rank", (2, 8, 32)), ("steps", (60, 200)), ("rate", (5e-4, 2e-3)))
QUICK: Grid = (("rank", (2, 8)), ("steps", (2, 4)))


def ablation(settings: StudySettings) -> Study:
    """Build the study, one training per grid point."""
    return ablation_of(settings, tuple(product(*(values for _, values in grid_of(settings)))))


def grid_of(settings: StudySettings) -> Grid:
    """Return the study's grid, the default one unless given."""
    return settings.grid or (QUICK if settings.quick else GRID)


def ablation_of(settings: StudySettings, places: Sequence[Place]) -> Study:
    """Build the study over some points of its grid."""
    grid = grid_of(settings)
    names = [name for name, _ in grid]
    training_set = settings.sets[0] if settings.sets else settings.rendered_set(LOOK)
    look = training_set.look or LOOK
    base = replace(settings.base_run(), looks=(look,))
    trainings = {place: settings.training_run(training_set, **_typed(dict(zip(names, place, strict=True)))) for place in places}
    trials = {
        place: replace(base, applied_styles=(TrainedStyle(training=training),), suffix=training_set.trigger)
        for place, training in trainings.items()
    }
    runs = [NamedRun(name="base", run=base)]
    for place in trainings:
        point_name = " ".join(f"{name} {number:g}" for name, number in zip(names, place, strict=True))
        runs += [NamedRun(name=f"train {point_name}", run=trainings[place]), NamedRun(name=point_name, run=trials[place])]
    return Study(
        name="ablation", question=QUESTION, runs=tuple(runs), build=lambda results: _build(results, look, grid, base, trainings, trials)
    )


def parse_grid(texts: Sequence[str]) -> Grid:
    """Parse "rank=4,8,16" as a training setting with its values.

    Raises InputError.

    >>> parse_grid(["rank=4,8", "rate=1e-3"])
    (('rank', (4.0, 8.0)), ('rate', (0.001,)))
    """
    kinds = {field.name for field in fields(TrainingRun) if field.type in (int, float, bool)}
    grid: list[tuple[str, tuple[float, ...]]] = []
    for text in texts:
        name, _, values = text.partition("=")
        if name.strip() not in kinds:
            raise InputError(f"{text!r} is no training setting: write FIELD=VALUE,VALUE with one of {', '.join(sorted(kinds))}")
        try:
            numbers = tuple(float(value) for value in values.split(","))
        except ValueError:
            raise InputError(f"{text!r} cannot be read: write numbers, such as {name}=4,8,16") from None
        grid.append((name.strip(), numbers))
    return tuple(grid)


def _typed(values: dict[str, float]) -> dict[str, object]:
    kinds = {field.name: field.type for field in fields(TrainingRun)}
    return {name: value if kinds[name] is float else int(value) for name, value in values.items()}


def _build(
    results: Results,
    look: str,
    grid: Grid,
    base: GenerationRun,
    trainings: dict[Place, TrainingRun],
    trials: dict[Place, GenerationRun],
) -> StudyReport:
    names = [name for name, _ in grid]
    slug = {place: "-".join(f"{name}_{value:g}".replace(".", "p") for name, value in zip(names, place, strict=True)) for place in trials}
    scores = {place: results.mean_metric(f"look.{slug[place]}", trial, f"look.{look}") for place, trial in trials.items()}
    before = results.mean_metric("base.look", base, f"look.{look}")
    labels = {place: results.difference(f"labels.{slug[place]}", [base], [trial], "labels.all") for place, trial in trials.items()}
    n = len(results.prompts(base))
    read, rests = {place: metric_value(one) for place, one in scores.items()}, list(product(*(values for _, values in grid[2:])))
    blocks = [_map(grid, rest, read, n) for rest in rests if any(place[2:] == rest for place in trials)]
    order = sorted(trials, key=lambda place: -metric_value(scores[place]))
    table = Table(
        head=(*names, "style", "95% interval", "labels lost", "CPU seconds", "KB"),
        rows=tuple(
            (
                *(f"{one:g}" for one in place),
                number(metric_value(scores[place])),
                interval_text(one) if isinstance(one := scores[place], Metric) else "–",
                number(-metric_value(labels[place])),
                number(results.training_metric(trainings[place], "processor_seconds")),
                number(results.training_metric(trainings[place], "file_kb")),
            )
            for place in order
        ),
        caption=f"Best first; n {n} images each, one training each.",
        words=0,
    )
    planes = [
        Chart(
            title=f"Quality against {cost}",
            svg=scatter(
                [
                    Point(
                        x=results.training_metric(trainings[place], key), y=metric_value(scores[place]), name=_named(names, place), series=1
                    )
                    for place in order
                ],
                cost,
                "style score",
                f"quality against {cost}",
                log=True,
            ),
            caption="The dashed line is the Pareto front.",
        )
        for cost, key in (("CPU seconds of training", "processor_seconds"), ("file size (KB)", "file_kb"))
    ]
    ends = [order[0], order[len(order) // 2], order[-1]]
    columns = [("base", base), *((_named(names, place), trials[place]) for place in dict.fromkeys(ends))]
    strip = results.strip("Best, middle and worst", columns, evenly_spaced(n, 3), "Same prompt and seed in each row.", f"look.{look}")
    sections = (
        Section(title="Grid", blocks=(*blocks, table)),
        Section(title="Quality against cost", blocks=tuple(planes)),
        Section(title="Images", blocks=(strip,)),
    )
    behind = {
        place: results.difference(f"behind.{slug[place]}", [trials[order[0]]], [trials[place]], f"look.{look}") for place in order[1:]
    }
    gain = results.difference(f"learnt.{slug[order[0]]}", [base], [trials[order[0]]], f"look.{look}")
    effects = {name: _effect(results, grid, at, trials, f"look.{look}") for at, (name, values) in enumerate(grid) if len(values) > 1}
    metrics: list[Measurement] = [before, *scores.values(), *labels.values(), gain, *behind.values(), *effects.values()]
    spent = {
        place: Metric(
            key=f"cost.{slug[place]}.processor_seconds", value=results.training_metric(trainings[place], "processor_seconds"), n=1
        )
        for place in order
    }
    cost = {place: one.value for place, one in spent.items()}
    changed = {f"{name} {min(values):g} to {max(values):g}": effects[name] for name, values in grid if name in effects}
    return sections, [*metrics, *spent.values()], {}, _conclusion(names, order, scores, gain, behind, cost, before, changed)


def _conclusion(
    names: Sequence[str],
    order: Sequence[Place],
    scores: Mapping[Place, Measurement],
    gain: Measurement,
    behind: Mapping[Place, Measurement],
    cost: Mapping[Place, float],
    before: Measurement,
    changed: Mapping[str, Measurement],
) -> str:
    """Summarize the best training and what matters."""
    first = order[0]
    close = [first, *(place for place in order[1:] if clear_sign(behind[place]) >= 0)]
    cheapest = min(close, key=lambda place: cost[place])
    spent = f"{number(cost[cheapest])} CPU seconds; the first took {number(cost[first])}"
    better, worse = (
        f"From the lowest value to the highest, all else equal, the style score {change} with" for change in ("rises", "falls")
    )
    if clear_sign(gain) <= 0:
        none = "The one training does not show" if len(order) == 1 else f"None of {len(order)} trainings shows"
        return (
            f"{none} the style more than the base does: {_named(names, first)} scores {level_text(scores[first])}, the base "
            f"{level_text(before)}, a difference of {difference_text(gain)}. So none can be called best: train longer, or use more prompts."
        )
    others = len(close) - 1
    lines = [
        f"Of {len(order)} trainings {_named(names, first)} has the highest style score: {level_text(scores[first])}; "
        f"the base: {level_text(before)}. The best of many is slightly overestimated.",
        f"{others} of the others do not clearly differ from it; the cheapest of all these is {_named(names, cheapest)} "
        f"({level_text(scores[cheapest])}, {spent})."
        if others
        else "Every other is clearly lower.",
        sign_summary(changed, better, worse, "No clear effect of"),
    ]
    return "\n".join(filter(None, lines))


def _effect(results: Results, grid: Grid, at: int, trials: dict[Place, GenerationRun], row: str) -> Measurement:
    """Return the effect of a setting.

    The difference between its highest and lowest value, all else equal.
    """
    name, values = grid[at]
    lowest = [place for place in trials if place[at] == min(values)]
    pairs = [(trials[one], trials[other]) for one in lowest if (other := (*one[:at], max(values), *one[at + 1 :])) in trials]
    if not pairs:
        return NotMeasured(key=f"effect.{name}", reason="no two runs differ in this setting alone", instead="run the whole grid")
    return results.difference(f"effect.{name}", [one for one, _ in pairs], [other for _, other in pairs], row)


def _named(names: Sequence[str], place: Place) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in zip(names, place, strict=True))


def _map(grid: Grid, rest: Place, scores: dict[Place, float], n: int) -> Chart:
    """Plot the first two settings, the others fixed."""
    rows, columns = grid[0], grid[1] if len(grid) > 1 else ("", (0.0,))
    fixed = ", ".join(f"{name} {value:g}" for (name, _), value in zip(grid[2:], rest, strict=True))
    cells = [[scores.get((row, column, *rest) if len(grid) > 1 else (row,), nan) for column in columns[1]] for row in rows[1]]
    svg = heat(
        cells,
        [f"{one:g}" for one in rows[1]],
        [f"{one:g}" for one in columns[1]],
        rows[0],
        columns[0],
        f"grid {fixed}",
        list(scores.values()),
    )
    return Chart(
        title=f"Style score, {fixed}" if fixed else "Style score",
        svg=svg,
        caption=f"Mean probability, 0 to 1; n {n} images a cell, the best of all outlined.",
    )
