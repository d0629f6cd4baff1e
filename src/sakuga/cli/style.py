"""The commands `sakuga style ...`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt

style = typer.Typer(no_args_is_help=True, help="List, check, convert, blend and keep styles.")

Named = Annotated[str, typer.Argument(metavar="STYLE", help="a style's name, a folder, a .safetensors file or hub:owner/name/file")]
Layout = Annotated[str, typer.Option(help="diffusers, or kohya (A1111's for learnt words)")]


@style.command("list")
def list_(
    folders: Annotated[list[Path] | None, typer.Argument(help="more folders that hold styles")] = None,
    model: opt.Model = "sketchbook",
    json: opt.Json = False,
) -> None:
    """List the model's own styles, those kept under $SAKUGA_HOME, and those of folders."""
    from sakuga import studio
    from sakuga.cli.show import report

    found = studio.list_styles(model, folders or ())
    values = [{key: value for key, value in asdict(one).items() if key not in ("card", "figures")} for one in found]
    lines = [f"{one.name:16} {one.place:7} {_kind(one):28} {one.bytes / 1e6:5.2f} MB  {one.trigger}" for one in found]
    report({"styles": values}, as_json=json, words="\n".join(lines) or "there is no style: train one, or `sakuga style add` one")


@style.command("show")
def show(name: Named, model: opt.Model = "sketchbook", json: opt.Json = False) -> None:
    """Tell what a style is: its words, layers, base model, card."""
    from sakuga import studio
    from sakuga.cli.show import report, visible

    one = studio.show_style(name, model)
    rows = {
        "files": ", ".join(one.files),
        "digest": one.digest[:12],
        "trigger": one.trigger or "none",
        **({"suffix": one.suffix} if one.suffix else {}),
        **({"weight": f"{one.weight:g}"} if one.weight != 1 else {}),
        **({"finishing": ", ".join(one.finishing)} if one.finishing else {}),
        "holds": _kind(one),
        "changes": ", ".join(one.changes) or "nothing but words",
        "ranks": ", ".join(map(str, one.ranks)) or "none",
        "made for": one.made_for or "a model of no known family",
        "base": one.base or "not said",
        "pictures": one.strip or "none",
    }
    card = f"\n\n{visible(one.card.strip())}" if one.card else ""
    report(asdict(one), as_json=json, words="\n".join(f"{key:9} {visible(value)}" for key, value in rows.items()) + card)


@style.command("check")
def check(
    name: Annotated[str, typer.Argument(metavar="STYLE", help="a style as --style takes it, such as comic:0.8")],
    model: opt.Model = "sketchbook",
    strip: Annotated[Path | None, typer.Option(help="write pictures here, base above style")] = None,
    steps: opt.Steps = None,
    store: opt.Store = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Prove that a style is applied: what of it fits the model, and how much a drawing moves; exit code 2 where it must not be used."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    settings = studio.FilmSettings(steps=steps)
    made = watch(studio.check_style(name, model, strip=strip, settings=settings, store=store), quiet=quiet or json)
    lines = [f"made for {made.made_for or 'a model of no known family'}; {made.model} is {made.base or 'of no known family'}"]
    lines += [f"{made.matched} changes fit, {len(made.unmatched)} do not", *(f"  {key} {why}" for key, why in made.unmatched.items())]
    if made.prediction_change is not None:
        lines.append(f"the UNet's prediction moves by {made.prediction_change:.2%}")
    if made.pixel_change is not None:
        lines.append(f"pictures move by {made.pixel_change:.1f} of 255 grey levels")
    report({**asdict(made), "sound": made.sound}, as_json=json, words="\n".join([*lines, made.fault or "it is applied"]), quiet=quiet)
    if not made.sound:
        raise typer.Exit(2)


@style.command("convert")
def convert(
    name: Named,
    out: Annotated[Path, typer.Option("--out", "-o", help="a .safetensors file, or a folder with the words beside")],
    layout: Layout = "diffusers",
    precision: Annotated[str, typer.Option(help="fp16, bf16 or fp32")] = "fp16",
    pickle: Annotated[bool, typer.Option("--pickle", help="read a .pt, .bin or .ckpt file; code in it is not run")] = False,
    trigger: Annotated[str | None, typer.Option(help="call the learnt word so, or say the trigger of a LoRA")] = None,
    model: opt.Model = "sketchbook",
    json: opt.Json = False,
) -> None:
    """Write a style in another layout."""
    from sakuga import studio

    _made(studio.convert_style(name, out, layout=layout, precision=precision, pickle=pickle, trigger=trigger, model=model), json)


@style.command("blend")
def blend(
    styles: Annotated[list[str], typer.Argument(metavar="STYLE:WEIGHT...", help="two styles or more, each with its weight")],
    out: Annotated[Path, typer.Option("--out", "-o", help="a .safetensors file, or a folder with the words beside")],
    rank: Annotated[int | None, typer.Option(help="the nearest of this rank, its error told", show_default="exact")] = None,
    layout: Layout = "diffusers",
    precision: Annotated[str, typer.Option(help="fp16, bf16 or fp32")] = "fp32",
    model: opt.Model = "sketchbook",
    json: opt.Json = False,
) -> None:
    """Write the weighted sum of styles as one style."""
    from sakuga import studio

    _made(studio.blend_styles(styles, out, rank=rank, layout=layout, precision=precision, model=model), json)


@style.command("add")
def add(
    name: Named,
    called: Annotated[str | None, typer.Option("--name", help="what it is called from here on", show_default="its own name")] = None,
    model: opt.Model = "sketchbook",
    json: opt.Json = False,
) -> None:
    """Keep a style under $SAKUGA_HOME, where it is found by its name."""
    from sakuga import studio
    from sakuga.cli.show import report

    folder = studio.keep_style(name, called, model)
    report({"style": str(folder)}, as_json=json, words=f"kept in {folder}: --style {folder.name} wears it")


@style.command("remove")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a style that is kept under $SAKUGA_HOME")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    json: opt.Json = False,
) -> None:
    """Delete a style that is kept under $SAKUGA_HOME; no other is touched."""
    from sakuga import InputError, studio
    from sakuga.cli.show import report

    place = studio.kept_style(name)
    if not yes and not typer.confirm(f"delete {place}?", err=True):
        raise InputError(f"{place} is kept: say yes, or give --yes")
    studio.remove_style(name)
    report({"removed": str(place)}, as_json=json, words=f"removed {place}")


def _kind(one: Any) -> str:
    words = f"{len(one.words)} {'word' if len(one.words) == 1 else 'words'}" if one.words else ""
    return " and ".join(filter(None, [f"LoRA of {one.layers} layers" if one.layers else "", words]))


def _made(made: Any, as_json: bool) -> None:
    from sakuga.cli.show import report

    ranks = f", rank {', '.join(map(str, made.ranks))}" if made.ranks else ""
    held = " and ".join(filter(None, [f"{made.layers} layers{ranks}" if made.layers else "", ", ".join(made.words)]))
    off = f"; {made.error:.2%} off the exact sum" if made.error else ""
    report({**asdict(made), "files": [str(file) for file in made.files]}, as_json=as_json, words=f"wrote {made.files[0]}: {held}{off}")
