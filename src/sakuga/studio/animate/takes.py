"""Takes of a shot: its keyframe with several seeds."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sakuga import InputError
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_model
from sakuga.story.film import Film
from sakuga.story.options import SEED
from sakuga.story.storyboard import full_prompt
from sakuga.studio.animate.animate import CLIP, FilmRequest, ResolvedFilm, resolve_film
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.motion import choose_motion
from sakuga.studio.core.output import Output
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.work import Work
from sakuga.timeline.spec import Digest, Generated, MotionFrame, SeedNoise

if TYPE_CHECKING:
    from sakuga.models.feature_extractors import ClipModel


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotTake:
    """A keyframe in the store."""

    seed: int
    frame: Digest
    score: float | None
    """100 x the cosine of its CLIP embedding and its prompt's; None where the checkpoint has no CLIP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeStep(Step):
    """Progress of takes; one is done where `take` holds it."""

    take: ShotTake | None = None


@checked()
def shot_takes(
    film: Film, shot: int, seeds: Sequence[int], *, preview: bool = True, store: Path | None = None
) -> Work[Step, tuple[ShotTake, ...]]:
    """Generate a shot's keyframe with each seed, nothing else but what these start from.

    `shot` counts from 0. A preview takes few steps. Frames in the store are reused. Raises SakugaError.
    """
    if not 0 <= shot < len(film.storyboard.shots):
        raise InputError(f"there is no shot {shot + 1}: the film has {len(film.storyboard.shots)}")
    if not seeds:
        raise InputError("there is no seed: give one for each take")
    for seed in seeds:
        SEED.check("seed", seed)
    film, _ = choose_motion(film, find_model(film.settings))
    return Work(_takes([(seed, _resolve(film, shot, seed, store, preview)) for seed in seeds], shot))


def _resolve(film: Film, shot: int, seed: int, store: Path | None, preview: bool) -> ResolvedFilm:
    """Resolve the film up to a shot that has another seed."""
    shots = film.storyboard.shots[: shot + 1]
    board = replace(film.storyboard, shots=(*shots[:-1], replace(shots[-1], seed=seed)))
    request = FilmRequest(film=replace(film, storyboard=board), output=Output(path=Path(CLIP)), store=store, preview=preview)
    return resolve_film(request)


def keyframe_of_last_shot(resolved: ResolvedFilm) -> Digest:
    """Return the name of the last shot's keyframe.

    It is the last frame whose noise is the shot's seed alone, or what the shot's own motion windows begin with: their first frame, or the
    image that they are given for it.
    """
    specs, seed = dict(resolved.sheet.specs), resolved.storyboard.shots[-1].seed
    moving = (
        _first_frame(name, spec)
        for name, spec in specs.items()
        if isinstance(spec, MotionFrame) and (spec.window.seed, spec.window.strength) == (seed, 1.0)
    )
    alone = (name for name, spec in reversed(specs.items()) if isinstance(spec, Generated) and spec.noise == SeedNoise(seed=seed))
    return next(moving, None) or next(alone)


def _first_frame(name: Digest, spec: MotionFrame) -> Digest:
    """Return what a window begins with, of which a frame has a name."""
    given = spec.window.given
    return given[0].frame if given and not given[0].index else name


def _takes(resolved: Sequence[tuple[int, ResolvedFilm]], shot: int) -> Generator[Step, None, tuple[ShotTake, ...]]:
    first, takes = resolved[0][1], list[ShotTake]()
    session = RenderSession(
        first.files, first.store, first.uses, first.settings.precision, motion=first.motion, controlnets=first.controlnets.networks
    )
    first.controlnets.keep_images(session.store)
    prompt = full_prompt(first.storyboard, shot)
    for note in first.notes:
        yield Step(stage="story", note=note)
    for place, (seed, film) in enumerate(resolved):
        name = keyframe_of_last_shot(film)
        rendering = session.render(film.sheet.specs, [name])
        while True:
            try:
                step = next(rendering)
            except StopIteration as end:
                frame = end.value.renamed[name]
                break
            share = (place + step.fraction) / len(resolved)
            yield replace(step, done=place, total=len(resolved), share=share if step.total else None, seconds_left=None)
        takes.append(ShotTake(seed=seed, frame=frame, score=_score(session, frame, prompt)))
        yield TakeStep(stage="rendering", done=place + 1, total=len(resolved), frame=frame, take=takes[-1])
    return tuple(takes)


def _score(session: RenderSession, frame: Digest, prompt: str) -> float | None:
    """Return the CLIP score of an image and its prompt, by the checkpoint's own CLIP."""
    from sakuga.evaluation.clip_score import clip_scores

    clip = _clip(session.files.name) if session.files.info.has_image_encoder else None
    if clip is None:
        return None
    return round(float(clip_scores("score", clip.embed_images([session.store.read(frame)]), clip.embed_texts([prompt]))[0]), 3)


@lru_cache(maxsize=2)
def _clip(name: str) -> "ClipModel | None":
    """Load a checkpoint's CLIP once; None where its texts and images have no shared space."""
    from sakuga.models.feature_extractors import load_clip

    try:
        return load_clip(name)
    except CheckpointError:
        return None
