"""Exposure sheets as CSV for spreadsheets or OpenTimelineIO for editors."""

import csv
import io
from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

from sakuga.export.target import ExportError, atomic, check_folder, check_name
from sakuga.story.film import Film, to_document
from sakuga.timeline.exposure import Exposure

SUFFIXES = (".csv", ".otio")
COLUMNS = ("frame", "shot", "timecode", "seconds", "kind", "digest", "prompt")


def check_exposure_sheet(path: Path) -> None:
    """Check that an exposure sheet can be written; raises ExportError."""
    if path.suffix.lower() not in SUFFIXES:
        raise ExportError(f"{path.name} is no exposure sheet: end its name with {' or '.join(SUFFIXES)}")
    check_name(path)
    if path.is_dir():
        raise ExportError(f"{path} is a folder: name a file in it")
    check_folder(path.parent)
    if path.suffix.lower() == ".otio":
        _otio()


def write_exposure_sheet(film: Film, rows: Sequence[Exposure], rate: Fraction, path: Path) -> None:
    """Write a film's exposure sheet, .csv or .otio, atomically."""
    check_exposure_sheet(path)
    text = as_csv(rows) if path.suffix.lower() == ".csv" else as_otio(film, rows, rate, path.stem)
    with atomic(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="")


def as_csv(rows: Sequence[Exposure]) -> str:
    """Return a CSV of one line per frame.

    Seconds are exact fractions.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((row.frame, row.shot, row.timecode, row.start, row.kind, row.digest, row.prompt) for row in rows)
    return text.getvalue()


def as_otio(film: Film, rows: Sequence[Exposure], rate: Fraction, name: str, media: Any = None) -> str:
    """Return OpenTimelineIO JSON with a clip per shot.

    Each clip's source range lies in the rendered film, so that linking that file is enough; transitions are in its images. `media` is
    a reference to the film's images, None where they are not known.
    The format stores the rate as a float: the exact one is in the metadata, with prompts, seeds and frames.
    """
    otio = _otio()
    shots = to_document(film)["shots"]
    track = otio.schema.Track(name="film", kind=otio.schema.TrackKind.Video)
    for number, group in groupby(rows, key=lambda row: row.shot):
        shown = list(group)
        first = otio.opentime.RationalTime(shown[0].frame - 1, float(rate))
        lasts = otio.opentime.RationalTime(len(shown), float(rate))
        clip = otio.schema.Clip(name=f"shot {number}", source_range=otio.opentime.TimeRange(first, lasts))
        if media is not None:
            clip.media_reference = media.clone()
        clip.metadata["sakuga"] = {**shots[number - 1], "prompt": shown[0].prompt, "frames": _runs(shown)}
        track.append(clip)
    timeline = otio.schema.Timeline(name=name, global_start_time=otio.opentime.RationalTime(0, float(rate)))
    timeline.metadata["sakuga"] = {"rate": str(rate), "idea": film.storyboard.idea}
    timeline.tracks.append(track)
    return str(otio.adapters.write_to_string(timeline, "otio_json"))


def _runs(rows: Sequence[Exposure]) -> list[dict[str, Any]]:
    """List each image once, with its number of frames."""
    runs = ((digest, list(group)) for digest, group in groupby(rows, key=lambda row: row.digest))
    return [{"digest": digest, "kind": group[0].kind, "frames": len(group)} for digest, group in runs]


def _otio() -> Any:
    try:
        import opentimelineio
    except ImportError:
        raise ExportError('a sheet in .otio needs OpenTimelineIO: pip install "sakuga[otio]", or write .csv') from None
    return opentimelineio
