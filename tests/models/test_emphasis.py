"""Emphasis moves weighted tokens away from the empty prompt's, and leaves all others to the bit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import CLIPTokenizer

from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint


@pytest.fixture(scope="module", params=["tiny", "sketchbook"])
def checkpoint(request: pytest.FixtureRequest, tiny_folder: Path) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(tiny_folder) if request.param == "tiny" else SKETCHBOOK))


def theirs(checkpoint: Checkpoint) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(checkpoint.files.folder / "tokenizer")


def encoded(checkpoint: Checkpoint, prompt: str) -> torch.Tensor:
    return replace(checkpoint, _prompt_cache={}).encode_prompts([prompt])[0]


def test_weights_of_one_and_escapes_equal_the_plain_encoding_to_the_bit(checkpoint: Checkpoint) -> None:
    plain = encoded(checkpoint, "a red castle")
    with torch.inference_mode():
        ids = theirs(checkpoint)("a red castle", padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        assert torch.equal(plain, checkpoint.text_encoder(ids)[0][0])
    for same in ("a (red:1.0) castle", "(a red castle:1)", "(a (red:1) castle:1)"):
        assert torch.equal(encoded(checkpoint, same), plain)
    bracketed = encoded(checkpoint, r"a \(red\) castle")
    assert not torch.equal(bracketed, plain)
    with torch.inference_mode():
        ids = theirs(checkpoint)("a (red) castle", padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        assert torch.equal(bracketed, checkpoint.text_encoder(ids)[0][0])


def test_only_the_weighted_tokens_change_and_by_their_weight(checkpoint: Checkpoint) -> None:
    plain, empty = encoded(checkpoint, "a red castle"), encoded(checkpoint, "")
    tokens = theirs(checkpoint)("a red castle", return_offsets_mapping=True)
    red = [place for place, (start, stop) in enumerate(tokens.offset_mapping) if start >= 2 and stop in range(3, 6)]
    others = [place for place in range(77) if place not in red]
    for weight in (0.0, 0.5, 1.6):
        emphasized = encoded(checkpoint, f"a (red:{weight}) castle")
        assert torch.equal(emphasized[others], plain[others])
        assert torch.allclose(emphasized[red], empty[red] + weight * (plain[red] - empty[red]), atol=1e-5)
    assert torch.equal(encoded(checkpoint, "a ((red)) castle"), encoded(checkpoint, "a (red:1.21) castle"))


def test_weights_stay_with_their_words_over_capitals_spaces_and_foreign_letters(checkpoint: Checkpoint) -> None:
    plain, emphasized = encoded(checkpoint, "é  Café, A RED castle"), encoded(checkpoint, "é  Café, A (RED:1.5) castle")
    changed = (plain != emphasized).any(dim=1).nonzero()[:, 0].tolist()
    tokens = theirs(checkpoint).convert_ids_to_tokens(theirs(checkpoint)("é  Café, A RED castle").input_ids)
    assert "".join(tokens[place] for place in changed) == "red</w>"


def test_brackets_count_as_no_tokens(checkpoint: Checkpoint) -> None:
    assert checkpoint.count_tokens("a ((red:1.5)) castle") == checkpoint.count_tokens("a red castle")
    long = ", ".join(["a castle"] * 60)
    assert str(checkpoint.truncated_prompt(f"({long}:1.2)")) == str(checkpoint.truncated_prompt(long)).replace(long, f"({long}:1.2)")
    assert encoded(checkpoint, f"({long}:1.2)").shape == encoded(checkpoint, long).shape
