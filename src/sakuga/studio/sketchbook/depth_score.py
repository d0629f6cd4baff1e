"""Scores of a checkpoint's depth estimator and depth ControlNet."""

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from sakuga.studio.animate.control import ControlSettings
from sakuga.studio.animate.draw import image_spec
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import ResolvedSettings
from sakuga.studio.core.work import Work
from sakuga.studio.sketchbook.scoring import progress_steps
from sakuga.timeline.spec import FrameSpec, digest

CONTROL = ControlSettings(depth="map")


def score_depth_and_control(
    session: RenderSession, settings: ResolvedSettings, n: int, sheet: Path | None
) -> Generator[Step, None, dict[str, float]]:
    """Measure depth and control on held-out scenes.

    On `n` scenes, 128 at most, as far as the checkpoint has the networks. `sheet` shows control image, generated image, and its estimated
    depth.
    """
    missing = {part for part in ("depth", "controlnet") if not (session.files.folder / part).is_dir()}
    for part, left_out in (("depth", "depth and control"), ("controlnet", "control")):
        if part in missing:
            yield Step(stage="finishing", note=f"'{session.files.name}' has no {part}/: skipping the metrics of {left_out}")
    if "depth" in missing:
        return {}
    from sakuga.evaluation.depth_control import CASES, score_layout

    generate = None if missing else _ControlledGenerator(session, settings)
    metrics, controlled = yield from progress_steps(score_layout(session.files.folder, generate, min(n, CASES)))
    if sheet and controlled:
        PILImage.fromarray(controlled.sheet()).save(sheet, quality=90)
    return metrics


class _ControlledGenerator:
    """Generates captions with depth maps as control.

    Seeds are 0, 1, 2, ... in order of calls.
    """

    def __init__(self, session: RenderSession, settings: ResolvedSettings) -> None:
        self.session, self.settings, self.generated = session, settings, 0

    def __call__(self, captions: Sequence[str], near: NDArray[np.float32]) -> NDArray[np.uint8]:
        from sakuga.evaluation.depth_control import grey

        wanted: list[str] = []
        specs: dict[str, FrameSpec] = {}
        for seed, (text, depth) in enumerate(zip(captions, near, strict=True), self.generated):
            given = self.session.store.write_given(grey(depth))
            spec = image_spec(text, seed, self.settings, self.session.files, control=CONTROL.spec(digest(given)))
            specs |= {digest(given): given, digest(spec): spec}
            wanted.append(digest(spec))
        self.generated += len(captions)
        rendering = Work(self.session.render(specs, wanted)).result()
        return np.stack(list(self.session.read_frames(rendering, wanted, lambda _, image: image)))
