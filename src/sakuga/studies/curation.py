"""Study `curation`: few pictures, nearly all landscapes, against more, mostly portraits: at equal steps, passes and size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sakuga.evaluation.figure import Outcome
from sakuga.evaluation.report import Bar, Chart, Section, Table, bars, differences
from sakuga.evaluation.report.figures import bar, ranged
from sakuga.studies.conclusions import changed, clearly, gained, listed
from sakuga.studies.results import Results, spread, value
from sakuga.studies.study import Laid, Study
from sakuga.studies.tables import Setting
from sakuga.studies.values import Named, Source, Trial, needs
from sakuga.studio.evaluation.styles import Kind

QUESTION = "Does a style learnt from 50 pictures, 90% landscapes, show on faces like one learnt from 100 portraits and 50 landscapes?"
LOOK = "watercolor"
KINDS: tuple[Kind, ...] = ("portrait", "landscape")
FACES = {"unbalanced": 0.1, "balanced": 2 / 3}
"""Portraits among the pictures of a set."""
COMPARED = {
    "steps": ("unbalanced", "balanced", "At equal steps"),
    "passes": ("unbalanced, fewer steps", "balanced", "At equal passes over the set"),
    "size": ("unbalanced", "balanced, as few", "At equal steps, passes and size, so that only the balance differs"),
}
"""Two ways of teaching, and what is equal in both: at equal steps a larger set is seen less often, at equal passes it is taught longer."""
Placed = Mapping[tuple[str, Kind], Outcome]
"""Differences, by what is equal and what is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way of teaching: the set of each repeat, and its steps."""

    sets: tuple[Source, ...]
    steps: int


def curation(setting: Setting) -> Study:
    """Lay the study out: each repeat draws sets and noise of its own; faces and landscapes are judged apart."""
    ways = _ways(setting)
    look = ways["balanced"].sets[0].look or LOOK
    base = {kind: replace(setting.trial(kind, 16), looks=(look,)) for kind in KINDS}
    worn = {
        (name, kind): [setting.worn(base[kind], source, seed=seed, steps=way.steps) for seed, source in enumerate(way.sets)]
        for name, way in ways.items()
        for kind in KINDS
    }
    runs = [Named(name=f"base, {kind}s", run=base[kind]) for kind in KINDS]
    runs += [
        Named(name=f"teach {name}, seed {seed}", run=needs(trial)[0]) for name in ways for seed, trial in enumerate(worn[name, "portrait"])
    ]
    runs += [
        Named(name=f"{name}, {kind}s, seed {seed}", run=trial) for (name, kind), trials in worn.items() for seed, trial in enumerate(trials)
    ]
    return Study(name="curation", question=QUESTION, runs=tuple(runs), lay=lambda results: _lay(results, look, base, worn))


def _ways(setting: Setting) -> dict[str, Way]:
    """Say what is taught, and how long; of two sets of one's own the first is the unbalanced one, and none is cut to its size."""
    steps, repeats = setting.teach(setting.lesson(LOOK)).steps, range(setting.sized(3, 1))
    if setting.sets:
        few, many = setting.sets[:2]
        sets: dict[str, tuple[Source, ...]] = {name: (one,) * len(repeats) for name, one in (("unbalanced", few), ("balanced", many))}
    else:
        sizes = {"unbalanced": ("unbalanced", setting.sized(50, 4)), "balanced": ("balanced", setting.sized(150, 6))}
        sizes["balanced, as few"] = ("balanced", sizes["unbalanced"][1])
        sets = {
            name: tuple(setting.lesson(LOOK, count=count, portraits=round(count * FACES[kind]), seed=seed) for seed in repeats)
            for name, (kind, count) in sizes.items()
        }
    ways = {name: Way(sets=made, steps=steps) for name, made in sets.items()}
    first, last = (sets[name][0].count for name in ("unbalanced", "balanced"))
    return ways | {"unbalanced, fewer steps": Way(sets=sets["unbalanced"], steps=max(1, round(steps * first / last)))}


