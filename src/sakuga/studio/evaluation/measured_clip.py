"""Motion, prompt scores and bad frames of a clip."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from sakuga import InputError
from sakuga.datasets.clips import read_clip
from sakuga.evaluation.bad_frames import BadFrames, bad_frames
from sakuga.evaluation.clip_score import Embeddings, unit_vectors
from sakuga.evaluation.collapse import WINDOW, chain_variance
from sakuga.evaluation.confidence import Values
from sakuga.evaluation.metric import Measurement, NotMeasured, along, make_metric
from sakuga.evaluation.motion_smoothness import loop_gap, steps, variation
from sakuga.evaluation.temporal import curve_mean, drift, flicker, judder
from sakuga.export import read_recipe
from sakuga.finishing.color_match import lab_difference
from sakuga.finishing.image import Image
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointError, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.animate.recipe_reading import parse_recipe
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Recipe, RecipeError
from sakuga.studio.evaluation.frame_prompts import ClipPart, FramePrompts, PromptWeights, frame_prompts
from sakuga.studio.evaluation.metric_models import MetricModels

MIN_PROMPT_WEIGHT = 0.9
"""The prompt weight from which on a frame is checked against its prompt; between two prompts it shows neither fully."""
STAGES = 4
"""Progress steps of a measurement."""
NO_LOOP = "not made as a loop"
"""The note on the loop gap of a clip that is no loop."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredClip:
    """A clip and its measurements.

    Rows have one value per image of the file, NaN where unknown.
    """

    name: str
    """What a report calls it."""
    in_studio: bool
    """Whether remedies name buttons of the studio, not commands."""
    images: tuple[Image, ...]
    starts: tuple[float, ...]
    """When each image appears, in seconds."""
    seconds: float
    recipe: Recipe | None
    parts: tuple[ClipPart, ...]
    """Shots, with first frames counted in images of this file."""
    steps: Values
    """The Lab difference to the previous image."""
    flicker: Values
    """The part of that difference that motion does not explain, in grey levels."""
    drift: Values
    """The Lab distance of the mean color from that of the shot's first image."""
    prompt_scores: Values
    """100 x cosine to the frame's prompts."""
    metrics: tuple[Measurement, ...]
    bad: tuple[BadFrames, ...]
    clip_model: str
    """The CLIP that scored the prompts; "" without one."""
    notes: tuple[str, ...]

    def part(self, frame: int) -> ClipPart | None:
        """Return the shot of a frame."""
        return next((part for part in reversed(self.parts) if part.first <= frame), None)


def measure_clip(path: Path, models: MetricModels, text: str | None) -> Generator[Step, None, MeasuredClip]:
    """Measure a clip.

    Prompts are those of its recipe, or `text` for every frame.

    Raises InputError for a file of fewer than 3 images.
    """
    file = read_clip(path)
    images, notes = tuple(file.images), list(file.notes)
    if len(images) < 3:
        raise InputError(f"{path} holds fewer than 3 images and is no clip: to score images, give their folder")
    starts = list(accumulate(file.seconds, initial=Fraction(0)))
    recipe, prompts = read_clip_recipe(path, models.source)
    if isinstance(prompts, str):
        notes.append(prompts)
        yield Step(stage="story", note=prompts)
        prompts = None
    weights, parts = _by_image(prompts, [(start + stop) / 2 for start, stop in pairwise(starts)])
    weights = [((text, 1.0),)] * len(images) if text else weights
    rows = yield from _measure(images, weights, parts, models)
    cuts = [part.first for part in parts if part.cut]
    full_scores = np.where([any(weight >= MIN_PROMPT_WEIGHT for _, weight in one) for one in weights], rows.prompt_scores, np.nan)
    constant_drift = np.where(_same_prompts(weights, parts), rows.drift, np.nan)
    return MeasuredClip(
        name=path.name,
        in_studio=False,
        images=images,
        starts=tuple(float(start) for start in starts[:-1]),
        seconds=float(starts[-1]),
        recipe=recipe,
        parts=parts,
        steps=rows.steps,
        flicker=rows.flicker,
        drift=rows.drift,
        prompt_scores=rows.prompt_scores,
        metrics=tuple(_metrics(images, rows, cuts, models, closed=bool(prompts and prompts.closed))),
        bad=tuple(bad_frames(images, rows.steps, full_scores, constant_drift, cuts)),
        clip_model=models.clip.name if models.clip else "",
        notes=tuple(notes),
    )


def read_clip_recipe(path: Path, source: CheckpointFiles | None) -> tuple[Recipe | None, FramePrompts | str | None]:
    """Return a clip's recipe and its frames' prompts.

    A text in place of the prompts says why they are unknown.
    """
    text = read_recipe(path)
    try:
        recipe = parse_recipe(text, str(path)) if text else None
        return recipe, frame_prompts(recipe, source or find_checkpoint(recipe.model or SKETCHBOOK)) if recipe else None
    except (RecipeError, CheckpointError, InputError) as error:
        return None, f"{error}: its frames are not scored by their prompts"


