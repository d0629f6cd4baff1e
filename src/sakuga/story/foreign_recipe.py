"""Recipes that other programs write into images, as values of this one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SAMPLERS = {
    "dpm++": ("dpm++ 2m", "dpmpp_2m"),
    "dpm++ karras": ("dpm++ 2m karras", "dpmpp_2m karras"),
    "dpm++ 2m sde": ("dpm++ 2m sde", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu"),
    "dpm++ 2m sde karras": ("dpm++ 2m sde karras", "dpmpp_2m_sde karras", "dpmpp_2m_sde_gpu karras"),
    "dpm++ 2s sde": ("dpm++ sde", "dpmpp_sde", "dpmpp_sde_gpu"),
    "dpm++ 2s sde karras": ("dpm++ sde karras", "dpmpp_sde karras", "dpmpp_sde_gpu karras"),
    "dpm++ 2s a": ("dpm++ 2s a", "dpmpp_2s_ancestral"),
    "dpm++ 2s a karras": ("dpm++ 2s a karras", "dpmpp_2s_ancestral karras"),
    "unipc": ("unipc", "uni_pc_bh2"),
    "ddim": ("ddim",),
    "euler": ("euler",),
    "euler a": ("euler a", "euler_ancestral"),
    "heun": ("heun",),
    "lcm": ("lcm",),
}
"""Our samplers, and what others call them, with the schedule behind."""
SCHEDULES = {
    "karras": "karras", "exponential": "exponential", "beta": "beta", "sgm uniform": "trailing", "sgm_uniform": "trailing",
}  # fmt: skip
"""Our schedules by their names in A1111 and ComfyUI."""
WITHOUT_SIGMAS = ("ddim", "lcm")
"""Samplers that have none of these but trailing."""
PLAIN_SCHEDULES = ("", "normal", "uniform")
"""Schedules that are a scheduler's own."""
AUTOMATIC = {"dpm++": "karras", "dpm++ 2s sde": "karras", "dpm++ 2s a": "karras", "dpm++ 2m sde": "exponential"}
"""What A1111's "Automatic" means for a sampler; for others it is the scheduler's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRecipe:
    """What of another program's recipe means something here; None is left out there."""

    program: str
    prompt: str
    negative: str = ""
    steps: int | None = None
    sampler: str | None = None
    schedule: str | None = None
    clip_skip: int | None = None
    guidance: float | None = None
    guidance_start: float | None = None
    seed: int | None = None
    size: tuple[int, int] | None = None
    model: str | None = None
    """The checkpoint's name there, without ending."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """What means nothing here, by its name there."""

    @property
    def command(self) -> tuple[str, ...]:
        """Return the words of the `sakuga draw` that does the same."""
        size = "x".join(map(str, self.size)) if self.size else None
        options = {
            "--negative": self.negative or None,
            "--model": self.model,
            "--sampler": self.sampler,
            "--schedule": self.schedule,
            "--clip-skip": self.clip_skip,
            "--steps": self.steps,
            "--guidance": self.guidance,
            "--guidance-start": self.guidance_start,
            "--seed": self.seed,
            "--size": size,
        }
        given = ((name, f"{value:g}" if isinstance(value, float) else str(value)) for name, value in options.items() if value is not None)
        return ("sakuga", "draw", self.prompt, *(word for pair in given for word in pair), "-o", "images")


def known_sampler(name: str, schedule: str = "") -> str | None:
    """Return our sampler of a name there; None where sampler or schedule has none here.

    >>> known_sampler("DPM++ 2M", "Karras"), known_sampler("Euler a"), known_sampler("euler", "karras")
    ('dpm++ karras', 'euler a', None)
    """
    whole = name.strip().lower() if schedule.lower() in PLAIN_SCHEDULES else f"{name} {schedule}".strip().lower()
    return next((own for own, names in SAMPLERS.items() if whole in names), None)


def known_sampling(name: str, schedule: str = "") -> tuple[str | None, str | None]:
    """Return our sampler and schedule of names there; None for a schedule that the sampler has by itself, both where it has none here.

    >>> known_sampling("euler", "karras"), known_sampling("DPM++ 2M", "Karras"), known_sampling("DDIM", "Beta")
    (('euler', 'karras'), ('dpm++ karras', None), (None, None))
    """
    if schedule.lower() == "automatic":
        schedule = AUTOMATIC.get(known_sampler(name) or "", "")
    if sampler := known_sampler(name, schedule):
        return sampler, None
    sampler, own = known_sampler(name), SCHEDULES.get(schedule.lower())
    if sampler is None or own is None or (sampler in WITHOUT_SIGMAS and own != "trailing"):
        return None, None
    return sampler, own


def model_name(file: str) -> str:
    """Return a checkpoint's name without folder and ending.

    >>> model_name("anime/dream.scene_v2.safetensors")
    'dream.scene_v2'
    """
    name = file.replace("\\", "/").rsplit("/", 1)[-1]
    return next((name.removesuffix(ending) for ending in (".safetensors", ".ckpt") if name.endswith(ending)), name)
