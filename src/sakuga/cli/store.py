"""The commands `sakuga store ...`."""

from dataclasses import asdict
from typing import Annotated

import typer

from sakuga.cli import options as opt

frames = typer.Typer(no_args_is_help=True, help="See how much room drawn frames take, and make room.")


@frames.command("show")
def show(store: opt.Store = None, json: opt.Json = False) -> None:
    """Tell how many frames are kept, and their size."""
    from sakuga import studio
    from sakuga.cli.show import report

    shown = studio.show_store(store)
    report(asdict(shown), as_json=json, words=f"{shown.frames} frames, {shown.bytes / 1e6:.1f} MB, in {shown.folder}")


@frames.command("clean")
def clean(
    max_size: Annotated[str, typer.Option(help="what may stay, such as 500MB or 2GB")],
    store: opt.Store = None,
    json: opt.Json = False,
) -> None:
    """Delete the oldest frames until the rest fits; any of them can be drawn again."""
    from sakuga import studio
    from sakuga.cli.show import report

    deleted = studio.clean_store(studio.parse_bytes(max_size), store)
    report({"deleted": deleted}, as_json=json, words=f"deleted {deleted} frames")
