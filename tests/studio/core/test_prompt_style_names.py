"""Styles in prompts are applied as --style applies them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga import studio
from sakuga.models.adapters import Adapter, LearnedWord, write_embeddings
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_files import StyleError
from sakuga.story.film import Film
from sakuga.story.settings import FilmSettings
from sakuga.story.storyboard import Bible, Shot, Storyboard
from sakuga.studio.core.prompt_style_names import film_with_named_styles, named_styles
from sakuga.studio.core.styles import StyleFinder


@pytest.fixture
def finder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StyleFinder:
    """Return the Sketchbook's styles, beside a library with the embedding `charm`, whose word is <charm>."""
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path))
    word = LearnedWord(trigger="<charm>", vectors={"text_encoder": torch.ones(1, 256)})
    (tmp_path / "styles").mkdir()
    write_embeddings(Adapter(name="charm", learned_words=(word,)), tmp_path / "styles" / "charm.safetensors")
    return StyleFinder(find_checkpoint())


def image(prompt: str, style: str | None = None) -> np.ndarray:
    settings = FilmSettings(steps=2, size=(128, 128), style=style)
    return np.asarray(studio.draw(prompt, settings=settings).result().images[0])


def test_a_tag_is_the_option(finder: StyleFinder) -> None:
    assert np.array_equal(image("a castle <lora:comic:0.8>"), image("a castle", "comic:0.8"))
    assert not np.array_equal(image("a castle <lora:comic:0.8>"), image("a castle"))


def test_embeddings_are_applied_by_name_and_by_word(finder: StyleFinder) -> None:
    by_name = named_styles("a castle, embedding:charm", finder)
    assert (by_name.prompt, by_name.styles) == ("a castle, <charm>", ("charm",))
    assert named_styles("a castle, <charm>", finder).styles == ("charm",)
    assert named_styles("grey, <charm>", finder, negative=True).styles == ("charm:0",)
    assert named_styles("a charming castle", finder).styles == ()


def test_unknown_styles_and_loras_as_embeddings_are_refused(finder: StyleFinder) -> None:
    with pytest.raises(StyleError, match="no style 'nothing'"):
        named_styles("a castle, embedding:nothing", finder)
    with pytest.raises(StyleError, match="'comic' is no embedding: write <lora:comic:1>"):
        named_styles("a castle, embedding:comic", finder)
    with pytest.raises(StyleError, match="no style 'nothing'"):
        image("a castle <lora:nothing:1>")


def test_tags_in_a_film_become_styles_of_the_shots(finder: StyleFinder) -> None:
    shots = (Shot(prompt="a castle <lora:ink:0.5>", seconds=1, seed=1), Shot(prompt="a tree", seconds=1, seed=2))
    film = Film(settings=FilmSettings(style="comic", negative="grey, <charm>"), storyboard=Storyboard(idea="", bible=Bible(), shots=shots))
    taken = film_with_named_styles(film, finder)
    assert [(shot.prompt, shot.style) for shot in taken.storyboard.shots] == [
        ("a castle", "comic, ink:0.5, charm:0"),
        ("a tree", "comic, charm:0"),
    ]
    plain = Film(settings=FilmSettings(), storyboard=Storyboard(idea="", bible=Bible(), shots=(shots[1],)))
    assert film_with_named_styles(plain, finder) is plain
