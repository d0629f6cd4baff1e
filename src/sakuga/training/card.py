"""The card of a trained style: what it is, what it learnt from, under which licences, and how it went."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sakuga.datasets.training_set import TrainingSet
from sakuga.text import counted
from sakuga.training.plan import DreamBooth, Lora, Plan, TextualInversion


def card(plan: Plan, taught: TrainingSet, name: str, result: Mapping[str, Any], *, shown: bool) -> str:
    """Write the card, with the head that hubs read."""
    licences = Counter(example.licence for example in taught.training)
    sources = Counter(example.source for example in taught.training)
    rows = {
        "method": method_in_words(plan),
        "base model": plan.model,
        "pictures": f"{len(taught.training)} ({_most(sources)})",
        "their licences": _most(licences),
        "training": f"{result['steps']} steps of {plan.batch * plan.accumulation} pictures at {plan.size} px, AdamW, rate {plan.rate:g} "
        f"({plan.schedule}), seed {plan.seed}, {plan.precision}",
        "loss at its end": f"{result['loss']:.4g}",
    }
    if result["validation_loss"] is not None:
        rows["loss on pictures held out"] = f"{result['validation_loss']:.4g} (n = {len(taught.held_out)})"
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
    worn = f'`sakuga draw "..." --style {name}`' + (f', where "{plan.trigger}" is added to the prompt' if plan.trigger else "")
    strip = "\n![the base above, with the style below: the same prompts and seeds](sheet.webp)\n" if shown else ""
    prompts = "\n".join(f"- {prompt}" for prompt in plan.prompts) if shown else ""
    return (
        f"""---
base_model: {json.dumps(plan.model)}
tags: [{", ".join(_tags(plan))}, diffusers, text-to-image]
instance_prompt: {json.dumps(plan.trigger)}
license: {json.dumps(next(iter(licences)) if len(licences) == 1 else "other")}
---
# {name}

Worn by {worn}.

| | |
|---|---|
{table}
{strip}
{prompts}
""".rstrip()
        + "\n"
    )


def method_in_words(plan: Plan) -> str:
    """Say in a few words how it was learnt."""
    match plan.method:
        case Lora() as lora:
            return f"LoRA, {_lora(lora)}"
        case TextualInversion(vectors=vectors):
            return f"Textual Inversion, {counted(vectors, 'vector')}"
        case DreamBooth(adapter=None):
            return "DreamBooth, the whole UNet"
        case DreamBooth(adapter=Lora() as lora, name=name):
            called = f", and its name in {counted(name.vectors, 'vector')}" if name else ""
            return f"DreamBooth as a LoRA, {_lora(lora)}{called}"
        case _:
            raise AssertionError(plan.method)


def _lora(lora: Lora) -> str:
    alpha = lora.rank if lora.alpha is None else lora.alpha
    where = " and the text encoder" if lora.text_encoder else ""
    return f"rank {lora.rank}, alpha {alpha:g}, on {', '.join(lora.targets)} of the UNet{where}"


def _tags(plan: Plan) -> list[str]:
    match plan.method:
        case Lora():
            return ["lora"]
        case TextualInversion():
            return ["textual_inversion"]
        case DreamBooth(adapter=adapter, name=name):
            return ["dreambooth", *(["lora"] if adapter else []), *(["textual_inversion"] if name else [])]


def _most(counts: Counter[str]) -> str:
    told = [f"{what}: {count}" for what, count in counts.most_common(3)]
    return ", ".join(told if len(counts) > 1 else list(counts)) + (" and others" if len(counts) > 3 else "")
