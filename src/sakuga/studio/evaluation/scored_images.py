"""Generated images with scores for each image."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sakuga.evaluation.clip_score import clip_scores
from sakuga.evaluation.confidence import SHARES, Interval, Values
from sakuga.evaluation.metric import Measurement, mean
from sakuga.sketchbook.labels import LOOKS
from sakuga.story.settings import FilmSettings
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import resolve_settings
from sakuga.studio.core.styles import find_styles
from sakuga.studio.evaluation.image_set import ImageSet, generate_image_set
from sakuga.studio.evaluation.image_set_metrics import measure_images
from sakuga.studio.evaluation.metric_models import MetricModels

PROMPT_SCORE, LABELS = "words.clip", "labels.all"


def value_range(key: str) -> Interval | None:
    """Return the range of a row's values, if known."""
    return SHARES if key == LABELS else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredImages:
    """An image set with rows of scores.

    Rows by key, one value per image, NaN where unknown.
    """

    image_set: ImageSet
    rows: dict[str, Values]

    def metrics(self) -> list[Measurement]:
        """Return the mean and interval of each row."""
        metrics: list[Measurement] = []
        for key, row in self.rows.items():
            known = np.isfinite(row)
            groups = [prompt for prompt, there in zip(self.image_set.prompts, known, strict=True) if there]
            if known.any():
                metrics.append(mean(key, row[known], groups=groups, within=value_range(key)))
        return metrics


def generate_prompt_images(
    session: RenderSession,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    style: str | None = None,
    suffix: str = "",
    settings: FilmSettings | None = None,
) -> Generator[Step, None, ImageSet]:
    """Generate every prompt with every seed in a style.

    `suffix` is added to the prompts for generation alone; trigger words are not added.
    """
    native = session.files.info.native_size
    requested = replace(settings or FilmSettings(), size=(native, native), model=session.files.name, style=style)
    texts = [", ".join(filter(None, (prompt, suffix))) for prompt in prompts]
    styled = session.with_styles(find_styles(style, session.files))
    generated = yield from generate_image_set(
        "pictures", styled, resolve_settings(requested, session.files), texts, seeds, with_triggers=False
    )
    return replace(generated, prompts=tuple(prompt for prompt in prompts for _ in seeds))


def score_images(image_set: ImageSet, models: MetricModels, *, looks: Sequence[str] = (), subject: str = "") -> ScoredImages:
    """Score each image.

    Rows: `words.clip` (100 x cosine to its prompt), `labels.all` (the share of the prompt's labels that the image shows), `look.NAME` and
    `subject.NAME` (the label classifier's probability, 0 to 1; without a classifier, CLIP's score of the named ones).
    """
    measured = measure_images(image_set, models)
    rows = {PROMPT_SCORE: measured.prompt_scores, LABELS: measured.labels}
    looks_read = models.probabilities(image_set.images, "look") or {}
    rows |= {f"look.{look}": looks_read[look] for look in LOOKS if look in looks_read}
    rows |= {f"look.{look}": _clip_text_scores(image_set, models, f"{look} style") for look in looks if look not in looks_read}
    if subject:
        found = (models.probabilities(image_set.images, "subject") or {}).get(subject)
        rows[f"subject.{subject}"] = _clip_text_scores(image_set, models, f"a picture of {subject}") if found is None else found
    return ScoredImages(image_set=image_set, rows=rows)


def _clip_text_scores(image_set: ImageSet, models: MetricModels, text: str) -> Values:
    """Return CLIP's score of each image for a text."""
    if models.clip is None:
        return np.full(len(image_set), np.nan)
    return clip_scores(text, models.clip.embed_images(image_set.images), models.clip.embed_texts([text]))


def read_images(folder: Path, prompts: Sequence[str], names: Sequence[str]) -> ImageSet:
    """Read stored images in the order of their names."""
    from sakuga.datasets.image_reading import read_image

    images = tuple(read_image(path).image for path in sorted(folder.glob("*.webp")))
    return ImageSet(name="pictures", images=images, prompts=tuple(prompts), names=tuple(names))
