"""Study `styles`: one adapter for each look against the base."""

from dataclasses import replace
from math import nan

from sakuga.evaluation.metric import Measurement
from sakuga.evaluation.report import Bar, Chart, Section, bars, differences, heat
from sakuga.evaluation.report.metrics import bar, ranged
from sakuga.studies.conclusions import clear_sign, difference_text, level_text, sign_summary
from sakuga.studies.results import Results, evenly_spaced, metric_value
from sakuga.studies.runs import GenerationRun, NamedRun
from sakuga.studies.settings import LOOKS, StudySettings
from sakuga.studies.study import Study, StudyReport
from sakuga.text import listed

QUESTION = "Does one adapter per style, trained with the same budget, show that style and no other, and what does it cost?"


def styles(settings: StudySettings) -> Study:
    """Build the study."""
    sources = {training_set.look or f"set {number}": training_set for number, training_set in enumerate(settings.sets, 1)}
    sources = sources or {look: settings.rendered_set(look) for look in (LOOKS[:2] if settings.quick else LOOKS)}
    looks = tuple(sources)
    base = replace(settings.base_run(), looks=looks)
    styled = {look: settings.with_style(base, training_set) for look, training_set in sources.items()}
    runs = (NamedRun(name="base", run=base), *(NamedRun(name=look, run=trial) for look, trial in styled.items()))
    return Study(name="styles", question=QUESTION, runs=runs, build=lambda results: _build(results, base, styled))


def _build(results: Results, base: GenerationRun, styled: dict[str, GenerationRun]) -> StudyReport:
    looks = list(styled)
    before = {look: results.mean_metric(f"base.look.{look}", base, f"look.{look}") for look in looks}
    after = {look: results.mean_metric(f"{look}.look.{look}", styled[look], f"look.{look}") for look in looks}
    gains = {look: results.difference(f"more.{look}.look", [base], [styled[look]], f"look.{look}") for look in looks}
    costs = {look: results.difference(f"more.{look}.labels.all", [base], [styled[look]], "labels.all") for look in looks}
    words = {look: results.difference(f"more.{look}.words.clip", [base], [styled[look]], "words.clip") for look in looks}
    metrics: list[Measurement] = [*before.values(), *after.values(), *gains.values(), *costs.values(), *words.values()]
    cross = {
        (one, other): after[one] if one == other else results.mean_metric(f"{one}.look.{other}", styled[one], f"look.{other}")
        for one in looks
        for other in looks
    }
    metrics += [one for place, one in cross.items() if place[0] != place[1]]
    read = [[metric_value(cross[one, other]) for other in looks] for one in looks]
    n = len(results.prompts(base))
    groups = [bar(look, (before[look], after[look])) for look in looks]
    shown = Chart(
        title="Style score of each look",
        svg=bars(groups, ("base", "with its style"), "style scores"),
        caption=f"Mean probability of the look by the label classifier, 0 to 1; n {n} images a bar, 95% intervals.",
    )
    crossed = Chart(
        title="Each style, read as each look",
        svg=heat(read or [[nan]], looks, looks, "applied style", "read as", "styles against looks"),
        caption=f"A style that shows only itself is dark on the diagonal alone. Mean probability, n {n} a cell.",
    )
    lost = Chart(
        title="Content lost with each style",
        svg=differences([Bar(name=look, values=(ranged(costs[look]),)) for look in looks], ("",), "labels lost"),
        caption=f"Share of the prompt's labels that the image shows, with the style minus without; {n} pairs, 95% intervals.",
    )
    columns = [("base", base), *styled.items()]
    strip = results.strip("The same prompt and seed", columns, evenly_spaced(n, 4), "Four evenly spaced prompts.")
    sections = (
        Section(title="Style scores", blocks=(shown, crossed)),
        Section(title="Lost content", blocks=(lost,)),
        Section(title="Images", blocks=(strip,)),
    )
    summary = sign_summary(gains, "The style score is clearly above the base's for", "It is clearly below for", "No clear difference for")
    return sections, metrics, {}, "\n".join(filter(None, (summary, _confused(looks, cross), _cost(costs))))


def _confused(looks: list[str], cross: dict[tuple[str, str], Measurement]) -> str:
    """Name the styles read as another look than their own."""
    lines = []
    for look in looks:
        most = max(looks, key=lambda other: metric_value(cross[look, other]))
        if most != look:
            lines.append(f"{look} (as {most} {level_text(cross[look, most])}, as itself {level_text(cross[look, look])})")
    return f"Read as another look more than as its own: {listed(lines)}." if lines else ""


def _cost(costs: dict[str, Measurement]) -> str:
    """Name the styles that lose prompt content."""
    lost = {look: one for look, one in costs.items() if clear_sign(one) < 0}
    if not lost:
        return "None clearly loses other content of the prompt."
    names = listed([f"{look} ({difference_text(one)})" for look, one in lost.items()])
    return f"Other content of the prompt is shown clearly less with {names}."
