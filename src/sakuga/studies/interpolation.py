"""Study `interpolation`: two styles blended from one to the other, exactly and naively."""

from collections.abc import Mapping
from dataclasses import replace

from sakuga.evaluation.figure import Outcome
from sakuga.evaluation.report import Bar, Chart, Line, Panel, Section, Strip, curves, differences
from sakuga.evaluation.report.figures import ranged
from sakuga.studies.conclusions import listed, sorted_out, stood
from sakuga.studies.results import Results, spread
from sakuga.studies.study import Laid, Study
from sakuga.studies.tables import Setting
from sakuga.studies.values import Blend, Named, Teach, Trial, Wear

QUESTION = (
    "What is on the way from one style to another, and does averaging the factors of two adapters do as well as adding what they change?"
)
LOOKS = ("watercolor", "comic")
PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)
BLENDS: tuple[Blend, ...] = ("exact", "naive")


def interpolation(setting: Setting) -> Study:
    """Lay the study out: five places, each blended in both ways; the ends are the same in both."""
    sources = setting.sets[:2] if len(setting.sets) > 1 else [setting.lesson(look) for look in LOOKS]
    looks = tuple(source.look or look for source, look in zip(sources, LOOKS, strict=True))
    places = PLACES[::2] if setting.quick else PLACES
    first, second = (setting.teach(source) for source in sources)
    plain = replace(setting.trial(), looks=looks)
    calls = ", ".join(dict.fromkeys(source.trigger for source in sources))
    ends = {0.0: setting.worn(plain, sources[0]), 1.0: setting.worn(plain, sources[1])}
    trials = {(blend, at): ends.get(at) or _between(plain, blend, first, second, at, calls) for blend in BLENDS for at in places}
    runs = [Named(name=f"{blend} {at:g}", run=trial) for (blend, at), trial in trials.items()]
    return Study(name="interpolation", question=QUESTION, runs=tuple(runs), lay=lambda results: _lay(results, looks, places, trials))


def _between(plain: Trial, blend: Blend, first: Teach, second: Teach, at: float, calls: str) -> Trial:
    """Wear a share of both, and call both."""
    return replace(plain, blend=blend, wears=(Wear(taught=first, weight=1 - at), Wear(taught=second, weight=at)), suffix=calls)


def _lay(results: Results, looks: tuple[str, ...], places: tuple[float, ...], trials: Mapping[tuple[Blend, float], Trial]) -> Laid:
    found = {
        (blend, look, at): results.figure(f"{blend}.{_at(at)}.{look}", trials[blend, at], f"look.{look}")
        for blend in BLENDS
        for look in looks
        for at in places
    }
    inner = [at for at in places if 0 < at < 1]
    gaps = {
        (look, at): results.more(f"more.exact.{_at(at)}.{look}", [trials["naive", at]], [trials["exact", at]], f"look.{look}")
        for look in looks
        for at in inner
    }
    kept = [results.more(f"more.exact.{_at(at)}.labels", [trials["naive", at]], [trials["exact", at]], "labels.all") for at in inner]
    n = len(results.prompts(trials["exact", places[0]]))
    panels = [
        Panel(
            title=f"Read as {look}",
            lines=tuple(_line([found[blend, look, at] for at in places], kind) for kind, blend in enumerate(BLENDS[::-1])),
        )
        for look in looks
    ]
    way = Chart(
        title="Along the way",
        drawing=curves(panels, places, f"share of {looks[1]}", "style along the blend", series=BLENDS[::-1]),
        caption=f"Mean certainty of the label classifier, 0 to 1; bands are 95% intervals, n {n} pictures a place.",
    )
    groups = [Bar(name=f"{look} at {at:g}", values=(ranged(gaps[look, at]),)) for look in looks for at in inner]
    gap = Chart(
        title="Exact minus naive",
        drawing=differences(groups, ("",), "exact minus naive"),
        caption=f"Pair by pair, same prompt and seed; n {n}, 95% intervals. At the ends both are the same.",
    )
    strips = tuple(_strip(results, blend, places, trials) for blend in BLENDS)
    sections = (Section(title="Along the way", blocks=(way, gap)), Section(title="Pictures", blocks=strips))
    outcomes: list[Outcome] = [*found.values(), *gaps.values(), *kept]
    named = {f"{look} at {at:g}": one for (look, at), one in gaps.items()}
    said = sorted_out(named, "The exact blend shows more of", "The naive blend shows more of", "They cannot be told apart in")
    ways = listed([f"{look} {listed([stood(found['exact', look, at]) for at in (places[0], 0.5, places[-1])])}" for look in looks])
    return sections, outcomes, {}, f"{said}\nFrom the one end over the middle to the other the exact blend is read as {ways}."


def _at(at: float) -> str:
    return f"{100 * at:03.0f}"


def _line(outcomes: list[Outcome], series: int) -> Line:
    ranges = [ranged(one) for one in outcomes]
    return Line(
        values=tuple(one.value for one in ranges),
        low=tuple(one.low for one in ranges),
        high=tuple(one.high for one in ranges),
        series=series,
    )


def _strip(results: Results, blend: Blend, places: tuple[float, ...], trials: Mapping[tuple[Blend, float], Trial]) -> Strip:
    columns = [(f"{at:g}", trials[blend, at]) for at in places]
    chosen = spread(len(results.prompts(columns[0][1])), 3)
    return results.strip(f"{blend.title()} blend", columns, chosen, "Three prompts, evenly chosen; columns are the second style's share.")
