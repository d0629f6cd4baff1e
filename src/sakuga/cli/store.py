"""The commands `sakuga store ...`."""

from dataclasses import asdict
from typing import Annotated

import typer

from sakuga.cli import options as opt
from sakuga.text import counted

frames = typer.Typer(no_args_is_help=True, help="Show and clean the store of generated frames.")


@frames.command("show")
def show(store: opt.Store = None, json: opt.Json = False) -> None:
    """Show how many frames are stored, and their size."""
    from sakuga import studio
    from sakuga.cli.show import report

    size = studio.show_store(store)
    words = f"{counted(size.frames, 'frame')}; with in-betweens and enlarged frames {size.bytes / 1e6:.1f} MB, in {size.folder}"
    report(asdict(size), as_json=json, words=words)


@frames.command("clean")
def clean(
    max_size: Annotated[str, opt.described("Size that may stay, such as 500MB or 2GB")],
    store: opt.Store = None,
    json: opt.Json = False,
) -> None:
    """Delete in-betweens, then the oldest frames, until the rest fits; all can be generated again."""
    from sakuga import studio
    from sakuga.cli.show import report

    deleted = studio.clean_store(studio.parse_bytes(max_size), store)
    report({"deleted": deleted}, as_json=json, words=f"deleted {counted(deleted, 'image')}; in-betweens and enlarged frames go first")
