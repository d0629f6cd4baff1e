"""Images of one seed without and with a style."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from sakuga.evaluation.metric import Measurement
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.style_files import Style
from sakuga.sketchbook.labels import LOOKS
from sakuga.story.settings import FilmSettings
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import resolve_settings
from sakuga.studio.core.styles import find_styles, with_triggers
from sakuga.studio.evaluation.image_set import ImageSet, generate_image_set, read_image_set
from sakuga.studio.evaluation.image_set_metrics import (
    ImagePairs,
    MeasuredImages,
    difference_metrics,
    distance_metrics,
    image_metrics,
    measure_images,
    pair_images,
    style_metrics,
)
from sakuga.studio.evaluation.metric_models import MetricModels

PromptKind = Literal["any", "portrait", "landscape"]
DEFAULT_PROMPTS = (
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
"""The default prompts for other models than the Sketchbook: places, things and close-ups of people."""
PORTRAIT_PREFIXES = ("a portrait of", "a close-up of")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StyleComparison:
    """Image pairs, references and metrics of a style."""

    style: Style
    pairs: ImagePairs
    references: MeasuredImages | None
    metrics: tuple[Measurement, ...]
    look: str | None
    """The look of the Sketchbook's world that the style stands for, if any."""


def default_prompts(model: str, n: int, kind: PromptKind = "any") -> list[str]:
    """Return prompts for evaluating a style.

    For the Sketchbook held-out captions that name no look, for other models a fixed list. `kind` filters portraits or landscapes.
    """
    if model != SKETCHBOOK:
        return list(filter_prompts(DEFAULT_PROMPTS, kind)[:n])
    from sakuga.evaluation.held_out import cases_without_look

    cases = cases_without_look(n if kind == "any" else 8 * n)
    fitting = [case.caption for case in cases if kind == "any" or (case.labels.portrait is not None) == (kind == "portrait")]
    return list(dict.fromkeys(fitting))[:n]


def filter_prompts(prompts: Sequence[str], kind: PromptKind) -> tuple[str, ...]:
    """Filter prompts for portraits or for landscapes.

    "any" returns all.
    """
    return tuple(prompt for prompt in prompts if kind == "any" or prompt.startswith(PORTRAIT_PREFIXES) == (kind == "portrait"))


def compare_style(
    session: RenderSession,
    settings: FilmSettings,
    models: MetricModels,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    against: str | None = None,
    reference: Path | None = None,
    text: str | None = None,
) -> Generator[Step, None, StyleComparison]:
    """Generate images without and with a style, and measure the pairs.

    With `against`, the base images are in that other style.
    """
    native = session.files.info.native_size
    resolved = resolve_settings(replace(settings, size=settings.size or (native, native), model=session.files.name), session.files)
    styles, others = find_styles(resolved.style, session.files), find_styles(against, session.files)
    style = styles[0].style
    base_name = _display_name(others[0].style) if others else "base"
    base = yield from generate_image_set(base_name, session, replace(resolved, style=against or ""), prompts, seeds)
    styled = yield from generate_image_set(_display_name(style), session, resolved, prompts, seeds)
    looks = [named for one in (*styles[:1], *others[:1]) if (named := _look_of(one.style))]
    look = _look_of(style)
    reference_set = yield from _references(reference, look, len(base), models)
    references = measure_images(reference_set, models) if reference_set else None
    measured = measure_images(base, models, text), measure_images(styled, models, text)
    pairs = pair_images(*measured, references)
    texts = styled_texts = None
    if models.clip and style.prompt_trigger:
        texts, styled_texts = (
            models.clip.embed_texts([with_triggers(prompt, uses) for prompt in base.prompts]) for uses in (others, styles)
        )
    metrics = [
        *image_metrics(measured[0], models, "base.", looks),
        *image_metrics(measured[1], models, "style.", looks),
        *difference_metrics(pairs, "more.", looks),
        *style_metrics(pairs, references, texts, styled_texts),
    ]
    if references:
        for name, one in (("base", measured[0]), ("style", measured[1])):
            metrics += distance_metrics(one, references, f"{name}.references.")
    return StyleComparison(style=style, pairs=pairs, references=references, metrics=tuple(metrics), look=look)


def _display_name(style: Style) -> str:
    """Return a style's name for readers.

    A run's style has the run's name.
    """
    path = Path(style.name)
    return path.parent.name if path.name == "style" and path.parent.name else path.stem


def _look_of(style: Style) -> str | None:
    """Return the look that a style is named after."""
    name = Path(style.name).name
    return name if name in LOOKS else style.prompt_trigger if style.prompt_trigger in LOOKS else None


def _references(folder: Path | None, look: str | None, n: int, models: MetricModels) -> Generator[Step, None, ImageSet | None]:
    """Read the reference images.

    For a look of the Sketchbook's world, render them.
    """
    if folder:
        return (yield from read_image_set(folder))
    if look is None or models.classifier is None:
        return None
    from sakuga.evaluation.held_out import REFERENCE_SEED, held_out_moment
    from sakuga.models.sketchbook import NATIVE_SIZE

    images = []
    for index in range(n):
        image = held_out_moment(REFERENCE_SEED + index).image(NATIVE_SIZE, NATIVE_SIZE, look)  # type: ignore[arg-type]
        images.append(np.asarray(image))
        yield Step(stage="finishing", done=index + 1, total=n)
    names = tuple(f"render {REFERENCE_SEED + index}" for index in range(n))
    return ImageSet(name=f"true renders in {look}", images=tuple(images), prompts=("",) * n, names=names)
