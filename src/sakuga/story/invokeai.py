"""The metadata that InvokeAI writes into images (`invokeai_metadata`)."""

import json
import re
from typing import Any

from sakuga.story.foreign_recipe import ForeignRecipe, known_sampling, model_name

READ = (
    "positive_prompt", "negative_prompt", "width", "height", "seed", "steps", "cfg_scale", "scheduler", "model", "loras",
    "clip_skip", "generation_mode", "app_version", "rand_device", "positive_style_prompt", "negative_style_prompt",
)  # fmt: skip
SCHEDULERS = {
    "dpmpp_2m": "DPM++ 2M", "dpmpp_2m_sde": "DPM++ 2M SDE", "dpmpp_sde": "DPM++ SDE", "euler": "Euler", "euler_a": "Euler a",
    "heun": "Heun", "ddim": "DDIM",
    "lcm": "LCM", "unipc": "UniPC",
}  # fmt: skip
"""Schedulers that are samplers here, by A1111's names; `_k` behind one is Karras' schedule."""
KARRAS = "_k"
COMPEL = re.compile(r"\)[\d+-]|\w[+-]+(?=[\s,]|$)")
"""Compel's weights, `(word)1.2` and `word++`, which are words here."""


def read_metadata(text: str) -> ForeignRecipe | None:
    """Read InvokeAI's metadata; None for anything else."""
    try:
        values: Any = json.loads(text)
        prompt = values["positive_prompt"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(prompt, str):
        return None
    unread = {str(key): json.dumps(value) for key, value in values.items() if key not in READ and value not in (None, [], "", False)}
    scheduler = str(values.get("scheduler") or "")
    sampler, schedule = known_sampling(SCHEDULERS.get(scheduler.removesuffix(KARRAS), ""), "Karras" if scheduler.endswith(KARRAS) else "")
    if scheduler and not sampler:
        unread["scheduler"] = scheduler
    if COMPEL.search(prompt):
        unread["prompt"] = "weights in compel's syntax, which are words here: write (word:1.2)"
    sides = [values.get(name) for name in ("width", "height")]
    model = values.get("model")
    return ForeignRecipe(
        program="InvokeAI",
        prompt=prompt + "".join(f" {_tag(lora)}" for lora in values.get("loras") or ()),
        negative=str(values.get("negative_prompt") or ""),
        steps=values["steps"] if isinstance(values.get("steps"), int) else None,
        sampler=sampler,
        schedule=schedule,
        clip_skip=values["clip_skip"] + 1 if isinstance(values.get("clip_skip"), int) and values["clip_skip"] > 0 else None,
        guidance=float(values["cfg_scale"]) if isinstance(values.get("cfg_scale"), int | float) else None,
        seed=values["seed"] if isinstance(values.get("seed"), int) else None,
        size=(int(sides[0]), int(sides[1])) if all(isinstance(side, int) for side in sides) else None,
        model=_name(model) or None,
        unread=unread,
    )


def _tag(lora: Any) -> str:
    name = _name(lora.get("model") or lora.get("lora")) if isinstance(lora, dict) else ""
    return f"<lora:{name}:{lora.get('weight', 1):g}>" if name else ""


def _name(model: Any) -> str:
    """Return a model's name, which versions of InvokeAI keep under different keys."""
    if not isinstance(model, dict):
        return model_name(model) if isinstance(model, str) else ""
    return model_name(str(model.get("name") or model.get("model_name") or ""))
