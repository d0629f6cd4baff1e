"""The commands `sakuga model ...`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt

model = typer.Typer(no_args_is_help=True, help="List, register and download base models (checkpoints).")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A model of `sakuga model list`")]


@model.command("list")
def list_(json: opt.Json = False) -> None:
    """List the built-in model, registered ones, and the catalogue."""
    from sakuga import studio
    from sakuga.cli.show import report

    models = studio.list_models()
    report({"models": [asdict(one) for one in models]}, as_json=json, words="\n".join(map(_line, models)))


@model.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model's name, file or folder")],
    json: opt.Json = False,
) -> None:
    """Show a model: family, prediction type, place, size, licence."""
    from sakuga import studio
    from sakuga.cli.show import report, visible

    one = studio.show_model(name)
    rows = {
        "place": one.place,
        "path": one.path,
        "here": "yes" if one.here else f"no: run `sakuga model fetch {one.name}`" if one.place == "catalogue" else "no",
        "family": one.family,
        "predicts": one.prediction,
        "size": f"{one.bytes / 1e9:.2f} GB",
        "licence": one.licence,
        **({"fault": one.fault} if one.fault else {"use": one.usage}),
    }
    report(asdict(one), as_json=json, words="\n".join(f"{key:9} {visible(value)}" for key, value in rows.items()))


@model.command("add")
def add(
    path: Annotated[Path | None, typer.Argument(help="A .safetensors checkpoint, or a folder in diffusers' layout")] = None,
    name: Annotated[str | None, opt.described("Name in the list", default="the file's own")] = None,
    prediction: Annotated[str | None, opt.described("What it predicts: epsilon or v_prediction", default="read from the file")] = None,
    zero_snr: Annotated[
        bool | None,
        opt.described("Whether its noise schedule ends in pure noise", "--zero-snr/--no-zero-snr", default="as the file says"),
    ] = None,
    vae: Annotated[Path | None, opt.described("A .safetensors file with another VAE", default="the file's own")] = None,
    from_webui: Annotated[
        Path | None, opt.described("Register all checkpoints, LoRAs and embeddings of an A1111, Forge or ComfyUI folder")
    ] = None,
    overwrite: Annotated[bool, opt.described("Replace a model of the same name", "--overwrite")] = False,
    json: opt.Json = False,
) -> None:
    """Register a checkpoint where it lies, under a name for --model; nothing is copied."""
    from sakuga import InputError, studio
    from sakuga.cli.show import report
    from sakuga.cli.style import folder_lines

    if path and not from_webui:
        made = studio.add_model(path, name, prediction, zero_snr, vae, overwrite)
    elif from_webui and not path:
        made = studio.add_webui_models(from_webui)
    else:
        raise InputError("give either a checkpoint or --from-webui FOLDER")
    words = [f'added {one}: use it with --model "{one}"' for one in made.names] + [f"left out: {why}" for why in made.refused.values()]
    words += [line for one in made.styles for line in folder_lines(one)]
    styles = [{**asdict(one), "folder": str(one.folder)} for one in made.styles]
    report({**asdict(made), "styles": styles}, as_json=json, words="\n".join(words))


@model.command("remove")
def remove(name: Name, json: opt.Json = False) -> None:
    """Forget a registered model and delete its converted copy; its own file stays."""
    from sakuga import studio
    from sakuga.cli.show import report

    path = studio.remove_model(name)
    report({"removed": name, "kept": str(path)}, as_json=json, words=f"removed {name}; its file stays: {path}")


@model.command("fetch")
def fetch(name: Name, json: opt.Json = False, quiet: opt.Quiet = False) -> None:
    """Download a model of the catalogue; an interrupted download goes on."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    made = watch(studio.fetch_model(name), quiet=quiet or json)
    report(asdict(made), as_json=json, words=f"{name} is here ({made.licence}): use it with {made.usage}", quiet=quiet)


def _line(one: Any) -> str:
    state = "here" if one.here else "not here"
    return f"{one.name:18} {one.place:10} {state:8} {one.bytes / 1e9:5.1f} GB  {one.fault or one.family}"
