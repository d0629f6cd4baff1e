"""Options that several commands share, made from their declarations."""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from sakuga import InputError
from sakuga.story.options import (
    ADDRESS,
    BITS,
    ENGINE,
    EXECUTOR,
    FIRST_FRAME,
    FRAMES,
    IMAGES_PER_PROMPT,
    SECONDS,
    SEED,
    SHOTS,
    WORKERS,
    Number,
    Option,
    Switch,
)
from sakuga.story.settings import MODEL, OPTIONS

OUTPUT = "Output"
"""The panel of options about files and messages."""
CLIP = "Clip to write: .gif .webp .apng .mp4 .webm .sheet.png .contact.png, a folder for PNG frames, or name.%04d.png or .exr"


def option(declared: Option, *names: str, help: str = "", default: str = "", panel: str | None = None) -> Any:
    """Return a command line option for a declared one.

    `help` and `default` replace the declared words.
    """
    text = help or declared.help
    text += f" ({declared.range})" if declared.range else ""
    return described(text, *names, default=default or declared.shown_default, panel=declared.panel if panel is None else panel)


def described(help: str, *names: str, default: str = "", panel: str = "", **others: Any) -> Any:
    """Return a command line option whose help ends with its default."""
    text = f"{help} \\[default: {default}]" if default else help
    return typer.Option(*names, help=text, show_default=False, rich_help_panel=panel or None, **others)


def _type(name: str) -> Any:
    declared = OPTIONS[name]
    if name in ("style", "controlnet"):
        return list[str] | None
    if isinstance(declared, Switch):
        return bool | None
    return (int if declared.whole else float) | None if isinstance(declared, Number) else str | None


def setting(name: str, *names: str, help: str = "", default: str = "") -> Any:
    """Return the annotation of a film setting's option."""
    return Annotated[_type(name), option(OPTIONS[name], *names, help=help, default=default)]


Model = Annotated[str, option(OPTIONS["model"])]
Style = Annotated[list[str] | None, option(OPTIONS["style"])]
Negative = Annotated[str | None, option(OPTIONS["negative"])]
Steps = Annotated[int | None, option(OPTIONS["steps"])]
Guidance = Annotated[float | None, option(OPTIONS["guidance"])]
Sampler = Annotated[str | None, option(OPTIONS["sampler"])]
Precision = Annotated[str | None, option(OPTIONS["precision"])]
Size = Annotated[str | None, option(OPTIONS["size"])]
Engine = Annotated[str | None, option(ENGINE, "--engine", panel=MODEL)]
Executor = Annotated[str | None, option(EXECUTOR, "--executor", panel=MODEL)]
Address = Annotated[str | None, option(ADDRESS, "--address", panel=MODEL)]
Seed = Annotated[int, option(SEED)]
Shots = Annotated[int, option(SHOTS)]
Seconds = Annotated[float, option(SECONDS)]
ImagesPerPrompt = Annotated[int, option(IMAGES_PER_PROMPT, "--images-per-prompt", "-n")]
Frames = Annotated[str | None, option(FRAMES, "--frames")]
Bits = Annotated[str, option(BITS, "--bits", panel=OUTPUT)]
FirstFrame = Annotated[int, option(FIRST_FRAME, "--first-frame")]
Workers = Annotated[int, option(WORKERS, panel=MODEL)]
Preview = Annotated[bool, described("Preview in a few steps, without guidance", "--preview")]
Llm = Annotated[
    str | None,
    described("Language model to plan with: gpt-4o, URL#model, hf:owner/name, mistral:name", default="offline planner", panel=MODEL),
]
Overwrite = Annotated[bool, described("Replace a different film.toml", "--overwrite", panel=OUTPUT)]
Json = Annotated[bool, described("Print one JSON object on stdout, messages on stderr", "--json", panel=OUTPUT)]
Quiet = Annotated[bool, described("Print no progress, and no messages but errors", "--quiet", "-q", panel=OUTPUT)]
Store = Annotated[
    Path | None,
    described("Folder of generated frames, or a URL such as s3://BUCKET/PATH", "--store", default="$SAKUGA_HOME/frames", panel=OUTPUT),
]
Recipe = Annotated[bool, described("Write the recipe into the file", default="--recipe", panel=OUTPUT)]
MaxSize = Annotated[
    str | None, described("Limit of a .gif, such as 4MB: reduces colors, then frames, then pixels", default="none", panel=OUTPUT)
]

