"""Film settings: names, defaults, ranges and help, declared once."""

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, cast, get_args, get_type_hints

from sakuga.story.keys import is_keyed
from sakuga.story.options import Choice, Number, Option, Rate, SettingsError, Size, Text

Precision = Literal["fp32", "fp16", "bf16"]
Sampler = Literal["dpm++", "ddim", "euler", "lcm"]
Dither = Literal["none", "ordered", "bayer"]
"""How colors outside the palette are shown: nearest color, a low-contrast mix of two, or a visible Bayer pattern."""
InitFrom = Literal["keyframe", "previous"]
"""What a generated frame within a shot starts from: the shot's keyframe, or the generated frame before."""
DepthSource = Literal["estimator", "luminance"]
"""How depth is read from an image: by the model's depth estimator, or as its brightness."""
InBetweenMethod = Literal["flow", "crossfade", "latent"]
"""How in-betweens are interpolated."""

MODEL, MOTION, FINISH = "Model and sampling", "Motion", "Finishing"
"""Panels of `--help`; without one an option stands in the first."""
STRICT = {"extra": "forbid"}
"""Pydantic configuration of tables in files: unknown keys are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelArt:
    """Pixel art: one grid and one palette for a whole clip."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    grid: Annotated[
        int | None, Number(help="Image pixels per cell", default_help="64 cells on the shorter side", least=1, most=4096, whole=True)
    ] = None
    colors: Annotated[
        int | None, Number(help="Colors of a palette chosen from the clip", default_help="16", least=2, most=255, whole=True)
    ] = None
    palette: Annotated[str | None, Text(help="Fixed palette: gameboy, nes, c64, pico-8, cga, ...")] = None
    dither: Annotated[Dither, Choice(help="Dithering", default="ordered", choices=get_args(Dither))] = "ordered"

    def __post_init__(self) -> None:
        """Check every value; raises SettingsError."""
        _check_fields(self, PIXEL_OPTIONS)
        if self.colors is not None and self.palette is not None:
            raise SettingsError(f"colors={self.colors} and palette={self.palette!r} exclude each other; choose one")


class StyleOption(Text):
    """Styles for a whole film."""

    __slots__ = ()

    def read(self, value: Any) -> str:
        """Return a text without keys."""
        if not isinstance(value, str):
            raise ValueError(f'{value!r} is not a text; write "comic", or several as "comic:0.8, cel"')
        if is_keyed(text := Text.read(self, value)):
            raise ValueError("a whole film's style does not change over time; give keys to the `style` of a shot")
        return text


