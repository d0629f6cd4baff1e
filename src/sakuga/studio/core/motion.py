"""Motion adapters of a film: looked up once, for each shot."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sakuga.models.checkpoint_files import MOTION_ADAPTER, SKETCHBOOK, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.families import default_settings_of
from sakuga.models.motion_files import MotionFiles, own_motion_adapter
from sakuga.models.motion_lookup import find_motion_adapter
from sakuga.story.film import Film
from sakuga.story.lint import by_shots
from sakuga.story.motion_choice import motion_notes, with_chosen_motion
from sakuga.story.options import SettingsError
from sakuga.story.settings import AUTO, NO_MOTION, FilmSettings
from sakuga.studio.core.recipe import Recipe, RecipeError, RecipeMotion
from sakuga.studio.core.settings import ResolvedSettings
from sakuga.timeline.motion import MotionSettings
from sakuga.timeline.spec import AppliedMotion

ADAPTER_OPTIONS = (
    "motion_scale",
    "motion_window",
    "motion_overlap",
    "motion_smoothing",
    "motion_guidance",
    "motion_end",
    "motion_keyframe",
    "motion_fps",
)
"""Settings that count with a motion adapter only."""
LONGEST_LOOP = 30
"""Seconds of a loop of one shot, which is denoised as a whole."""


class MotionFinder:
    """The motion adapters of one checkpoint; each is looked up once."""

    def __init__(self, files: CheckpointFiles) -> None:
        self.files = files
        self._found: dict[str, MotionFiles | None] = {}

    def adapter(self, name: str) -> MotionFiles | None:
        """Return an adapter by its name in a film; None for none. Raises CheckpointError."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> MotionFiles | None:
        if name == NO_MOTION or (name == AUTO and own_motion_adapter(self.files) is None):
            return None
        if name == AUTO or name == self.files.name == SKETCHBOOK:
            return find_motion_adapter(self.files)
        return find_motion_adapter(self.files, str(find_checkpoint().folder / MOTION_ADAPTER) if name == SKETCHBOOK else name)


def choose_motion(film: Film, files: CheckpointFiles) -> tuple[Film, list[str]]:
    """Leave the checkpoint's own adapter out of shots whose keys it cannot follow; also returns notes on them.

    Where it has none, `auto` is left open, and resolves to `none`. A recipe says what each of its shots does, and is not asked.
    """
    has_adapter = own_motion_adapter(files) is not None
    notes = by_shots((note.shot, note.message) for note in motion_notes(film, auto_moves=has_adapter))
    if has_adapter:
        return with_chosen_motion(film), notes
    named = None if film.settings.motion == AUTO else film.settings.motion
    return replace(film, settings=replace(film.settings, motion=named)), notes


def film_motions(film: Film, settings: ResolvedSettings, finder: MotionFinder) -> tuple[MotionSettings | None, ...]:
    """Return how each shot moves.

    Raises CheckpointError, or SettingsError for a window that does not fit the adapter and for a loop without one.
    """
    names = (shot.motion or settings.motion for shot in film.storyboard.shots)
    motions = _motions(names, settings, finder)
    if settings.loop and None in motions:
        raise SettingsError(f"loop: shot {motions.index(None) + 1} has no motion adapter, which a loop needs: name one with motion")
    if settings.loop and (seconds := film.storyboard.shots[0].seconds) > LONGEST_LOOP and len(motions) == 1:
        raise SettingsError(f"loop: a single shot of {seconds:g} s is too long; choose up to {LONGEST_LOOP} s, or several shots")
    return motions


def in_between_motion(settings: ResolvedSettings, finder: MotionFinder) -> MotionSettings | None:
    """Return how frames between two keyframes are generated; None if they are interpolated.

    It is the film's adapter, or the model's own where the film has none. It denoises them to the end, so they are smoothed at least as
    its family says for that. Raises SettingsError where there is neither.
    """
    if settings.between != "motion":
        return None
    if adapter := finder.adapter(_between_name(settings)):
        least = default_settings_of(finder.files).motion.smoothing_alone
        return motion_settings(adapter, replace(settings, motion_smoothing=max(settings.motion_smoothing, least)))
    raise SettingsError(f"between: {finder.files.name!r} has no motion adapter to make in-betweens: name one with motion, or choose flow")


