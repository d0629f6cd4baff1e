"""The page of papers: which functions cite which, from the docstrings."""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAME = r"[A-ZÀ-Þ][\w-]+"
PLACE = r"(?:equations?|eq\.|section|table|algorithm|appendix) [\dA-Z](?:[\d.-]*\d)?(?: (?:and|to) \d+)?"
PAPER = rf"(?:{NAME} et al\.|(?:{NAME}, )*{NAME} and {NAME}|{NAME}) (?:19\d\d|20[0-3]\d)"
CITED = re.compile(rf"(?P<paper>{PAPER})(?:[,:] [\w ]*?(?P<place>{PLACE}))?")
BOOK = Path(__file__).with_name("papers.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A citation in a docstring: paper, place in it, and the citing name."""

    paper: str
    place: str
    name: str
    """Dotted name of the module, class, function or constant."""
    summary: str
    """First sentence of the docstring."""


def citations(root: Path) -> list[Citation]:
    """Return the citations in a package's docstrings, in the order of its files."""
    return [found for file in sorted(root.rglob("*.py")) for found in _of_file(file, root.parent)]


def _of_file(file: Path, above: Path) -> Iterator[Citation]:
    module = ".".join(file.relative_to(above).with_suffix("").parts).removesuffix(".__init__")
    for name, text in _docstrings(ast.parse(file.read_text("utf-8")), module):
        joined = " ".join(text.split())
        for found in CITED.finditer(joined):
            yield Citation(paper=found["paper"], place=found["place"] or "", name=name, summary=first_sentence(joined))


def _docstrings(tree: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    """Yield the dotted name and docstring of everything below a node; a constant's docstring follows it."""
    if isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef) and (own := ast.get_docstring(tree)):
        yield name, own
    body = getattr(tree, "body", [])
    for above, node in zip([None, *body], body, strict=False):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield from _docstrings(node, f"{name}.{node.name}")
        elif (of := _assigned(above)) and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield f"{name}.{of}", str(node.value.value)


def _assigned(node: ast.AST | None) -> str:
    """Return the name that a statement assigns, or an empty text."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name), *_]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case ast.Assign(targets=[ast.Tuple(elts=[*names])]):
            return ", ".join(one.id for one in names if isinstance(one, ast.Name))
    return ""


def first_sentence(text: str) -> str:
    """Return the first sentence, without citations in brackets.

    >>> first_sentence("Return the change (LoRA, Hu et al. 2022, equation 3), in its own shape. More.")
    'Return the change, in its own shape.'
    """
    bare = re.sub(r" \([^()]*(?:19|20)\d\d[^()]*\)", "", text)
    return re.split(r"(?<=[.]) (?=[A-Z`\">])", f"{bare.rstrip(':')} ")[0].strip()


def books() -> dict[str, dict[str, str]]:
    """Return the bibliography: title and venue of each paper, by its name in docstrings."""
    return tomllib.loads(BOOK.read_text("utf-8"))


def papers_page(root: Path, linked: tuple[str, ...]) -> str:
    """Return the Markdown of the page; names that begin with one of `linked` lead to the reference.

    Raises ValueError for a cited paper that papers.toml lacks, and for one in it that nothing cites.
    """
    known, by_paper = books(), defaultdict[str, list[Citation]](list)
    for one in citations(root):
        by_paper[one.paper].append(one)
    if set(by_paper) != set(known):
        new, old = (", ".join(sorted(one)) or "none" for one in (by_paper.keys() - known, known.keys() - by_paper))
        raise ValueError(f"docs/site/papers.toml must hold exactly the cited papers: give {new} a title there, and take out {old}")
    lines, left = [INTRODUCTION], sorted(by_paper)
    for title, packages in PARTS.items():
        here = [paper for paper in left if packages & {one.name.split(".")[1] for one in by_paper[paper]}]
        left = [paper for paper in left if paper not in here]
        lines += [f"## {title}\n", *(line for paper in here for line in _entry(paper, known[paper], by_paper[paper], linked))]
    return "\n".join(lines)


INTRODUCTION = """# Papers

Every formula in sakuga cites its source in its docstring, down to the equation. This page is generated from those docstrings:
each paper, and the code that cites it.
"""
PARTS = {
    "Generation": {"diffusion", "models", "rendering"},
    "Training": {"training"},
    "Motion, colour, texture": {"finishing", "timeline", "export"},
    "Training sets": {"datasets"},
    "Evaluation": {"evaluation", "studies", "studio"},
    "The Sketchbook's world, and others": {"sketchbook", "story", "cli", "web"},
}


def _entry(paper: str, book: dict[str, str], cited: list[Citation], linked: tuple[str, ...]) -> Iterator[str]:
    yield f"**{paper}**: *{book['title']}*. {book['in']}.\n"
    by_name = defaultdict[str, list[Citation]](list)
    for one in cited:
        by_name[one.name].append(one)
    for name, ones in by_name.items():
        places = ", ".join(dict.fromkeys(one.place for one in ones if one.place))
        public = name.startswith(linked) and not re.search(r"\._", name)
        shown = f"[`{name}`][{name}]" if public else f"`{name}`"
        yield f"- {shown}{f' ({places})' if places else ''}: {ones[0].summary}"
    yield ""
