"""Evaluate a motion adapter against true motion and against the model without it."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sakuga import InputError
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.motion_files import MotionFiles
from sakuga.story.settings import AUTO, NO_MOTION
from sakuga.studio.core.motion import MotionFinder, motion_settings
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import ResolvedSettings, resolve_settings
from sakuga.studio.evaluation.motion_clips import (
    FRAME_RATE,
    FRAMES,
    PlannedClips,
    autoencoder_copies,
    clip_settings,
    generate_clips,
    plan_clips,
    render_true_clips,
)
from sakuga.studio.evaluation.motion_page import motion_page
from sakuga.studio.evaluation.request import EvaluatedPage, EvaluationRequest
from sakuga.studio.sketchbook.scoring import progress_steps
from sakuga.timeline.motion import CARRIED

if TYPE_CHECKING:
    from sakuga.evaluation.held_out import Case
    from sakuga.evaluation.motion_score import MeasuredSides, Side
    from sakuga.models.image_tensors import Images

MOTION = "motion"
"""The subject that is the motion adapter."""
CLIPS = 16
"""The default number of clips."""
REFERENCES = 32
"""Fewest other true clips that the video distance is measured to."""
LONG_SHARE = 4
"""One clip in as many is generated again longer than a context, and as a loop; two at least."""
UNFIT = ("text", "reference", "prompts", "clip")
"""Options of other evaluations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionPlan:
    """What is generated."""

    cases: "tuple[Case, ...]"
    settings: ResolvedSettings
    base_settings: ResolvedSettings
    adapter: MotionFiles
    base: PlannedClips
    moving: PlannedClips
    long: PlannedClips
    """Clips of the first scenes, longer than a context."""
    context: int
    overlap: int
    """Frames that neighbouring contexts, or windows, of long clips share."""
    loops: PlannedClips

    @property
    def long_frames(self) -> int:
        """Frames of long clips: those of two contexts."""
        return _two_contexts(self.context, self.overlap)


def evaluate_motion(request: EvaluationRequest, source: CheckpointFiles, store: Path | None) -> Generator[Step, None, EvaluatedPage]:
    """Evaluate the motion adapter of a model, or another one, over held-out scenes.

    Clips are generated from the same prompts and seeds with it and without it (or with the adapter `against`), and measured beside true
    clips of the same scenes. Raises InputError, before anything is generated, for a model without an adapter and for options of other
    evaluations.
    """
    if unfit := next((name for name in UNFIT if getattr(request, name)), None):
        raise InputError(f"a motion adapter is measured on held-out scenes of the Sketchbook's world: leave --{unfit} out")
    if request.settings.size:
        raise InputError("clips for a motion adapter have the model's native size, as true ones: leave --size out")
    return _evaluate(request, plan_motion(request, source), source, store)


