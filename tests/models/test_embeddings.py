"""Learned words (Textual Inversion): read in every layout, applied as in diffusers, removed to the bit."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTokenizer

from sakuga.models.adapters import Adapter, AdapterError, LearnedWord, read_adapter, write_embeddings
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.tokenization import tokenize

VECTORS = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
PROMPTS = ["a <gold-cat> by the sea", "<gold-cat>", "a portrait of <GOLD-cat>, a party", "no cat at all", "<gold-cat> " * 40]


@pytest.fixture(scope="module")
def checkpoint(tiny_folder: Path) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(tiny_folder)))


@pytest.fixture
def cat() -> Adapter:
    return Adapter(name="cat", learned_words=(LearnedWord(trigger="<gold-cat>", vectors={"text_encoder": VECTORS}),))


def test_a_learned_word_is_encoded_as_in_diffusers(checkpoint: Checkpoint, tiny_folder: Path, cat: Adapter) -> None:
    other = load_checkpoint(find_checkpoint(str(tiny_folder)))
    pipeline: Any = StableDiffusionPipeline(
        other.vae,
        CLIPTextModel.from_pretrained(other.files.folder / "text_encoder"),
        CLIPTokenizer.from_pretrained(other.files.folder / "tokenizer"),
        other.unet,
        DDIMScheduler.from_config(other.scheduler_config),
        None,
        None,
        None,
        False,
    )
    pipeline.load_textual_inversion({"<gold-cat>": VECTORS})
    with applied_adapters(checkpoint, [(cat, 1.0)]):
        for prompt in PROMPTS:
            theirs, _ = pipeline.encode_prompt(prompt.lower(), "cpu", 1, False)
            torch.testing.assert_close(checkpoint.encode_prompts([prompt]), theirs, atol=1e-5, rtol=1e-5)


def test_a_word_is_applied_and_removed_to_the_bit(checkpoint: Checkpoint, cat: Adapter) -> None:
    before, table = checkpoint.encode_prompts(PROMPTS), checkpoint.text_encoder.get_input_embeddings().weight
    original = table.clone()
    with applied_adapters(checkpoint, [(cat, 1.0)]):
        applied = checkpoint.encode_prompts(PROMPTS)
        assert [torch.equal(*pair) for pair in zip(before, applied, strict=True)] == [False, False, False, True, False]
        assert checkpoint.count_tokens("a <gold-cat>") == 6
        assert not torch.equal(checkpoint.encode_prompts(["a (<gold-cat>:1.4)"]), checkpoint.encode_prompts(["a <gold-cat>"]))
        over = checkpoint.truncated_prompt(PROMPTS[-1])
        assert over is not None
        assert over.ignored.startswith("<gold-cat>")
    with pytest.raises(ZeroDivisionError), applied_adapters(checkpoint, [(cat, 1.0)]):
        1 / 0  # noqa: B018
    assert checkpoint.text_encoder.get_input_embeddings().weight is table
    assert torch.equal(table, original)
    assert checkpoint.count_tokens("a <gold-cat>") == 13
    assert torch.equal(checkpoint.encode_prompts(PROMPTS), before)


@pytest.mark.parametrize(
    ("tensors", "trigger"),
    [({"<cat>": VECTORS}, "<cat>"), ({"<cat>": VECTORS[0]}, "<cat>"), ({"emb_params": VECTORS}, "neon"), ({"clip_l": VECTORS}, "neon")],
)
def test_every_layout_of_embeddings_is_read(tmp_path: Path, tensors: dict[str, torch.Tensor], trigger: str) -> None:
    save_file({key: value.contiguous() for key, value in tensors.items()}, tmp_path / "neon.safetensors")
    (word,) = read_adapter(tmp_path / "neon.safetensors", "style").learned_words
    assert word.trigger == trigger
    given = next(iter(tensors.values()))
    assert torch.equal(word.vectors["text_encoder"], given.reshape(-1, 32))
    write_embeddings(Adapter(name="style", learned_words=(word,)), tmp_path / "learned_embeds.safetensors")
    assert torch.equal(load_file(tmp_path / "learned_embeds.safetensors")[trigger], given.reshape(-1, 32))


def test_an_sdxl_embedding_has_vectors_for_both_encoders(tmp_path: Path) -> None:
    save_file({"clip_l": torch.ones(2, 768), "clip_g": torch.ones(2, 1280)}, tmp_path / "neon.safetensors")
    read = read_adapter(tmp_path / "neon.safetensors", "neon")
    assert read.family == "sdxl"
    write_embeddings(read, tmp_path / "again.safetensors")
    assert load_file(tmp_path / "again.safetensors").keys() == {"clip_l", "clip_g"}


def test_words_of_other_models_are_refused(checkpoint: Checkpoint, cat: Adapter) -> None:
    wide = Adapter(name="wide", learned_words=(LearnedWord(trigger="<dog>", vectors={"text_encoder": torch.ones(1, 768)}),))
    with (
        pytest.raises(AdapterError, match=r"trained for Stable Diffusion 1.x: .*'<dog>' has 768 channels for text_encoder, .* 32"),
        applied_adapters(checkpoint, [(wide, 1.0)]),
    ):
        pass
    with (
        pytest.raises(AdapterError, match="two styles have the word '<gold-cat>'"),
        applied_adapters(checkpoint, [(cat, 1.0), (cat, 0.5)]),
    ):
        pass


@cache
def tokenizer() -> Any:
    return CLIPTokenizer.from_pretrained(find_checkpoint().folder / "tokenizer")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_texts_without_learned_words_are_tokenized_as_by_the_tokenizer(text: str) -> None:
    whole = tokenizer()(text, return_offsets_mapping=True, verbose=False)
    read = tokenize(tokenizer(), text, {"<gold-cat>": (1, 2)} if "gold" not in text.lower() else {})
    assert list(read.ids) == whole.input_ids
    assert list(read.offsets) == whole.offset_mapping


def test_learned_words_match_as_whole_words() -> None:
    words = {"art": (7001, 7002), "<art>": (7003,)}
    learned = {text: [number for number in tokenize(tokenizer(), text, words).ids if number > 7000] for text in ("party", "Art", "x<art>y")}
    assert learned == {"party": [], "Art": [7001, 7002], "x<art>y": [7003]}
