"""Pages that the site generates from code, and what it refuses; `make site` builds all of it strictly."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import typer

from sakuga import studio
from sakuga.cli.app import app

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch):
    """Import a module of docs/site as its hooks do."""
    monkeypatch.syspath_prepend(DOCS / "site")

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def test_every_command_and_option_is_on_a_page(part) -> None:
    pages, root = part("commands").command_pages(), typer.main.get_command(app)

    def below(command, path: list[str]):
        yield path, command
        for name, subcommand in getattr(command, "commands", {}).items():
            yield from below(subcommand, [*path, name])

    for path, command in below(root, []):
        page = pages[path[0]] if path else pages["index"]
        assert f"# {' '.join(['sakuga', *path])}\n" in page or not path
        for option in (name for parameter in command.params for name in parameter.opts if name.startswith("--")):
            assert option in page, f"{path} {option}"


def test_a_row_shows_requirement_default_and_range(part) -> None:
    row = part("commands").row
    assert row("--out <path>", "the clip  [required]") == "| `--out <path>` | the clip | *required* |"
    assert row("--on <int range>", "frames of each  [default: (1); 1<=x<=12]") == r"| `--on <int>` | frames of each; 1\<=x\<=12 | 1 |"
    assert row("DIR|CSV", "a_b | c") == r"| `DIR or CSV` | a\_b \| c | |"


def test_all_of_studio_is_in_the_reference() -> None:
    text = "".join(page.read_text() for page in (DOCS / "python").glob("*.md"))
    missing = [name for name in studio._PLACES if f"::: sakuga.studio.{name}\n" not in text and f".{name}.{name}\n" not in text]
    assert not missing, f"docs/python/ lacks {', '.join(missing)}"


def test_citations_are_read_with_their_places(part, tmp_path: Path) -> None:
    package = tmp_path / "toy"
    package.mkdir()
    (package / "sums.py").write_text(
        '"""Sums (Ho et al. 2020, equation 4)."""\n'
        'ROUND = 3\n"""How round (Ahonen, Hadid and Pietikäinen 2006)."""\n'
        "class Sum:\n    def add(self):\n"
        '        """Add up. In March 2020 it was slow (DDIM: Song et al. 2021, eq. 12; Rom 1974, equations 1 to 3)."""\n'
    )
    found = [(citation.paper, citation.place, citation.name, citation.summary) for citation in part("papers").citations(package)]
    assert found[:2] == [
        ("Ho et al. 2020", "equation 4", "toy.sums", "Sums."),
        ("Ahonen, Hadid and Pietikäinen 2006", "", "toy.sums.ROUND", "How round."),
    ]
    assert found[3:] == [
        ("Song et al. 2021", "eq. 12", "toy.sums.Sum.add", "Add up."),
        ("Rom 1974", "equations 1 to 3", "toy.sums.Sum.add", "Add up."),
    ]


def test_a_paper_without_a_title_and_an_uncited_one_are_refused(part, tmp_path: Path) -> None:
    (tmp_path / "sums.py").write_text('"""Sums (Nobody 1999)."""\n')
    with pytest.raises(ValueError, match=r"papers.toml .*give Nobody 1999 .*take out .*Ho et al. 2020"):
        part("papers").papers_page(tmp_path, ())


def test_every_cited_paper_is_on_the_page_and_linked_where_possible(part) -> None:
    page = part("papers").papers_page(ROOT / "src" / "sakuga", ("sakuga.diffusion.",))
    assert "[`sakuga.diffusion.interpolation.slerp`][sakuga.diffusion.interpolation.slerp] (section 3.3)" in page
    assert "Animating Rotation with Quaternion Curves" in page
    assert all(paper in page for paper in part("papers").books())


def test_pages_that_fetch_from_other_hosts_are_found(part, tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text(
        '<link rel="canonical" href="https://example.org/"><a href="https://example.org">a</a>'
        '<img src="a.png"><img src="data:image/png;base64,//8=">'
    )
    (tmp_path / "good.css").write_text("a { background: url(a.png) } /* https://example.org */")
    assert not list(part("network").fetched_from_elsewhere(tmp_path))
    (tmp_path / "bad.html").write_text(
        '<script src="https://example.org/a.js"></script><link rel="stylesheet" href="//example.org/a.css">'
        '<img srcset="a.png 1x, https://example.org/b.png 2x"><p style="background: url(http://example.org/c.png)">'
        '<style>@import "https://example.org/d.css"</style><pre class="mermaid">'
    )
    (tmp_path / "bad.css").write_text("@font-face { src: url('https://example.org/f.woff2') }")
    found = "\n".join(part("network").fetched_from_elsewhere(tmp_path))
    assert all(name in found for name in ("a.js", "a.css", "b.png", "c.png", "d.css", "mermaid", "f.woff2"))
    assert "good" not in found


def test_a_notebook_becomes_a_page(part, tmp_path: Path) -> None:
    cells = [{"cell_type": "markdown", "source": ["# Draw\n", "\n", "An image."]}, {"cell_type": "code", "source": ["draw()"]}]
    (tmp_path / "draw.ipynb").write_text(json.dumps({"cells": cells}))
    pages = part("notebook_pages").notebook_pages(tmp_path)
    assert "| [Draw](draw.md) | An image. |" in pages["index"]
    assert pages["draw"].startswith("# Draw\n\nAn image.\n\n[Download")
    assert pages["draw"].endswith("```python\ndraw()\n```\n")


@pytest.fixture
def shown(part) -> Callable[[str], str]:
    """Process Markdown of the page docs/studies/README.md as the site does."""
    from mkdocs.config import load_config
    from mkdocs.structure.files import File
    from mkdocs.structure.pages import Page

    config = load_config(str(ROOT / "mkdocs.yml"))
    page = Page(None, File("studies/README.md", str(DOCS), "", use_directory_urls=False), config)
    return lambda markdown: part("hooks").on_page_markdown(markdown, page=page)


def test_commands_are_highlighted_and_lists_stay_lists(shown: Callable[[str], str]) -> None:
    assert shown("Generate:\n\n    sakuga draw\n    sakuga vary\n\nNext") == "Generate:\n\n```bash\nsakuga draw\nsakuga vary\n```\n\nNext\n"
    listed = "-   **Draw**\n\n    an image\n"
    assert shown(listed) == f"{listed}\n"
    assert "```toml\n[film]\n" in shown('Write\n\n    [film]\n    style = ""\n\n')


def test_links_to_sources_lead_to_their_pages_and_other_links_outside_become_text(shown: Callable[[str], str]) -> None:
    assert (
        shown("[commands](../../src/sakuga/cli), [papers](../site/papers.toml)")
        == "[commands](../commands/index.md), [papers](../papers.md)\n"
    )
    assert shown("[film](../film.md) by [this](../../benchmarks/proofs.py)") == "[film](../film.md) by this\n"
