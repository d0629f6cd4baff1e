"""Score what a checkpoint draws beside square pictures in all steps: styles, few steps, other shapes, enlargements."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sakuga.models.styles import few_step, own_styles
from sakuga.sketchbook.labels import LOOKS
from sakuga.story.film import FilmSettings
from sakuga.studio.animate.images import drawn_spec
from sakuga.studio.core.finish import alone, finished
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Bench
from sakuga.studio.core.settings import previewed
from sakuga.studio.core.work import Work
from sakuga.timeline.spec import FrameSpec, digest

if TYPE_CHECKING:
    from sakuga.evaluation.score import Draw, Progress

Found = TypeVar("Found")
TIMED = ("a castle at sunset", "a cabin in the snow", "the sea at night", "a portrait of a girl") * 2
"""One batch."""


def drawing(bench: Bench, how: FilmSettings) -> "Draw":
    """Return what draws captions by settled settings at their size, finished, with the seeds 0, 1, 2, ... in their order."""
    asked = 0
    assert how.size
    enlarged = bench.enlarger(*how.size)

    def draw(captions: Sequence[str]) -> Any:
        nonlocal asked
        specs: dict[str, FrameSpec] = {}
        first = asked
        for seed, text in enumerate(captions, first):
            spec = drawn_spec(text, seed, how, bench.source)
            specs[digest(spec)] = spec
        asked += len(captions)
        drawn = Work(bench.draw(specs, specs)).result()
        shown = zip(specs.values(), bench.develop(drawn, specs, lambda _, picture: enlarged(picture)), strict=True)
        clips = [Work(alone(picture, spec, how, first + place)).result() for place, (spec, picture) in enumerate(shown)]
        return np.stack([clip.frames[0].picture for clip in clips])

    return draw


def score_styles(bench: Bench, how: FilmSettings, n: int) -> Generator[Step, None, dict[str, float]]:
    """Score each style of the checkpoint that is a look of the world."""
    from sakuga.evaluation.adapters import score_style

    names = [name for name in own_styles(bench.source) if name in LOOKS]
    if not names:
        yield Step(stage="drawing", note=f"{bench.source.name!r} has no styles: they are not scored")
    figures: dict[str, float] = {}
    for name in names:
        base, styled = drawing(bench, how), drawing(bench, finished(replace(how, style=name), bench.source))
        figures |= yield from told(score_style(name, base, styled, bench.source.folder, n))
    return figures


def score_sizes(bench: Bench, how: FilmSettings, n: int) -> Generator[Step, None, dict[str, float]]:
    """Score drawing in other shapes than the square, and enlarging where the checkpoint has an upscaler."""
    from sakuga.evaluation.aspect_ratios import score_aspects
    from sakuga.evaluation.upscaling import score_upscaler

    def at_size(width: int, height: int) -> "Draw":
        return drawing(bench, replace(how, size=(width, height)))

    figures = yield from told(score_aspects(at_size, bench.source.folder, n))
    if bench.source.upscaler is None:
        yield Step(stage="finishing", note=f"{bench.source.name!r} has no upscaler: it is not scored")
        return figures
    return figures | (yield from told(score_upscaler(bench.source.folder, n)))


def score_few_step(bench: Bench, how: FilmSettings, n: int) -> Generator[Step, None, dict[str, float]]:
    """Score drawing in few steps, and time it against drawing in all steps."""
    from sakuga.evaluation.adapters import score_few_step, speedup

    if few_step(bench.source) is None:
        yield Step(stage="drawing", note=f"{bench.source.name!r} has no adapter for few steps: it is not scored")
        return {}
    quick, _ = previewed(how, bench.source)
    figures = yield from told(score_few_step(drawing(bench, quick), bench.source.folder, n))
    faster = speedup(lambda: seconds(bench, how), lambda: seconds(bench, quick))
    return figures | {"few_step.speedup": faster, "n.few_step.speedup": 2 * len(TIMED)}


def seconds(bench: Bench, how: FilmSettings) -> float:
    """Draw a batch into an empty store, and return the processor time that it took."""
    with TemporaryDirectory() as folder:
        empty = Bench(bench.source, Path(folder))
        empty.checkpoint = bench.checkpoint
        begun = process_time()
        drawing(empty, how)(TIMED)
        return process_time() - begun


def told(scoring: "Generator[Progress, None, Found]") -> Generator[Step, None, Found]:
    """Tell of a scoring as steps, and return what it found."""
    work = Work(scoring)
    for progress in work:
        yield Step(stage="drawing" if progress.doing == "drawing" else "finishing", done=progress.done, total=progress.total)
    return work.result()
