"""Words that were learnt by Textual Inversion: read in every layout, worn as diffusers wears them, and gone afterwards."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from sakuga.models.adapters import Adapter, AdapterError, Word, read_adapter, write_words
from sakuga.models.applied_adapters import wearing
from sakuga.models.checkpoint import Checkpoint, load
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.tokenization import tokens_of

VECTORS = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
PROMPTS = ["a <gold-cat> by the sea", "<gold-cat>", "a portrait of <GOLD-cat>, a party", "no cat at all", "<gold-cat> " * 40]


@pytest.fixture(scope="module")
def checkpoint(tiny_folder: Path) -> Checkpoint:
    return load(find_checkpoint(str(tiny_folder)))


@pytest.fixture
def cat() -> Adapter:
    return Adapter(name="cat", words=(Word(trigger="<gold-cat>", vectors={"text_encoder": VECTORS}),))


def test_a_word_is_read_as_diffusers_reads_it(checkpoint: Checkpoint, tiny_folder: Path, cat: Adapter) -> None:
    other = load(find_checkpoint(str(tiny_folder)))
    pipeline: Any = StableDiffusionPipeline(
        other.vae, other.text_encoder, other.tokenizer, other.unet, DDIMScheduler.from_config(other.schedule), None, None, None, False
    )
    pipeline.load_textual_inversion({"<gold-cat>": VECTORS})
    with wearing(checkpoint, [(cat, 1.0)]):
        for prompt in PROMPTS:
            theirs, _ = pipeline.encode_prompt(prompt.lower(), "cpu", 1, False)
            torch.testing.assert_close(checkpoint.encode_text([prompt]), theirs, atol=1e-5, rtol=1e-5)


def test_it_is_worn_and_comes_off_to_the_bit(checkpoint: Checkpoint, cat: Adapter) -> None:
    before, table = checkpoint.encode_text(PROMPTS), checkpoint.text_encoder.get_input_embeddings().weight
    kept = table.clone()
    with wearing(checkpoint, [(cat, 1.0)]):
        worn = checkpoint.encode_text(PROMPTS)
        assert [torch.equal(*pair) for pair in zip(before, worn, strict=True)] == [False, False, False, True, False]
        assert checkpoint.count_tokens("a <gold-cat>") == 6
        assert not torch.equal(checkpoint.encode_text(["a (<gold-cat>:1.4)"]), checkpoint.encode_text(["a <gold-cat>"]))
        over = checkpoint.overlong(PROMPTS[-1])
        assert over is not None
        assert over.unread.startswith("<gold-cat>")
    with pytest.raises(ZeroDivisionError), wearing(checkpoint, [(cat, 1.0)]):
        1 / 0  # noqa: B018
    assert checkpoint.text_encoder.get_input_embeddings().weight is table
    assert torch.equal(table, kept)
    assert checkpoint.count_tokens("a <gold-cat>") == 13
    assert torch.equal(checkpoint.encode_text(PROMPTS), before)


@pytest.mark.parametrize(
    ("tensors", "trigger"),
    [({"<cat>": VECTORS}, "<cat>"), ({"<cat>": VECTORS[0]}, "<cat>"), ({"emb_params": VECTORS}, "neon"), ({"clip_l": VECTORS}, "neon")],
)
def test_every_layout_of_embeddings_is_read(tmp_path: Path, tensors: dict[str, torch.Tensor], trigger: str) -> None:
    save_file({key: value.contiguous() for key, value in tensors.items()}, tmp_path / "neon.safetensors")
    (word,) = read_adapter(tmp_path / "neon.safetensors", "style").words
    assert word.trigger == trigger
    given = next(iter(tensors.values()))
    assert torch.equal(word.vectors["text_encoder"], given.reshape(-1, 32))
    write_words(Adapter(name="style", words=(word,)), tmp_path / "learned_embeds.safetensors")
    assert torch.equal(load_file(tmp_path / "learned_embeds.safetensors")[trigger], given.reshape(-1, 32))


def test_an_embedding_for_xl_has_two_parts_and_is_told(tmp_path: Path) -> None:
    save_file({"clip_l": torch.ones(2, 768), "clip_g": torch.ones(2, 1280)}, tmp_path / "neon.safetensors")
    read = read_adapter(tmp_path / "neon.safetensors", "neon")
    assert read.family == "sdxl"
    write_words(read, tmp_path / "again.safetensors")
    assert load_file(tmp_path / "again.safetensors").keys() == {"clip_l", "clip_g"}


def test_words_that_do_not_fit_are_refused(checkpoint: Checkpoint, cat: Adapter) -> None:
    wide = Adapter(name="wide", words=(Word(trigger="<dog>", vectors={"text_encoder": torch.ones(1, 768)}),))
    with (
        pytest.raises(AdapterError, match=r"made for Stable Diffusion 1.x: .*'<dog>' has 768 channels for text_encoder, .* 32"),
        wearing(checkpoint, [(wide, 1.0)]),
    ):
        pass
    with pytest.raises(AdapterError, match="two styles bring the word '<gold-cat>'"), wearing(checkpoint, [(cat, 1.0), (cat, 0.5)]):
        pass


@cache
def tokenizer() -> Any:
    return CLIPTokenizer.from_pretrained(find_checkpoint().folder / "tokenizer")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_texts_without_learnt_words_are_read_as_the_tokenizer_reads_them(text: str) -> None:
    whole = tokenizer()(text, return_offsets_mapping=True, verbose=False)
    read = tokens_of(tokenizer(), text, {"<gold-cat>": (1, 2)} if "gold" not in text.lower() else {})
    assert list(read.ids) == whole.input_ids
    assert list(read.places) == whole.offset_mapping


def test_a_word_is_found_whole() -> None:
    words = {"art": (7001, 7002), "<art>": (7003,)}
    learnt = {text: [number for number in tokens_of(tokenizer(), text, words).ids if number > 7000] for text in ("party", "Art", "x<art>y")}
    assert learnt == {"party": [], "Art": [7001, 7002], "x<art>y": [7003]}
