"""Study `methods`: LoRA, Textual Inversion and DreamBooth."""

from collections.abc import Sequence
from dataclasses import replace

from sakuga.evaluation.metric import Measurement, Metric
from sakuga.evaluation.report import Bar, Chart, Point, Section, Table, bars, differences, scatter
from sakuga.evaluation.report.metrics import bar, ranged
from sakuga.evaluation.report.svg import number
from sakuga.studies.conclusions import clear_sign, level_text, sign_summary
from sakuga.studies.results import Results, evenly_spaced, metric_value
from sakuga.studies.runs import METHODS, GenerationRun, Method, NamedRun, RenderedSet, TrainedStyle, TrainingRun
from sakuga.studies.settings import StudySettings
from sakuga.studies.study import Study, StudyReport
from sakuga.text import listed

QUESTION = "Which training method shows a new subject best, at what cost in time, memory and disk space, and what is forgotten?"
SUBJECT = "balloon"
RATES: dict[Method, float] = {"lora": 2e-3, "textual-inversion": 2e-3, "dreambooth": 2e-3}
"""The learning rate of each method, twice the default of longer trainings; one rate for all would favor one method."""
TITLES: dict[Method, str] = {"lora": "LoRA", "textual-inversion": "Textual Inversion", "dreambooth": "DreamBooth"}
COSTS = ("processor_seconds", "peak_memory_mb", "file_kb")
SCENES = (
    "{} over a meadow on a clear day", "{} above the hills at sunset", "{} over the sea at dawn", "{} above a village at night",
    "{} over a lake on a cloudy day", "{} in the mountains, snow", "{} over a forest in the fog", "{} above a desert at sunset",
)  # fmt: skip


def methods(settings: StudySettings) -> Study:
    """Build the study.

    Each method generates the subject, and prompts without it.
    """
    own = settings.sets[0] if settings.sets else None
    training_set = own or RenderedSet(subject=SUBJECT, count=settings.sized(12, 4), class_pictures=settings.sized(24, 4))
    subject = training_set.subject
    scenes = tuple(scene.format(training_set.trigger) for scene in SCENES[: settings.sized(8, 2)])
    other = settings.base_run()
    base = replace(other, prompts=scenes, seeds=settings.sized(3, 1), subject=subject)
    trainings = {method: settings.training_run(training_set, method=method, rate=RATES[method]) for method in METHODS}
    shows = {method: replace(base, applied_styles=(TrainedStyle(training=training),)) for method, training in trainings.items()}
    keeps = {method: replace(other, applied_styles=(TrainedStyle(training=training),)) for method, training in trainings.items()}
    runs = [NamedRun(name="base", run=base), NamedRun(name="base, other prompts", run=other)]
    runs += [NamedRun(name=f"train {method}", run=training) for method, training in trainings.items()]
    runs += [NamedRun(name=method, run=shows[method]) for method in METHODS]
    runs += [NamedRun(name=f"{method}, other prompts", run=keeps[method]) for method in METHODS]
    return Study(
        name="methods",
        question=QUESTION,
        runs=tuple(runs),
        build=lambda results: _build(results, subject, base, other, trainings, shows, keeps),
    )


