"""The command `sakuga motion convert`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt

motion = typer.Typer(no_args_is_help=True, help="Convert motion adapters.")


@motion.callback()
def _group() -> None:
    pass


@motion.command("convert")
def convert(
    file: Annotated[Path, typer.Argument(help="A motion module: .safetensors, or .ckpt with --pickle")],
    out: Annotated[Path, opt.described("Folder to write", "--out", "-o")],
    pickle: Annotated[bool, opt.described("Read a pickle, without running its code", "--pickle")] = False,
    json: opt.Json = False,
) -> None:
    """Write a single-file motion module as a folder, for --motion and for diffusers."""
    from sakuga import studio
    from sakuga.cli.show import report

    made = studio.convert_motion(file, out, pickle=pickle)
    words = f"wrote {made.folder}: up to {made.positions} frames together; use it with --motion {made.folder}"
    report(asdict(made) | {"folder": str(made.folder)}, as_json=json, words=words)
