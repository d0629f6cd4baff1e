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

from sakuga.models.adapters import Adapter, AdapterError, LearnedWord, read_adapter, read_pickle, write_embeddings
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.embeddings import check_word, embedding_keys, read_header
from sakuga.models.style_files import Style, StyleError
from sakuga.models.tokenization import tokenize
from sakuga.story.emphasis import read_emphasis

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
    [
        ({"<cat>": VECTORS}, "<cat>"),
        ({"<cat>": VECTORS[0]}, "<cat>"),
        ({"emb_params": VECTORS}, "neon"),
        ({"clip_l": VECTORS}, "neon"),
        ({"emp_params": VECTORS, "emp_params_out": 2 * VECTORS}, "neon"),
        ({"<soft_pastel>": VECTORS}, "<soft_pastel>"),
        ({"<ink.v2>": VECTORS}, "<ink.v2>"),
    ],
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


def test_words_whose_lower_case_is_longer_are_found_at_their_place() -> None:
    text = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE} art, ART"
    tokens = tokenize(tokenizer(), text, {"art": (7001,)})
    assert [text[slice(*place)] for number, place in zip(tokens.ids, tokens.offsets, strict=True) if number == 7001] == ["art", "ART"]


def test_the_word_of_a_bundle_is_applied_with_its_lora(tmp_path: Path) -> None:
    lora = {"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": torch.ones(2, 8)}
    lora |= {"lora_unet_mid_block_attentions_0_proj_in.lora_up.weight": torch.ones(8, 2)}
    file = tmp_path / "bundle.safetensors"
    save_file(lora | {"bundle_emb.my.word.emp_params": VECTORS.contiguous(), "bundle_emb.my.word.emp_params_out": torch.ones(1, 4)}, file)
    read = read_adapter(file, "style")
    assert [word.trigger for word in read.learned_words] == ["my.word"]
    assert list(read.layers) == ["unet.mid_block.attentions.0.proj_in"]
    contents = Style("style", (file,)).contents
    assert contents.learned_words == {"my.word": len(VECTORS)}
    assert list(contents.layers) == list(read.layers)


@pytest.mark.parametrize("word", ["(w)", "[w]", " ", "", " w", "a.alpha", "a.weight", "emb_params", "w" * 101])
def test_words_that_could_not_be_read_again_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be|would be taken"):
        check_word(word)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20))
def test_a_word_that_is_taken_is_read_back_from_its_file(word: str) -> None:
    try:
        check_word(word)
    except ValueError:
        return
    assert embedding_keys({word: (2, 32)}, {}, "file") == {word: (word, "text_encoder")}
    assert read_emphasis(word).text == word


def header(content: bytes, length: int | None = None) -> bytes:
    return (len(content) if length is None else length).to_bytes(8, "little") + content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"", "truncated"),
        (b"abc", "truncated"),
        (header(b"{}", 2**63), "truncated"),
        (header(b"[" * 100_000), "damaged"),
        (header(b"[]"), "damaged"),
        (header(b'{"__metadata__": null}'), "damaged"),
        (header(b'{"__metadata__": {"a": 1}}'), "damaged"),
        (header(b'{"a": {"shape": [-1]}}'), "damaged at 'a'"),
        (header(b'{"a": {"shape": "x"}}'), "damaged at 'a'"),
        (header(b'{"a": 5}'), "damaged at 'a'"),
    ],
)
def test_a_broken_head_is_told_in_a_sentence(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "broken.safetensors"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_header(file)
    with pytest.raises(StyleError, match=f"cannot read .*{reason}"):
        _ = Style("style", (file,)).contents


def test_a_pickle_without_vectors_is_told_in_a_sentence(tmp_path: Path) -> None:
    torch.save({"string_to_param": {}}, tmp_path / "empty.pt")
    (tmp_path / "noise.pt").write_bytes(b"\x80\x02}q\x00.")
    for name in ("empty.pt", "noise.pt"):
        with pytest.raises(AdapterError, match=name):
            read_pickle(tmp_path / name, "style")
