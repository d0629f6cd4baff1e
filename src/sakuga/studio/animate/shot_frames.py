"""The shot that each frame of a film belongs to."""

from pathlib import Path

from sakuga.story.film import Film
from sakuga.studio.animate.animate import FilmRequest, resolve_film
from sakuga.studio.core.output import Output
from sakuga.timeline.spec import Digest, dependencies
from sakuga.timeline.timing import frame_spans


def shot_frames(film: Film, out: Path, *, preview: bool = False, store: Path | None = None) -> dict[Digest, int]:
    """Return the shot of each frame, those that frames are made from included; shots count from 0.

    A frame of two shots belongs to the first. Raises InputError for a film that cannot be rendered.
    """
    resolved = resolve_film(FilmRequest(film=film, output=Output(path=out), store=store, preview=preview))
    sheet, shots = resolved.sheet, dict[Digest, int]()
    spans = frame_spans((shot.seconds for shot in resolved.storyboard.shots), resolved.settings.fps)
    for number, span in enumerate(spans):
        waiting = list(sheet.exposures[span.start : span.stop])
        while waiting:
            name = waiting.pop()
            if name not in shots and name in sheet.specs:
                shots[name] = number
                waiting += dependencies(sheet.specs[name])
    return shots
