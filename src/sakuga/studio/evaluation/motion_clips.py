"""Clips for evaluating a motion adapter: true ones, and generated from the same scenes' prompts."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.motion_files import MotionFiles
from sakuga.story.film import Film
from sakuga.story.settings import FilmSettings
from sakuga.story.storyboard import Bible, Shot, Storyboard
from sakuga.studio.animate.film_rendering import color_matcher
from sakuga.studio.core.motion import MotionFinder, film_adapters, film_motions
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import ResolvedSettings, frame_settings, refuse_missing_networks, style_weights_by_shot
from sakuga.studio.core.styles import StyleFinder
from sakuga.timeline.film_layout import ExposureSheet, lay_out_film

if TYPE_CHECKING:
    from sakuga.evaluation.held_out import Case
    from sakuga.models.image_tensors import Images

FRAMES, FRAME_RATE = 16, Fraction(8)
"""Frames of a clip, and how many there are in a second: as the world's motion is learnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedClips:
    """Clips of the same length and settings, one for each scene, before they are generated."""

    sheets: tuple[ExposureSheet, ...]
    adapters: tuple[MotionFiles, ...]


def clip_settings(settings: FilmSettings, files: CheckpointFiles, motion: str, *, loop: bool = False) -> FilmSettings:
    """Return settings for clips at the rate and size of true ones."""
    side = files.info.native_size
    return replace(settings, motion=motion, loop=loop, size=(side, side), fps=FRAME_RATE, motion_fps=FRAME_RATE)


def plan_clips(cases: "Sequence[Case]", frames: int, seed: int, settings: ResolvedSettings, files: CheckpointFiles) -> PlannedClips:
    """Lay out a clip of each scene's prompt, with a still camera.

    Seeds are `seed`, `seed` + 1, ... Raises InputError for what cannot be generated.
    """
    finder, styles = MotionFinder(files), StyleFinder(files)
    films = [_film(case.caption, seed + index, frames, settings) for index, case in enumerate(cases)]
    sheets = tuple(_sheet(film, settings, finder, styles) for film in films)
    for sheet in sheets:
        refuse_missing_networks(sheet.specs.values(), files)
    return PlannedClips(sheets=sheets, adapters=film_adapters(films[0], settings, finder))


def _film(caption: str, seed: int, frames: int, settings: ResolvedSettings) -> Film:
    shot = Shot(prompt=caption, seconds=float(frames / FRAME_RATE), seed=seed)
    return Film(settings=settings.requested(), storyboard=Storyboard(idea=caption, bible=Bible(), shots=(shot,)))


def _sheet(film: Film, settings: ResolvedSettings, finder: MotionFinder, styles: StyleFinder) -> ExposureSheet:
    weights = style_weights_by_shot(film, settings.sampler, styles)
    return lay_out_film(film.storyboard, frame_settings(settings, finder.files, styles), weights, film_motions(film, settings, finder))


def generate_clips(planned: Sequence[PlannedClips], session: RenderSession) -> Generator[Step, None, "list[list[Images]]"]:
    """Generate all planned clips in one rendering, and return them as planned."""
    sheets = [sheet for clips in planned for sheet in clips.sheets]
    specs = {name: spec for sheet in sheets for name, spec in sheet.specs.items()}
    rendering = yield from session.render(specs, [name for sheet in sheets for name in sheet.exposures])

    def images(sheet: ExposureSheet) -> "Images":
        return np.stack(list(session.read_frames(rendering, sheet.exposures, color_matcher(sheet, rendering, session.store))))

    return [[images(sheet) for sheet in clips.sheets] for clips in planned]


def render_true_clips(seeds: Sequence[int], frames: int, side: int) -> Generator[Step, None, "list[Images]"]:
    """Render the true clips of scenes."""
    from sakuga.training.sketchbook.motion import render_clip

    clips = []
    for done, seed in enumerate(seeds, 1):
        clips.append(render_clip(seed, frames=frames, size=side).frames)
        yield Step(stage="finishing", done=done, total=len(seeds))
    return clips


def autoencoder_copies(clips: "Sequence[Images]", session: RenderSession) -> Generator[Step, None, "list[Images]"]:
    """Encode and decode every frame of clips."""
    from sakuga.models.checkpoint import to_uint8

    autoencoder, copies = session.checkpoint.autoencoder, []
    for done, clip in enumerate(clips, 1):
        copies.append(np.concatenate([to_uint8(autoencoder.decode(autoencoder.encode(frame))) for frame in clip]))
        yield Step(stage="finishing", done=done, total=len(clips))
    return copies
