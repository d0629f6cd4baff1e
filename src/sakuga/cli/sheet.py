"""The command `sakuga sheet`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt
from sakuga.text import counted

Out = Annotated[Path, opt.described("Sheet to write: .csv, or .otio for editing programs", "--out", "-o", default="sheet.csv")]


@opt.film_settings("fps", "on", "model", model=False)
def sheet(
    film: Annotated[Path, typer.Argument(help="A film.toml")],
    out: Out = Path("sheet.csv"),
    settings: Any = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Write a film's exposure sheet: what each frame shows, and when. Nothing is generated."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    made = watch(studio.sheet(studio.override(studio.read_film(film), settings), out), quiet=quiet or json)
    counts = {"frames": made.frames, "generated": made.generated, "in_between": made.in_between, "hold": made.hold}
    kinds = f"{made.generated} generated, {made.in_between} in-betweens, {made.hold} held"
    words = f"wrote {out}: {counted(made.frames, 'frame')} at {made.rate} per second: {kinds}"
    report({"sheet": str(out), "rate": str(made.rate), **counts}, as_json=json, words=words, quiet=quiet)
