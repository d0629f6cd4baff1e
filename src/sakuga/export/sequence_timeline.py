"""OpenTimelineIO files beside image sequences."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from sakuga.export.exposures import as_otio
from sakuga.export.sequence import SequenceName
from sakuga.export.target import atomic
from sakuga.story.film import Film
from sakuga.timeline.exposure import Exposure


def write_sequence_timeline(out: Path, film: Film, rows: Sequence[Exposure], rate: Fraction, first: int) -> Path | None:
    """Write the shots of an image sequence beside it, `name.otio`; returns its path.

    None where `out` is a folder, or OpenTimelineIO is not installed.
    """
    name = SequenceName.of(out)
    try:
        import opentimelineio as otio
    except ImportError:
        return None
    if name is None:
        return None
    path = name.folder / f"{name.title}.otio"
    text = as_otio(film, rows, rate, name.title, _reference(otio, name, len(rows), float(rate), first))
    with atomic(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path


def _reference(otio: Any, name: SequenceName, frames: int, rate: float, first: int) -> Any:
    whole = otio.opentime.TimeRange(otio.opentime.RationalTime(0, rate), otio.opentime.RationalTime(frames, rate))
    return otio.schema.ImageSequenceReference(
        target_url_base="./",
        name_prefix=name.before,
        name_suffix=name.after,
        start_frame=first,
        frame_step=1,
        rate=rate,
        frame_zero_padding=name.digits,
        available_range=whole,
    )