def _lay(results: Results, look: str, base: Mapping[Kind, Trial], worn: Mapping[tuple[str, Kind], Sequence[Trial]]) -> Laid:
    row = f"look.{look}"
    ways = list(dict.fromkeys(name for name, _ in worn))
    compared = {key: (few, many) for key, (few, many, _) in COMPARED.items() if many in ways}
    pairs = {(key, kind): (worn[few, kind], worn[many, kind]) for key, (few, many) in compared.items() for kind in KINDS}
    none = {kind: results.figure(f"base.{kind}", base[kind], row) for kind in KINDS}
    figures = {(name, kind): results.pooled(f"{_slug(name)}.{kind}", trials, row) for (name, kind), trials in worn.items()}
    gaps = {place: results.more(f"more.{'.'.join(place)}", *pair, row) for place, pair in pairs.items()}
    kept = {place: results.more(f"more.labels.{'.'.join(place)}", *pair, "labels.all") for place, pair in pairs.items()}
    each = {
        place: [
            results.more(f"more.{'.'.join(place)}.seed{seed}", [one], [two], row) for seed, (one, two) in enumerate(zip(*pair, strict=True))
        ]
        for place, pair in pairs.items()
    }
    many = len(worn["balanced", "portrait"])
    n = min(len(results.prompts(base[kind])) for kind in KINDS) * many
    shown = Chart(
        title=f"How surely pictures are read as {look}",
        drawing=bars(
            [bar(f"{kind}s", (none[kind], *(figures[name, kind] for name in ways))) for kind in KINDS],
            ("base", *ways),
            "style on faces and landscapes",
        ),
        caption=f"Mean certainty of the label classifier, 0 to 1; n {n} pictures a bar ({many} trainings), 95% intervals over prompts.",
    )
    gap = Chart(
        title="Balanced minus unbalanced",
        drawing=differences([Bar(name=_called(place), values=(ranged(one),)) for place, one in gaps.items()], ("",), "differences"),
        caption=f"Pair by pair: same prompt, same noise, same seed of training; {n} pairs, 95% intervals over prompts.",
    )
    apart = Table(
        head=("balanced minus unbalanced", *(f"training {seed + 1}" for seed in range(many))),
        rows=tuple((_called(place), *(changed(one) for one in ones)) for place, ones in each.items()),
        caption="Each training apart, with sets of its own: what the intervals above know nothing of.",
    )
    strips = [
        results.strip(
            f"{kind.title()}s",
            [("base", base[kind]), *((name, worn[name, kind][0]) for name in ways)],
            spread(len(results.prompts(base[kind])), 3),
            "Same prompt and seed in each row, the first seed of training; below each, how surely it is read.",
            row,
        )
        for kind in KINDS
    ]
    sections = (Section(title="Faces and landscapes", blocks=(shown, gap, apart)), Section(title="Pictures", blocks=tuple(strips)))
    outcomes: list[Outcome] = [
        *none.values(),
        *figures.values(),
        *gaps.values(),
        *kept.values(),
        *(one for ones in each.values() for one in ones),
    ]
    return sections, outcomes, {}, "\n".join(_said(key, gaps, kept, each) for key in compared)


def _slug(name: str) -> str:
    return name.replace(",", "").replace(" ", "_")


def _called(place: tuple[str, Kind]) -> str:
    equal, kind = place
    return f"{kind}s, equal {equal}"


def _said(key: str, gaps: Placed, kept: Placed, each: Mapping[tuple[str, Kind], Sequence[Outcome]]) -> str:
    """Say what the data say of a comparison, whichever way it falls."""
    ends = [f"on {kind}s {_verdict(gaps[key, kind], each[key, kind])}" for kind in KINDS]
    rest = {1: "more", -1: "less", 0: "as much, as far as can be told,"}
    others = [f"{rest[clearly(kept[key, kind])]} on {kind}s ({gained(kept[key, kind])})" for kind in KINDS]
    return f"{COMPARED[key][2]}, {'; '.join(ends)}. Of what else is asked for the balanced set shows {listed(others)}."


def _verdict(gap: Outcome, each: Sequence[Outcome]) -> str:
    """Say which style shows more; only where the interval and every training alike say so."""
    sign = clearly(gap)
    agreed = all(value(one) * sign > 0 for one in each)
    better = {1: "the style of the balanced set shows more", -1: "the style of the unbalanced set shows more"}
    said = better.get(sign if agreed else 0, "they cannot be told apart")
    apart = f"; by training {listed([changed(one) for one in each])}" if len(each) > 1 else ""
    return f"{said} ({gained(gap)}, balanced minus unbalanced{apart})"
