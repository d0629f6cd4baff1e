"""Evaluate a style against its base model or another style."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from sakuga import InputError
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.paths import local_path
from sakuga.studio.animate.storyboard import read_prompts
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.style_lookup import is_run, is_style_name, is_style_path
from sakuga.studio.core.styles import find_styles, parse_style
from sakuga.studio.evaluation.comparison_page import comparison_page
from sakuga.studio.evaluation.metric_models import load_metric_models
from sakuga.studio.evaluation.request import EvaluatedPage, EvaluationRequest
from sakuga.studio.evaluation.style_comparison import StyleComparison, compare_style, default_prompts
from sakuga.studio.evaluation.training_page import training_facts, training_section

PROMPTS = 32
"""The default number of prompts."""


def evaluate_style(request: EvaluationRequest, source: CheckpointFiles, store: Path | None) -> Generator[Step, None, EvaluatedPage]:
    """Evaluate a style against its base or another style.

    The same prompts and seeds are generated without and with it, and the pairs measured.

    Raises InputError, before anything is generated, for settings without an image or a comparison with something else than a style.
    """
    if request.against is not None:
        _check_style(request.against, source)
    find_styles(request.subject, source)
    find_styles(request.against, source)
    return _evaluate(request, source, _prompts(request, source), store)


def _prompts(request: EvaluationRequest, source: CheckpointFiles) -> list[str]:
    if request.prompts is None:
        return default_prompts(source.name, request.count or PROMPTS)
    return list(dict.fromkeys(read_prompts(request.prompts)))[: request.count]


def _check_style(against: str, source: CheckpointFiles) -> None:
    name = parse_style(against).name
    path = local_path(name)
    if not is_style_name(name, source) and path.exists() and not is_style_path(path):
        raise InputError(f"{against} is no style: compare a style with another style, or leave --against out to compare it with its base")


def _evaluate(
    request: EvaluationRequest, source: CheckpointFiles, prompts: list[str], store: Path | None
) -> Generator[Step, None, EvaluatedPage]:
    styles = [*find_styles(request.subject, source), *find_styles(request.against, source)]
    models = load_metric_models(source.name, request.clip)
    session = RenderSession(source, store, styles, request.settings.precision)
    settings = replace(request.settings, style=request.subject)
    seeds = range(request.seed, request.seed + request.seeds)
    compared = yield from compare_style(
        session, settings, models, prompts, seeds, against=request.against, reference=request.reference, text=request.text
    )
    title, lede = _title(request, source, compared), _lede(request, compared, len(prompts))
    facts = (*_facts(request, source, compared), *models.facts())
    page = comparison_page(title, lede, compared.pairs, compared.metrics, facts, models.caveat)
    config = {
        "kind": "style",
        "style": compared.style.digest,
        "checkpoint": source.digest,
        "prompts": prompts,
        "judges": models.names(),
    }
    run = _run(request, source)
    if run and (training := training_section(run)):
        page = replace(page, sections=(*page.sections, training), facts=(*page.facts, *training_facts(run)))
    return EvaluatedPage(page=page, metrics=compared.metrics, config=config)


def _run(request: EvaluationRequest, source: CheckpointFiles) -> Path | None:
    """Return the subject's training run, if it is one."""
    name = parse_style(request.subject).name
    path = local_path(name)
    return path if is_run(path) and not is_style_name(name, source) else None


def _title(request: EvaluationRequest, source: CheckpointFiles, compared: StyleComparison) -> str:
    run = _run(request, source)
    subject = f"Training run {run.name}" if run else f"Style {compared.pairs.other.image_set.name}"
    against = f" against {compared.pairs.base.image_set.name}" if request.against else ""
    return f"{subject}{against} on {source.name}"


def _lede(request: EvaluationRequest, compared: StyleComparison, prompts: int) -> str:
    base, other = compared.pairs.base.image_set.name, compared.pairs.other.image_set.name
    sides = f"generated in {base} and in {other}" if request.against else "generated without the style and with it"
    return f"{prompts} prompts with {request.seeds} seed{'s' * (request.seeds > 1)} each, {sides}."


def _facts(request: EvaluationRequest, source: CheckpointFiles, compared: StyleComparison) -> tuple[tuple[str, str], ...]:
    references = compared.references
    return (
        ("model", f"{source.name} {source.digest[:12]}"),
        ("style", f"{Path(compared.style.name).name} {compared.style.digest[:12]}"),
        ("trigger word", compared.style.prompt_trigger or "none"),
        ("seeds", f"{request.seed} to {request.seed + request.seeds - 1}"),
        *((("references", f"{len(references.image_set)} {references.image_set.name}"),) if references else ()),
    )
