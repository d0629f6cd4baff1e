"""Study `ablation`: rank, steps and rate of an adapter, or any other field, in a full grid or searched."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from math import nan

from sakuga import InputError
from sakuga.evaluation.figure import Figure, Outcome, Refused
from sakuga.evaluation.report import Chart, Point, Section, Table, heat, scatter
from sakuga.evaluation.report.figures import interval_words
from sakuga.evaluation.report.svg import number
from sakuga.studies.conclusions import clearly, gained, sorted_out, stood
from sakuga.studies.results import Results, spread, value
from sakuga.studies.study import Laid, Study
from sakuga.studies.tables import Setting
from sakuga.studies.values import Named, Teach, Trial, Wear

QUESTION = "How do rank, steps and rate decide how firmly a style is learnt, and what is the cheapest adapter that does?"
LOOK = "watercolor"
Grid = tuple[tuple[str, tuple[float, ...]], ...]
"""Fields of a training with their values."""
Place = tuple[float, ...]
"""A value of each field."""
GRID: Grid = (("rank", (2, 8, 32)), ("steps", (60, 200)), ("rate", (5e-4, 2e-3)))
QUICK: Grid = (("rank", (2, 8)), ("steps", (2, 4)))


def ablation(setting: Setting) -> Study:
    """Lay the study out: a training and its pictures for each place of the grid."""
    return ablation_of(setting, tuple(product(*(values for _, values in grid_of(setting)))))


def grid_of(setting: Setting) -> Grid:
    """Return the grid of a setting."""
    return setting.grid or (QUICK if setting.quick else GRID)


def ablation_of(setting: Setting, places: Sequence[Place]) -> Study:
    """Lay the study out over some places of its grid."""
    grid = grid_of(setting)
    names = [name for name, _ in grid]
    source = setting.sets[0] if setting.sets else setting.lesson(LOOK)
    look = source.look or LOOK
    base = replace(setting.trial(), looks=(look,))
    taught = {place: setting.teach(source, **_typed(dict(zip(names, place, strict=True)))) for place in places}
    trials = {place: replace(base, wears=(Wear(taught=teach),), suffix=source.trigger) for place, teach in taught.items()}
    runs = [Named(name="base", run=base)]
    for place in taught:
        called = " ".join(f"{name} {number:g}" for name, number in zip(names, place, strict=True))
        runs += [Named(name=f"teach {called}", run=taught[place]), Named(name=called, run=trials[place])]
    return Study(name="ablation", question=QUESTION, runs=tuple(runs), lay=lambda results: _lay(results, look, grid, base, taught, trials))


def parse_grid(said: Sequence[str]) -> Grid:
    """Read "rank=4,8,16" as a field of a training with its values; raises InputError.

    >>> parse_grid(["rank=4,8", "rate=1e-3"])
    (('rank', (4.0, 8.0)), ('rate', (0.001,)))
    """
    kinds = {field.name for field in fields(Teach) if field.type in (int, float, bool)}
    grid: list[tuple[str, tuple[float, ...]]] = []
    for text in said:
        name, _, values = text.partition("=")
        if name.strip() not in kinds:
            raise InputError(f"{text!r} varies nothing: write FIELD=VALUE,VALUE with one of {', '.join(sorted(kinds))}")
        try:
            read = tuple(float(value) for value in values.split(","))
        except ValueError:
            raise InputError(f"{text!r} cannot be read: write numbers, such as {name}=4,8,16") from None
        grid.append((name.strip(), read))
    return tuple(grid)


def _typed(values: dict[str, float]) -> dict[str, object]:
    kinds = {field.name: field.type for field in fields(Teach)}
    return {name: value if kinds[name] is float else int(value) for name, value in values.items()}


def _lay(
    results: Results,
    look: str,
    grid: Grid,
    base: Trial,
    taught: dict[Place, Teach],
    trials: dict[Place, Trial],
) -> Laid:
    names = [name for name, _ in grid]
    slug = {place: "-".join(f"{name}_{value:g}".replace(".", "p") for name, value in zip(names, place, strict=True)) for place in trials}
    scores = {place: results.figure(f"look.{slug[place]}", trial, f"look.{look}") for place, trial in trials.items()}
    before = results.figure("base.look", base, f"look.{look}")
    kept = {place: results.more(f"labels.{slug[place]}", [base], [trial], "labels.all") for place, trial in trials.items()}
    n = len(results.prompts(base))
    read, rests = {place: value(one) for place, one in scores.items()}, list(product(*(values for _, values in grid[2:])))
    blocks = [_map(grid, rest, read, n) for rest in rests if any(place[2:] == rest for place in trials)]
    order = sorted(trials, key=lambda place: -value(scores[place]))
    table = Table(
        head=(*names, "style", "95% interval", "labels lost", "processor seconds", "KB"),
        rows=tuple(
            (
                *(f"{one:g}" for one in place),
                number(value(scores[place])),
                interval_words(one) if isinstance(one := scores[place], Figure) else "–",
                number(-value(kept[place])),
                number(results.teaching(taught[place], "processor_seconds")),
                number(results.teaching(taught[place], "file_kb")),
            )
            for place in order
        ),
        caption=f"Best first; n {n} pictures each, one training each.",
        words=0,
    )
    planes = [
        Chart(
            title=f"Quality against {cost}",
            drawing=scatter(
                [
                    Point(x=results.teaching(taught[place], key), y=value(scores[place]), name=_named(names, place), series=1)
                    for place in order
                ],
                cost,
                "style read",
                f"quality against {cost}",
                log=True,
            ),
            caption="The dashed line joins what none is cheaper and better than (Pareto).",
        )
        for cost, key in (("processor seconds of training", "processor_seconds"), ("size of the file (KB)", "file_kb"))
    ]
    ends = [order[0], order[len(order) // 2], order[-1]]
    columns = [("base", base), *((_named(names, place), trials[place]) for place in dict.fromkeys(ends))]
    strip = results.strip("Best, middle and worst", columns, spread(n, 3), "Same prompt and seed in each row.", f"look.{look}")
    sections = (
        Section(title="The grid", blocks=(*blocks, table)),
        Section(title="What quality costs", blocks=tuple(planes)),
        Section(title="Pictures", blocks=(strip,)),
    )
    behind = {place: results.more(f"behind.{slug[place]}", [trials[order[0]]], [trials[place]], f"look.{look}") for place in order[1:]}
    learnt = results.more(f"learnt.{slug[order[0]]}", [base], [trials[order[0]]], f"look.{look}")
    effects = {name: _effect(results, grid, at, trials, f"look.{look}") for at, (name, values) in enumerate(grid) if len(values) > 1}
    outcomes: list[Outcome] = [before, *scores.values(), *kept.values(), learnt, *behind.values(), *effects.values()]
    spent = {
        place: Figure(key=f"cost.{slug[place]}.processor_seconds", value=results.teaching(taught[place], "processor_seconds"), n=1)
        for place in order
    }
    cost = {place: one.value for place, one in spent.items()}
    changed = {f"{name} {min(values):g} to {max(values):g}": effects[name] for name, values in grid if name in effects}
    return sections, [*outcomes, *spent.values()], {}, _found(names, order, scores, learnt, behind, cost, before, changed)


def _found(
    names: Sequence[str],
    order: Sequence[Place],
    scores: Mapping[Place, Outcome],
    learnt: Outcome,
    behind: Mapping[Place, Outcome],
    cost: Mapping[Place, float],
    before: Outcome,
    changed: Mapping[str, Outcome],
) -> str:
    """Say what is best, what is as good and cheaper, and which field matters."""
    first = order[0]
    close = [first, *(place for place in order[1:] if clearly(behind[place]) >= 0)]
    cheapest = min(close, key=lambda place: cost[place])
    spent = f"{number(cost[cheapest])} processor seconds; the first took {number(cost[first])}"
    better, worse = (f"From its least value to its greatest, all else the same, {much} is shown by" for much in ("more", "less"))
    if clearly(learnt) <= 0:
        none = "The one training does not show" if len(order) == 1 else f"None of {len(order)} trainings shows"
        return (
            f"{none} the style more surely than the base does: {_named(names, first)} shows it in {stood(scores[first])}, the base in "
            f"{stood(before)}, a difference of {gained(learnt)}. So none can be called best: teach longer, or try on more prompts."
        )
    others = len(close) - 1
    said = [
        f"Of {len(order)} trainings it is read most surely with {_named(names, first)}: {stood(scores[first])}; the base: {stood(before)}. "
        "The best of many is a little flattered.",
        f"{others} of the others cannot be told from it; the cheapest of them all is {_named(names, cheapest)} "
        f"({stood(scores[cheapest])}, {spent})."
        if others
        else "Every other is clearly behind it.",
        sorted_out(changed, better, worse, "No clear difference is made by"),
    ]
    return "\n".join(filter(None, said))


def _effect(results: Results, grid: Grid, at: int, trials: dict[Place, Trial], row: str) -> Outcome:
    """Return how much more is shown at the greatest value of a field than at its least, where all else is the same."""
    name, values = grid[at]
    least = [place for place in trials if place[at] == min(values)]
    pairs = [(trials[one], trials[other]) for one in least if (other := (*one[:at], max(values), *one[at + 1 :])) in trials]
    if not pairs:
        return Refused(key=f"effect.{name}", reason="no two runs differ in it alone", instead="run the whole grid")
    return results.more(f"effect.{name}", [one for one, _ in pairs], [other for _, other in pairs], row)


def _named(names: Sequence[str], place: Place) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in zip(names, place, strict=True))


def _map(grid: Grid, rest: Place, scores: dict[Place, float], n: int) -> Chart:
    """Draw the first two fields against each other, all others held."""
    rows, columns = grid[0], grid[1] if len(grid) > 1 else ("", (0.0,))
    held = ", ".join(f"{name} {value:g}" for (name, _), value in zip(grid[2:], rest, strict=True))
    cells = [[scores.get((row, column, *rest) if len(grid) > 1 else (row,), nan) for column in columns[1]] for row in rows[1]]
    drawn = heat(
        cells,
        [f"{one:g}" for one in rows[1]],
        [f"{one:g}" for one in columns[1]],
        rows[0],
        columns[0],
        f"grid {held}",
        list(scores.values()),
    )
    return Chart(
        title=f"Style read, {held}" if held else "Style read",
        drawing=drawn,
        caption=f"Mean certainty, 0 to 1; n {n} pictures a cell, the best of all outlined.",
    )
