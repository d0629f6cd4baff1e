"""Study `curation`: unbalanced and balanced training sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sakuga.evaluation.metric import Measurement
from sakuga.evaluation.report import Bar, Chart, Section, Table, bars, differences
from sakuga.evaluation.report.metrics import bar, ranged
from sakuga.studies.conclusions import clear_sign, difference_text, signed_text
from sakuga.studies.results import Results, evenly_spaced, metric_value
from sakuga.studies.runs import GenerationRun, NamedRun, SetSource, required_trainings
from sakuga.studies.settings import StudySettings
from sakuga.studies.study import Study, StudyReport
from sakuga.studio.evaluation.style_comparison import PromptKind
from sakuga.text import listed

QUESTION = "Does a style trained on 50 images, 90% landscapes, show on faces like one trained on 100 portraits and 50 landscapes?"
LOOK = "watercolor"
KINDS: tuple[PromptKind, ...] = ("portrait", "landscape")
PORTRAIT_SHARE = {"unbalanced": 0.1, "balanced": 2 / 3}
"""The share of portraits in a training set."""
COMPARED = {
    "steps": ("unbalanced", "balanced", "At equal steps"),
    "passes": ("unbalanced, fewer steps", "balanced", "At equal epochs"),
    "size": ("unbalanced", "balanced, as few", "At equal steps, epochs and size, so that only the balance differs"),
}
"""Pairs of variants and what is equal in both: at equal steps a larger set has fewer epochs, at equal epochs more steps."""
Placed = Mapping[tuple[str, PromptKind], Measurement]
"""Differences by comparison and kind of image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A training variant.

    The set of each repeat, and the steps.
    """

    sets: tuple[SetSource, ...]
    steps: int


def curation(settings: StudySettings) -> Study:
    """Build the study.

    Each repeat has its own sets and noise.

    Portraits and landscapes are scored apart.
    """
    variants = _variants(settings)
    look = variants["balanced"].sets[0].look or LOOK
    base = {kind: replace(settings.base_run(kind, 16), looks=(look,)) for kind in KINDS}
    styled = {
        (name, kind): [
            settings.with_style(base[kind], training_set, seed=seed, steps=variant.steps) for seed, training_set in enumerate(variant.sets)
        ]
        for name, variant in variants.items()
        for kind in KINDS
    }
    runs = [NamedRun(name=f"base, {kind}s", run=base[kind]) for kind in KINDS]
    runs += [
        NamedRun(name=f"train {name}, seed {seed}", run=required_trainings(trial)[0])
        for name in variants
        for seed, trial in enumerate(styled[name, "portrait"])
    ]
    runs += [
        NamedRun(name=f"{name}, {kind}s, seed {seed}", run=trial)
        for (name, kind), trials in styled.items()
        for seed, trial in enumerate(trials)
    ]
    return Study(name="curation", question=QUESTION, runs=tuple(runs), build=lambda results: _build(results, look, base, styled))


def _variants(settings: StudySettings) -> dict[str, Variant]:
    """Return the variants.

    Of two given sets the first is the unbalanced one.
    """
    steps, repeats = settings.training_run(settings.rendered_set(LOOK)).steps, range(settings.sized(3, 1))
    if settings.sets:
        few, many = settings.sets[:2]
        sets: dict[str, tuple[SetSource, ...]] = {name: (one,) * len(repeats) for name, one in (("unbalanced", few), ("balanced", many))}
    else:
        sizes = {"unbalanced": ("unbalanced", settings.sized(50, 4)), "balanced": ("balanced", settings.sized(150, 6))}
        sizes["balanced, as few"] = ("balanced", sizes["unbalanced"][1])
        sets = {
            name: tuple(
                settings.rendered_set(LOOK, count=count, portraits=round(count * PORTRAIT_SHARE[kind]), seed=seed) for seed in repeats
            )
            for name, (kind, count) in sizes.items()
        }
    variants = {name: Variant(sets=made, steps=steps) for name, made in sets.items()}
    first, last = (sets[name][0].count for name in ("unbalanced", "balanced"))
    return variants | {"unbalanced, fewer steps": Variant(sets=sets["unbalanced"], steps=max(1, round(steps * first / last)))}


def _build(
    results: Results, look: str, base: Mapping[PromptKind, GenerationRun], styled: Mapping[tuple[str, PromptKind], Sequence[GenerationRun]]
) -> StudyReport:
    row = f"look.{look}"
    variants = list(dict.fromkeys(name for name, _ in styled))
    compared = {key: (few, many) for key, (few, many, _) in COMPARED.items() if many in variants}
    pairs = {(key, kind): (styled[few, kind], styled[many, kind]) for key, (few, many) in compared.items() for kind in KINDS}
    none = {kind: results.mean_metric(f"base.{kind}", base[kind], row) for kind in KINDS}
    figures = {(name, kind): results.pooled(f"{_slug(name)}.{kind}", trials, row) for (name, kind), trials in styled.items()}
    gaps = {place: results.difference(f"more.{'.'.join(place)}", *pair, row) for place, pair in pairs.items()}
    labels = {place: results.difference(f"more.labels.{'.'.join(place)}", *pair, "labels.all") for place, pair in pairs.items()}
    each = {
        place: [
            results.difference(f"more.{'.'.join(place)}.seed{seed}", [one], [two], row)
            for seed, (one, two) in enumerate(zip(*pair, strict=True))
        ]
        for place, pair in pairs.items()
    }
    many = len(styled["balanced", "portrait"])
    n = min(len(results.prompts(base[kind])) for kind in KINDS) * many
    shown = Chart(
        title=f"Images read as {look}",
        svg=bars(
            [bar(f"{kind}s", (none[kind], *(figures[name, kind] for name in variants))) for kind in KINDS],
            ("base", *variants),
            "style on portraits and landscapes",
        ),
        caption=f"Mean probability by the label classifier, 0 to 1; n {n} images a bar ({many} trainings), 95% intervals over prompts.",
    )
    gap = Chart(
        title="Balanced minus unbalanced",
        svg=differences([Bar(name=_called(place), values=(ranged(one),)) for place, one in gaps.items()], ("",), "differences"),
        caption=f"Pair by pair: same prompt, noise and training seed; {n} pairs, 95% intervals over prompts.",
    )
    apart = Table(
        head=("balanced minus unbalanced", *(f"training {seed + 1}" for seed in range(many))),
        rows=tuple((_called(place), *(signed_text(one) for one in ones)) for place, ones in each.items()),
        caption="Each training apart, with its own sets; the intervals above do not cover this variance.",
    )
    strips = [
        results.strip(
            f"{kind.title()}s",
            [("base", base[kind]), *((name, styled[name, kind][0]) for name in variants)],
            evenly_spaced(len(results.prompts(base[kind])), 3),
            "Same prompt and seed in each row, the first training seed; below each, the probability of the look.",
            row,
        )
        for kind in KINDS
    ]
    sections = (Section(title="Portraits and landscapes", blocks=(shown, gap, apart)), Section(title="Images", blocks=tuple(strips)))
    metrics: list[Measurement] = [
        *none.values(),
        *figures.values(),
        *gaps.values(),
        *labels.values(),
        *(one for ones in each.values() for one in ones),
    ]
    return sections, metrics, {}, "\n".join(_conclusion(key, gaps, labels, each) for key in compared)


def _slug(name: str) -> str:
    return name.replace(",", "").replace(" ", "_")


def _called(place: tuple[str, PromptKind]) -> str:
    equal, kind = place
    return f"{kind}s, equal {equal}"


def _conclusion(key: str, gaps: Placed, labels: Placed, each: Mapping[tuple[str, PromptKind], Sequence[Measurement]]) -> str:
    """Summarize a comparison in words."""
    ends = [f"on {kind}s {_comparison(gaps[key, kind], each[key, kind])}" for kind in KINDS]
    rest = {1: "more", -1: "less", 0: "no clearly different share"}
    others = [f"{rest[clear_sign(labels[key, kind])]} on {kind}s ({difference_text(labels[key, kind])})" for kind in KINDS]
    return f"{COMPARED[key][2]}, {'; '.join(ends)}. Of the prompt's other content the balanced set shows {listed(others)}."


def _comparison(gap: Measurement, each: Sequence[Measurement]) -> str:
    """Name the stronger style, if there is one.

    Only where the interval and every training agree.
    """
    sign = clear_sign(gap)
    agreed = all(metric_value(one) * sign > 0 for one in each)
    better = {1: "the balanced set's style is stronger", -1: "the unbalanced set's style is stronger"}
    result = better.get(sign if agreed else 0, "there is no clear difference")
    apart = f"; by training {listed([signed_text(one) for one in each])}" if len(each) > 1 else ""
    return f"{result} ({difference_text(gap)}, balanced minus unbalanced{apart})"