def _by_image(prompts: FramePrompts | None, middles: Sequence[Fraction]) -> tuple[list[PromptWeights], tuple[ClipPart, ...]]:
    """Map prompts and parts from frames to images of the file.

    A file may merge equal frames.
    """
    if prompts is None or len(prompts.prompts) < 2:
        return [()] * len(middles), ()
    frames = [min(int(middle * prompts.rate), len(prompts.prompts) - 1) for middle in middles]
    parts = [
        ClipPart(
            name=part.name, first=next((index for index, frame in enumerate(frames) if frame >= part.first), len(frames)), cut=part.cut
        )
        for part in prompts.parts
    ]
    return [prompts.prompts[frame] for frame in frames], tuple(part for part in parts if part.first < len(frames))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    steps: Values
    flicker: Values
    judder: Values
    drift: Values
    prompt_scores: Values
    embeddings: Embeddings | None


def _measure(
    images: Sequence[Image], weights: Sequence[PromptWeights], parts: Sequence[ClipPart], models: MetricModels
) -> Generator[Step, None, _Rows]:
    moved = np.array([np.nan, *steps(images, lab_difference)])
    drifted = drift(images, _firsts(parts))
    yield Step(stage="finishing", done=1, total=STAGES)
    flickering = flicker(images)
    yield Step(stage="finishing", done=2, total=STAGES)
    juddering = judder(images)
    yield Step(stage="finishing", done=3, total=STAGES)
    embeddings = models.clip.embed_images(images) if models.clip else None
    scores = np.full(len(images), np.nan)
    texts = list(dict.fromkeys(text for prompts in weights for text, _ in prompts))
    if models.clip and embeddings is not None and texts:
        cosines = 100.0 * unit_vectors(embeddings) @ unit_vectors(models.clip.embed_texts(texts)).T
        for index, prompts in enumerate(weights):
            if prompts:
                scores[index] = sum(weight * cosines[index, texts.index(text)] for text, weight in prompts)
    yield Step(stage="finishing", done=STAGES, total=STAGES)
    return _Rows(steps=moved, flicker=flickering, judder=juddering, drift=drifted, prompt_scores=scores, embeddings=embeddings)


def _firsts(parts: Sequence[ClipPart]) -> list[int]:
    return sorted({0, *(part.first for part in parts)})


def _same_prompts(weights: Sequence[PromptWeights], parts: Sequence[ClipPart]) -> list[bool]:
    """Return which images have their shot's first prompt.

    There, colors should stay.
    """
    firsts = _firsts(parts)
    return [bool(one) and one == weights[max(first for first in firsts if first <= index)] for index, one in enumerate(weights)]


def _metrics(images: Sequence[Image], rows: _Rows, cuts: Sequence[int], models: MetricModels, *, closed: bool) -> list[Measurement]:
    moved = [float(step) for step in np.delete(rows.steps, [0, *cuts])]
    n = len(images)
    gap = loop_gap(moved, lab_difference(images[-1], images[0]))
    note = "made as a loop" if closed else NO_LOOP
    still = NotMeasured(key="motion.loop_gap", reason="most frames stand still", instead="compare the last frame with the first")
    metrics: list[Measurement] = [
        curve_mean("motion.flicker", rows.flicker, note="grey levels that motion does not explain"),
        curve_mean("motion.judder", rows.judder, note="grey levels from the in-between of its neighbours"),
        along("motion.step", moved, note="mean Lab distance of neighbours, without cuts"),
        make_metric("motion.unevenness", variation(moved), len(moved), None, note="standard deviation over mean of the steps: 0 is even"),
        still
        if gap is None
        else make_metric("motion.loop_gap", gap, n, None, note=f"step from last to first against the median step; {note}"),
        along("colour.drift", rows.drift, note="Lab distance of the mean color from that of its shot's first frame"),
    ]
    if models.clip is None:
        return [*metrics, NotMeasured(key="words.clip", reason=models.clip_error, instead="name a CLIP model with --clip")]
    known = rows.prompt_scores[np.isfinite(rows.prompt_scores)]
    unknown = NotMeasured(key="words.clip", reason="the clip's prompts are unknown", instead="give one with --text")
    metrics.append(along("words.clip", known, note=f"100 x cosine of each frame to its prompt; {models.caveat}") if known.size else unknown)
    if n < 2 * WINDOW:
        return [
            *metrics,
            NotMeasured(key="variety.left", reason=f"{n} images are fewer than {2 * WINDOW}", instead="compare the frames by eye"),
        ]
    assert rows.embeddings is not None
    spread = chain_variance(rows.embeddings)
    left = spread.last / spread.first if spread.first else 1.0
    alarm = "COLLAPSED: the last images are nearly alike" if spread.collapsed else "no collapse"
    return [*metrics, make_metric("variety.left", left, n, None, note=alarm)]
