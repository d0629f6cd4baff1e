"""Training sets that a model draws itself, from prompts."""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sakuga import InputError
from sakuga.datasets.captions import with_trigger
from sakuga.datasets.training_set import UNKNOWN, Example
from sakuga.datasets.writing import check_new_set, numbered, writing_set
from sakuga.finishing.image import Picture
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.styles import own_styles
from sakuga.story.film import FilmSettings
from sakuga.studio.animate.images import drawn_spec
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Bench, Count
from sakuga.studio.core.settings import settled
from sakuga.studio.core.styles import find_styles, shared_names, triggers, worded
from sakuga.studio.core.work import Work
from sakuga.text import counted
from sakuga.timeline.spec import digest

MOST = 100_000
"""Pictures of one set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilledSet:
    """A set that a model drew."""

    out: Path
    trigger: str
    pictures: int
    prompts: int
    """How many different prompts were drawn."""
    count: Count


def distill_set(
    prompts: Sequence[str],
    out: Path | str,
    *,
    count: int = 200,
    trigger: str | None = None,
    licence: str | None = None,
    seed: int = 0,
    settings: FilmSettings | None = None,
    store: Path | None = None,
) -> Work[Step, DistilledSet]:
    """Draw a training set with a model and the styles that it wears; every row keeps its prompt as caption, and its seed.

    Prompts are taken by chance from `seed`, none a second time before all were taken. The pictures have the model's native size unless
    the settings say one. The trigger is what calls the styles up, unless given. A set that was stopped goes on from the frame store.
    Raises SakugaError with one sentence where something is wrong.
    """
    if not prompts or not all(prompt.strip() for prompt in prompts):
        raise InputError("there is no prompt to draw, or an empty one: write one a line")
    if not 1 <= count <= MOST:
        raise InputError(f"a set of {count} pictures cannot be drawn: choose 1 to {MOST}")
    return Work(_distill(tuple(prompts), Path(out), count, trigger, licence, seed, settings or FilmSettings(), store))


def drawn_lots(prompts: Sequence[str], count: int, seed: int) -> list[str]:
    """Take prompts by chance, none a second time before all were taken as often: all lots but the last hold every prompt once."""
    rng = np.random.default_rng(seed)
    lots: list[str] = []
    while len(lots) < count:
        lots += [prompts[place] for place in rng.permutation(len(prompts))]
    return lots[:count]


def _distill(
    prompts: tuple[str, ...],
    out: Path,
    count: int,
    trigger: str | None,
    licence: str | None,
    seed: int,
    settings: FilmSettings,
    store: Path | None,
) -> Generator[Step, None, DistilledSet]:
    check_new_set(out)
    source = find_checkpoint(settings.model or SKETCHBOOK)
    native = (source.facts.native_size, source.facts.native_size)
    settings = settled(replace(settings, size=settings.size or native), source)
    assert settings.size
    styles = find_styles(settings.style, source)
    word = ", ".join(triggers(styles)) if trigger is None else trigger
    bench = Bench(source, store, styles, settings.precision)
    lots = drawn_lots(tuple(dict.fromkeys(prompts)), count, seed)
    for note in (*_told(prompts, count), *(note for prompt in sorted(set(lots)) for note in bench.unread(worded(prompt, styles)))):
        yield Step(stage="story", note=note)
    wanted = [drawn_spec(prompt, seed + place, settings, source) for place, prompt in enumerate(lots)]
    specs = {digest(spec): spec for spec in wanted}
    drawing = yield from bench.draw(specs, specs)
    enlarged = bench.enlarger(*settings.size)
    shown = bench.develop(drawing, specs, lambda _, picture: enlarged(picture))
    worn = shared_names(settings.style, source)
    drawn_by = f"drawn by {Path(source.name).name}{f' in the style {worn}' if worn else ''}"
    own = {style.digest for style in own_styles(source).values()} if source.name == SKETCHBOOK else set()
    allowed = licence or ("MIT" if source.name == SKETCHBOOK and all(one.style.digest in own for one in styles) else UNKNOWN)
    pictures = _examples(lots, shown, seed, word, drawn_by, allowed)
    provenance = f"{drawn_by} ({source.digest[:12]}) from {len(set(lots))} prompts with the seeds {seed} to {seed + count - 1}"
    writing = Work(writing_set(out, pictures, trigger=word, licence=allowed, provenance=provenance))
    for done in writing:
        yield Step(stage="export", done=done, total=count)
    made = writing.result()
    return DistilledSet(out=out, trigger=word, pictures=len(made.examples), prompts=len(set(lots)), count=drawing.count)


def _told(prompts: Sequence[str], count: int) -> Iterator[str]:
    """Say what of the prompts is taken more than once, or not at all."""
    again = [prompt for prompt, times in Counter(prompts).items() if times > 1]
    if again:
        yield f"{counted(len(again), 'prompt is', 'prompts are')} written more than once, such as {again[0]!r}: each is taken as one"
    different = len(set(prompts))
    if count > different:
        least, most = count // different, -(-count // different)
        times = f"{least}" if least == most else f"{least} or {most}"
        yield f"{counted(count, 'picture')} of {counted(different, 'prompt')}: each is drawn {times} times"


def _examples(
    lots: Sequence[str], pictures: Iterator[Picture], seed: int, trigger: str, source: str, licence: str
) -> Iterator[tuple[Example, Picture]]:
    for place, (prompt, picture) in enumerate(zip(lots, pictures, strict=True)):
        name = numbered(place + 1, " ".join(prompt.split()[:6]))
        text = with_trigger(prompt, trigger)
        example = Example(file=name, text=text, source=source, licence=licence, seed=seed + place)
        yield example, picture
