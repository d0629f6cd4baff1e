"""Scores of image variations."""

from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np

from sakuga.studio.animate.draw import BATCH
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import ResolvedSettings, frame_settings, image_guidance
from sakuga.studio.core.work import Work
from sakuga.studio.sketchbook.scoring import progress_steps
from sakuga.timeline.spec import FrameSpec, Generated, Given, ImageEmbedding, SeedNoise, ZeroEmbedding, digest

if TYPE_CHECKING:
    from sakuga.models.image_tensors import Images


def score_variations(session: RenderSession, settings: ResolvedSettings, n: int) -> Generator[Step, None, dict[str, float]]:
    """Vary held-out renders, and return which labels stay.

    `n` of them, once each. Empty without an image encoder.
    """
    from sakuga.evaluation.variation import score_variation

    if not session.files.info.has_image_encoder:
        return {}
    generated = 0

    def vary(images: "Images") -> "Images":
        """Generate variations of images.

        Seeds are 0, 1, 2, ... in order of the images.
        """
        nonlocal generated
        given = [session.store.write_given(image) for image in images]
        variations = [_variation(one, seed, settings, session) for seed, one in enumerate(given, generated)]
        wanted = {digest(spec): spec for spec in variations}
        generated += len(given)
        specs: dict[str, FrameSpec] = {**{digest(one): one for one in given}, **wanted}
        rendering = Work(session.render(specs, wanted)).result()
        return np.stack(list(session.read_frames(rendering, wanted, lambda _, image: image)))

    return (yield from progress_steps(score_variation(vary, session.files.folder, n)))


def _variation(given: Given, seed: int, settings: ResolvedSettings, session: RenderSession) -> Generated:
    frame = frame_settings(settings, session.files)
    return Generated(
        checkpoint=frame.checkpoint,
        conditioning=ImageEmbedding(frame=digest(given)),
        negative=ZeroEmbedding(),
        noise=SeedNoise(seed=seed),
        width=frame.width,
        height=frame.height,
        sampler=frame.sampler,
        steps=frame.steps,
        guidance=image_guidance(session.files, frame.sampler),
        batch=BATCH,
    )
