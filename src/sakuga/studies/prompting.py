"""Study `prompting`: what words add, what an adapter adds, and what both add together."""

from dataclasses import replace

from sakuga.evaluation.figure import Outcome, Refused, mean
from sakuga.evaluation.report import Bar, Chart, Section, bars, differences
from sakuga.evaluation.report.figures import bar, ranged
from sakuga.studies.conclusions import sorted_out
from sakuga.studies.results import Results, spread
from sakuga.studies.study import Laid, Study
from sakuga.studies.tables import Setting
from sakuga.studies.values import Named, Trial, Wear

QUESTION = "Of a style in a picture, how much is due to words in the prompt, how much to an adapter, and do they add up?"
LOOK = "watercolor"


def prompting(setting: Setting) -> Study:
    """Lay the study out: four ways to say it, each with and without the adapter."""
    source = setting.sets[0] if setting.sets else setting.lesson(LOOK)
    look = source.look or LOOK
    ways = {"nothing said": "", "trigger": source.trigger, "style words": f"{look} painting", "weighted words": f"({look}:1.2) painting"}
    plain = replace(setting.trial(), looks=(look,))
    wear = (Wear(taught=setting.teach(source)),)
    without = {way: replace(plain, suffix=words) for way, words in ways.items()}
    worn = {way: replace(trial, wears=wear) for way, trial in without.items()}
    runs = [Named(name=f"{way}, {beside}", run=trials[way]) for beside, trials in (("base", without), ("LoRA", worn)) for way in ways]
    return Study(name="prompting", question=QUESTION, runs=tuple(runs), lay=lambda results: _lay(results, look, without, worn))


def _lay(results: Results, look: str, without: dict[str, Trial], worn: dict[str, Trial]) -> Laid:
    row, ways = f"look.{look}", list(without)
    silent = ways[0]
    slug = {way: way.replace(" ", "_") for way in ways}
    cells = {
        way: (results.figure(f"base.{slug[way]}", without[way], row), results.figure(f"lora.{slug[way]}", worn[way], row)) for way in ways
    }
    words = {way: results.more(f"words.{slug[way]}", [without[silent]], [without[way]], row) for way in ways[1:]}
    adapter = results.more("adapter", [without[silent]], [worn[silent]], row)
    both = {way: results.more(f"both.{slug[way]}", [without[silent]], [worn[way]], row) for way in ways[1:]}
    together = {
        way: _interaction(results, f"interaction.{slug[way]}", [without[silent], without[way], worn[silent], worn[way]], row)
        for way in ways[1:]
    }
    rest_of = {"LoRA alone" if way == silent else f"LoRA with {way}": (way, trial) for way, trial in worn.items()}
    kept = {name: results.more(f"labels.{slug[way]}", [without[silent]], [trial], "labels.all") for name, (way, trial) in rest_of.items()}
    kept |= {f"{way} alone": results.more(f"labels.base.{slug[way]}", [without[silent]], [without[way]], "labels.all") for way in ways[1:]}
    n = len(results.prompts(without[silent]))
    table = Chart(
        title=f"How surely pictures are read as {look}",
        drawing=bars([bar(way, cells[way]) for way in ways], ("base", "LoRA"), "two-way table"),
        caption=f"Mean certainty of the label classifier, 0 to 1; the same {n} prompts and seeds in every bar, 95% intervals.",
    )
    groups = [Bar(name="the adapter alone", values=(ranged(adapter),))]
    groups += [Bar(name=f"{way} alone", values=(ranged(words[way]),)) for way in ways[1:]]
    groups += [Bar(name=f"adapter, {way}", values=(ranged(both[way]),)) for way in ways[1:]]
    effects = Chart(
        title="What each adds to nothing at all",
        drawing=differences(groups, ("",), "effects"),
        caption=f"Difference to the base with nothing said, pair by pair; n {n}, 95% intervals.",
    )
    crossed = Chart(
        title="Interaction",
        drawing=differences([Bar(name=way, values=(ranged(together[way]),)) for way in ways[1:]], ("",), "interaction"),
        caption=(
            "(both − adapter) − (words − nothing), picture by picture: 0 where they add up, below 0 where one does the other's work, "
            "as where one alone is near 1 and leaves nothing to add."
        ),
    )
    cost = Chart(
        title="What it costs of the rest of the prompt",
        drawing=differences([Bar(name=name, values=(ranged(one),)) for name, one in kept.items()], ("",), "labels"),
        caption=f"Share of what the prompt states and the picture shows, minus the base's; n {n}.",
    )
    columns = [*((f"base: {way}", without[way]) for way in ways[:3]), *((f"LoRA: {way}", worn[way]) for way in ways[:3])]
    strip = results.strip(
        "The same prompt and seed", columns, spread(n, 4), "Four prompts, evenly chosen; below each, how surely it is read.", row
    )
    sections = (
        Section(title="Two-way table", blocks=(table, effects, crossed)),
        Section(title="The rest of the prompt", blocks=(cost,)),
        Section(title="Pictures", blocks=(strip,)),
    )
    outcomes: list[Outcome] = [one for pair in cells.values() for one in pair]
    outcomes += [adapter, *words.values(), *both.values(), *together.values(), *kept.values()]
    alone = {"the adapter": adapter, **{f"the {way}" if way == "trigger" else way: one for way, one in words.items()}}
    said = sorted_out(
        alone, "Alone, these add to the style", "Alone, these take from the style", "Alone, these cannot be told from nothing"
    )
    crossed_said = sorted_out(
        together,
        "With the adapter these do more than both alone together",
        "With the adapter these do less than both alone together, one doing the other's work",
        "With the adapter these simply add up, as far as can be told",
    )
    less = "Less of what else is asked for is shown by"
    rest = sorted_out(kept, less.replace("Less", "More"), less, "No difference is told for")
    return sections, outcomes, {}, f"{said}\n{crossed_said}\n{rest}"


def _interaction(results: Results, key: str, cells: list[Trial], row: str) -> Outcome:
    """Return the interaction of a two-by-two table, over pictures of the same prompt and seed."""
    none, words, adapter, both = (results.row(trial, row) for trial in cells)
    values = (both - adapter) - (words - none)
    known = values == values
    if not known.any():
        return Refused(key=key, reason=f"{row} was not measured", instead="name a model that has a classifier or a CLIP")
    groups = [prompt for prompt, there in zip(results.prompts(cells[0]), known, strict=True) if there]
    return mean(key, values[known], groups=groups)
