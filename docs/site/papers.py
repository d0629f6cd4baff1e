"""The page of papers: which one stands behind which function, taken from the docstrings."""

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
    """A paper, as a docstring names it, where in it, and what the docstring is of."""

    paper: str
    place: str
    name: str
    """The dotted name of the module, class, function or constant."""
    words: str
    """Its first sentence."""


def citations(root: Path) -> list[Citation]:
    """Read the papers that the docstrings of a package name, in the order of its files."""
    return [found for file in sorted(root.rglob("*.py")) for found in _of_file(file, root.parent)]


def _of_file(file: Path, above: Path) -> Iterator[Citation]:
    module = ".".join(file.relative_to(above).with_suffix("").parts).removesuffix(".__init__")
    for name, text in _docstrings(ast.parse(file.read_text("utf-8")), module):
        words = " ".join(text.split())
        for found in CITED.finditer(words):
            yield Citation(paper=found["paper"], place=found["place"] or "", name=name, words=first_sentence(words))


def _docstrings(tree: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    """Yield each docstring below a node with the dotted name of what it is of; a constant's stands below it."""
    if isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef) and (own := ast.get_docstring(tree)):
        yield name, own
    body = getattr(tree, "body", [])
    for above, node in zip([None, *body], body, strict=False):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield from _docstrings(node, f"{name}.{node.name}")
        elif (of := _assigned(above)) and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield f"{name}.{of}", str(node.value.value)


def _assigned(node: ast.AST | None) -> str:
    """Return the name that a statement gives a value to, if it does."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name), *_]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case ast.Assign(targets=[ast.Tuple(elts=[*names])]):
            return ", ".join(one.id for one in names if isinstance(one, ast.Name))
    return ""


def first_sentence(words: str) -> str:
    """Return the first sentence, without what its brackets cite.

    >>> first_sentence("Return the change (LoRA, Hu et al. 2022, equation 3), in its own shape. More.")
    'Return the change, in its own shape.'
    """
    bare = re.sub(r" \([^()]*(?:19|20)\d\d[^()]*\)", "", words)
    return re.split(r"(?<=[.]) (?=[A-Z`\">])", f"{bare.rstrip(':')} ")[0].strip()


def books() -> dict[str, dict[str, str]]:
    """Return the bibliography: for each paper, as docstrings name it, its title and where it appeared."""
    return tomllib.loads(BOOK.read_text("utf-8"))


def papers_page(root: Path, linked: tuple[str, ...]) -> str:
    """Return the Markdown of the page, by what stands on a paper first; names that begin with one of `linked` lead to the reference.

    Raises ValueError for a paper that docstrings name and papers.toml does not hold, and for one that nothing names.
    """
    known, by_paper = books(), defaultdict[str, list[Citation]](list)
    for one in citations(root):
        by_paper[one.paper].append(one)
    if set(by_paper) != set(known):
        new, old = (", ".join(sorted(one)) or "none" for one in (by_paper.keys() - known, known.keys() - by_paper))
        raise ValueError(f"docs/site/papers.toml is to hold what docstrings name: give {new} a title there, and take out {old}")
    lines, left = [INTRODUCTION], sorted(by_paper)
    for title, rooms in PARTS.items():
        here = [paper for paper in left if rooms & {one.name.split(".")[1] for one in by_paper[paper]}]
        left = [paper for paper in left if paper not in here]
        lines += [f"## {title}\n", *(line for paper in here for line in _entry(paper, known[paper], by_paper[paper], linked))]
    return "\n".join(lines)


INTRODUCTION = """# Papers

Every formula in sakuga names its source where it is written, down to the equation. This page is gathered from those docstrings: each
paper, and what stands on it.
"""
PARTS = {
    "Drawing": {"diffusion", "models", "rendering"},
    "Teaching": {"training"},
    "Motion, colour, surface": {"finishing", "timeline", "export"},
    "Training sets": {"datasets"},
    "Measuring": {"evaluation", "studies", "studio"},
    "The Sketchbook's world, and the rest": {"sketchbook", "story", "cli", "web"},
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
        yield f"- {shown}{f' ({places})' if places else ''}: {ones[0].words}"
    yield ""
