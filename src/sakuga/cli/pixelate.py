"""The command `sakuga pixelate`."""

from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt
from sakuga.story.settings import PIXEL_OPTIONS, Dither
from sakuga.text import counted


def pixelate(
    source: Annotated[Path, typer.Argument(metavar="IN", help="An image, a folder of images, or a clip: GIF, WebP, APNG, MP4, ...")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="By its suffix an image or a clip; without one a folder")],
    grid: Annotated[int | None, opt.option(PIXEL_OPTIONS["grid"])] = None,
    colors: Annotated[int | None, opt.option(PIXEL_OPTIONS["colors"])] = None,
    palette: Annotated[str | None, opt.option(PIXEL_OPTIONS["palette"], default="chosen from the clip")] = None,
    dither: Annotated[Dither, opt.option(PIXEL_OPTIONS["dither"])] = "ordered",
    scale: Annotated[int | None, opt.described("Output pixels per cell", default="the grid, which keeps the size")] = None,
    sheet: Annotated[Path | None, opt.described("Write a sprite sheet too: this .png, and a .json beside it", panel=opt.OUTPUT)] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Bring images or a clip onto one grid and one palette."""
    from dataclasses import asdict

    from sakuga import studio
    from sakuga.cli.show import report, watch

    pixel = studio.PixelArt(grid=grid, colors=colors, palette=palette, dither=dither)
    made = watch(studio.pixelate(source, out, pixel=pixel, scale=scale, sheet=sheet), quiet=quiet or json)
    values = asdict(made) | {"out": str(out), "sheet": str(sheet) if sheet else None}
    across, down = made.cells
    words = f"wrote {out}: {counted(made.frames, 'frame')} of {across} x {down} cells in {len(made.colors)} colors"
    report(values, as_json=json, words=words, quiet=quiet)