class PixelOption(Option):
    """Pixel art as a table, a palette's name or a number of colors."""

    __slots__ = ()

    def read(self, value: Any) -> PixelArt:
        """Return PixelArt."""
        if isinstance(value, PixelArt):
            return value
        if isinstance(value, dict):
            if unknown := next((key for key in value if key not in PIXEL_OPTIONS), None):
                raise ValueError(f"unknown key {unknown!r}; there are {', '.join(PIXEL_OPTIONS)}")
            return PixelArt(**value)
        text = str(value)
        return PixelArt(colors=int(text)) if text.isdecimal() and len(text) < 10 else PixelArt(palette=text)

    def write(self, value: Any) -> dict[str, Any]:
        """Return the keys that are not at their default."""
        return {field.name: own for field in fields(PixelArt) if (own := getattr(value, field.name)) != field.default}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmSettings:
    """How a film is generated; None is the default."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    fps: Annotated[Fraction | None, Rate(help="Frames per second: 12, 23.976 or 24000/1001", default=Fraction(12), panel=MOTION)] = None
    size: Annotated[
        tuple[int, int] | None,
        Size(
            help="Width and height, WxH or N",
            default_help="256 on the Sketchbook, the model's native size otherwise",
            least=16,
            most=4096,
            ratio=4,
        ),
    ] = None
    model: Annotated[
        str | None,
        Text(
            help="Checkpoint: sketchbook, a Stable Diffusion 1.x, 2.x or XL folder, or owner/name of the hub",
            default="sketchbook",
            panel=MODEL,
        ),
    ] = None
    style: Annotated[
        str | None,
        StyleOption(
            help="Style (LoRA or embedding) to apply, NAME or NAME:WEIGHT; repeatable",
            default_help="the style that the prompt names, or none",
        ),
    ] = None
    negative: Annotated[str | None, Text(help="Negative prompt: what to avoid", default="")] = None
    sampler: Annotated[Sampler | None, Choice(help="Sampler", default="dpm++", panel=MODEL, choices=get_args(Sampler))] = None
    precision: Annotated[
        Precision | None,
        Choice(
            help="Number format of the networks; fp16 and bf16 need half the memory",
            default="fp32",
            panel=MODEL,
            choices=get_args(Precision),
        ),
    ] = None
    steps: Annotated[
        int | None,
        Number(
            help="Denoising steps",
            default_help="20 on the Sketchbook, 30 otherwise, 4 with lcm",
            least=1,
            most=1000,
            whole=True,
        ),
    ] = None
    guidance: Annotated[
        float | None,
        Number(
            help="Prompt strength (CFG); 1 disables it",
            default_help="4 on the Sketchbook, 7.5 on SD 1.x and 2.x, 5 on SDXL",
            panel=MODEL,
            least=0,
            most=100,
        ),
    ] = None
    strength: Annotated[
        float | None, Number(help="Denoising strength from one shot to the next", default=0.7, panel=MOTION, least=0, most=1, above=True)
    ] = None
    control_weight: Annotated[
        float | None, Number(help="Depth ControlNet weight on frames that start from an image", default=0.0, panel=MOTION, least=0, most=2)
    ] = None
    depth: Annotated[
        DepthSource | None,
        Choice(
            help="Depth source for ControlNet and parallax",
            default_help="estimator, or luminance if the model has none",
            panel=MOTION,
            choices=get_args(DepthSource),
        ),
    ] = None
    init_from: Annotated[
        InitFrom | None, Choice(help="What frames within a shot start from", default="keyframe", panel=MOTION, choices=get_args(InitFrom))
    ] = None
    shot_strength: Annotated[
        float | None, Number(help="Denoising strength of frames within a shot", default=0.4, panel=MOTION, least=0, most=1, above=True)
    ] = None
    noise_drift: Annotated[
        float | None,
        Number(help="How much the noise changes per second; 0 is frozen, 1 is new noise", default=0.15, panel=MOTION, least=0, most=10),
    ] = None
    keyframe_rate: Annotated[
        int | None,
        Number(
            help="Generated frames per second, at least; the others are in-betweens", default=4, panel=MOTION, least=1, most=240, whole=True
        ),
    ] = None
    between: Annotated[
        InBetweenMethod | None, Choice(help="How in-betweens are made", default="flow", panel=MOTION, choices=get_args(InBetweenMethod))
    ] = None
    on: Annotated[
        int | None, Number(help="Frames per image; 2 animates on twos", default=1, panel=MOTION, least=1, most=12, whole=True)
    ] = None
    grain: Annotated[float | None, Number(help="Film grain", default=0.0, panel=FINISH, least=0, most=1)] = None
    paper: Annotated[float | None, Number(help="Paper texture", default=0.0, panel=FINISH, least=0, most=1)] = None
    pixel: Annotated[
        PixelArt | None,
        PixelOption(help="Pixel art: a palette (gameboy, nes, ...) or a number of colors", default_help="off", panel=FINISH),
    ] = None

    def __post_init__(self) -> None:
        """Check every value and bring it to its type; raises SettingsError."""
        _check_fields(self, OPTIONS)


def _check_fields(settings: Any, options: dict[str, Option]) -> None:
    for name, option in options.items():
        if (value := getattr(settings, name)) is not None:
            object.__setattr__(settings, name, option.check(name, value))


def _options(cls: type) -> dict[str, Option]:
    hints = get_type_hints(cls, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}


PIXEL_OPTIONS = _options(PixelArt)
OPTIONS = _options(FilmSettings)
"""The declaration of every setting by its name."""

KEYED = ("strength", "guidance", "steps", "control_weight")
"""Settings that can change over a shot's frames."""
LIMITS = {name: (number.least, number.most) for name in KEYED if isinstance(number := OPTIONS[name], Number)}
"""The least and the most of these."""
MAX_ON = int(cast(Number, OPTIONS["on"]).most)

RENAMED = {
    "hold_on": "shot_strength",
    "wander": "noise_drift",
    "drawn_rate": "keyframe_rate",
    "follow": "init_from",
    "control": "control_weight",
}
"""Former keys of film.toml; they are refused with the present name."""
RENAMED_VALUES = {"init_from": {"key": "keyframe", "chain": "previous"}, "depth": {"estimate": "estimator"}}
"""Former values of settings, for recipes that were written with them."""
RENAMED_FLAGS = {f"--{old.replace('_', '-')}": f"--{new.replace('_', '-')}" for old, new in RENAMED.items() if old != "control"} | {
    "--from": "--init-image",
    "--each": "--images-per-prompt",
    "--picture": "--image",
    "--pictures": "--images",
    "--class-pictures": "--class-images",
    "--look-every": "--evaluate-every",
    "--figures": "--metrics",
    "--rate": "--learning-rate",
    "--accumulation": "--gradient-accumulation",
    "--decay": "--weight-decay",
    "--clip": "--max-grad-norm",
    "--min-snr": "--min-snr-gamma",
    "--ema": "--ema-decay",
}
"""Former flags of commands."""


def settings_table(settings: FilmSettings) -> dict[str, Any]:
    """Return settings as they stand in a file, without those that are None."""
    return {name: option.write(value) for name, option in OPTIONS.items() if (value := getattr(settings, name)) is not None}
