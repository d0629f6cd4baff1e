"""Styles are found by name, folder and file; what is no style is refused with what there is."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sakuga.models.checkpoint_files import Source
from sakuga.models.style_metadata import About, Finishing, PixelFinish, about_text, read_about
from sakuga.models.styles import LORA, StyleError, few_step, find_style, own_styles


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A checkpoint with a style and an adapter for few steps; no more of it is looked at."""
    for place, value in (("styles/comic", 1.0), ("few_step", 2.0)):
        (tmp_path / "model" / place).mkdir(parents=True)
        save_file({"a": torch.tensor(value)}, tmp_path / "model" / place / LORA)
    (tmp_path / "model" / "styles" / "comic" / "style.toml").write_text('trigger = "comic book style"\n')
    return Source("model", tmp_path / "model")


def test_a_style_is_named_by_its_weights_alone(source: Source, tmp_path: Path) -> None:
    own = find_style("comic", source)
    assert (own.name, own.trigger) == ("comic", "comic book style")
    assert own_styles(source) == {"comic": own}
    copy = shutil.copy(own.files[0], tmp_path / "mine.safetensors")
    alone = find_style(str(copy), source)
    assert alone.trigger == ""
    assert alone.digest == own.digest == find_style(str(own.folder), source).digest
    quick = few_step(source)
    assert quick is not None
    assert quick.digest != own.digest


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("comics", "did you mean 'comic'"),
        ("watercolor", "'model' has comic"),
        ("EMPTY", f"holds no {LORA}"),
        ("FILE", "is a pickle, which can run code"),
        ("BROKEN", "style.toml cannot be read"),
    ],
)
def test_what_is_no_style_is_refused(source: Source, tmp_path: Path, name: str, said: str) -> None:
    places = {"EMPTY": tmp_path / "empty", "FILE": tmp_path / "lora.bin", "BROKEN": tmp_path / "broken"}
    places["EMPTY"].mkdir()
    places["FILE"].write_bytes(b"x")
    shutil.copytree(source.folder / "styles" / "comic", places["BROKEN"])
    (places["BROKEN"] / "style.toml").write_text('word = "comic"\n')
    with pytest.raises(StyleError, match=said) as caught:
        find_style(str(places.get(name, name)), source)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("weight = 9.0", "weight: input should be less than or equal to 4"),
        ("suffix = 3", "suffix: input should be a valid string"),
        ("[finishing.pixel]\ngrids = 4", "nothing reads its key finishing.pixel.grids"),
        ("[finishing]\ngrain = 2.0", "finishing.grain: input should be less than or equal to 1"),
    ],
)
def test_what_a_style_cannot_say_of_itself_is_refused_by_its_key(source: Source, text: str, said: str) -> None:
    (source.folder / "styles" / "comic" / "style.toml").write_text(text)
    with pytest.raises(StyleError) as caught:
        find_style("comic", source)
    assert said in str(caught.value)


def test_what_is_said_of_a_style_is_written_as_it_is_read() -> None:
    about = About(trigger="pixel art", suffix="8 bit", weight=0.5, finishing=Finishing(grain=0.25, pixel=PixelFinish(palette="gameboy")))
    assert read_about(about_text(about)) == about
    assert about_text(About()) == ""


def test_a_checkpoint_without_styles_says_so(tmp_path: Path) -> None:
    bare = Source("bare", tmp_path)
    assert own_styles(bare) == {}
    assert few_step(bare) is None
    with pytest.raises(StyleError, match="no style 'comic': 'bare' has none of its own"):
        find_style("comic", bare)
