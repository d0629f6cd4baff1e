"""Pages for every command, written from the command line's own parser."""

import re
from collections.abc import Iterator
from typing import Any

import typer

LAST = re.compile(r"  \[(?P<extra>[^\[\]]*)\]$")
"""What the help of an option ends with: its default, its range, or that it is required."""

OVERVIEW = """# Commands

Every command takes `--help`; `sakuga --version` says which it is. `--json` prints one object for programs, with words on stderr; the exit
code is 0 when all is done, 2 for bad input, 130 on Ctrl-C with all that was drawn kept, and 1 for anything else.

| | |
|---|---|"""


def command_pages() -> dict[str, str]:
    """Return the Markdown of a page for each command of the first level, with what is below it, by name; and an `index` of them."""
    from sakuga.cli.app import app

    root = typer.main.get_command(app)
    above = typer.Context(root, info_name="sakuga")
    pages = {name: "\n".join(_page(root.commands[name], name, above)) for name in sorted(root.commands)}
    rows = [f"| [`sakuga {name}`]({name}.md) | {_said(root.commands[name].help)} |" for name in pages]
    return {**pages, "index": "\n".join([OVERVIEW, *rows, ""])}


def _page(command: Any, name: str, above: Any, depth: int = 1) -> Iterator[str]:
    here = typer.Context(command, info_name=name, parent=above)
    yield f"{'#' * depth} {here.command_path}\n"
    yield f"{_said(command.help)}\n"
    below = getattr(command, "commands", {})
    if not below:
        yield from _usage(command, here)
    for one in below:
        yield from _page(below[one], one, here, depth + 1)


def _usage(command: Any, here: Any) -> Iterator[str]:
    yield f"```text\n{' '.join([here.command_path, *command.collect_usage_pieces(here)])}\n```\n"
    yield "| | | default |\n|---|---|---|"
    for parameter in command.get_params(here):
        written, told = parameter.get_help_record(here)
        if written != "--help":
            yield row(written, told)
    yield ""


def row(written: str, told: str) -> str:
    """Lay a parameter out as a row: how it is written, what it does, what it is where nothing is said.

    >>> row("--on <int range>", "frames of each picture  [default: (1); 1<=x<=12]")
    '| `--on <int>` | frames of each picture; 1<=x<=12 | 1 |'
    >>> row("--size <str>", "N or WxH")
    '| `--size <str>` | N or WxH | |'
    """
    end = LAST.search(told)
    parts = end["extra"].split("; ") if end else []
    defaults = [re.sub(r"^\((.*)\)$", r"\1", part.removeprefix("default: ")) for part in parts if part.startswith("default: ")]
    words = "; ".join([LAST.sub("", told), *(part for part in parts if not part.startswith("default: ") and part != "required")])
    usual = "*required*" if "required" in parts else _said(defaults[0]) if defaults else ""
    return f"| `{written.replace(' range>', '>').replace('|', ' or ')}` | {_said(words)} | {usual} |".replace("|  |", "| |")


def _said(words: str) -> str:
    """Keep brackets and bars of a help text from being read as Markdown."""
    return re.sub(r"(?<!`)([|<>\[\]*_])(?!`)", r"\\\1", " ".join(words.split()))
