"""The light tokenizer gives the token numbers of transformers."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.tokenization import PromptTokenizer, load_prompt_tokenizer, tokenize

FOLDER = find_checkpoint("sketchbook").folder
THEIRS = CLIPTokenizer.from_pretrained(FOLDER / "tokenizer")
OURS = load_prompt_tokenizer(FOLDER)
PIECES = [
    "a castle",
    "  two\t spaces\n",
    "it's",
    "don't we'll",
    "é",
    "e\u0301",
    "ÀÉ",
    "12345",
    "!?...",
    "<|endoftext|>",
    "<|startoftext|>",
    "日本",
    "🏰",
    "ſ",
    "İ",
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=6).map("".join)))
def test_token_numbers_and_places_equal_those_of_transformers(text: str) -> None:
    assert isinstance(OURS, PromptTokenizer)
    assert tokenize(OURS, text, {"castle": (1, 2)}) == tokenize(THEIRS, text, {"castle": (1, 2)})
    assert (OURS.bos_token_id, OURS.eos_token_id, OURS.pad_token_id) == (THEIRS.bos_token_id, THEIRS.eos_token_id, THEIRS.pad_token_id)


@pytest.mark.parametrize("padding", ["<|endoftext|>", "!"])
def test_a_folder_of_vocabulary_and_merges_reads_the_same(tmp_path: Path, padding: str) -> None:
    model = json.loads((FOLDER / "tokenizer" / "tokenizer.json").read_text())["model"]
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    styled = {"content": padding, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False, "__type": "AddedToken"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer", "pad_token": styled}))
    ours, theirs = load_prompt_tokenizer(tmp_path), CLIPTokenizer.from_pretrained(folder)
    assert isinstance(ours, PromptTokenizer)
    assert ours.pad_token_id == theirs.pad_token_id
    for text in ("a castle! no!! yes ! 3", "The RED castle", ""):
        assert tokenize(ours, text, {}) == tokenize(theirs, text, {})


def test_tokens_of_a_folders_own_are_left_to_transformers(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "tokenizer", tmp_path / "tokenizer")
    theirs = CLIPTokenizer.from_pretrained(tmp_path / "tokenizer")
    theirs.add_tokens(["<cat-toy>"])
    theirs.save_pretrained(tmp_path / "tokenizer")
    loaded = load_prompt_tokenizer(tmp_path)
    assert isinstance(loaded, CLIPTokenizer)
    assert tokenize(loaded, "a <cat-toy>", {}) == tokenize(theirs, "a <cat-toy>", {})


def test_checking_a_prompt_loads_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from sakuga.studio.core.render_session import RenderSession; "
        "from sakuga.models.checkpoint_lookup import find_checkpoint; "
        "RenderSession(find_checkpoint('sketchbook')).prompt_warnings('a castle'); "
        "print([name for name in ('torch', 'transformers', 'diffusers') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