def plan_motion(request: EvaluationRequest, source: CheckpointFiles) -> MotionPlan:
    """Lay out all clips; both sides have the settings of films, with the adapter and without. Raises InputError."""
    motion = request.settings.motion or AUTO
    adapter = MotionFinder(source).adapter(motion)
    if adapter is None:
        raise InputError(f"{source.name!r} has no motion adapter to evaluate: name one with --motion")

    def resolved(name: str, *, loop: bool = False) -> ResolvedSettings:
        return resolve_settings(clip_settings(request.settings, source, name, loop=loop), source, film=True)

    settings, base_settings = resolved(motion), resolved(request.against or NO_MOTION)
    cases = held_out_scenes(request.count or CLIPS)
    first = cases[: min(len(cases), max(2, len(cases) // LONG_SHARE))]
    moves = motion_settings(adapter, settings)
    context, overlap = (moves.longest, CARRIED) if moves.from_keyframe else (settings.motion_window, settings.motion_overlap)

    def plan(scenes: "Sequence[Case]", frames: int, how: ResolvedSettings) -> PlannedClips:
        return plan_clips(scenes, frames, request.seed, how, source)

    return MotionPlan(
        cases=tuple(cases),
        settings=settings,
        base_settings=base_settings,
        adapter=adapter,
        base=plan(cases, FRAMES, base_settings),
        moving=plan(cases, FRAMES, settings),
        long=plan(first, _two_contexts(context, overlap), settings),
        context=context,
        overlap=overlap,
        loops=plan(first, FRAMES, resolved(motion, loop=True)),
    )


def _two_contexts(context: int, overlap: int) -> int:
    return max(FRAMES + 2, 2 * context - overlap)


def held_out_scenes(n: int) -> "list[Case]":
    """Return n held-out scenes whose caption names no style."""
    from sakuga.evaluation.held_out import LOOK, held_out_cases
    from sakuga.training.sketchbook.image_dataset import HELD_OUT_CLIPS

    cases = held_out_cases(2 * n + 8, HELD_OUT_CLIPS.first_seed)
    return [case for case in cases if case.stated[LOOK] < 0][:n]


def _evaluate(
    request: EvaluationRequest, plan: MotionPlan, source: CheckpointFiles, store: Path | None
) -> Generator[Step, None, EvaluatedPage]:
    from sakuga.evaluation.clip_measures import joint_steps
    from sakuga.evaluation.motion_score import joint_metrics, loop_metric, motion_metrics

    adapters = (*plan.moving.adapters, *plan.base.adapters)
    session = RenderSession(source, store, (), plan.settings.precision, motion=adapters)
    planned = (plan.base, plan.moving, plan.long, plan.loops)
    with closing(session):
        base, moving, long, loops = yield from generate_clips(planned, session)
        true_long = yield from render_true_clips([case.seed for case in plan.cases], plan.long_frames, source.info.native_size)
        true = [clip[:FRAMES] for clip in true_long]
        copies = yield from autoencoder_copies(true, session)
    measured = yield from _measure(plan.cases, {"true": true, "autoencoder": copies, "base": base, "adapter": moving}, source)
    joints = joint_steps(plan.long_frames, plan.context, plan.overlap)
    metrics = (*motion_metrics(measured), *joint_metrics(true_long[: len(long)], long, joints), loop_metric(loops))
    rows = {"true": true, _base_name(request): base, "with the adapter": moving}
    prompts = [case.caption for case in plan.cases]
    page = motion_page(_title(plan, source), _lede(plan), metrics, prompts, rows, _facts(request, plan, source, len(measured.reference)))
    config = {"kind": "motion", "checkpoint": source.digest, "adapter": plan.adapter.digest, "prompts": prompts, "frames": FRAMES}
    return EvaluatedPage(page=page, metrics=metrics, config=config)


def _measure(
    cases: "Sequence[Case]", clips: "dict[Side, Sequence[Images]]", source: CheckpointFiles
) -> Generator[Step, None, "MeasuredSides"]:
    """Measure every side, and as many or more other true clips."""
    from sakuga.evaluation.clip_measures import measure_clips
    from sakuga.evaluation.motion_score import MeasuredSides
    from sakuga.models.classifier import classify, load_classifier
    from sakuga.sketchbook.label_codes import label_codes

    classifier = load_classifier(find_checkpoint(SKETCHBOOK).folder / "classifier")
    sides = {}
    for side, one in clips.items():
        sides[side] = yield from progress_steps(measure_clips(one, classifier))
    first = max(case.seed for case in cases) + 1
    others = yield from render_true_clips(range(first, first + max(len(cases), REFERENCES)), FRAMES, source.info.native_size)
    return MeasuredSides(
        sides=sides,
        labels=np.stack([label_codes(case.labels) for case in cases]),
        stated=np.stack([case.stated for case in cases]),
        reference=np.stack([classify(classifier, clip)[1] for clip in others]),
    )


def _base_name(request: EvaluationRequest) -> str:
    return f"with {Path(request.against).name}" if request.against else "without an adapter"


def _title(plan: MotionPlan, source: CheckpointFiles) -> str:
    return f"Motion adapter {Path(plan.adapter.name).name} on {source.name}"


def _lede(plan: MotionPlan) -> str:
    return f"{len(plan.cases)} held-out scenes: true clips of {FRAMES} frames, and clips generated from their prompts."


def _facts(request: EvaluationRequest, plan: MotionPlan, source: CheckpointFiles, references: int) -> tuple[tuple[str, str], ...]:
    side, settings = source.info.native_size, plan.settings
    return (
        ("model", f"{source.name} {source.digest[:12]}"),
        ("motion adapter", f"{Path(plan.adapter.name).name} {plan.adapter.digest[:12]}"),
        ("base", f"{_base_name(request)}, {plan.base_settings.steps} steps"),
        (
            "clips",
            f"{FRAMES} frames of {side}x{side} at {FRAME_RATE} a second, seeds {request.seed} to {request.seed + len(plan.cases) - 1}",
        ),
        ("sampling", f"{settings.sampler}, {settings.steps} steps, guidance {settings.guidance:g}"),
        ("joints", f"in clips of {plan.long_frames} frames: contexts of {plan.context} that share {plan.overlap}"),
        ("video distance", f"to {references} other true clips; that of the true clips themselves is its floor"),
    )
