"""The model card of a trained style."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sakuga.datasets.training_set import TrainingSet
from sakuga.text import counted
from sakuga.training.method_settings import DreamBooth, Lora, MotionLora, Slider, TextualInversion
from sakuga.training.plan import TrainingPlan

ALGORITHMS = {"lora": "LoRA", "dora": "DoRA", "loha": "LoHa", "lokr": "LoKr"}
OPTIMIZERS = {"adamw": "AdamW", "adamw8bit": "AdamW in 8 bits", "prodigy": "Prodigy", "schedule-free": "schedule-free AdamW"}


def card(plan: TrainingPlan, training_set: TrainingSet, name: str, result: Mapping[str, Any], *, with_sheet: bool) -> str:
    """Return the card as Markdown.

    It starts with the metadata that hubs read.
    """
    licences = Counter(example.licence for example in training_set.training)
    table = "\n".join(f"| {key} | {value} |" for key, value in _rows(plan, training_set, licences, result).items())
    verb = "animate" if isinstance(plan.method, MotionLora) else "draw"
    usage = f'`sakuga {verb} "..." --style {name}{" --motion auto" if verb == "animate" else ""}`' + (
        f'; its trigger word, "{plan.trigger}", is added to the prompt' if plan.trigger else ""
    )
    sheet = "\n![base model above, with the style below: the same prompts and seeds](sheet.webp)\n" if with_sheet else ""
    prompts = "\n".join(f"- {prompt}" for prompt in plan.prompts) if with_sheet else ""
    return (
        f"""---
base_model: {json.dumps(plan.model)}
tags: [{", ".join(_tags(plan))}, diffusers, text-to-image]
instance_prompt: {json.dumps(plan.trigger)}
license: {json.dumps(next(iter(licences)) if len(licences) == 1 else "other")}
---
# {name}

Apply it with {usage}.

| | |
|---|---|
{table}
{sheet}
{prompts}
""".rstrip()
        + "\n"
    )


def _rows(plan: TrainingPlan, training_set: TrainingSet, licences: Counter[str], result: Mapping[str, Any]) -> dict[str, str]:
    sources = Counter(example.source for example in training_set.training)
    kind = "clip" if isinstance(plan.method, MotionLora) else "image"
    rows = {
        "method": method_text(plan),
        "base model": plan.model,
        f"{kind}s": f"{len(training_set.training)} ({_most_common(sources)})",
        f"{kind} licences": _most_common(licences),
        "training": f"{result['steps']} steps of {counted(plan.batch * plan.gradient_accumulation, kind)} at {plan.size} px, "
        f"{OPTIMIZERS[plan.optimizer]}, learning rate {plan.learning_rate:g} ({plan.schedule}), seed {plan.seed}, {plan.precision}",
        "training loss": f"{result['loss']:.4g}",
    }
    if result.get("weight", 1.0) != 1:
        rows["weight"] = f"{result['weight']:g}, at which prompts keep what they state"
    if result["validation_loss"] is not None:
        rows["validation loss"] = f"{result['validation_loss']:.4g} (n = {len(training_set.held_out)})"
    return rows


def method_text(plan: TrainingPlan) -> str:
    """Return a short description of the method."""
    match plan.method:
        case Lora() as lora:
            return f"{ALGORITHMS[lora.algorithm]}, {_lora_text(lora)}"
        case TextualInversion(vectors=vectors):
            return f"Textual Inversion, {counted(vectors, 'vector')}"
        case Slider(adapter=lora, less_set=less_set) if less_set:
            return f"concept slider from pairs of images, {_lora_text(lora)}"
        case Slider(adapter=lora, more=more, less=less):
            return f'concept slider from "{less}" (weight -1) to "{more}" (weight 1), {_lora_text(lora)}'
        case MotionLora(rank=rank, frames=frames, fps=fps, feed_forward=feed_forward):
            layers = "motion modules" if feed_forward else "temporal attention"
            return f"MotionLoRA, rank {rank}, on the {layers}, from clips of {frames} frames at {fps:g} a second"
        case DreamBooth(adapter=None):
            return "DreamBooth, full UNet"
        case DreamBooth(adapter=Lora() as lora, name=name):
            embedding = f", with its name in {counted(name.vectors, 'vector')}" if name else ""
            return f"DreamBooth {ALGORITHMS[lora.algorithm]}, {_lora_text(lora)}{embedding}"
        case _:
            raise AssertionError(plan.method)


def _lora_text(lora: Lora) -> str:
    alpha = lora.rank if lora.alpha is None else lora.alpha
    encoder = " and the text encoder" if lora.text_encoder else ""
    return f"rank {lora.rank}, alpha {alpha:g}, on {', '.join(lora.targets)} of the UNet{encoder}"


def _tags(plan: TrainingPlan) -> list[str]:
    match plan.method:
        case Lora():
            return ["lora"]
        case Slider():
            return ["lora", "slider"]
        case MotionLora():
            return ["lora", "motion-lora", "animatediff"]
        case TextualInversion():
            return ["textual_inversion"]
        case DreamBooth(adapter=adapter, name=name):
            return ["dreambooth", *(["lora"] if adapter else []), *(["textual_inversion"] if name else [])]


def _most_common(counts: Counter[str]) -> str:
    names = [f"{name}: {count}" for name, count in counts.most_common(3)] if len(counts) > 1 else list(counts)
    return ", ".join(names) + (" and others" if len(counts) > 3 else "")
