"""The commands `sakuga style ...`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt

style = typer.Typer(no_args_is_help=True, help="List, check, convert, blend and store styles (LoRAs and embeddings).")

Style = Annotated[str, typer.Argument(metavar="STYLE", help="A style's name, training run, folder, .safetensors file or hub:owner/name")]
Out = Annotated[Path, opt.described("A .safetensors file, or a folder with trigger words and card", "--out", "-o")]
Layout = Annotated[str, opt.described("Key layout: diffusers or kohya (A1111's for embeddings)", "--layout", default="diffusers")]


@style.command("list")
def list_(
    folders: Annotated[list[Path] | None, typer.Argument(help="More folders that hold styles")] = None,
    model: opt.Model = "sketchbook",
    json: opt.Json = False,
) -> None:
    """List the model's own styles, those of the library in $SAKUGA_HOME, and those of folders."""
    from sakuga import studio
    from sakuga.cli.show import report

    styles = studio.list_styles(model, folders or ())
    values = [{key: value for key, value in asdict(one).items() if key not in ("card", "figures")} for one in styles]
    report(
        {"styles": values},
        as_json=json,
        words="\n".join(map(_listed, styles)) or "no styles: train one, or add one with `sakuga style add`",
    )


@style.command("show")
def show(name: Style, model: opt.Model = "sketchbook", json: opt.Json = False) -> None:
    """Show a style: trigger words, layers, base model, card."""
    from sakuga import studio
    from sakuga.cli.show import report, visible

    one = studio.show_style(name, model)
    rows = {
        "files": ", ".join(one.files),
        "digest": str(one.digest)[:12],
        "trigger": one.trigger or "none",
        **({"its captions": ", ".join(one.frequent_tags)} if one.frequent_tags else {}),
        **({"suffix": one.suffix} if one.suffix else {}),
        **({"weight": f"{one.weight:g}"} if one.weight != 1 else {}),
        **({"finishing": ", ".join(one.finishing)} if one.finishing else {}),
        "contains": _contents(one) or "nothing that can be read",
        "changes": ", ".join(one.changes) or ("text embeddings only" if one.words else "nothing"),
        "ranks": ", ".join(map(str, one.ranks)) or "none",
        "made for": one.made_for or "an unknown model family",
        "base": one.base or "unknown",
        "images": one.strip or "none",
    }
    card = f"\n\n{visible(one.card.strip())}" if one.card else ""
    lines = [f"{key:9} {visible(value)}" for key, value in rows.items()]
    if one.unread:
        lines += ["", "cannot be used:", *(f"  {visible(key)} {why}" for key, why in one.unread.items())]
    report(asdict(one), as_json=json, words="\n".join(lines) + card)


