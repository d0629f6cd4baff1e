"""The part of a scoring that varies pictures."""

from collections.abc import Generator

import numpy as np

from sakuga.models.image_tensors import Pixels
from sakuga.story.film import FilmSettings
from sakuga.studio.animate.images import BATCH
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Bench
from sakuga.studio.core.settings import direction, seen_guidance
from sakuga.studio.core.work import Work
from sakuga.studio.sketchbook.scoring import told
from sakuga.timeline.spec import Drawn, FrameSpec, Given, Image, Nothing, Seeded, digest


def score_variations(bench: Bench, how: FilmSettings, n: int) -> Generator[Step, None, dict[str, float]]:
    """Vary `n` held-out renders, each once and without guidance by texts, and return what they keep; nothing for a model without eyes."""
    from sakuga.evaluation.variation import score_variation

    if not bench.source.facts.sees_pictures:
        return {}
    drawn = 0

    def vary(pictures: Pixels) -> Pixels:
        """Draw with the seeds 0, 1, 2, ... in the order of the pictures."""
        nonlocal drawn
        given = [bench.store.given(picture) for picture in pictures]
        wanted = {digest(spec): spec for place, one in enumerate(given) for spec in [_variation(one, drawn + place, how, bench)]}
        drawn += len(given)
        specs: dict[str, FrameSpec] = {**{digest(one): one for one in given}, **wanted}
        drawing = Work(bench.draw(specs, wanted)).result()
        return np.stack(list(bench.develop(drawing, wanted, lambda _, picture: picture)))

    return (yield from told(score_variation(vary, bench.source.folder, n)))


def _variation(given: Given, seed: int, how: FilmSettings, bench: Bench) -> Drawn:
    directed = direction(how, bench.source)
    return Drawn(
        checkpoint=directed.checkpoint,
        conditioning=Image(frame=digest(given)),
        negative=Nothing(),
        noise=Seeded(seed=seed),
        width=directed.width,
        height=directed.height,
        sampler=directed.sampler,
        steps=directed.steps,
        guidance=seen_guidance(bench.source, directed.sampler),
        batch=BATCH,
    )