def _build(
    results: Results,
    subject: str,
    base: GenerationRun,
    other: GenerationRun,
    trainings: dict[Method, TrainingRun],
    shows: dict[Method, GenerationRun],
    keeps: dict[Method, GenerationRun],
) -> StudyReport:
    row = f"subject.{subject}"
    before = results.mean_metric(f"base.{row}", base, row)
    after = {method: results.mean_metric(f"{method}.{row}", trial, row) for method, trial in shows.items()}
    gains = {method: results.difference(f"more.{method}.{row}", [base], [trial], row) for method, trial in shows.items()}
    forgets = {method: results.difference(f"forgetting.{method}.labels", [other], [trial], "labels.all") for method, trial in keeps.items()}
    words = {method: results.difference(f"forgetting.{method}.words", [other], [trial], "words.clip") for method, trial in keeps.items()}
    costs = {method: [_cost(results, training, method, key) for key in COSTS] for method, training in trainings.items()}
    n, m = len(results.prompts(base)), len(results.prompts(other))
    groups = [bar("base", (before,)), *(bar(TITLES[method], (after[method],)) for method in trainings)]
    shown = Chart(
        title=f"Images read as a {subject} where the prompt names it",
        svg=bars(groups, ("",), "subject"),
        caption=f"Mean probability by the label classifier, 0 to 1; n {n} images a bar, 95% intervals over prompts.",
    )
    lost = Chart(
        title="Forgetting: prompts without the subject",
        svg=differences([Bar(name=TITLES[method], values=(ranged(forgets[method]),)) for method in trainings], ("",), "forgetting"),
        caption=f"Share of the prompt's labels that the image shows, trained minus base; {m} pairs, 95% intervals. 0 is no forgetting.",
    )
    rows = tuple((TITLES[method], *(number(one.value) for one in costs[method]), f"{RATES[method]:g}") for method in trainings)
    steps = next(iter(trainings.values()))
    table = Table(
        head=("method", "CPU seconds", "peak memory (MB)", "file (KB)", "learning rate"),
        rows=rows,
        caption=(
            f"{steps.steps} steps of {steps.batch} images; DreamBooth adds as many class images. "
            "Each training in its own process, loading and encoding included; n 1."
        ),
    )
    points = [Point(x=costs[method][0].value, y=metric_value(after[method]), name=TITLES[method], series=1) for method in trainings]
    plane = Chart(
        title="Quality against time",
        svg=scatter(points, "CPU seconds", f"{subject} score", "quality against time"),
        caption="The dashed line is the Pareto front. CPU time does not depend on other load of the machine.",
    )
    columns = [("base", base), *((TITLES[method], trial) for method, trial in shows.items())]
    others = [("base", other), *((TITLES[method], trial) for method, trial in keeps.items())]
    strips = (
        results.strip(
            "Prompts with the subject",
            columns,
            evenly_spaced(n, 4),
            "Same prompt and seed in each row; below each, the subject's probability.",
            row,
        ),
        results.strip(
            "Prompts without the subject", others, evenly_spaced(m, 3), "Prompts without the trigger word, with the adapter applied."
        ),
    )
    sections = (
        Section(title="Subject", blocks=(shown, plane, table)),
        Section(title="Forgetting", blocks=(lost,)),
        Section(title="Images", blocks=strips),
    )
    metrics: list[Measurement] = [
        before,
        *after.values(),
        *gains.values(),
        *forgets.values(),
        *words.values(),
        *(one for row in costs.values() for one in row),
    ]
    best = max(trainings, key=lambda method: metric_value(after[method]))
    ahead = {TITLES[one]: results.difference(f"ahead.{best}.{one}", [shows[one]], [shows[best]], row) for one in trainings if one != best}
    trained = any(clear_sign(one) > 0 for one in (*gains.values(), *ahead.values()))
    lines = [
        sign_summary(
            _by_title(gains),
            "The subject score is clearly higher than the base's with",
            "It is clearly lower with",
            "No clear difference with",
        ),
        f"{TITLES[best]} has the highest score ({level_text(after[best])}; base {level_text(before)})."
        if trained
        else f"None is clearly better than the base ({level_text(before)}), so none is best: train longer, or use more prompts.",
        sign_summary(ahead, "It is clearly ahead of", "It is behind", "It does not clearly differ from") if trained else "",
        sign_summary(
            _by_title(forgets),
            "Prompts without the subject gain with",
            "Prompts without the subject clearly lose with",
            "No clear forgetting with",
        ),
    ]
    lines.append(f"Cost: {listed([_price(method, costs[method]) for method in trainings])}.")
    return sections, [*metrics, *ahead.values()], {}, "\n".join(filter(None, lines))


def _price(method: Method, costs: Sequence[Metric]) -> str:
    seconds, memory, file = (number(one.value) for one in costs)
    return f"{TITLES[method]} {seconds} CPU seconds, {memory} MB peak memory and a file of {file} KB"


def _by_title(metrics: dict[Method, Measurement]) -> dict[str, Measurement]:
    return {TITLES[method]: one for method, one in metrics.items()}


def _cost(results: Results, training: TrainingRun, method: str, key: str) -> Metric:
    return Metric(key=f"cost.{method}.{key}", value=results.training_metric(training, key), n=1, note="one training")
