"""Pages from notebooks: their text, and their cells as code."""

import json
from pathlib import Path

OVERVIEW = """# Notebooks

Each runs on the Sketchbook in well under a minute on a laptop, and with a larger model on a hosted notebook with a GPU: set `MODEL`
in the first cells to a hub id or a folder. They are in `notebooks/` of the repository, and its tests run them.

| | |
|---|---|
"""


def notebook_pages(folder: Path) -> dict[str, str]:
    """Return the Markdown of each notebook of a folder by name, and an `index`."""
    read = {file.stem: json.loads(file.read_text("utf-8"))["cells"] for file in sorted(folder.glob("*.ipynb"))}
    rows = [f"| [{title(cells)}]({name}.md) | {_first_words(cells)} |\n" for name, cells in read.items()]
    return {**{name: _page(cells, f"{name}.ipynb") for name, cells in read.items()}, "index": OVERVIEW + "".join(rows)}


def title(cells: list[dict[str, list[str]]]) -> str:
    """Return the heading of a notebook."""
    return "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")


def _first_words(cells: list[dict[str, list[str]]]) -> str:
    return "".join(cells[0]["source"]).split("\n\n")[1].replace("\n", " ")


def _page(cells: list[dict[str, list[str]]], link: str) -> str:
    first, *others = (_cell(str(cell["cell_type"]), "".join(cell["source"])) for cell in cells)
    return "\n\n".join([first, f"[Download this notebook]({link}){{ .md-button download }}", *others]) + "\n"


def _cell(kind: str, source: str) -> str:
    return source if kind == "markdown" else f"```python\n{source}\n```"
