"""The commands `sakuga recipe` and `sakuga remake`."""

from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt
from sakuga.text import counted


def recipe(
    clip: Annotated[Path, typer.Argument(help="a clip or picture that sakuga wrote")],
    json: opt.Json = False,
) -> None:
    """Show the recipe that a file carries."""
    from sakuga import studio
    from sakuga.cli.show import report, safe

    said = studio.recipe_of(clip).values()
    report(said, as_json=json, words=safe(said))


def remake(
    clip: Annotated[Path, typer.Argument(help="a clip or picture that sakuga wrote")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="the file to write", show_default="CLIP-remade")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE changes the recipe, such as shots.2.prompt='a castle'; repeatable")
    ] = None,
    model: Annotated[str | None, typer.Option(help="the model, where it is not the built-in one")] = None,
    picture: Annotated[list[Path] | None, typer.Option(help="a picture from outside that it started from; repeatable")] = None,
    style: Annotated[list[str] | None, typer.Option(help="a style from outside that it wears, a file or folder; repeatable")] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="draw even where the model or engine is another")] = False,
    store: opt.Store = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Make a clip or picture again from the recipe in its file."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    work = studio.remake(
        clip, out, changes=studio.parse_changes(changes or ()), model=model, pictures=picture or (), styles=style or (), anyway=anyway,
        store=store,
    )  # fmt: skip
    made = watch(work, quiet=quiet or json)
    values = {
        "clip": str(made.path),
        "frames": made.frames,
        "drawn": made.drawn,
        "reused": made.reused,
        "notes": list(made.notes),
    }
    words = f"wrote {made.path}: {counted(made.frames, 'frame')}, {made.drawn} drawn and {made.reused} from the store"
    report(values, as_json=json, words=words, quiet=quiet)
