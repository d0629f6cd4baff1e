"""The command `sakuga pixelate`."""

from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt
from sakuga.story.film import Dither
from sakuga.text import counted


def pixelate(
    source: Annotated[Path, typer.Argument(metavar="IN", help="a picture, a folder of pictures, or a clip: GIF, WebP, APNG, MP4, ...")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="by its suffix a picture or a clip; without one a folder")],
    grid: Annotated[int | None, typer.Option(help="pixels to a cell's side", show_default="64 cells on the shorter side")] = None,
    colors: Annotated[int | None, typer.Option(help="colours of a palette chosen from it all", show_default="16")] = None,
    palette: Annotated[str | None, typer.Option(help="a fixed palette: gameboy, nes, c64, pico-8, cga, ...")] = None,
    dither: Annotated[Dither, typer.Option(help="mix two near colours cell by cell, not at all, or as a screen that is seen")] = "ordered",
    scale: Annotated[int | None, typer.Option(help="pixels of the result to a cell's side", show_default="the grid's")] = None,
    sheet: Annotated[Path | None, typer.Option(help="write a sprite sheet too: this .png, and a .json beside it")] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Bring pictures or a clip onto one grid and one palette."""
    from dataclasses import asdict

    from sakuga import studio
    from sakuga.cli.show import report, watch

    pixel = studio.Pixel(grid=grid, colors=colors, palette=palette, dither=dither)
    made = watch(studio.pixelate(source, out, pixel=pixel, scale=scale, sheet=sheet), quiet=quiet or json)
    values = asdict(made) | {"out": str(out), "sheet": str(sheet) if sheet else None}
    across, down = made.cells
    words = f"wrote {out}: {counted(made.frames, 'frame')} of {across} x {down} cells in {len(made.colors)} colours"
    report(values, as_json=json, words=words, quiet=quiet)
