"""Chunks of a film for machines that share a store: which frames each renders, and after which others."""

from collections.abc import Sequence
from dataclasses import dataclass

from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.spec import Digest, Rendered, dependencies
from sakuga.timeline.timing import Span

MOST_STAGES = 90
"""Stages of a job; a longer chain of shots is divided into fewer, longer chunks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Frames that one machine renders."""

    first: int
    """Counted from 0."""
    last: int
    stage: int
    """Counted from 0; the chunks of a stage need frames of earlier stages alone."""


def divided(span: Span, most: int | None) -> list[Span]:
    """Divide a span into spans of `most` frames; None leaves it whole.

    >>> divided(Span(start=0, stop=5), 2)
    [Span(start=0, stop=2), Span(start=2, stop=4), Span(start=4, stop=5)]
    """
    step = most or max(1, span.stop - span.start)
    return [Span(start=start, stop=min(start + step, span.stop)) for start in range(span.start, span.stop, step)]


def plan_chunks(sheet: ExposureSheet, spans: Sequence[Span]) -> tuple[Chunk, ...]:
    """Plan a chunk for each span, such as a shot, in the earliest stage in which the frames that it needs are rendered.

    A frame that several spans need belongs to the first of them. Where spans form a chain over too many stages, neighbours share a chunk.
    """
    size = 1
    while True:
        groups = [spans[start : start + size] for start in range(0, len(spans), size)]
        chunks = _staged(sheet, [Span(start=group[0].start, stop=group[-1].stop) for group in groups])
        if max(chunk.stage for chunk in chunks) < MOST_STAGES:
            return chunks
        size *= 2


def _staged(sheet: ExposureSheet, spans: Sequence[Span]) -> tuple[Chunk, ...]:
    """Put each span into the stage after those of the spans that own a frame it needs."""
    owners: dict[Digest, int] = {}
    chunks: list[Chunk] = []
    for index, span in enumerate(spans):
        before = {
            owner for name in _needs(sheet, sheet.exposures[span.start : span.stop]) if (owner := owners.setdefault(name, index)) < index
        }
        stage = max((chunks[owner].stage + 1 for owner in before), default=0)
        chunks.append(Chunk(first=span.start, last=span.stop - 1, stage=stage))
    return tuple(chunks)


def _needs(sheet: ExposureSheet, names: Sequence[Digest]) -> set[Digest]:
    """Return the generated frames that some frames are, or are made from."""
    waiting, seen = list(names), set[Digest]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += dependencies(sheet.specs[name])
    return {name for name in seen if isinstance(sheet.specs[name], Rendered)}
