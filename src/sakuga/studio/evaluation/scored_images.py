"""Pictures drawn in one way, and judged picture by picture, so that ways can be compared pair by pair."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sakuga.evaluation.clip import clip_scores
from sakuga.evaluation.figure import Outcome, mean
from sakuga.evaluation.interval import SHARES, Interval, Values
from sakuga.sketchbook.labels import LOOKS
from sakuga.story.film import FilmSettings
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Bench
from sakuga.studio.core.settings import settled
from sakuga.studio.core.styles import find_styles
from sakuga.studio.evaluation.gallery import Gallery, draw_gallery
from sakuga.studio.evaluation.judges import Judges
from sakuga.studio.evaluation.measures import see

WORDS, LABELS = "words.clip", "labels.all"


def span(key: str) -> Interval | None:
    """Tell between what ends the values of a row lie: shares from 0 to 1; of the rest it depends on the judge."""
    return SHARES if key == LABELS else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Pictures, and by key what was measured of each; NaN where it was not."""

    gallery: Gallery
    rows: dict[str, Values]

    def outcomes(self) -> list[Outcome]:
        """Return the mean of each row, its interval over prompts."""
        made: list[Outcome] = []
        for key, row in self.rows.items():
            known = np.isfinite(row)
            groups = [prompt for prompt, there in zip(self.gallery.prompts, known, strict=True) if there]
            if known.any():
                made.append(mean(key, row[known], groups=groups, within=span(key)))
        return made


def draw_out(
    bench: Bench,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    style: str | None = None,
    suffix: str = "",
    settings: FilmSettings | None = None,
) -> Generator[Step, None, Gallery]:
    """Draw every prompt with every seed in a style, which only the suffix calls; the gallery tells each prompt without it."""
    native = bench.source.facts.native_size
    asked = replace(settings or FilmSettings(), size=(native, native), model=bench.source.name, style=style)
    said = [", ".join(filter(None, (prompt, suffix))) for prompt in prompts]
    worn = bench.wearing(find_styles(style, bench.source))
    drawn = yield from draw_gallery("pictures", worn, settled(asked, bench.source), said, seeds, called=False)
    return replace(drawn, prompts=tuple(prompt for prompt in prompts for _ in seeds))


def judge(gallery: Gallery, judges: Judges, *, looks: Sequence[str] = (), subject: str = "") -> Judged:
    """Judge each picture.

    The rows are `words.clip` (100 x cosine to its prompt), `labels.all` (the share of what the prompt states that the picture shows),
    `look.NAME` and `subject.NAME`: how surely the label classifier reads it, 0 to 1, all looks of the world and those that are named;
    without a classifier, CLIP's score of those that are named.
    """
    seen = see(gallery, judges)
    rows = {WORDS: seen.words, LABELS: seen.labels}
    read = judges.surely(gallery.pictures, "look") or {}
    rows |= {f"look.{look}": read[look] for look in LOOKS if look in read}
    rows |= {f"look.{look}": _likened(gallery, judges, f"{look} style") for look in looks if look not in read}
    if subject:
        found = (judges.surely(gallery.pictures, "subject") or {}).get(subject)
        rows[f"subject.{subject}"] = _likened(gallery, judges, f"a picture of {subject}") if found is None else found
    return Judged(gallery=gallery, rows=rows)


def _likened(gallery: Gallery, judges: Judges, text: str) -> Values:
    """Return CLIP's score of a text."""
    if judges.clip is None:
        return np.full(len(gallery), np.nan)
    return clip_scores(text, judges.clip.pictures(gallery.pictures), judges.clip.texts([text]))


def read_out(folder: Path, prompts: Sequence[str], names: Sequence[str]) -> Gallery:
    """Read pictures that were drawn before, in the order of their names."""
    from sakuga.datasets.image_reading import read_picture

    pictures = tuple(read_picture(path).picture for path in sorted(folder.glob("*.webp")))
    return Gallery(name="pictures", pictures=pictures, prompts=tuple(prompts), names=tuple(names))