FILM = tuple(OPTIONS)
"""The settings of a film."""
SAMPLING = ("schedule", "eta", "clip_skip", "weighting", "guidance_start")
FILE_CHOICES = ("prediction", "vae")
"""What a single-file model may not tell."""
IMAGE = (
    "style", "negative", "size", "steps", "model", "sampler", "precision", "guidance", *SAMPLING, *FILE_CHOICES, "tiled_vae", "controlnet",
    "upscaler", "grain", "paper", "pixel",
)  # fmt: skip
"""The settings of single images."""


def film_settings(
    *names: str, model: bool = True, machine: bool = True, **own: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each of these settings.

    It gets their FilmSettings as `settings`. `own` are annotations for settings whose options differ here; without `model` its default
    stays open, and without `machine` the command generates nothing.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            values = {name: given.pop(name) for name in names}
            _use_engine(given.pop("engine", None))
            use_executor(given.pop("executor", None), given.pop("address", None), given)
            command(settings=settings(**values), **given)

        kept = [parameter for parameter in signature(command).parameters.values() if parameter.name != "settings"]
        added = [
            Parameter(
                name,
                Parameter.KEYWORD_ONLY,
                annotation=own.get(name) or (setting(name)),
                default="sketchbook" if name == "model" and model else None,
            )
            for name in names
        ]
        if "precision" in names and machine:
            machines = (("engine", Engine), ("executor", Executor), ("address", Address))
            added += [Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=None) for name, kind in machines]
        own_options = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in kept]
        parameters = sorted([*own_options, *added], key=lambda parameter: _panel(parameter) == OUTPUT)
        run.__signature__ = signature(command).replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        del run.__wrapped__
        return run

    return decorate


def _use_engine(engine: str | None) -> None:
    """Let an engine run the networks, in this process and those that it starts."""
    if engine is not None:
        os.environ["SAKUGA_ENGINE"] = ENGINE.check("engine", engine)


def use_executor(executor: str | None, address: str | None, given: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Let a cluster render, in this process; `given` are the command's other options. Raises InputError."""
    if executor is not None:
        os.environ["SAKUGA_EXECUTOR"] = EXECUTOR.check("executor", executor)
    if address is not None:
        os.environ["RAY_ADDRESS"] = ADDRESS.check("address", address)
    if (executor or os.environ.get("SAKUGA_EXECUTOR")) != "ray":
        if address is not None:
            raise InputError("--address is that of a Ray cluster: add --executor ray, or leave it out")
        return
    if given.get("workers", 1) > 1:
        raise InputError("a cluster has as many workers as it has room for: leave --workers out, or --executor ray")
    if given.get("queue"):
        raise InputError("--queue leaves the render to the studio's worker: leave --executor out, and start the studio with it")
    from sakuga.rendering.ray_cluster import connect

    connect()


def _panel(parameter: Parameter) -> str | None:
    return getattr(parameter.annotation.__metadata__[0], "rich_help_panel", None)


def settings(*, style: list[str] | None = None, **values: Any) -> Any:
    """Return FilmSettings of options; several styles are written as in a film."""
    from sakuga.story.settings import FilmSettings
    from sakuga.story.style_list import join_styles

    return FilmSettings(style=join_styles(style) if style else None, **values)


def max_bytes(max_size: str | None) -> int | None:
    """Read the size limit of a GIF."""
    from sakuga.studio import parse_bytes

    return parse_bytes(max_size) if max_size else None
