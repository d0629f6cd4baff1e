"""The commands `sakuga train ...`."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from sakuga.cli import options as opt
from sakuga.cli.commands import Command
from sakuga.training.method_settings import DreamBooth, Lora, MotionLora, Slider, TextualInversion
from sakuga.training.plan import OF_IMAGES, TrainingPlan, options_of
from sakuga.training.plan_options import Switch

train = typer.Typer(no_args_is_help=True, help="Train a style, an embedding or a subject from a training set.")

PLAN = Annotated[bool, typer.Option("--plan", help="Say what it would take and what is advised, and stop")]
Parameters = dict[str, inspect.Parameter]
FLAGS = {"prompts": "--prompt", "patience": "--stop-early", "tracker": "--log-with"}
"""Flags unlike the name of their setting."""
SWITCHES = "On or off"
"""The panel of options with two flags; in their own table these leave the others room for their help."""
IMAGES, CLIPS = "Folder of images with captions, training set, or concepts.toml", "Folder of clips, each with its caption beside it"
RESOLVED = ("method", "model", "model_digest", "set", "set_digest", "trigger", "processes")
"""What a plan holds besides settings."""


def _parameters(kind: type, *without: str) -> Parameters:
    """Return command line options for the options of a dataclass.

    Each is None unless given.
    """
    hints = get_type_hints(kind)
    parameters: Parameters = {}
    for name, option in options_of(kind).items():
        if name in without:
            continue
        flags = [FLAGS[name]] if name in FLAGS else []
        panel = SWITCHES if isinstance(option, Switch) else ""
        shown = opt.described(option.summary, *flags, default=option.shown_default, panel=panel)
        parameters[name] = _parameter(name, Annotated[_cli_type(name, hints[name]), shown])
    return parameters


def _parameter(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _cli_type(name: str, hint: Any) -> Any:
    """Return the type that the command line reads.

    A list of prompts, targets with commas, words for choices.
    """
    if name == "prompts":
        return list[str] | None
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] if get_origin(hint) in (Union, type(int | str)) else [hint]
    kind = str if get_origin(kinds[0]) in (Literal, tuple) else kinds[0]
    return kind | None


def _run_parameters(images: str = IMAGES) -> Parameters:
    """Return the options that all methods share, or of them those for clips; `images` says what is trained on."""
    required = inspect.Parameter.empty
    first = {
        "set": _parameter(
            "set",
            Annotated[Path, typer.Argument(metavar="SET", help=images)],
            required,
        ),
        "out": _parameter("out", Annotated[Path, typer.Option("--out", "-o", help="Run folder, which will hold the style")], required),
        "model": _parameter("model", opt.Model, "sketchbook"),
        "trigger": _parameter("trigger", Annotated[str | None, typer.Option(help="Trigger word, for a folder of images")]),
        "epochs": _parameter("epochs", Annotated[float | None, typer.Option(help="Epochs, in place of steps (more than 0)")]),
    }
    last = {
        "device": _parameter("device", Annotated[str, typer.Option(help="Device: auto, cpu or cuda")], "auto"),
        "resume": _parameter(
            "resume", Annotated[bool, typer.Option("--resume", help="Continue the run bit for bit; give the same settings")], False
        ),
    }
    without = (*RESOLVED, *OF_IMAGES) if images == CLIPS else RESOLVED
    return {**first, **_parameters(TrainingPlan, *without), **last}


def _add_command(
    name: str, own: Parameters, method: Callable[[Mapping[str, Any]], dict[str, Any]], help: str, images: str = IMAGES
) -> None:
    """Add a command with a method's options besides the shared ones."""
    common = _run_parameters(images)
    outer = {
        "plan": _parameter("plan", PLAN, False),
        "json": _parameter("json", opt.Json, False),
        "quiet": _parameter("quiet", opt.Quiet, False),
    }

    def command(**given: Any) -> None:
        values = {key: value for key, value in given.items() if key in common and value is not None}
        if "prompts" in values:
            values["prompts"] = tuple(values["prompts"])
        settings = {**values, **method(given)}
        if given["plan"]:
            _forecast(settings, as_json=given["json"])
        else:
            _train(settings, as_json=given["json"], quiet=given["quiet"])

    parameters = {**dict(list(common.items())[:3]), **own, **dict(list(common.items())[3:]), **outer}
    command.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    command.__annotations__ = {key: parameter.annotation for key, parameter in parameters.items()}
    train.command(name, help=help, cls=Command)(command)


