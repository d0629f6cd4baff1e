"""Study `interpolation`: exact and naive style blends."""

from collections.abc import Mapping
from dataclasses import replace

from sakuga.evaluation.metric import Measurement
from sakuga.evaluation.report import Bar, Chart, Curve, Panel, Section, Strip, curves, differences
from sakuga.evaluation.report.metrics import ranged
from sakuga.studies.conclusions import level_text, sign_summary
from sakuga.studies.results import Results, evenly_spaced
from sakuga.studies.runs import Blend, GenerationRun, NamedRun, TrainedStyle, TrainingRun
from sakuga.studies.settings import StudySettings
from sakuga.studies.study import Study, StudyReport
from sakuga.text import listed

QUESTION = "What lies between two styles, and does averaging two adapters' factors do as well as adding their deltas?"
LOOKS = ("watercolor", "comic")
PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)
BLENDS: tuple[Blend, ...] = ("exact", "naive")


def interpolation(settings: StudySettings) -> Study:
    """Build the study: five blends by both methods.

    The ends are the same in both.
    """
    sources = settings.sets[:2] if len(settings.sets) > 1 else [settings.rendered_set(look) for look in LOOKS]
    looks = tuple(training_set.look or look for training_set, look in zip(sources, LOOKS, strict=True))
    places = PLACES[::2] if settings.quick else PLACES
    first, second = (settings.training_run(training_set) for training_set in sources)
    base = replace(settings.base_run(), looks=looks)
    triggers = ", ".join(dict.fromkeys(training_set.trigger for training_set in sources))
    ends = {0.0: settings.with_style(base, sources[0]), 1.0: settings.with_style(base, sources[1])}
    trials = {(blend, at): ends.get(at) or _between(base, blend, first, second, at, triggers) for blend in BLENDS for at in places}
    runs = [NamedRun(name=f"{blend} {at:g}", run=trial) for (blend, at), trial in trials.items()]
    return Study(name="interpolation", question=QUESTION, runs=tuple(runs), build=lambda results: _build(results, looks, places, trials))


def _between(base: GenerationRun, blend: Blend, first: TrainingRun, second: TrainingRun, at: float, triggers: str) -> GenerationRun:
    """Return the base run with both styles applied."""
    return replace(
        base,
        blend=blend,
        applied_styles=(TrainedStyle(training=first, weight=1 - at), TrainedStyle(training=second, weight=at)),
        suffix=triggers,
    )


def _build(
    results: Results, looks: tuple[str, ...], places: tuple[float, ...], trials: Mapping[tuple[Blend, float], GenerationRun]
) -> StudyReport:
    found = {
        (blend, look, at): results.mean_metric(f"{blend}.{_at(at)}.{look}", trials[blend, at], f"look.{look}")
        for blend in BLENDS
        for look in looks
        for at in places
    }
    inner = [at for at in places if 0 < at < 1]
    gaps = {
        (look, at): results.difference(f"more.exact.{_at(at)}.{look}", [trials["naive", at]], [trials["exact", at]], f"look.{look}")
        for look in looks
        for at in inner
    }
    labels = [
        results.difference(f"more.exact.{_at(at)}.labels", [trials["naive", at]], [trials["exact", at]], "labels.all") for at in inner
    ]
    n = len(results.prompts(trials["exact", places[0]]))
    panels = [
        Panel(
            title=f"Read as {look}",
            curves=tuple(_line([found[blend, look, at] for at in places], kind) for kind, blend in enumerate(BLENDS[::-1])),
        )
        for look in looks
    ]
    chart = Chart(
        title="Along the blend",
        svg=curves(panels, places, f"share of {looks[1]}", "style along the blend", series=BLENDS[::-1]),
        caption=f"Mean probability by the label classifier, 0 to 1; bands are 95% intervals, n {n} images a point.",
    )
    groups = [Bar(name=f"{look} at {at:g}", values=(ranged(gaps[look, at]),)) for look in looks for at in inner]
    gap = Chart(
        title="Exact minus naive",
        svg=differences(groups, ("",), "exact minus naive"),
        caption=f"Pair by pair, same prompt and seed; n {n}, 95% intervals. The ends are the same in both.",
    )
    strips = tuple(_strip(results, blend, places, trials) for blend in BLENDS)
    sections = (Section(title="Along the blend", blocks=(chart, gap)), Section(title="Images", blocks=strips))
    metrics: list[Measurement] = [*found.values(), *gaps.values(), *labels]
    named = {f"{look} at {at:g}": one for (look, at), one in gaps.items()}
    summary = sign_summary(named, "The exact blend shows more of", "The naive blend shows more of", "No clear difference in")
    levels = listed([f"{look} {listed([level_text(found['exact', look, at]) for at in (places[0], 0.5, places[-1])])}" for look in looks])
    return sections, metrics, {}, f"{summary}\nAt the start, middle and end the exact blend is read as {levels}."


def _at(at: float) -> str:
    return f"{100 * at:03.0f}"


def _line(metrics: list[Measurement], series: int) -> Curve:
    ranges = [ranged(one) for one in metrics]
    return Curve(
        values=tuple(one.value for one in ranges),
        low=tuple(one.low for one in ranges),
        high=tuple(one.high for one in ranges),
        series=series,
    )


def _strip(results: Results, blend: Blend, places: tuple[float, ...], trials: Mapping[tuple[Blend, float], GenerationRun]) -> Strip:
    columns = [(f"{at:g}", trials[blend, at]) for at in places]
    chosen = evenly_spaced(len(results.prompts(columns[0][1])), 3)
    return results.strip(f"{blend.title()} blend", columns, chosen, "Three evenly spaced prompts; columns are the second style's weight.")
