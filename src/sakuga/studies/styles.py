"""Study `styles`: one adapter for each of several looks, each against the base on the same prompts and seeds."""

from dataclasses import replace
from math import nan

from sakuga.evaluation.figure import Outcome
from sakuga.evaluation.report import Bar, Chart, Section, bars, differences, heat
from sakuga.evaluation.report.figures import bar, ranged
from sakuga.studies.conclusions import clearly, gained, listed, sorted_out, stood
from sakuga.studies.results import Results, spread, value
from sakuga.studies.study import Laid, Study
from sakuga.studies.tables import LOOKS, Setting
from sakuga.studies.values import Named, Trial

QUESTION = "Does one adapter for each style, taught with the same budget, show that style and no other, and what does it cost?"


def styles(setting: Setting) -> Study:
    """Lay the study out."""
    sources = {source.look or f"set {number}": source for number, source in enumerate(setting.sets, 1)}
    sources = sources or {look: setting.lesson(look) for look in (LOOKS[:2] if setting.quick else LOOKS)}
    looks = tuple(sources)
    base = replace(setting.trial(), looks=looks)
    worn = {look: setting.worn(base, source) for look, source in sources.items()}
    runs = (Named(name="base", run=base), *(Named(name=look, run=trial) for look, trial in worn.items()))
    return Study(name="styles", question=QUESTION, runs=runs, lay=lambda results: _lay(results, base, worn))


def _lay(results: Results, base: Trial, worn: dict[str, Trial]) -> Laid:
    looks = list(worn)
    before = {look: results.figure(f"base.look.{look}", base, f"look.{look}") for look in looks}
    after = {look: results.figure(f"{look}.look.{look}", worn[look], f"look.{look}") for look in looks}
    gains = {look: results.more(f"more.{look}.look", [base], [worn[look]], f"look.{look}") for look in looks}
    costs = {look: results.more(f"more.{look}.labels.all", [base], [worn[look]], "labels.all") for look in looks}
    words = {look: results.more(f"more.{look}.words.clip", [base], [worn[look]], "words.clip") for look in looks}
    outcomes: list[Outcome] = [*before.values(), *after.values(), *gains.values(), *costs.values(), *words.values()]
    cross = {
        (one, other): after[one] if one == other else results.figure(f"{one}.look.{other}", worn[one], f"look.{other}")
        for one in looks
        for other in looks
    }
    outcomes += [one for place, one in cross.items() if place[0] != place[1]]
    read = [[value(cross[one, other]) for other in looks] for one in looks]
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
    found = sorted_out(gains, "Shown clearly, above the base", "Shown less than by the base", "Cannot be told from the base")
    return sections, outcomes, {}, "\n".join(filter(None, (found, _mistaken(looks, cross), _cost(costs))))


def _mistaken(looks: list[str], cross: dict[tuple[str, str], Outcome]) -> str:
    """Say which styles are read as another look more surely than as their own."""
    said = []
    for look in looks:
        most = max(looks, key=lambda other: value(cross[look, other]))
        if most != look:
            said.append(f"{look} (as {most} {stood(cross[look, most])}, as itself {stood(cross[look, look])})")
    return f"Read as another look more surely than as its own: {listed(said)}." if said else ""


def _cost(costs: dict[str, Outcome]) -> str:
    """Say which styles take something of the rest of the prompt."""
    lost = {look: one for look, one in costs.items() if clearly(one) < 0}
    if not lost:
        return "None clearly loses what else the prompt states."
    return f"What else the prompt states is shown clearly less with {listed([f'{look} ({gained(one)})' for look, one in lost.items()])}."
