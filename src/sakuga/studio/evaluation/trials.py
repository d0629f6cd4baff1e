"""Pictures drawn in one way and judged picture by picture, so that ways can be compared pair by pair."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sakuga.evaluation.clip import clip_scores
from sakuga.evaluation.figure import Outcome, mean
from sakuga.evaluation.interval import Values
from sakuga.models.sources import find_checkpoint
from sakuga.story.film import FilmSettings
from sakuga.studio.drawing import Bench
from sakuga.studio.evaluation.gallery import Gallery, draw_gallery
from sakuga.studio.evaluation.judges import Judges
from sakuga.studio.evaluation.measures import see
from sakuga.studio.progress import Step
from sakuga.studio.settings import settled
from sakuga.studio.styles import find_styles

WORDS, LABELS = "words.clip", "labels.all"


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
                made.append(mean(key, row[known], groups=groups))
        return made


def try_out(
    model: str,
    judges: Judges,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    style: str | None = None,
    called: bool = True,
    suffix: str = "",
    looks: Sequence[str] = (),
    subject: str = "",
    settings: FilmSettings | None = None,
    store: Path | None = None,
) -> Generator[Step, None, Judged]:
    """Draw every prompt with every seed in a style, and judge each picture.

    The rows are `words.clip` (100 x cosine to the prompt as it is without style words), `labels.all` (what the prompt states and the
    picture shows), `look.NAME` and `subject.NAME`: how surely the label classifier reads it, 0 to 1; without a classifier, CLIP's score.
    """
    source = find_checkpoint(model)
    native = source.facts.native_size
    how = settled(replace(settings or FilmSettings(), size=(native, native), model=source.name, style=style), source)
    bench = Bench(source, store, find_styles(how.style, source))
    said = [", ".join(filter(None, (prompt, suffix))) for prompt in prompts]
    drawn = yield from draw_gallery("pictures", bench, how, said, seeds, called=called)
    plain = tuple(prompt for prompt in prompts for _ in seeds)
    gallery = replace(drawn, prompts=plain)
    seen = see(gallery, judges)
    rows = {WORDS: seen.words, LABELS: seen.labels}
    rows |= {f"look.{look}": _surely(gallery, judges, "look", look) for look in looks}
    rows |= {f"subject.{subject}": _surely(gallery, judges, "subject", subject)} if subject else {}
    return Judged(gallery=gallery, rows=rows)


def _surely(gallery: Gallery, judges: Judges, attribute: str, value: str) -> Values:
    found = judges.surely(gallery.pictures, attribute, value)
    if found is not None:
        return found
    if judges.clip is None:
        return np.full(len(gallery), np.nan)
    return clip_scores(
        value,
        judges.clip.pictures(gallery.pictures),
        judges.clip.texts([f"a picture of {value}" if attribute == "subject" else f"{value} style"]),
    )
