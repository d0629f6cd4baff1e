"""Study `styles`: one adapter for each of several looks, each against the base on the same prompts and seeds."""

from math import nan

from sakuga.evaluation.figure import Outcome
from sakuga.evaluation.report import Bar, Chart, Section, bars, differences, heat
from sakuga.evaluation.report.figures import bar, ranged
from sakuga.studies.results import Results, spread, value
from sakuga.studies.study import Laid, Study
from sakuga.studies.tables import LOOKS, Setting
from sakuga.studies.values import Named, Trial, Wear

QUESTION = "Does one adapter for each style, taught with the same budget, show that style and no other, and what does it cost?"


def styles(setting: Setting) -> Study:
    """Lay the study out."""
    sources = {source.look or f"set {number}": source for number, source in enumerate(setting.sets, 1)}
    sources = sources or {look: setting.lesson(look) for look in (LOOKS[:2] if setting.quick else LOOKS)}
    looks, prompts = tuple(sources), setting.said(40, 4)
    base = Trial(model=setting.digest, prompts=prompts, looks=looks, steps=setting.sized(20, 4), called=False)
    worn = {look: _wearing(base, setting, look, sources[look]) for look in looks}
    runs = (Named(name="base", run=base), *(Named(name=look, run=trial) for look, trial in worn.items()))
    return Study(name="styles", question=QUESTION, runs=runs, lay=lambda results: _lay(results, base, worn))


def _wearing(base: Trial, setting: Setting, look: str, source: object) -> Trial:
    from dataclasses import replace

    return replace(base, wears=(Wear(taught=setting.teach(source)),))  # type: ignore[arg-type]


def _lay(results: Results, base: Trial, worn: dict[str, Trial]) -> Laid:
    looks = list(worn)
    before = {look: results.figure(f"base.look.{look}", base, f"look.{look}") for look in looks}
    after = {look: results.figure(f"{look}.look.{look}", worn[look], f"look.{look}") for look in looks}
    gains = {look: results.more(f"more.{look}.look", [base], [worn[look]], f"look.{look}") for look in looks}
    costs = {look: results.more(f"more.{look}.labels.all", [base], [worn[look]], "labels.all") for look in looks}
    words = {look: results.more(f"more.{look}.words.clip", [base], [worn[look]], "words.clip") for look in looks}
    outcomes: list[Outcome] = [*before.values(), *after.values(), *gains.values(), *costs.values(), *words.values()]
    read = [[value(results.figure("read", worn[one], f"look.{other}")) for other in looks] for one in looks]
    n = len(results.prompts(base))
    groups = [bar(look, (before[look], after[look])) for look in looks]
    shown = Chart(
        title="How surely the look is read",
        drawing=bars(groups, ("base", "with its style"), "style scores"),
        caption=f"Mean certainty of the label classifier that a picture is in the look, 0 to 1; n {n} pictures a bar, 95% intervals.",
    )
    crossed = Chart(
        title="Each style, read as each look",
        drawing=heat(read or [[nan]], looks, looks, "style worn", "read as", "styles against looks"),
        caption=f"A style that shows only itself is dark on the diagonal alone. Mean certainty, n {n} a cell.",
    )
    lost = Chart(
        title="What each style costs",
        drawing=differences([Bar(name=look, values=(ranged(costs[look]),)) for look in looks], ("",), "labels lost"),
        caption=f"Share of what the prompt states and the picture shows, with the style minus without; {n} pairs, 95% intervals.",
    )
    columns = [("base", base), *worn.items()]
    strip = results.strip("The same prompt and seed", columns, spread(n, 4), "Four prompts, evenly chosen from all.")
    sections = (
        Section(title="Do the styles show?", blocks=(shown, crossed)),
        Section(title="What do they cost?", blocks=(lost,)),
        Section(title="Pictures", blocks=(strip,)),
    )
    best = max(looks, key=lambda look: value(gains[look]))
    worst = min(looks, key=lambda look: value(gains[look]))
    found = f"The clearest gain is {best}'s ({gains[best]}), the least {worst}'s ({gains[worst]})."
    return sections, outcomes, {}, found
