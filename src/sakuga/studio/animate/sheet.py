"""The exposure sheet of a film; nothing is generated."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from sakuga.export.exposures import check_exposure_sheet, write_exposure_sheet
from sakuga.models.checkpoint_lookup import find_model
from sakuga.story.film import Film
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.motion import MotionFinder, choose_motion, film_motions, in_between_motion
from sakuga.studio.core.progress import Step
from sakuga.studio.core.prompt_style_names import film_with_named_styles
from sakuga.studio.core.settings import frame_settings, resolve_settings, style_weights_by_shot
from sakuga.studio.core.styles import StyleFinder, apply_named_styles, storyboard_with_triggers, uses_by_shot
from sakuga.studio.core.work import Work
from sakuga.timeline.exposure import Exposure, exposures
from sakuga.timeline.film_layout import lay_out_film


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureSheetResult:
    """A written exposure sheet, and its frames of each kind."""

    sheet: Path
    rate: Fraction
    generated: int
    in_between: int
    hold: int

    @property
    def frames(self) -> int:
        """Frames of the film."""
        return self.generated + self.in_between + self.hold


@checked()
def sheet(film: Film, out: Path | str) -> Work[Step, ExposureSheetResult]:
    """Write what each frame of a film shows, and when.

    The file is .csv, or .otio for editing programs. Raises InputError.
    """
    path = Path(out)
    check_exposure_sheet(path)
    styles = StyleFinder(find_model(film.settings))
    film, _ = apply_named_styles(film_with_named_styles(film, styles), styles)
    film, notes = choose_motion(film, styles.files)
    settings = resolve_settings(film.settings, styles.files, styles, film=True)
    film = Film(settings=settings.requested(), storyboard=film.storyboard)
    board = storyboard_with_triggers(film.storyboard, uses_by_shot(film, styles))
    frames = frame_settings(settings, styles.files, styles)
    finder = MotionFinder(styles.files)
    motions = film_motions(film, settings, finder)
    frames = replace(frames, between_motion=in_between_motion(settings, finder))
    layout = lay_out_film(board, frames, style_weights_by_shot(film, settings.sampler, styles), motions)
    return Work(_sheet(film, list(exposures(board, layout, frames.rate)), frames.rate, path, notes))


def _sheet(film: Film, rows: list[Exposure], rate: Fraction, out: Path, notes: list[str]) -> Generator[Step, None, ExposureSheetResult]:
    for note in notes:
        yield Step(stage="story", note=note)
    yield Step(stage="export", total=1)
    write_exposure_sheet(film, rows, rate, out)
    yield Step(stage="export", done=1, total=1)
    kinds = [row.kind for row in rows]
    return ExposureSheetResult(
        sheet=out, rate=rate, generated=kinds.count("generated"), in_between=kinds.count("in_between"), hold=kinds.count("hold")
    )
