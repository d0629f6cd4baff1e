"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga import InputError
from sakuga.story import film

CLIP = "the clip: .gif .webp .apng .mp4 .webm .sheet.png .contact.png, or a folder for PNG frames"
"""What a clip can be written to."""


def rate(usual: str, *names: str) -> Any:
    """Offer a rate, exactly."""
    return typer.Option(*names, parser=_rate, metavar="RATE", help="frames a second: 12, 23.976 or 24000/1001", show_default=usual)


def _rate(said: str) -> Any:
    from sakuga.story.rate import RateError, parse_rate

    try:
        return parse_rate(said)
    except RateError as error:  # which is a ValueError: Typer would say it at length
        raise InputError(str(error)) from None


Model = Annotated[
    str, typer.Option(help="sketchbook, a Stable Diffusion 1.x, 2.x or XL folder, or a hub id owner/name", show_default="sketchbook")
]
Style = Annotated[
    list[str] | None,
    typer.Option(help="a style to wear, NAME or NAME:WEIGHT: the model's own, a folder or a file; several times for several"),
]
Preview = Annotated[bool, typer.Option("--preview", help="draw a quick look in few steps, without guidance")]
Negative = Annotated[str | None, typer.Option(help="what should not be seen")]
Steps = Annotated[int | None, typer.Option(help="denoising steps", show_default="the model's usual")]
Guidance = Annotated[float | None, typer.Option(help="how firmly the prompt is followed; 1 is off", show_default="the model's usual")]
Strength = Annotated[float | None, typer.Option(help="how much of a start picture is drawn anew, above 0 to 1", show_default="0.7")]
Sampler = Annotated[str | None, typer.Option(help="dpm++, ddim, euler or lcm", show_default="dpm++")]
Precision = Annotated[
    film.Precision | None, typer.Option(help="what networks compute in: fp32, or half the memory by fp16 or bf16", show_default="fp32")
]
Control = Annotated[Path | None, typer.Option(help="a picture whose depth says where things are")]
ControlWeight = Annotated[float | None, typer.Option(help="how firmly the control is followed, 0 to 2", show_default="1")]
Depth = Annotated[
    str | None,
    typer.Option(help="how nearness is read from the control: estimate, luminance, or given (a depth map)", show_default="estimate"),
]
Seed = Annotated[int, typer.Option(help="the same seed gives the same pictures", min=0)]
Size = Annotated[str | None, typer.Option(help="N or WxH in pixels", show_default="twice the Sketchbook's 128, else the model's own")]
Fps = Annotated[Any, rate("12")]
Between = Annotated[str | None, typer.Option(help="how in-betweens are made: flow, crossfade or latent", show_default="flow")]
On = Annotated[int | None, typer.Option(help="frames that each picture stands for: 2 is on twos", min=1, max=12, show_default="1")]
Grain = Annotated[float | None, typer.Option(help="film grain, 0 to 1", show_default="0")]
Paper = Annotated[float | None, typer.Option(help="paper texture, 0 to 1", show_default="0")]
Pixel = Annotated[str | None, typer.Option(help="finish as pixel art: a palette's name (gameboy, nes, ...) or a number of colours")]
Follow = Annotated[str | None, typer.Option(help="what frames within a shot start from: key or chain", show_default="key")]
HoldOn = Annotated[float | None, typer.Option(help="how much of it they draw anew, above 0 to 1", show_default="0.4")]
Wander = Annotated[float | None, typer.Option(help="how far the noise walks in a second; 0 is frozen", show_default="0.15")]
DrawnRate = Annotated[int | None, typer.Option(help="frames a second that the model draws, at least", show_default="4")]
FollowControl = Annotated[
    float | None, typer.Option(help="how firmly the depth of what a frame starts from leads it, 0 to 2", show_default="0")
]
FollowDepth = Annotated[
    str | None, typer.Option(help="how that depth is read, and parallax's: estimate or luminance", show_default="estimate")
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object, and words on stderr only")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no words but errors")]
Store = Annotated[Path | None, typer.Option("--store", help="where drawn frames are kept", show_default="$SAKUGA_HOME/frames")]
Llm = Annotated[
    str | None, typer.Option(help="plan with a language model: gpt-4o, URL#model, hf:owner/name, mistral:name", show_default="offline")
]
Shots = Annotated[int, typer.Option(help="shots of the film")]
Seconds = Annotated[float, typer.Option(help="length of the film")]
Recipe = Annotated[bool, typer.Option(help="write the recipe into the file")]
MaxSize = Annotated[str | None, typer.Option(help="keep a .gif under so much, such as 4MB: fewer colours, then frames, then pixels")]


def settings(
    *,
    model: str | None,
    style: list[str] | None,
    steps: int | None,
    guidance: float | None,
    sampler: str | None,
    precision: Any,
    size: str | None,
    pixel: str | None = None,
    **others: Any,
) -> Any:
    """Read what the options say as FilmSettings; several styles are written as a film does, and others taken as they are."""
    from sakuga.studio import FilmSettings, parse_pixel, parse_size

    return FilmSettings(
        model=model,
        style=", ".join(style) if style else None,
        steps=steps,
        guidance=guidance,
        sampler=sampler,
        precision=precision,
        size=parse_size(size) if size else None,
        pixel=parse_pixel(pixel) if pixel else None,
        **others,
    )


def most_bytes(max_size: str | None) -> int | None:
    """Read the size that a GIF is kept under."""
    from sakuga.studio import parse_bytes

    return parse_bytes(max_size) if max_size else None