@style.command("check")
def check(
    name: Annotated[str, typer.Argument(metavar="STYLE", help="A style as --style takes it, such as comic:0.8")],
    model: opt.Model = "sketchbook",
    strip: Annotated[Path | None, opt.described("Write images here, base above style", default="none", panel=opt.OUTPUT)] = None,
    steps: opt.Steps = None,
    store: opt.Store = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Check that a style matches the model and changes its images; exit code 2 if it must not be used."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    settings = studio.FilmSettings(steps=steps)
    made = watch(studio.check_style(name, model, strip=strip, settings=settings, store=store), quiet=quiet or json)
    words = "\n".join([*_check_lines(made), made.fault or "The style works."])
    report({**asdict(made), "sound": made.sound}, as_json=json, words=words, quiet=quiet)
    if not made.sound:
        raise typer.Exit(2)


@style.command("convert")
def convert(
    name: Style,
    out: Out,
    layout: Layout = "diffusers",
    precision: Annotated[str, opt.described("Precision of the weights: fp16, bf16 or fp32", default="fp16")] = "fp16",
    pickle: Annotated[bool, opt.described("Read a .pt, .bin or .ckpt file, without running its code", "--pickle")] = False,
    trigger: Annotated[str | None, opt.described("New trigger word", default="unchanged")] = None,
    model: opt.Model = "sketchbook",
    json: opt.Json = False,
) -> None:
    """Convert a style to another key layout or precision."""
    from sakuga import studio

    _report(studio.convert_style(name, out, layout=layout, precision=precision, pickle=pickle, trigger=trigger, model=model), json)


@style.command("blend")
def blend(
    styles: Annotated[list[str], typer.Argument(metavar="STYLE:WEIGHT...", help="Two or more styles, each with its weight")],
    out: Out,
    rank: Annotated[int | None, opt.described("Reduce to this rank, 1 to 4096; the error is reported", default="exact sum")] = None,
    layout: Layout = "diffusers",
    precision: Annotated[str, opt.described("Precision of the weights: fp16, bf16 or fp32", default="fp32")] = "fp32",
    model: opt.Model = "sketchbook",
    json: opt.Json = False,
) -> None:
    """Write the weighted sum of styles as one style."""
    from sakuga import studio

    _report(studio.blend_styles(styles, out, rank=rank, layout=layout, precision=precision, model=model), json)


@style.command("extract")
def extract(
    tuned: Annotated[str, typer.Argument(metavar="MODEL", help="A checkpoint that was tuned: a folder, a single file or owner/name")],
    out: Out,
    base: Annotated[str, opt.described("The checkpoint it was tuned from", "--base", default="sketchbook")] = "sketchbook",
    rank: Annotated[int, opt.described("Rank of the LoRA, 1 to 4096", "--rank", default="32")] = 32,
    trigger: Annotated[str, opt.described("Trigger word", "--trigger", default="none")] = "",
    layout: Layout = "diffusers",
    precision: Annotated[str, opt.described("Precision of the weights: fp16, bf16 or fp32", default="fp16")] = "fp16",
    json: opt.Json = False,
) -> None:
    """Write what a tuned model has learnt as a LoRA, by SVD; the error is reported."""
    from sakuga import studio

    _report(studio.extract_style(tuned, out, base=base, rank=rank, trigger=trigger, layout=layout, precision=precision), json)


@style.command("resize")
def resize(
    name: Style,
    out: Out,
    rank: Annotated[int | None, opt.described("New rank, 1 to 4096", "--rank", default="none")] = None,
    keep: Annotated[
        float | None, opt.described("Share of each layer's change to keep (above 0 to 1), in place of a rank", "--keep", default="none")
    ] = None,
    layout: Layout = "diffusers",
    precision: Annotated[str, opt.described("Precision of the weights: fp16, bf16 or fp32", default="fp16")] = "fp16",
    model: opt.Model = "sketchbook",
    json: opt.Json = False,
) -> None:
    """Reduce a style's rank; a LoHa or LoKr becomes a LoRA. The error is reported."""
    from sakuga import studio

    _report(studio.resize_style(name, out, rank=rank, keep=keep, layout=layout, precision=precision, model=model), json)


@style.command("merge")
def merge(
    styles: Annotated[list[str], typer.Argument(metavar="STYLE:WEIGHT...", help="Styles, each with its weight")],
    out: Annotated[Path, opt.described("Folder of the new checkpoint", "--out", "-o")],
    model: opt.Model = "sketchbook",
    precision: Annotated[str, opt.described("Precision of the weights: fp16, bf16 or fp32", default="fp16")] = "fp16",
    json: opt.Json = False,
) -> None:
    """Write a checkpoint with styles in its weights, for --model."""
    from sakuga import studio
    from sakuga.cli.show import report

    made = studio.merge_styles(styles, out, model=model, precision=precision)  # type: ignore[arg-type]
    words = f"wrote {made.model}: {made.layers} layers changed; rounding to {precision} is {made.error:.2%} of the change"
    report({**asdict(made), "model": str(made.model)}, as_json=json, words=words)


@style.command("add")
def add(
    style: Annotated[str | None, typer.Argument(metavar="STYLE", help="A style as for `show`")] = None,
    name: Annotated[str | None, opt.described("Name in the library", default="the style's own")] = None,
    folder: Annotated[
        Path | None, opt.described("Register a folder: its files, and those below, are styles by name; nothing is copied", "--folder")
    ] = None,
    model: opt.Model = "sketchbook",
    json: opt.Json = False,
) -> None:
    """Copy a style into the library in $SAKUGA_HOME, where its name is enough, or register a folder of styles."""
    from sakuga import InputError, studio
    from sakuga.cli.show import report

    if (style is None) == (folder is None) or (folder and name):
        raise InputError("give either a style, perhaps with --name, or --folder FOLDER")
    if folder:
        added = studio.add_style_folder(folder)
        report({**asdict(added), "folder": str(added.folder)}, as_json=json, words="\n".join(folder_lines(added)))
        return
    assert style
    folder = studio.add_style(style, name, model)
    report({"style": str(folder)}, as_json=json, words=f"added {folder}: apply it with --style {folder.name}")


@style.command("remove")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A style of the library in $SAKUGA_HOME, or a registered folder")],
    yes: Annotated[bool, opt.described("Do not ask", "--yes", "-y")] = False,
    json: opt.Json = False,
) -> None:
    """Delete a style from the library in $SAKUGA_HOME, or forget a registered folder; no other can be deleted."""
    from sakuga import InputError, studio
    from sakuga.cli.show import report
    from sakuga.studio.styles.registered_folders import registered_folder

    if registered_folder(name):
        forgotten = studio.remove_style(name)
        report({"removed": str(forgotten)}, as_json=json, words=f"forgot {forgotten}; its files stay")
        return
    path = studio.library_style(name)
    if not yes and not typer.confirm(f"Delete {path}?", err=True):
        raise InputError(f"{path} was not deleted: answer yes, or give --yes")
    studio.remove_style(name)
    report({"removed": str(path)}, as_json=json, words=f"removed {path}")


