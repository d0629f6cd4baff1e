"""All commands, by chapter."""

from typing import Annotated

import typer

from sakuga import __version__
from sakuga.cli.bundle import bundle
from sakuga.cli.choose import choose, replay
from sakuga.cli.commands import Command, SentenceCommand
from sakuga.cli.data import data
from sakuga.cli.draw import draw
from sakuga.cli.evaluate import evaluate
from sakuga.cli.film import animate, render, storyboard
from sakuga.cli.grid import grid
from sakuga.cli.model import model
from sakuga.cli.morph import morph
from sakuga.cli.motion import motion
from sakuga.cli.move import move
from sakuga.cli.pixelate import pixelate
from sakuga.cli.queue import queue
from sakuga.cli.recipe import recipe, remake
from sakuga.cli.redo import redo, retime
from sakuga.cli.sheet import sheet
from sakuga.cli.sketchbook import sketchbook
from sakuga.cli.store import frames
from sakuga.cli.studio import studio
from sakuga.cli.study import study
from sakuga.cli.style import style
from sakuga.cli.train import train
from sakuga.cli.vary import vary
from sakuga.cli.video import video

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help='Stylised animation with diffusion models. To begin: sakuga animate "a castle at sunset"',
)
GENERATE, FILES, STUDIO, TRAIN, SYSTEM = "Generate", "Convert and remake", "Studio", "Train and evaluate", "Built-in model and store"
"""The chapters of the help."""


def _version(requested: bool) -> None:
    if requested:
        print(f"sakuga {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version", is_eager=True, callback=_version)] = False,
) -> None:
    pass


for command, panel, kind in (
    (animate, GENERATE, SentenceCommand),
    (render, GENERATE, Command),
    (storyboard, GENERATE, SentenceCommand),
    (draw, GENERATE, SentenceCommand),
    (grid, GENERATE, SentenceCommand),
    (morph, GENERATE, Command),
    (move, GENERATE, Command),
    (vary, GENERATE, Command),
    (choose, GENERATE, Command),
    (video, FILES, Command),
    (pixelate, FILES, Command),
    (recipe, FILES, Command),
    (remake, FILES, Command),
    (replay, FILES, Command),
    (redo, FILES, Command),
    (retime, FILES, Command),
    (sheet, FILES, Command),
    (bundle, FILES, Command),
    (studio, STUDIO, Command),
    (queue, STUDIO, Command),
    (evaluate, TRAIN, Command),
    (study, TRAIN, Command),
):
    app.command(command.__name__, rich_help_panel=panel, cls=kind)(command)
for name, group, panel in (
    ("style", style, TRAIN),
    ("model", model, SYSTEM),
    ("motion", motion, FILES),
    ("train", train, TRAIN),
    ("data", data, TRAIN),
    ("sketchbook", sketchbook, SYSTEM),
    ("store", frames, SYSTEM),
):
    app.add_typer(group, name=name, rich_help_panel=panel)