def _motions(names: Iterable[str], settings: ResolvedSettings, finder: MotionFinder) -> tuple[MotionSettings | None, ...]:
    return tuple(motion_settings(adapter, settings) if (adapter := finder.adapter(name)) else None for name in names)


def motion_settings(adapter: MotionFiles, settings: ResolvedSettings) -> MotionSettings:
    """Return how an adapter moves a checkpoint's frames; raises SettingsError for a window that does not fit it."""
    window, overlap = settings.motion_window, settings.motion_overlap
    if window > adapter.info.positions:
        raise SettingsError(
            f"motion_window: motion adapter '{adapter.name}' has positions for {adapter.info.positions} frames, not {window}: "
            f"choose 2 to {adapter.info.positions}"
        )
    if overlap >= window:
        raise SettingsError(f"motion_overlap: {overlap} frames are no part of a window of {window}: choose 0 to {window - 1}")
    motion = AppliedMotion(
        adapter=adapter.digest,
        scale=settings.motion_scale,
        context=window,
        overlap=overlap,
        smoothing=settings.motion_smoothing,
        joint_guidance=settings.motion_guidance,
        denoising_end=settings.motion_end,
    )
    return MotionSettings(motion=motion, fps=settings.motion_fps, keyframe_strength=settings.motion_keyframe)


def _between_name(settings: ResolvedSettings) -> str:
    """Return the name of the adapter that makes in-betweens."""
    return AUTO if settings.motion == NO_MOTION else settings.motion


def _names(film: Film, settings: ResolvedSettings) -> list[str]:
    """Return the names of the adapters of a film, each once."""
    between = {_between_name(settings)} if settings.between == "motion" else set[str]()
    return sorted({shot.motion or settings.motion for shot in film.storyboard.shots} | between)


def film_adapters(film: Film, settings: ResolvedSettings, finder: MotionFinder) -> tuple[MotionFiles, ...]:
    """Return the adapters of all shots and in-betweens, each once."""
    return tuple(adapter for name in _names(film, settings) if (adapter := finder.adapter(name)))


def shared_name(name: str, finder: MotionFinder) -> str:
    """Return an adapter's name without a path, as recipes hold it."""
    adapter = finder.adapter(name)
    if adapter is None or name in (AUTO, finder.files.name):
        return AUTO if adapter else NO_MOTION
    return f"{Path(name).stem}@{adapter.digest[:8]}"


def recipe_motions(film: Film, settings: ResolvedSettings, finder: MotionFinder) -> tuple[RecipeMotion, ...]:
    """Return the adapters of a film by their names in its recipe."""
    found = {shared_name(name, finder): adapter for name in _names(film, settings) if (adapter := finder.adapter(name))}
    return tuple(RecipeMotion(name=name, digest=adapter.digest) for name, adapter in found.items())


def motion_places(recipe: Recipe, clip: Path, given: Sequence[str], finder: MotionFinder) -> tuple[dict[str, str], list[str]]:
    """Find the place here of each outside adapter of a recipe.

    Returns notes for those that are not the same. Raises RecipeError for one that is not given.
    """
    found = {adapter.digest: name for name in given if (adapter := finder.adapter(name))}
    places, notes, spare = dict[str, str](), list[str](), list(given)
    for one in recipe.motion:
        if one.name == AUTO:
            own = finder.adapter(AUTO)
            notes += [] if own and own.digest == one.digest else [f"{clip} was made with another version of the model's motion adapter"]
        elif one.digest in found:
            places[one.name] = found[one.digest]
        elif spare:
            places[one.name] = spare[0]
            notes.append(f"motion adapter {spare[0]!r} is not {one.name!r} that {clip} was made with ({one.digest[:12]})")
        else:
            raise RecipeError(f"{clip} moves by an adapter from outside, {one.name!r} ({one.digest[:12]}): give it with --motion")
    return places, notes


def refuse_unused_motion(settings: FilmSettings, scales: Iterable[object], files: CheckpointFiles) -> None:
    """Refuse settings of a motion adapter where a checkpoint has none and none is named; raises SettingsError."""
    if settings.motion not in (None, AUTO) or own_motion_adapter(files):
        return
    given = [name for name in ADAPTER_OPTIONS if getattr(settings, name) is not None]
    if any(scale is not None for scale in scales):
        given.append("motion_scale")
    if given:
        raise SettingsError(f"{given[0]}: {files.name!r} has no motion adapter (a folder {MOTION_ADAPTER}/): name one with motion")
