"""The command `sakuga sheet`."""

from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt


def sheet(
    film: Annotated[Path, typer.Argument(help="a film.toml")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the sheet: .csv, or .otio for editing programs")] = Path("sheet.csv"),
    fps: opt.Fps = None,
    on: opt.On = None,
    model: Annotated[str | None, typer.Option(help="another model than the film's")] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Write a film's exposure sheet: what each frame shows, and when. Nothing is drawn."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    changed = studio.directed(studio.read_film(film), studio.FilmSettings(fps=fps, on=on, model=model))
    made = watch(studio.sheet(changed, out), quiet=quiet or json)
    counts = {"frames": made.frames, "drawn": made.drawn, "between": made.between, "hold": made.hold}
    words = f"wrote {out}: {made.frames} frames at {made.rate} a second, {made.drawn} drawn, {made.between} between, {made.hold} held"
    report({"sheet": str(out), "rate": str(made.rate), **counts}, as_json=json, words=words, quiet=quiet)
