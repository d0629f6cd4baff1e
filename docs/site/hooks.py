"""MkDocs hooks: add the pages generated from code, model card, changelog and notebooks."""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

from commands import command_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import Abort
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from network import fetched_from_elsewhere
from notebook_pages import notebook_pages
from papers import papers_page

ROOT = Path(__file__).parent.parent.parent
SOURCE, NOTEBOOKS = ROOT / "src" / "sakuga", ROOT / "notebooks"
NONE_YET = "# Results of the studies\n\nNo study has been run with these weights yet. [How to run one](../studies.md).\n"
GENERATED = {
    "src/sakuga/cli": "commands/index.md",
    "notebooks": "notebooks/index.md",
    "docs/site/papers.toml": "papers.md",
    "src/sakuga/sketchbook/weights/README.md": "card.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""Pages of the site by the source that they are generated from; links to the source lead to the page."""


def on_startup(command: str, **_: Any) -> None:
    """Show only warnings of a build; `--quiet` would hide them from `--strict` too."""
    if command == "build":
        logging.getLogger("mkdocs").setLevel(logging.WARNING)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the pages of commands and notebooks to the navigation, below their overview."""
    found = {
        "commands/index.md": [{f"sakuga {name}": f"commands/{name}.md"} for name in command_pages() if name != "index"],
        "notebooks/index.md": [f"notebooks/{name}.md" for name in notebook_pages(NOTEBOOKS) if name != "index"],
    }
    config.nav = _filled(config.nav, found)
    return config


def _filled(part: Any, found: dict[str, list[Any]]) -> Any:
    match part:
        case list():
            return [_filled(one, found) for one in part]
        case dict():
            return {name: _filled(below, found) for name, below in part.items()}
        case str() if part in found:
            return [part, *found[part]]
    return part


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    made = {
        **{f"commands/{name}.md": text for name, text in command_pages().items()},
        **{f"notebooks/{name}.md": text for name, text in notebook_pages(NOTEBOOKS).items()},
        **{f"notebooks/{file.name}": file.read_text("utf-8") for file in NOTEBOOKS.glob("*.ipynb")},
        "papers.md": papers_page(SOURCE, _shown_whole()),
        "card.md": (SOURCE / "sketchbook" / "weights" / "README.md").read_text("utf-8").replace("../../../../docs/", ""),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text("utf-8").replace("](docs/", "]("),
        "contributing.md": (ROOT / "CONTRIBUTING.md").read_text("utf-8").replace("](docs/", "]("),
    }
    if not files.get_file_from_path("studies/README.md"):
        made["studies/README.md"] = NONE_YET
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


WHOLE = re.compile(r"^::: (sakuga\.(?!studio)[\w.]+)$", re.MULTILINE)


def _shown_whole() -> tuple[str, ...]:
    """Return the modules that the reference documents as a whole."""
    pages = (ROOT / "docs" / "python").glob("*.md")
    return tuple(f"{name}." for page in pages for name in WHOLE.findall(page.read_text("utf-8")))


BLOCK = re.compile(r"(?:\A|(?<=\n\n))    .*\n(?:\n*    .*\n)*")


LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\(([^()\s#:]+)\)")


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Highlight indented code, and adapt links to files outside docs/."""
    inward = LINK.sub(lambda found: _link(found[1], found[2], page.file.src_uri), markdown)
    return BLOCK.sub(lambda found: _fenced(found[0]), inward + "\n")


def _link(text: str, target: str, source: str) -> str:
    """Return a link for the site: to the generated page of its target, or only its text if the site lacks the target."""
    here = posixpath.dirname(f"docs/{source}")
    path = posixpath.normpath(posixpath.join(here, target))
    if path in GENERATED:
        target = posixpath.relpath(f"docs/{GENERATED[path]}", here)
    elif not path.startswith("docs/"):
        return text
    return f"[{text}]({target})"


def _fenced(block: str) -> str:
    lines = [line.removeprefix("    ") for line in block.splitlines()]
    language = next((name for begin, name in BEGINS.items() if lines[0].startswith(begin)), "")
    return "\n".join([f"```{language}", *lines, "```", ""]) if language else block


BEGINS = {
    **dict.fromkeys(("sakuga ", "make "), "bash"),
    **dict.fromkeys(("from ", "work = "), "python"),
    **dict.fromkeys(("[film]", "[[shots]]", "prompt = "), "toml"),
}
"""Languages of indented blocks by how they begin."""


def on_post_build(config: MkDocsConfig) -> None:
    """Abort if a page fetches anything from another host."""
    if found := list(fetched_from_elsewhere(Path(config.site_dir))):
        raise Abort("these pages fetch from other hosts, which is not allowed:\n" + "\n".join(found))
