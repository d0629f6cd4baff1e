"""The text that AUTOMATIC1111's web UI writes into images ("infotext"), and that Forge, SD.Next and Civitai share."""

import json
import re

from sakuga.story.foreign_recipe import SCHEDULES, ForeignRecipe, known_sampling, model_name

NEGATIVE = "Negative prompt:"
PAIR = re.compile(r'\s*([\w][\w \-/]*?):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
SIZE = re.compile(r"(\d+)x(\d+)")
READ = ("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model", "Clip skip", "Skip Early CFG")
WITHOUT_EFFECT = ("Model hash", "Version", "Lora hashes", "TI hashes", "Hashes")
"""What names things only, whose effect is read elsewhere."""
SAMPLER_NAMES = {
    "dpm++": "DPM++ 2M", "dpm++ karras": "DPM++ 2M Karras", "dpm++ 2m sde": "DPM++ 2M SDE", "dpm++ 2m sde karras": "DPM++ 2M SDE Karras",
    "dpm++ 2s sde": "DPM++ SDE", "dpm++ 2s sde karras": "DPM++ SDE Karras", "dpm++ 2s a": "DPM++ 2S a",
    "dpm++ 2s a karras": "DPM++ 2S a Karras",
    "unipc": "UniPC", "ddim": "DDIM", "euler": "Euler", "euler a": "Euler a", "heun": "Heun", "lcm": "LCM",
}  # fmt: skip
"""What our samplers are called there."""
KARRAS = " Karras"
"""How older versions name the schedule, behind the sampler."""


def read_infotext(text: str) -> ForeignRecipe | None:
    """Read an infotext; None for a text that is none.

    >>> read_infotext("a castle\\nNegative prompt: grey\\nSteps: 20, Sampler: DDIM, CFG scale: 7, Seed: 5, Size: 512x768").size
    (512, 768)
    """
    *lines, last = text.strip().split("\n")
    pairs = dict(PAIR.findall(last))
    if "Steps" not in pairs:
        return None
    prompt, _, negative = "\n".join(lines).partition(NEGATIVE)
    values = {key: _unquoted(value) for key, value in pairs.items()}
    unread = {key: value for key, value in values.items() if key not in (*READ, *WITHOUT_EFFECT)}
    sampler, schedule = _sampling(values, unread)
    size = SIZE.fullmatch(values.get("Size", ""))
    return ForeignRecipe(
        program="A1111",
        prompt=prompt.strip(),
        negative=negative.strip(),
        steps=int(values["Steps"]) if values["Steps"].isdecimal() else None,
        sampler=sampler,
        schedule=schedule,
        clip_skip=int(values["Clip skip"]) if values.get("Clip skip", "").isdecimal() else None,
        guidance=_number(values.get("CFG scale")),
        guidance_start=_number(values.get("Skip Early CFG")),
        seed=int(values["Seed"]) if values.get("Seed", "").isdecimal() else None,
        size=(int(size[1]), int(size[2])) if size else None,
        model=model_name(values["Model"]) if values.get("Model") else None,
        unread=unread,
    )


def write_infotext(recipe: ForeignRecipe) -> str:
    """Write an infotext, as `read_infotext` reads it."""
    values = {
        "Steps": recipe.steps,
        "Sampler": SAMPLER_NAMES.get(recipe.sampler or ""),
        "Schedule type": next((name.title().replace("Sgm", "SGM") for name, own in SCHEDULES.items() if own == recipe.schedule), None),
        "Clip skip": recipe.clip_skip,
        "CFG scale": recipe.guidance and f"{recipe.guidance:g}",
        "Skip Early CFG": recipe.guidance_start and f"{recipe.guidance_start:g}",
        "Seed": recipe.seed,
        "Size": "x".join(map(str, recipe.size)) if recipe.size else None,
        "Model": recipe.model,
        "Version": recipe.program,
    }
    pairs = ", ".join(f"{key}: {_quoted(str(value))}" for key, value in values.items() if value is not None)
    negative = [f"{NEGATIVE} {recipe.negative}"] if recipe.negative else []
    return "\n".join([recipe.prompt, *negative, pairs])


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if set(value) & set(',:"\n') else value


def _sampling(values: dict[str, str], unread: dict[str, str]) -> tuple[str | None, str | None]:
    name, schedule = values.get("Sampler", ""), values.get("Schedule type", "")
    if name.endswith(KARRAS):
        name, schedule = name.removesuffix(KARRAS), KARRAS.strip()
    sampler, own = known_sampling(name, schedule)
    if name and not sampler:
        unread["Sampler"] = " ".join(filter(None, (name, schedule)))
    return sampler, own


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value.strip()
    try:
        return str(json.loads(value))
    except ValueError:
        return value.strip('"')