def _forecast(settings: dict[str, Any], *, as_json: bool) -> None:
    from sakuga import studio
    from sakuga.cli.show import report

    made = studio.forecast_training(studio.TrainSettings(**settings))
    report({**asdict(made), "seconds": made.seconds}, as_json=as_json, words=made.text())


def _train(settings: dict[str, Any], *, as_json: bool, quiet: bool) -> None:
    from sakuga import studio
    from sakuga.cli.show import report, watch

    quiet = quiet or not studio.is_main_process()
    made = watch(studio.train(studio.TrainSettings(**settings)), quiet=quiet or as_json)
    validation = "" if made.validation_loss is None else f", validation loss {made.validation_loss:.4f}"
    words = f"wrote {made.style}: {made.steps} steps in {made.seconds:.0f} s, loss {made.loss:.4f}{validation}"
    words += "" if made.weight == 1 else f"; its weight is {made.weight:g}"
    values = {**asdict(made), "run": str(made.run), "style": str(made.style)}
    report(values, as_json=as_json and studio.is_main_process(), words=words, quiet=quiet)


def _given(given: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Return the options of a dataclass that were given."""
    values = {name: given[name] for name in options_of(kind) if given.get(name) is not None}
    if "targets" in values:
        values["targets"] = tuple(filter(None, (target.strip() for target in values["targets"].split(","))))
    return values


def _lora(given: Mapping[str, Any]) -> dict[str, Any]:
    from sakuga import studio

    return {"method": studio.lora_method(given["preset"], **_given(given, Lora)), "preset": given["preset"]}


def _textual_inversion(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"method": TextualInversion(**_given(given, TextualInversion))}


def _motion_lora(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"method": MotionLora(**_given(given, MotionLora))}


def _slider(given: Mapping[str, Any]) -> dict[str, Any]:
    from sakuga import studio

    return {"method": Slider(adapter=studio.lora_method(**_given(given, Lora)), **_given(given, Slider))}


def _dreambooth(given: Mapping[str, Any]) -> dict[str, Any]:
    from sakuga import studio

    initial, vectors = given["initial"] or "", given["vectors"]
    count = len(initial.split()) if vectors is None else vectors
    name = TextualInversion(initial=initial, vectors=count) if initial or vectors is not None else None
    adapter = None if given["full"] else studio.lora_method(**_given(given, Lora))
    return {"method": DreamBooth(adapter=adapter, name=name, **_given(given, DreamBooth))}


@train.command("import", cls=Command)
def import_(
    config: Annotated[Path, typer.Argument(help="kohya's .toml, OneTrainer's .json or ai-toolkit's .yaml")],
    json: opt.Json = False,
) -> None:
    """Translate the config of another trainer, line by line, into a command."""
    from sakuga import studio
    from sakuga.cli.show import report, visible

    made = studio.import_config(config)
    lines = [f"{made.program}:", *(f"  {visible(line.text())}" for line in made.lines), "", made.command]
    report(asdict(made), as_json=json, words="\n".join(lines))


PRESET = Annotated[str | None, typer.Option(help="A recipe in common use: sd15, portraits, sd21, sd21-long, sdxl or restarts")]
INITIAL = Annotated[
    str | None,
    typer.Option(help="Initializer words of the subject: trains an embedding for its name too", show_default="no embedding"),
]
VECTORS = Annotated[int | None, typer.Option(help="Vectors of that embedding (1 or more)", show_default="as many as the initializer words")]
FULL = Annotated[bool, typer.Option("--full", help="Train the whole UNet in place of a LoRA; writes a model, not a style")]

_add_command(
    "slider", {**_parameters(Slider), **_parameters(Lora, "preserve", "algorithm", "factor", "rank_dropout")}, _slider,
    "Train a concept slider: a LoRA between two texts, by its weight.",
)  # fmt: skip
_add_command("lora", {"preset": _parameter("preset", PRESET), **_parameters(Lora)}, _lora, "Train a style as a LoRA.")
_add_command("motion-lora", _parameters(MotionLora), _motion_lora, "Train a camera move or a way of moving from clips (MotionLoRA).", CLIPS)
_add_command("textual-inversion", _parameters(TextualInversion), _textual_inversion, "Train the embedding of one word (Textual Inversion).")
_add_command(
    "dreambooth",
    {
        **_parameters(DreamBooth),
        "initial": _parameter("initial", INITIAL),
        "vectors": _parameter("vectors", VECTORS),
        "full": _parameter("full", FULL, False),
        **_parameters(Lora, "preserve"),
    },
    _dreambooth,
    "Train one subject, with prior preservation of its class (DreamBooth).",
)
