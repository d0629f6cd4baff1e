"""The command `sakuga grid`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt

Axis = "An option and its values, such as steps=10,20, style=comic:0.5,comic:1, seed=1,2 or prompt=castle,cottage"


@opt.film_settings(*opt.IMAGE)
def grid(
    prompt: Annotated[str, typer.Argument(help="What the images show")],
    x: Annotated[str, opt.described(f"Columns. {Axis}", "--x")],
    y: Annotated[str | None, opt.described("Rows", "--y", default="one row")] = None,
    z: Annotated[str | None, opt.described("Sheets", "--z", default="one sheet")] = None,
    out: Annotated[Path, opt.described("A .png", "--out", "-o", default="grid.png")] = Path("grid.png"),
    seed: opt.Seed = 0,
    settings: Any = None,
    store: opt.Store = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Generate a prompt with every combination of options, as one labelled sheet (X/Y/Z grid)."""
    from sakuga import InputError, studio
    from sakuga.cli.show import report, watch

    if z and not y:
        raise InputError("--z needs --y: give rows first")
    axes = [axis for axis in (x, y, z) if axis]
    made = watch(studio.grid(prompt, axes, out, seed=seed, settings=settings, store=store), quiet=quiet or json)
    sheets = ", ".join(map(str, made.sheets))
    counts = {"cells": made.cells, "generated": made.generated, "reused": made.reused}
    words = f"wrote {sheets}: {made.cells} cells, {made.generated} generated and {made.reused} from the store"
    report({"sheets": [str(path) for path in made.sheets], **counts}, as_json=json, words=words, quiet=quiet)
