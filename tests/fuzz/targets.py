"""Doors through which bytes from outside come in; each lets them through or refuses them in a sentence."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

from sakuga import SakugaError
from sakuga.datasets.captions import read_text
from sakuga.datasets.clips import read_clip
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.tables import read_table
from sakuga.models.adapters import read_adapter, read_pickle
from sakuga.models.style_files import Style
from sakuga.models.style_metadata import parse_metadata
from sakuga.story.emphasis import read_emphasis
from sakuga.story.film import read_film
from sakuga.story.lint import lint_storyboard
from sakuga.story.llm_answers import answer_error, answer_text, read_body
from sakuga.story.parse_reply import parse_reply
from sakuga.story.scenes import split_scenes
from sakuga.story.style_list import split_styles
from sakuga.studio.animate.recipe_reading import parse_recipe

Target = Callable[[Path], object]
MAX_SHOTS = 40


def film(path: Path) -> None:
    """Read a film, and what is said about its prompts."""
    board = read_film(path).storyboard
    if len(board.shots) <= MAX_SHOTS:
        lint_storyboard(board, len, 77, frozenset({"castle"}))


def style(path: Path) -> None:
    """Read the head of a style's file."""
    _ = Style("style", (path,)).contents


def metadata(path: Path) -> None:
    """Read a style.toml; its errors are ValueErrors, to which the caller adds the place."""
    with contextlib.suppress(ValueError):
        parse_metadata(text_of(path))


def reply(path: Path) -> None:
    """Read a language model's answer; nothing is refused, and nonsense has no shots."""
    body = read_body(text_of(path))
    answer_error(body)
    for text in (text_of(path), answer_text(body)):
        assert all(shot.prompt.strip() for shot in parse_reply(text, 3).shots)


def prompt(path: Path) -> None:
    """Read a prompt, an idea and a list of styles."""
    text = text_of(path)
    read = read_emphasis(text)
    assert len(read.text) == len(read.weights)
    split_scenes(text)
    split_styles(text)


def table(path: Path) -> None:
    """Read a table of captions and a caption."""
    read_text(path, [])
    read_table(path, [])


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


TARGETS: Mapping[str, tuple[str, Target]] = {
    "film": ("film.toml", film),
    "recipe": ("recipe.json", lambda path: parse_recipe(text_of(path), path.name)),
    "style": ("style.safetensors", style),
    "adapter": ("style.safetensors", lambda path: read_adapter(path, "style")),
    "pickle": ("style.pt", lambda path: read_pickle(path, "style")),
    "metadata": ("style.toml", metadata),
    "image": ("image.png", read_image),
    "clip": ("clip.gif", read_clip),
    "table": ("table.csv", table),
    "rows": ("rows.jsonl", table),
    "reply": ("reply.txt", reply),
    "prompt": ("prompt.txt", prompt),
}
"""Each target's file name, and the function that reads it."""


def let_in(name: str, content: bytes, folder: Path) -> None:
    """Hand bytes to a target; raises whatever is no refusal in one sentence, and where a file was written."""
    file, target = TARGETS[name]
    (folder / file).write_bytes(content)
    with contextlib.suppress(SakugaError):
        target(folder / file)
    left = sorted(path.name for path in folder.iterdir())
    assert left == [file], f"files were written: {left}"
