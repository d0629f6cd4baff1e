"""A style against its base: the same prompts and seeds drawn without it and with it."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from sakuga.evaluation.figure import Outcome
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.styles import Style
from sakuga.sketchbook.labels import LOOKS
from sakuga.story.film import FilmSettings
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Bench
from sakuga.studio.core.settings import settled
from sakuga.studio.core.styles import find_styles, worded
from sakuga.studio.evaluation.gallery import Gallery, draw_gallery, read_gallery
from sakuga.studio.evaluation.judges import Judges
from sakuga.studio.evaluation.measures import Pairing, Seen, distance_figures, own_figures, pair_up, paired_figures, see, style_figures

Kind = Literal["any", "portrait", "landscape"]
PROMPTS = (
    "a castle on a hill at sunset", "a portrait of a girl with red hair, smiling", "a lighthouse by the sea at night",
    "a portrait of an old man, calm", "a cabin in the snow at dusk", "a close-up of a boy with freckles, laughing",
    "a village by a lake in the morning", "a portrait of a woman in a blue coat, in the rain", "a windmill in a meadow on a sunny day",
    "a boat on the sea in the rain", "a portrait of a sailor with a grey beard", "a tree in a field in autumn",
    "a portrait of a child asleep in the grass", "a bridge over a river in the fog", "a street at night in the rain",
    "a portrait of two sisters, holding hands", "a desert under a clear sky", "mountains above the clouds at dawn",
    "a close-up of an old woman, laughing", "a cat asleep on a chair", "a garden with flowers and a path",
    "a portrait of a young man with glasses, reading", "a dragon over a valley", "a train station in winter",
    "a portrait of a girl with black hair, at night", "a harbour with fishing boats in the evening", "a waterfall in a forest",
    "a portrait of a knight in armour, before a castle", "a market square at noon", "a bowl of fruit on a table",
    "a portrait of a dancer in a red dress", "a hot-air balloon over fields",
)  # fmt: skip
"""What other models than the Sketchbook are asked for, unless a file says otherwise: places, things, and people from near."""
PEOPLE = ("a portrait of", "a close-up of")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tried:
    """A style that was tried: pairs of pictures, references where there are some, and the figures."""

    style: Style
    pairing: Pairing
    references: Seen | None
    outcomes: tuple[Outcome, ...]
    look: str | None
    """The look of the Sketchbook's world that it stands for, if it is one."""


def usual_prompts(model: str, n: int, kind: Kind = "any") -> list[str]:
    """Return prompts to try a style on: held-out captions that name no look, or for other models a list of ours.

    `kind` chooses portraits or landscapes; with "any" the captions come as the world has them.
    """
    if model != SKETCHBOOK:
        return list(of_kind(PROMPTS, kind)[:n])
    from sakuga.evaluation.adapters import unnamed_cases

    cases = unnamed_cases(n if kind == "any" else 8 * n)
    fitting = [case.caption for case in cases if kind == "any" or (case.labels.portrait is not None) == (kind == "portrait")]
    return list(dict.fromkeys(fitting))[:n]


def of_kind(prompts: Sequence[str], kind: Kind) -> tuple[str, ...]:
    """Choose the prompts that ask for people from near, or those that do not; "any" keeps all."""
    return tuple(prompt for prompt in prompts if kind == "any" or prompt.startswith(PEOPLE) == (kind == "portrait"))


def try_style(
    bench: Bench,
    settings: FilmSettings,
    judges: Judges,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    against: str | None = None,
    reference: Path | None = None,
    text: str | None = None,
) -> Generator[Step, None, Tried]:
    """Draw without and with the style that the settings name, or in another style and in it, and measure the pairs."""
    native = bench.source.facts.native_size
    how = settled(replace(settings, size=settings.size or (native, native), model=bench.source.name), bench.source)
    styles, others = find_styles(how.style, bench.source), find_styles(against, bench.source)
    style = styles[0].style
    plain = _called(others[0].style) if others else "base"
    base = yield from draw_gallery(plain, bench, replace(how, style=against), prompts, seeds)
    drawn = yield from draw_gallery(_called(style), bench, how, prompts, seeds)
    looks = [found for one in (*styles[:1], *others[:1]) if (found := _look_of(one.style))]
    look = _look_of(style)
    shown = yield from _references(reference, look, len(base), judges)
    references = see(shown, judges) if shown else None
    seen = see(base, judges, text), see(drawn, judges, text)
    pairing = pair_up(*seen, references)
    said = styled_said = None
    if judges.clip and style.said:
        said, styled_said = (judges.clip.texts([worded(prompt, worn) for prompt in base.prompts]) for worn in (others, styles))
    outcomes = [
        *own_figures(seen[0], judges, "base.", looks),
        *own_figures(seen[1], judges, "style.", looks),
        *paired_figures(pairing, "more.", looks),
        *style_figures(pairing, references, said, styled_said),
    ]
    if references:
        for name, one in (("base", seen[0]), ("style", seen[1])):
            outcomes += distance_figures(one, references, f"{name}.references.", judges.eye.name)
    return Tried(style=style, pairing=pairing, references=references, outcomes=tuple(outcomes), look=look)


def _called(style: Style) -> str:
    """Name a style for people: by its folder, where its file is called as all are."""
    path = Path(style.name)
    return path.parent.name if path.name == "style" and path.parent.name else path.stem


def _look_of(style: Style) -> str | None:
    """Tell the look of the Sketchbook's world that a style stands for by its name or trigger, if it is one."""
    called = Path(style.name).name
    return called if called in LOOKS else style.said if style.said in LOOKS else None


def _references(folder: Path | None, look: str | None, n: int, judges: Judges) -> Generator[Step, None, Gallery | None]:
    """Read the pictures that the style is to be like; for a look of the world, true renders in it."""
    if folder:
        return (yield from read_gallery(folder))
    if look is None or judges.classifier is None:
        return None
    from sakuga.evaluation.score import REFERENCE, moment_of
    from sakuga.models.sketchbook import NATIVE_SIZE

    pictures = []
    for place in range(n):
        picture = moment_of(REFERENCE + place).picture(NATIVE_SIZE, NATIVE_SIZE, look)  # type: ignore[arg-type]
        pictures.append(np.asarray(picture))
        yield Step(stage="finishing", done=place + 1, total=n)
    names = tuple(f"render {REFERENCE + place}" for place in range(n))
    return Gallery(name=f"true renders in {look}", pictures=tuple(pictures), prompts=("",) * n, names=names)
