"""Study `curation`: few pictures, nearly all landscapes, against more, mostly portraits."""

from dataclasses import replace

from sakuga.evaluation.figure import Outcome
from sakuga.evaluation.report import Bar, Chart, Section, bars, differences
from sakuga.evaluation.report.figures import bar, ranged
from sakuga.studies.results import Results, spread
from sakuga.studies.study import Laid, Study
from sakuga.studies.tables import Setting
from sakuga.studies.values import Named, Trial
from sakuga.studies.verdicts import clearly, gained
from sakuga.studio.evaluation.styles import Kind

QUESTION = "Does a style learnt from 50 pictures, 90% landscapes, show on faces like one learnt from 100 portraits and 50 landscapes?"
LOOK = "watercolor"
KINDS: tuple[Kind, ...] = ("portrait", "landscape")


def curation(setting: Setting) -> Study:
    """Lay the study out: two sets, several seeds of training, faces and landscapes judged apart."""
    seeds = range(setting.sized(2, 1))
    sets = {
        "unbalanced": setting.lesson(LOOK, count=50, portraits=5),
        "balanced": setting.lesson(LOOK, count=150, portraits=100),
    }
    base = {kind: replace(setting.trial(kind, 16), looks=(LOOK,)) for kind in KINDS}
    worn = {
        (name, kind): [setting.worn(base[kind], source, seed=seed) for seed in seeds] for name, source in sets.items() for kind in KINDS
    }
    runs = [Named(name=f"base, {kind}s", run=base[kind]) for kind in KINDS]
    runs += [
        Named(name=f"{name}, {kind}s, seed {seed}", run=trial) for (name, kind), trials in worn.items() for seed, trial in enumerate(trials)
    ]
    return Study(name="curation", question=QUESTION, runs=tuple(runs), lay=lambda results: _lay(results, base, worn))


def _lay(results: Results, base: dict[Kind, Trial], worn: dict[tuple[str, Kind], list[Trial]]) -> Laid:
    row = f"look.{LOOK}"
    none = {kind: results.figure(f"base.{kind}", base[kind], row) for kind in KINDS}
    figures = {place: results.pooled(".".join(place), trials, row) for place, trials in worn.items()}
    gaps = {kind: results.more(f"more.{kind}", worn["unbalanced", kind], worn["balanced", kind], row) for kind in KINDS}
    kept = {kind: results.more(f"more.labels.{kind}", worn["unbalanced", kind], worn["balanced", kind], "labels.all") for kind in KINDS}
    many = len(worn["balanced", "portrait"])
    n = len(results.prompts(base["portrait"])) * many
    groups = [bar(f"{kind}s", (none[kind], figures["unbalanced", kind], figures["balanced", kind])) for kind in KINDS]
    shown = Chart(
        title=f"How surely pictures are read as {LOOK}",
        drawing=bars(groups, ("base", "50, 90% landscapes", "100 portraits + 50"), "style on faces and landscapes"),
        caption=f"Mean certainty of the label classifier, 0 to 1; n {n} pictures a bar ({many} trainings), 95% intervals over prompts.",
    )
    gap = Chart(
        title="Balanced minus unbalanced",
        drawing=differences([Bar(name=f"on {kind}s", values=(ranged(gaps[kind]),)) for kind in KINDS], ("",), "differences"),
        caption=f"Pair by pair: same prompt, same noise, same seed of training, the same number of steps; {n} pairs, 95% intervals.",
    )
    strips = [
        results.strip(
            f"{kind.title()}s",
            [("base", base[kind]), ("unbalanced", worn["unbalanced", kind][0]), ("balanced", worn["balanced", kind][0])],
            spread(len(results.prompts(base[kind])), 3),
            "Same prompt and seed in each row, the first seed of training; below each, how surely it is read.",
            row,
        )
        for kind in KINDS
    ]
    sections = (Section(title="Faces and landscapes", blocks=(shown, gap)), Section(title="Pictures", blocks=tuple(strips)))
    outcomes: list[Outcome] = [*none.values(), *figures.values(), *gaps.values(), *kept.values()]
    return sections, outcomes, {}, "\n".join(_said(kind, gaps[kind], kept[kind]) for kind in KINDS)


def _said(kind: str, gap: Outcome, kept: Outcome) -> str:
    """Say what the data say, whichever way it falls."""
    better = {
        1: "the style of the balanced set shows more",
        -1: "the style of the unbalanced set shows more",
        0: "they cannot be told apart",
    }
    rest = {1: "shows more", -1: "shows less", 0: "shows as much, as far as can be told,"}
    first = f"On {kind}s {better[clearly(gap)]} ({gained(gap)}, balanced minus unbalanced)"
    return f"{first}; the balanced set {rest[clearly(kept)]} of what else is asked for ({gained(kept)})."