def folder_lines(added: Any) -> list[str]:
    """Return what a registered folder has, in words."""
    count, some = len(added.names), ", ".join(added.names[:6]) + (", ..." if len(added.names) > 6 else "")
    line = f"{added.folder}: {count} {'style' if count == 1 else 'styles'} by file name ({some or 'none'}), for --style and prompts"
    return [line, *(f"left out: {why}" for why in added.refused.values())]


def _listed(one: Any) -> str:
    fault = one.fault or ("cannot be used: see `sakuga style show`" if one.unread else "")
    return f"{one.name:16} {one.place:10} {fault or f'{_contents(one):28} {one.bytes / 1e6:5.2f} MB  {one.trigger}'}"


def _contents(one: Any) -> str:
    words = f"{len(one.words)} trigger {'word' if len(one.words) == 1 else 'words'}" if one.words else ""
    return " and ".join(filter(None, [f"{', '.join(one.kinds)} of {one.layers} layers" if one.layers else "", words]))


def _check_lines(made: Any) -> list[str]:
    missing = len(made.unmatched)
    matched = f"All {made.matched} layers match." if not missing else f"{missing} of {made.matched + missing} layers do not match:"
    lines = [f"Made for {made.made_for or 'an unknown model family'}; {made.model} is {made.base or 'of an unknown family'}.", matched]
    lines += [f"  {key} {why}" for key, why in made.unmatched.items()]
    if made.prediction_change is not None:
        lines.append(f"The UNet's prediction changes by {made.prediction_change:.2%}.")
    if made.pixel_change is not None:
        lines.append(f"Images change by {made.pixel_change:.1f} of 255 grey levels.")
    return lines


def _report(made: Any, as_json: bool) -> None:
    from sakuga.cli.show import report

    ranks = f", rank {', '.join(map(str, made.ranks))}" if made.ranks else ""
    contents = " and ".join(filter(None, [f"{made.layers} layers{ranks}" if made.layers else "", ", ".join(made.words)]))
    error = f"; {made.error:.2%} off the exact change" if made.error else ""
    error += f", of which {made.beyond:.2%} lies in biases, norms and the like" if made.beyond else ""
    report(
        {**asdict(made), "files": [str(file) for file in made.files]}, as_json=as_json, words=f"wrote {made.files[0]}: {contents}{error}"
    )
