"""The commands `sakuga recipe` and `sakuga remake`."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt
from sakuga.story.settings import OPTIONS
from sakuga.text import counted

Clip = Annotated[Path, typer.Argument(help="A clip or image that sakuga wrote, or an image of A1111, ComfyUI or InvokeAI")]


def recipe(
    clip: Clip,
    film: Annotated[
        Path | None, opt.described("Film to write: that of a clip, or one shot of an image of A1111, ComfyUI or InvokeAI", "--film")
    ] = None,
    model: Annotated[str | None, opt.described("The film's model, if the image's is not registered")] = None,
    json: opt.Json = False,
) -> None:
    """Show the recipe in a clip's or image's file; of A1111, ComfyUI and InvokeAI as a command or film."""
    from sakuga import studio
    from sakuga.cli.show import report, safe, visible

    if film:
        _, notes = studio.clip_film(clip, film, model)
        report({"film": str(film), "notes": list(notes)}, as_json=json, words="\n".join([f"wrote {film}", *map(visible, notes)]))
        return

    if other := studio.foreign_recipe(clip):
        lines = [visible(shlex.join(other.command)), *(f"not used: {visible(f'{key}: {value}')}" for key, value in other.unread.items())]
        report({**asdict(other), "unread": dict(other.unread)}, as_json=json, words="\n".join(lines))
        return
    values = studio.recipe_of(clip).values()
    report(values, as_json=json, words=safe(values))


def remake(
    clip: Clip,
    out: Annotated[Path | None, opt.described("File to write", "--out", "-o", default="CLIP-remade")] = None,
    changes: Annotated[
        list[str] | None, opt.described("KEY=VALUE changes the recipe, such as shots.2.prompt='a castle'; repeatable", "--set")
    ] = None,
    model: Annotated[str | None, opt.described("The model, if it is not the built-in one")] = None,
    image: Annotated[list[Path] | None, opt.described("An init or control image of the recipe; repeatable")] = None,
    style: Annotated[list[str] | None, opt.described("A style of the recipe from outside, a file or folder; repeatable")] = None,
    motion: Annotated[list[str] | None, opt.described("A motion adapter of the recipe from outside, a file or folder; repeatable")] = None,
    controlnet: Annotated[list[str] | None, opt.described("A ControlNet or IP-Adapter of the recipe, a file or folder; repeatable")] = None,
    upscaler: Annotated[str | None, opt.described("The upscaler's file, if it is not the model's own")] = None,
    prediction: Annotated[str | None, opt.option(OPTIONS["prediction"])] = None,
    vae: Annotated[str | None, opt.option(OPTIONS["vae"])] = None,
    anyway: Annotated[bool, opt.described("Generate even if model, styles or engine differ", "--anyway")] = False,
    store: opt.Store = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Make a clip or image again from the recipe in its file."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    work = studio.remake(
        clip,
        out,
        changes=studio.parse_changes(changes or ()),
        model=model,
        images=image or (),
        styles=style or (),
        motion=motion or (),
        controlnets=controlnet or (),
        upscaler=upscaler,
        prediction=OPTIONS["prediction"].check("prediction", prediction) if prediction else None,
        vae=vae,
        anyway=anyway,
        store=store,
    )
    made = watch(work, quiet=quiet or json)
    counts = {"frames": made.frames, "generated": made.generated, "reused": made.reused}
    words = f"wrote {made.path}: {counted(made.frames, 'frame')}, {made.generated} generated and {made.reused} from the store"
    report({"clip": str(made.path), **counts, "notes": list(made.notes)}, as_json=json, words=words, quiet=quiet)
