"""Study `methods`: LoRA, Textual Inversion and DreamBooth on the same pictures, with the same budget."""

from collections.abc import Sequence
from dataclasses import replace

from sakuga.evaluation.figure import Figure, Outcome
from sakuga.evaluation.report import Bar, Chart, Point, Section, Table, bars, differences, scatter
from sakuga.evaluation.report.figures import bar, ranged
from sakuga.evaluation.report.svg import number
from sakuga.studies.conclusions import clearly, listed, sorted_out, stood
from sakuga.studies.results import Results, spread, value
from sakuga.studies.study import Laid, Study
from sakuga.studies.tables import Setting
from sakuga.studies.values import METHODS, Lesson, Method, Named, Teach, Trial, Wear

QUESTION = "Which way of teaching a new subject shows it best, at what cost in time, memory and space, and what else is forgotten?"
SUBJECT = "balloon"
RATES: dict[Method, float] = {"lora": 2e-3, "textual-inversion": 2e-3, "dreambooth": 2e-3}
"""A rate for each method, twice what is usual for longer trainings: the same for all would favour one."""
CALLED: dict[Method, str] = {"lora": "LoRA", "textual-inversion": "Textual Inversion", "dreambooth": "DreamBooth"}
COSTS = ("processor_seconds", "peak_memory_mb", "file_kb")
SCENES = (
    "{} over a meadow on a clear day", "{} above the hills at sunset", "{} over the sea at dawn", "{} above a village at night",
    "{} over a lake on a cloudy day", "{} in the mountains, snow", "{} over a forest in the fog", "{} above a desert at sunset",
)  # fmt: skip


def methods(setting: Setting) -> Study:
    """Lay the study out: each method draws the subject, and prompts that do not call it."""
    own = setting.sets[0] if setting.sets else None
    source = own or Lesson(subject=SUBJECT, count=setting.sized(12, 4), class_pictures=setting.sized(24, 4))
    subject = source.subject
    scenes = tuple(scene.format(source.trigger) for scene in SCENES[: setting.sized(8, 2)])
    other = setting.trial()
    base = replace(other, prompts=scenes, seeds=setting.sized(3, 1), subject=subject)
    taught = {method: setting.teach(source, method=method, rate=RATES[method]) for method in METHODS}
    shows = {method: replace(base, wears=(Wear(taught=teach),)) for method, teach in taught.items()}
    keeps = {method: replace(other, wears=(Wear(taught=teach),)) for method, teach in taught.items()}
    runs = [Named(name="base", run=base), Named(name="base, other prompts", run=other)]
    runs += [Named(name=f"teach {method}", run=teach) for method, teach in taught.items()]
    runs += [Named(name=method, run=shows[method]) for method in METHODS]
    runs += [Named(name=f"{method}, other prompts", run=keeps[method]) for method in METHODS]
    return Study(
        name="methods", question=QUESTION, runs=tuple(runs), lay=lambda results: _lay(results, subject, base, other, taught, shows, keeps)
    )


