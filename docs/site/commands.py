"""Reference pages of all commands, from the command line's own parser."""

import re
from collections.abc import Iterator
from typing import Any

import typer

LAST = re.compile(r"  \[(?P<extra>[^\[\]]*)\]$")
"""The end of an option's help: default, range, or that it is required."""

OVERVIEW = """# Commands

Every command has `--help`; `sakuga --version` prints the version. `--json` prints one object for programs, with messages on
stderr. Exit codes: 0 done, 2 bad input, 130 on Ctrl-C with all finished frames kept, 1 anything else.

| | |
|---|---|"""


def command_pages() -> dict[str, str]:
    """Return the Markdown of a page per top-level command with its subcommands, by name, and an `index`."""
    from sakuga.cli.app import app

    root = typer.main.get_command(app)
    above = typer.Context(root, info_name="sakuga")
    pages = {name: "\n".join(_page(root.commands[name], name, above)) for name in sorted(root.commands)}
    rows = [f"| [`sakuga {name}`]({name}.md) | {_escape(root.commands[name].help)} |" for name in pages]
    return {**pages, "index": "\n".join([OVERVIEW, *rows, ""])}


def _page(command: Any, name: str, above: Any, depth: int = 1) -> Iterator[str]:
    here = typer.Context(command, info_name=name, parent=above)
    yield f"{'#' * depth} {here.command_path}\n"
    yield f"{_escape(command.help)}\n"
    below = getattr(command, "commands", {})
    if not below:
        yield from _usage(command, here)
    for one in below:
        yield from _page(below[one], one, here, depth + 1)


def _usage(command: Any, here: Any) -> Iterator[str]:
    yield f"```text\n{' '.join([here.command_path, *command.collect_usage_pieces(here)])}\n```\n"
    yield "| | | default |\n|---|---|---|"
    for parameter in command.get_params(here):
        written, text = parameter.get_help_record(here)
        if written != "--help":
            yield row(written, text)
    yield ""


def row(written: str, text: str) -> str:
    """Return a parameter as a table row: its syntax, help and default.

    >>> row("--on <int range>", "frames of each image  [default: (1); 1<=x<=12]")
    '| `--on <int>` | frames of each image; 1<=x<=12 | 1 |'
    >>> row("--size <str>", "N or WxH")
    '| `--size <str>` | N or WxH | |'
    """
    end = LAST.search(text)
    parts = end["extra"].split("; ") if end else []
    defaults = [re.sub(r"^\((.*)\)$", r"\1", part.removeprefix("default: ")) for part in parts if part.startswith("default: ")]
    words = "; ".join([LAST.sub("", text), *(part for part in parts if not part.startswith("default: ") and part != "required")])
    default = "*required*" if "required" in parts else _escape(defaults[0]) if defaults else ""
    return f"| `{written.replace(' range>', '>').replace('|', ' or ')}` | {_escape(words)} | {default} |".replace("|  |", "| |")


def _escape(words: str) -> str:
    """Escape brackets and bars of a help text for Markdown."""
    return re.sub(r"(?<!`)([|<>\[\]*_])(?!`)", r"\\\1", " ".join(words.split()))
