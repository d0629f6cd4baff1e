"""Lookup of styles, and refusal of what is none."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sakuga.models import style_files
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.style_files import LORA_FILE, StyleError, read_card, read_metadata
from sakuga.models.style_metadata import Finishing, PixelFinish, StyleMetadata, format_metadata, parse_metadata
from sakuga.models.styles import checkpoint_styles, few_step_adapter, find_style


@pytest.fixture
def source(tmp_path: Path) -> CheckpointFiles:
    """A checkpoint with a style and an adapter for few steps; no more of it is looked at."""
    for place, value in (("styles/comic", 1.0), ("few_step", 2.0)):
        (tmp_path / "model" / place).mkdir(parents=True)
        save_file({"a": torch.tensor(value)}, tmp_path / "model" / place / LORA_FILE)
    (tmp_path / "model" / "styles" / "comic" / "style.toml").write_text('trigger = "comic book style"\n')
    return CheckpointFiles("model", tmp_path / "model")


def test_a_styles_digest_depends_on_its_weights_alone(source: CheckpointFiles, tmp_path: Path) -> None:
    own = find_style("comic", source)
    assert (own.name, own.trigger) == ("comic", "comic book style")
    assert checkpoint_styles(source) == {"comic": own}
    copy = shutil.copy(own.files[0], tmp_path / "mine.safetensors")
    alone = find_style(str(copy), source)
    assert alone.trigger == ""
    assert alone.digest == own.digest == find_style(str(own.folder), source).digest
    quick = few_step_adapter(source)
    assert quick is not None
    assert quick.digest != own.digest


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("comics", "did you mean 'comic'"),
        ("watercolor", "'model' has comic"),
        ("EMPTY", f"has no {LORA_FILE}"),
        ("FILE", "is a pickle, which can run code"),
        ("BROKEN", "cannot read .*style.toml"),
    ],
)
def test_invalid_styles_are_refused_with_a_reason(source: CheckpointFiles, tmp_path: Path, name: str, message: str) -> None:
    places = {"EMPTY": tmp_path / "empty", "FILE": tmp_path / "lora.bin", "BROKEN": tmp_path / "broken"}
    places["EMPTY"].mkdir()
    places["FILE"].write_bytes(b"x")
    shutil.copytree(source.folder / "styles" / "comic", places["BROKEN"])
    (places["BROKEN"] / "style.toml").write_text('word = "comic"\n')
    with pytest.raises(StyleError, match=message) as caught:
        find_style(str(places.get(name, name)), source)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weight = 9.0", "weight: input should be less than or equal to 4"),
        ("suffix = 3", "suffix: input should be a valid string"),
        ("[finishing.pixel]\ngrids = 4", "unknown key finishing.pixel.grids"),
        ("[finishing]\ngrain = 2.0", "finishing.grain: input should be less than or equal to 1"),
    ],
)
def test_invalid_metadata_is_refused_with_its_key(source: CheckpointFiles, text: str, message: str) -> None:
    (source.folder / "styles" / "comic" / "style.toml").write_text(text)
    with pytest.raises(StyleError) as caught:
        find_style("comic", source)
    assert message in str(caught.value)


def test_metadata_round_trips() -> None:
    about = StyleMetadata(
        trigger="pixel art", suffix="8 bit", weight=0.5, finishing=Finishing(grain=0.25, pixel=PixelFinish(palette="gameboy"))
    )
    assert parse_metadata(format_metadata(about)) == about
    assert format_metadata(StyleMetadata()) == ""


def test_a_checkpoint_without_styles_is_named_in_the_error(tmp_path: Path) -> None:
    bare = CheckpointFiles("bare", tmp_path)
    assert checkpoint_styles(bare) == {}
    assert few_step_adapter(bare) is None
    with pytest.raises(StyleError, match="no style 'comic': 'bare' has none of its own"):
        find_style("comic", bare)


def test_each_file_is_parsed_once_until_it_changes(source: CheckpointFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def count(read: Any, name: str) -> Any:
        return lambda value: (reads.append(name), read(value))[1]

    monkeypatch.setattr(style_files, "parse_metadata", count(style_files.parse_metadata, "metadata"))
    monkeypatch.setattr(style_files, "read_header", count(style_files.read_header, "header"))
    style_files._read_metadata.cache_clear()
    style_files._read_header.cache_clear()
    assert [find_style("comic", source).contents.layers for _ in range(5)] == [{}] * 5
    assert sorted(reads) == ["header", "metadata"]
    (source.folder / "styles" / "comic" / "style.toml").write_text('trigger = "another look"\n')
    assert find_style("comic", source).trigger == "another look"
    assert sorted(reads) == ["header", "metadata", "metadata"]


def test_a_card_gives_trigger_and_base_model(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nbase_model: owner/model\ninstance_prompt: ink wash\n---\n# A style\n")
    assert read_card(tmp_path) == {"base_model": "owner/model", "instance_prompt": "ink wash"}
    assert read_metadata("ink", tmp_path).trigger == "ink wash"
    (tmp_path / "README.md").write_text("---\n: [\n---\n")
    assert read_card(tmp_path) == {}