def _lay(
    results: Results,
    subject: str,
    base: Trial,
    other: Trial,
    taught: dict[Method, Teach],
    shows: dict[Method, Trial],
    keeps: dict[Method, Trial],
) -> Laid:
    row = f"subject.{subject}"
    before = results.figure(f"base.{row}", base, row)
    after = {method: results.figure(f"{method}.{row}", trial, row) for method, trial in shows.items()}
    gains = {method: results.more(f"more.{method}.{row}", [base], [trial], row) for method, trial in shows.items()}
    forgets = {method: results.more(f"forgetting.{method}.labels", [other], [trial], "labels.all") for method, trial in keeps.items()}
    words = {method: results.more(f"forgetting.{method}.words", [other], [trial], "words.clip") for method, trial in keeps.items()}
    costs = {method: [_cost(results, teach, method, key) for key in COSTS] for method, teach in taught.items()}
    n, m = len(results.prompts(base)), len(results.prompts(other))
    groups = [bar("base", (before,)), *(bar(CALLED[method], (after[method],)) for method in taught)]
    shown = Chart(
        title=f"How surely a {subject} is read where one is asked for",
        drawing=bars(groups, ("",), "subject"),
        caption=f"Mean certainty of the label classifier, 0 to 1; n {n} pictures a bar, 95% intervals over prompts.",
    )
    lost = Chart(
        title="Forgetting: prompts that do not call it",
        drawing=differences([Bar(name=CALLED[method], values=(ranged(forgets[method]),)) for method in taught], ("",), "forgetting"),
        caption=f"Share of what the prompt states and the picture shows, worn minus base; {m} pairs, 95% intervals. 0 forgets nothing.",
    )
    rows = tuple((CALLED[method], *(number(one.value) for one in costs[method]), f"{RATES[method]:g}") for method in taught)
    steps = next(iter(taught.values()))
    table = Table(
        head=("method", "processor seconds", "peak memory (MB)", "file (KB)", "rate"),
        rows=rows,
        caption=(
            f"{steps.steps} steps of {steps.batch} pictures; DreamBooth learns as many of the class beside. "
            "Each training in a process of its own, opening and encoding included; n 1."
        ),
    )
    points = [Point(x=costs[method][0].value, y=value(after[method]), name=CALLED[method], series=1) for method in taught]
    plane = Chart(
        title="Quality against time",
        drawing=scatter(points, "processor seconds", f"{subject} read", "quality against time"),
        caption="The dashed line joins what none is faster and better than. Processor time, as others work on the machine too.",
    )
    columns = [("base", base), *((CALLED[method], trial) for method, trial in shows.items())]
    others = [("base", other), *((CALLED[method], trial) for method, trial in keeps.items())]
    strips = (
        results.strip("Asked for", columns, spread(n, 4), "Same prompt and seed in each row; below each, how surely it is read.", row),
        results.strip("Not asked for", others, spread(m, 3), "Prompts that do not call what was taught, with it worn all the same."),
    )
    sections = (
        Section(title="Is it shown?", blocks=(shown, plane, table)),
        Section(title="Is anything forgotten?", blocks=(lost,)),
        Section(title="Pictures", blocks=strips),
    )
    outcomes: list[Outcome] = [
        before,
        *after.values(),
        *gains.values(),
        *forgets.values(),
        *words.values(),
        *(one for row in costs.values() for one in row),
    ]
    best = max(taught, key=lambda method: value(after[method]))
    ahead = {CALLED[one]: results.more(f"ahead.{best}.{one}", [shows[one]], [shows[best]], row) for one in taught if one != best}
    learnt = any(clearly(one) > 0 for one in (*gains.values(), *ahead.values()))
    said = [
        sorted_out(_called(gains), "Shown clearly more than by the base", "Shown clearly less than by the base", "Not told from the base"),
        f"{CALLED[best]} shows it most ({stood(after[best])}; base {stood(before)})."
        if learnt
        else f"None shows it clearly more than the base does ({stood(before)}), so none is best: teach longer, or try on more prompts.",
        sorted_out(ahead, "It is clearly ahead of", "It is behind", "It cannot be told from") if learnt else "",
        sorted_out(
            _called(forgets),
            "Prompts that do not call it gain by",
            "Prompts that do not call it lose clearly by",
            "Nothing that would show is forgotten by",
        ),
    ]
    said.append(f"What they cost: {listed([_price(method, costs[method]) for method in taught])}.")
    return sections, [*outcomes, *ahead.values()], {}, "\n".join(filter(None, said))


def _price(method: Method, costs: Sequence[Figure]) -> str:
    seconds, memory, file = (number(one.value) for one in costs)
    return f"{CALLED[method]} {seconds} processor seconds, {memory} MB at most and a file of {file} KB"


def _called(outcomes: dict[Method, Outcome]) -> dict[str, Outcome]:
    return {CALLED[method]: one for method, one in outcomes.items()}


def _cost(results: Results, teach: Teach, method: str, key: str) -> Figure:
    return Figure(key=f"cost.{method}.{key}", value=results.teaching(teach, key), n=1, note="one training")
