"""Scores of styles, few-step adapter, sizes and upscaler."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sakuga.models.styles import checkpoint_styles, few_step_adapter
from sakuga.sketchbook.labels import LOOKS
from sakuga.studio.animate.draw import image_spec
from sakuga.studio.core.finish import finish_image
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import ResolvedSettings, preview_settings, resolve_settings, with_style_finishing
from sakuga.studio.core.styles import StyleFinder
from sakuga.studio.core.work import Work
from sakuga.timeline.spec import FrameSpec, digest

if TYPE_CHECKING:
    from sakuga.evaluation.score import GenerateImages, Progress

Result = TypeVar("Result")
TIMED = ("a castle at sunset", "a cabin in the snow", "the sea at night", "a portrait of a girl") * 2
"""Prompts of one batch."""


def image_generator(session: RenderSession, settings: ResolvedSettings) -> "GenerateImages":
    """Return a function that generates and finishes captions.

    Seeds are 0, 1, 2, ... in order of calls.
    """
    generated = 0
    enlarge = session.enlarger(*settings.size)

    def generate(captions: Sequence[str]) -> Any:
        nonlocal generated
        specs: dict[str, FrameSpec] = {}
        first = generated
        for seed, text in enumerate(captions, first):
            spec = image_spec(text, seed, settings, session.files)
            specs[digest(spec)] = spec
        generated += len(captions)
        rendering = Work(session.render(specs, specs)).result()
        images = session.read_frames(rendering, specs, lambda _, image: enlarge(image))
        numbered = enumerate(zip(specs.values(), images, strict=True), first)
        clips = [Work(finish_image(image, spec, settings, seed)).result() for seed, (spec, image) in numbered]
        return np.stack([clip.frames[0].image for clip in clips])

    return generate


def score_styles(session: RenderSession, settings: ResolvedSettings, n: int) -> Generator[Step, None, dict[str, float]]:
    """Score each style that is a look of the world."""
    from sakuga.evaluation.adapters import score_style

    names = [name for name in checkpoint_styles(session.files) if name in LOOKS]
    if not names:
        yield Step(stage="rendering", note=f"{session.files.name!r} has no styles: skipping their metrics")
    metrics: dict[str, float] = {}
    for name in names:
        base, styled = image_generator(session, settings), image_generator(session, _in_style(settings, name, session))
        metrics |= yield from progress_steps(score_style(name, base, styled, session.files.folder, n))
    return metrics


def _in_style(settings: ResolvedSettings, name: str, session: RenderSession) -> ResolvedSettings:
    """Return settings with a style, finished as the style defines."""
    finder = StyleFinder(session.files)
    open_finish = replace(settings.requested(), style=name, grain=None, paper=None, pixel=None)
    return resolve_settings(with_style_finishing(open_finish, finder.uses(name)), session.files, finder)


def score_sizes(session: RenderSession, settings: ResolvedSettings, n: int) -> Generator[Step, None, dict[str, float]]:
    """Score other aspect ratios, and the upscaler if present."""
    from sakuga.evaluation.aspect_ratios import score_aspects
    from sakuga.evaluation.upscaling import score_upscaler

    def at_size(width: int, height: int) -> "GenerateImages":
        return image_generator(session, replace(settings, size=(width, height)))

    metrics = yield from progress_steps(score_aspects(at_size, session.files.folder, n))
    if session.files.upscaler_digest is None:
        yield Step(stage="finishing", note=f"{session.files.name!r} has no upscaler: skipping its metrics")
        return metrics
    return metrics | (yield from progress_steps(score_upscaler(session.files.folder, n)))


def score_few_step(session: RenderSession, settings: ResolvedSettings, n: int) -> Generator[Step, None, dict[str, float]]:
    """Score few-step generation, and time it against all steps."""
    from sakuga.evaluation.adapters import score_few_step, speedup

    if few_step_adapter(session.files) is None:
        yield Step(stage="rendering", note=f"{session.files.name!r} has no few-step adapter: skipping its metrics")
        return {}
    quick, _ = preview_settings(settings, StyleFinder(session.files))
    metrics = yield from progress_steps(score_few_step(image_generator(session, quick), session.files.folder, n))
    faster = speedup(lambda: seconds(session, settings), lambda: seconds(session, quick))
    return metrics | {"few_step.speedup": faster, "n.few_step.speedup": 2 * len(TIMED)}


def seconds(session: RenderSession, settings: ResolvedSettings) -> float:
    """Return the processor time to generate a batch.

    Into an empty store.
    """
    with TemporaryDirectory() as folder:
        empty = session.with_store(Path(folder))
        started = process_time()
        image_generator(empty, settings)(TIMED)
        return process_time() - started


def progress_steps(scoring: "Generator[Progress, None, Result]") -> Generator[Step, None, Result]:
    """Yield a score's progress as steps, and return its result."""
    work = Work(scoring)
    for progress in work:
        yield Step(stage="rendering" if progress.doing == "generating" else "finishing", done=progress.done, total=progress.total)
    return work.result()
