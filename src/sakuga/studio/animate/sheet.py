"""The exposure sheet of a film, before anything is drawn."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from sakuga.export.exposures import check_sheet, write_sheet
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.story.film import Film
from sakuga.studio.core.progress import Step
from sakuga.studio.core.settings import direction, settled, wardrobe
from sakuga.studio.core.styles import styled_as_named, worded_film
from sakuga.studio.core.work import Work
from sakuga.timeline.chain import chain
from sakuga.timeline.exposure import exposures


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheeted:
    """An exposure sheet that was written, and how many frames of each kind it lists."""

    sheet: Path
    rate: Fraction
    drawn: int
    between: int
    hold: int

    @property
    def frames(self) -> int:
        return self.drawn + self.between + self.hold


def sheet(film: Film, out: Path | str) -> Work[Step, Sheeted]:
    """Write what each frame of a film shows, and when: .csv, or .otio for editing programs. Raises InputError."""
    return Work(_sheet(film, Path(out)))


def _sheet(film: Film, out: Path) -> Generator[Step, None, Sheeted]:
    check_sheet(out)
    source = find_checkpoint(film.settings.model or "sketchbook")
    film, _ = styled_as_named(film, source)
    settings = settled(film.settings, source)
    film = replace(film, settings=settings)
    how, board = direction(settings, source), worded_film(film, source)
    yield Step(stage="export", total=1)
    rows = list(exposures(board, chain(board, how, wardrobe(film, source)), how.rate))
    write_sheet(film, rows, how.rate, out)
    yield Step(stage="export", done=1, total=1)
    kinds = [row.kind for row in rows]
    return Sheeted(sheet=out, rate=how.rate, drawn=kinds.count("drawn"), between=kinds.count("between"), hold=kinds.count("hold"))
