"""Study `prompting`: prompt words, an adapter, and both."""

from dataclasses import replace

from sakuga.evaluation.metric import Measurement, NotMeasured, mean
from sakuga.evaluation.report import Bar, Chart, Section, bars, differences
from sakuga.evaluation.report.metrics import bar, ranged
from sakuga.studies.conclusions import sign_summary
from sakuga.studies.results import Results, evenly_spaced
from sakuga.studies.runs import GenerationRun, NamedRun, TrainedStyle
from sakuga.studies.settings import StudySettings
from sakuga.studies.study import Study, StudyReport

QUESTION = "How much of a style comes from prompt words, how much from an adapter, and do the effects add up?"
LOOK = "watercolor"


def prompting(settings: StudySettings) -> Study:
    """Build the study.

    Four prompts, each with and without the adapter.
    """
    training_set = settings.sets[0] if settings.sets else settings.rendered_set(LOOK)
    look = training_set.look or LOOK
    ways = {
        "no style words": "",
        "trigger": training_set.trigger,
        "style words": f"{look} painting",
        "weighted words": f"({look}:1.2) painting",
    }
    base = replace(settings.base_run(), looks=(look,))
    applied = (TrainedStyle(training=settings.training_run(training_set)),)
    without = {way: replace(base, suffix=words) for way, words in ways.items()}
    styled = {way: replace(trial, applied_styles=applied) for way, trial in without.items()}
    runs = [NamedRun(name=f"{way}, {beside}", run=trials[way]) for beside, trials in (("base", without), ("LoRA", styled)) for way in ways]
    return Study(name="prompting", question=QUESTION, runs=tuple(runs), build=lambda results: _build(results, look, without, styled))


def _build(results: Results, look: str, without: dict[str, GenerationRun], styled: dict[str, GenerationRun]) -> StudyReport:
    row, ways = f"look.{look}", list(without)
    plain = ways[0]
    slug = {way: way.replace(" ", "_") for way in ways}
    cells = {
        way: (results.mean_metric(f"base.{slug[way]}", without[way], row), results.mean_metric(f"lora.{slug[way]}", styled[way], row))
        for way in ways
    }
    words = {way: results.difference(f"words.{slug[way]}", [without[plain]], [without[way]], row) for way in ways[1:]}
    adapter = results.difference("adapter", [without[plain]], [styled[plain]], row)
    both = {way: results.difference(f"both.{slug[way]}", [without[plain]], [styled[way]], row) for way in ways[1:]}
    together = {
        way: _interaction(results, f"interaction.{slug[way]}", [without[plain], without[way], styled[plain], styled[way]], row)
        for way in ways[1:]
    }
    rest_of = {"LoRA alone" if way == plain else f"LoRA with {way}": (way, trial) for way, trial in styled.items()}
    labels = {
        name: results.difference(f"labels.{slug[way]}", [without[plain]], [trial], "labels.all") for name, (way, trial) in rest_of.items()
    }
    labels |= {
        f"{way} alone": results.difference(f"labels.base.{slug[way]}", [without[plain]], [without[way]], "labels.all") for way in ways[1:]
    }
    n = len(results.prompts(without[plain]))
    table = Chart(
        title=f"Images read as {look}",
        svg=bars([bar(way, cells[way]) for way in ways], ("base", "LoRA"), "two-way table"),
        caption=f"Mean probability by the label classifier, 0 to 1; the same {n} prompts and seeds in every bar, 95% intervals.",
    )
    groups = [Bar(name="the adapter alone", values=(ranged(adapter),))]
    groups += [Bar(name=f"{way} alone", values=(ranged(words[way]),)) for way in ways[1:]]
    groups += [Bar(name=f"adapter, {way}", values=(ranged(both[way]),)) for way in ways[1:]]
    effects = Chart(
        title="Effects over the base without style words",
        svg=differences(groups, ("",), "effects"),
        caption=f"Difference to the base without style words, pair by pair; n {n}, 95% intervals.",
    )
    crossed = Chart(
        title="Interaction",
        svg=differences([Bar(name=way, values=(ranged(together[way]),)) for way in ways[1:]], ("",), "interaction"),
        caption=(
            "(both − adapter) − (words − neither), image by image: 0 where the effects add up, below 0 where they overlap, "
            "such as where one alone is already near 1."
        ),
    )
    cost = Chart(
        title="Effect on the rest of the prompt",
        svg=differences([Bar(name=name, values=(ranged(one),)) for name, one in labels.items()], ("",), "labels"),
        caption=f"Share of the prompt's labels that the image shows, minus the base's; n {n}.",
    )
    columns = [*((f"base: {way}", without[way]) for way in ways[:3]), *((f"LoRA: {way}", styled[way]) for way in ways[:3])]
    strip = results.strip(
        "The same prompt and seed", columns, evenly_spaced(n, 4), "Four evenly spaced prompts; below each, the look's probability.", row
    )
    sections = (
        Section(title="Two-way table", blocks=(table, effects, crossed)),
        Section(title="The rest of the prompt", blocks=(cost,)),
        Section(title="Images", blocks=(strip,)),
    )
    metrics: list[Measurement] = [one for pair in cells.values() for one in pair]
    metrics += [adapter, *words.values(), *both.values(), *together.values(), *labels.values()]
    alone = {"the adapter": adapter, **{f"the {way}" if way == "trigger" else way: one for way, one in words.items()}}
    effects_text = sign_summary(alone, "Alone, these raise the style score", "Alone, these lower it", "Alone, these have no clear effect")
    interaction_text = sign_summary(
        together,
        "With the adapter, the effect exceeds the sum for",
        "With the adapter, the effect is less than the sum, as they overlap, for",
        "With the adapter, no clear interaction with",
    )
    less = "Less of the prompt's other content is shown with"
    rest = sign_summary(labels, less.replace("Less", "More"), less, "No clear difference for")
    return sections, metrics, {}, f"{effects_text}\n{interaction_text}\n{rest}"


def _interaction(results: Results, key: str, cells: list[GenerationRun], row: str) -> Measurement:
    """Return the interaction effect of a two-by-two table.

    Over images of the same prompt and seed.
    """
    none, words, adapter, both = (results.row(trial, row) for trial in cells)
    values = (both - adapter) - (words - none)
    known = values == values
    if not known.any():
        return NotMeasured(key=key, reason=f"{row} was not measured", instead="use a model with a label classifier or CLIP")
    groups = [prompt for prompt, there in zip(results.prompts(cells[0]), known, strict=True) if there]
    return mean(key, values[known], groups=groups)
