"""Study `ablation`: rank, steps and rate of an adapter, or any other field, in a full grid or searched."""

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import product

from sakuga import InputError
from sakuga.evaluation.figure import Outcome
from sakuga.evaluation.report import Chart, Point, Section, Table, heat, scatter
from sakuga.evaluation.report.svg import number
from sakuga.studies.results import Results, spread, value
from sakuga.studies.study import Laid, Study
from sakuga.studies.tables import Setting
from sakuga.studies.values import Named, Teach, Trial, Wear

QUESTION = "How do rank, steps and rate decide how firmly a style is learnt, and what is the cheapest adapter that does?"
LOOK = "watercolor"
GRID: tuple[tuple[str, tuple[float, ...]], ...] = (("rank", (2, 8, 32)), ("steps", (75, 150, 300)), ("rate", (3e-4, 1e-3, 3e-3)))
QUICK: tuple[tuple[str, tuple[float, ...]], ...] = (("rank", (2, 8)), ("steps", (2, 4)))
Place = tuple[float, ...]


def ablation(setting: Setting) -> Study:
    """Lay the study out: a training and its pictures for each place of the grid."""
    grid = setting.grid or (QUICK if setting.quick else GRID)
    names = [name for name, _ in grid]
    source = setting.sets[0] if setting.sets else setting.lesson(LOOK)
    look = source.look or LOOK
    base = Trial(model=setting.digest, prompts=setting.said(24, 3), looks=(look,), steps=setting.sized(20, 4), called=False)
    taught = {
        place: setting.teach(source, **_typed(dict(zip(names, place, strict=True)))) for place in product(*(values for _, values in grid))
    }
    trials = {place: _wearing(base, teach) for place, teach in taught.items()}
    runs = [Named(name="base", run=base)]
    for place in taught:
        called = " ".join(f"{name} {number:g}" for name, number in zip(names, place, strict=True))
        runs += [Named(name=f"teach {called}", run=taught[place]), Named(name=called, run=trials[place])]
    return Study(name="ablation", question=QUESTION, runs=tuple(runs), lay=lambda results: _lay(results, look, grid, base, taught, trials))


def parse_grid(said: Sequence[str]) -> tuple[tuple[str, tuple[float, ...]], ...]:
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


def _wearing(base: Trial, teach: Teach) -> Trial:
    return replace(base, wears=(Wear(taught=teach),))


def _lay(
    results: Results,
    look: str,
    grid: Sequence[tuple[str, tuple[float, ...]]],
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
    blocks = [
        _map(grid, rest, {place: value(one) for place, one in scores.items()}, n) for rest in product(*(values for _, values in grid[2:]))
    ]
    order = sorted(trials, key=lambda place: -value(scores[place]))
    table = Table(
        head=(*names, "style", "labels lost", "seconds", "KB"),
        rows=tuple(
            (
                *(f"{one:g}" for one in place),
                number(value(scores[place])),
                number(-value(kept[place])),
                number(results.teaching(taught[place], "training_seconds")),
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
        for cost, key in (("seconds of training", "training_seconds"), ("size of the file (KB)", "file_kb"))
    ]
    ends = [order[0], order[len(order) // 2], order[-1]]
    columns = [("base", base), *((_named(names, place), trials[place]) for place in dict.fromkeys(ends))]
    strip = results.strip("Best, middle and worst", columns, spread(n, 3), "Same prompt and seed in each row.", f"look.{look}")
    sections = (
        Section(title="The grid", blocks=(*blocks, table)),
        Section(title="What quality costs", blocks=tuple(planes)),
        Section(title="Pictures", blocks=(strip,)),
    )
    outcomes: list[Outcome] = [before, *scores.values(), *kept.values()]
    return (
        sections,
        outcomes,
        {},
        f"Base: {before}. Best: {_named(names, order[0])} ({scores[order[0]]}); worst: {_named(names, order[-1])} ({scores[order[-1]]}).",
    )


def _named(names: Sequence[str], place: Place) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in zip(names, place, strict=True))


def _map(grid: Sequence[tuple[str, tuple[float, ...]]], rest: Place, scores: dict[Place, float], n: int) -> Chart:
    """Draw the first two fields against each other, all others held."""
    rows, columns = grid[0], grid[1] if len(grid) > 1 else ("", (0.0,))
    held = ", ".join(f"{name} {value:g}" for (name, _), value in zip(grid[2:], rest, strict=True))
    cells = [[scores[(row, column, *rest) if len(grid) > 1 else (row,)] for column in columns[1]] for row in rows[1]]
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
