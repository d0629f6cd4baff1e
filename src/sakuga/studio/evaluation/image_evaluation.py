"""Evaluate a clip or a folder of images."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from sakuga import InputError
from sakuga.paths import local_path
from sakuga.studio.core.progress import Step
from sakuga.studio.evaluation.clip_page import clip_differences, clip_page
from sakuga.studio.evaluation.comparison_page import comparison_page
from sakuga.studio.evaluation.image_set import ImageSet, read_image_set
from sakuga.studio.evaluation.image_set_metrics import (
    MeasuredImages,
    difference_metrics,
    distance_metrics,
    image_metrics,
    inception_metric,
    measure_images,
    pair_images,
    pixel_metrics,
)
from sakuga.studio.evaluation.image_set_page import image_set_page
from sakuga.studio.evaluation.measured_clip import MeasuredClip, measure_clip, read_clip_recipe
from sakuga.studio.evaluation.metric_models import MetricModels, load_metric_models
from sakuga.studio.evaluation.request import EvaluatedPage, EvaluationRequest


def evaluate_clip(request: EvaluationRequest, path: Path) -> Generator[Step, None, EvaluatedPage]:
    """Measure one or two clips.

    Raises InputError for options that fit no clip.
    """
    if request.reference or request.prompts:
        raise InputError("a clip is scored against its recipe's prompts or --text: leave --reference and --prompts out")
    if request.against and not local_path(request.against).is_file():
        raise InputError(f"{request.against} is no clip: compare a clip with another clip")
    return _evaluate_clip(request, path)


def _evaluate_clip(request: EvaluationRequest, path: Path) -> Generator[Step, None, EvaluatedPage]:
    recipe, _ = read_clip_recipe(path, None)
    models = load_metric_models(request.settings.model, request.clip, recipe.model if recipe else None)
    clip = yield from measure_clip(path, models, request.text)
    other = (yield from measure_clip(local_path(request.against), models, request.text)) if request.against else None
    clip, other = _named(request, clip, 0), other and _named(request, other, 1)
    metrics = (*clip.metrics, *(clip_differences(clip, other) if other else ()))
    bad = [{"first": bad.first + 1, "last": bad.last + 1, "why": bad.fault} for bad in clip.bad]
    config = {"kind": "clip", "frames": len(clip.images), "bad_frames": bad}
    return EvaluatedPage(page=clip_page(clip, other), metrics=metrics, config=config)


def _named(request: EvaluationRequest, clip: MeasuredClip, place: int) -> MeasuredClip:
    """Return a clip by the name that the report is to call it."""
    name = request.titles[place] if place < len(request.titles) else clip.name
    return replace(clip, name=name, in_studio=request.in_studio)


def evaluate_images(request: EvaluationRequest, folder: Path) -> Generator[Step, None, EvaluatedPage]:
    """Measure one or two folders of images.

    Raises InputError where that is no folder.
    """
    if request.against and not local_path(request.against).is_dir():
        raise InputError(f"{request.against} is no folder: compare a folder of images with another folder")
    return _evaluate_images(request, folder)


def _evaluate_images(request: EvaluationRequest, folder: Path) -> Generator[Step, None, EvaluatedPage]:
    first = yield from read_image_set(folder, request.prompts)
    second = (yield from read_image_set(local_path(request.against), request.prompts)) if request.against else None
    models = load_metric_models(request.settings.model, request.clip, first.model)
    for note in (*first.notes, *(second.notes if second else ())):
        yield Step(stage="story", note=note)
    measured = measure_images(first, models, request.text)
    config = {"kind": "pictures", "pictures": len(first), "judges": models.names()}
    facts = _facts(first, models)
    if second is None:
        metrics = (*image_metrics(measured, models), inception_metric(measured, models))
        return EvaluatedPage(page=image_set_page(measured, metrics, facts), metrics=metrics, config=config)
    other = measure_images(second, models, request.text)
    if why := unpaired_reason(first, second):
        yield Step(stage="story", note=why)
        return _compare_sets(measured, other, models, facts, config)
    return _compare_pairs(measured, other, models, facts, config)


def _compare_sets(
    measured: MeasuredImages, other: MeasuredImages, models: MetricModels, facts: tuple[tuple[str, str], ...], config: dict[str, object]
) -> EvaluatedPage:
    distances = distance_metrics(measured, other, "apart.")
    metrics = (*image_metrics(measured, models), *image_metrics(other, models, "second."), *distances)
    return EvaluatedPage(page=image_set_page(measured, metrics, facts, other), metrics=metrics, config=config)


def _compare_pairs(
    measured: MeasuredImages, base: MeasuredImages, models: MetricModels, facts: tuple[tuple[str, str], ...], config: dict[str, object]
) -> EvaluatedPage:
    pairs = pair_images(base, measured)
    sides = (*image_metrics(base, models, "base."), *image_metrics(measured, models, "style."))
    distances = distance_metrics(measured, base, "apart.")
    metrics = (*sides, *difference_metrics(pairs), *pixel_metrics(base, measured), *distances)
    title = f"{measured.image_set.name} against {base.image_set.name}"
    lede = f"{len(measured.image_set)} pairs of images, paired by prompt and name."
    return EvaluatedPage(page=comparison_page(title, lede, pairs, metrics, facts, models.caveat), metrics=metrics, config=config)


def unpaired_reason(first: ImageSet, second: ImageSet) -> str:
    """Return why two image sets cannot be paired.

    "" where prompts and names are the same in order.
    """
    if first.names == second.names and first.prompts == second.prompts:
        return ""
    if len(first) != len(second):
        why = f"{first.name} has {len(first)} images and {second.name} has {len(second)}"
    else:
        rows = (zip(one.names, one.prompts, strict=True) for one in (first, second))
        index = next(index for index, (here, there) in enumerate(zip(*rows, strict=True)) if here != there)
        why = f"image {index + 1} is {first.names[index]!r} here and {second.names[index]!r} there, or has another prompt"
    return f"the folders cannot be paired ({why}); they are compared as sets, which needs more images"


def _facts(images: ImageSet, models: MetricModels) -> tuple[tuple[str, str], ...]:
    model = (("generated with", images.model),) if images.model else ()
    return (("folder", images.name), *model, *models.facts(), *(("note", note) for note in images.notes))
