"""Score depth and control of a checkpoint, as far as it has the parts for it."""

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sakuga.story.film import FilmSettings
from sakuga.studio.animate.control import Leading
from sakuga.studio.animate.images import drawn_spec
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Bench
from sakuga.studio.core.work import Work
from sakuga.studio.sketchbook.scoring import told
from sakuga.timeline.spec import FrameSpec, digest

GIVEN = Leading(depth="given")


def score_depth_and_control(bench: Bench, how: FilmSettings, n: int, sheet: Path | None) -> Generator[Step, None, dict[str, float]]:
    """Measure on up to 128 held-out scenes, and no more than `n`; `sheet` shows control, drawing, and the depth read in it."""
    missing = {part for part in ("depth", "controlnet") if not (bench.source.folder / part).is_dir()}
    for part, left_out in (("depth", "depth and control"), ("controlnet", "control")):
        if part in missing:
            yield Step(stage="finishing", note=f"'{bench.source.name}' has no {part}/: figures of {left_out} are left out")
    if "depth" in missing:
        return {}
    from sakuga.evaluation.depth_control import CASES, score_layout

    lead = None if missing else _Lead(bench, how)
    figures, led = yield from told(score_layout(bench.source.folder, lead, min(n, CASES)))
    if sheet and led:
        Image.fromarray(led.sheet()).save(sheet, quality=90)
    return figures


class _Lead:
    """Draws captions led by depth maps, with the seeds 0, 1, 2, ... in the order of asking."""

    def __init__(self, bench: Bench, how: FilmSettings) -> None:
        self.bench, self.how, self.drawn = bench, how, 0

    def __call__(self, captions: Sequence[str], near: NDArray[np.float32]) -> NDArray[np.uint8]:
        from sakuga.evaluation.depth_control import grey

        wanted: list[str] = []
        specs: dict[str, FrameSpec] = {}
        for place, (text, depth) in enumerate(zip(captions, near, strict=True), self.drawn):
            given = self.bench.store.given(grey(depth))
            spec = drawn_spec(text, place, self.how, self.bench.source, control=GIVEN.control(digest(given)))
            specs |= {digest(given): given, digest(spec): spec}
            wanted.append(digest(spec))
        self.drawn += len(captions)
        drawing = Work(self.bench.draw(specs, wanted)).result()
        return np.stack(list(self.bench.develop(drawing, wanted, lambda _, picture: picture)))
