"""Tokenization of prompts with learned words.

The tokenizer itself is never changed.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sakuga.files import read_utf8
from sakuga.models.checkpoint_files import has_vocabulary


@dataclass(frozen=True, slots=True)
class Tokens:
    """A prompt's token numbers, and their places in the text.

    Begin and end marks are included.
    """

    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]

    def resized(self, limit: int, padding: int) -> "Tokens":
        """Truncate or pad to `limit` tokens.

        The end mark is kept; padding has empty offsets.
        """
        cut = len(self.ids) > limit
        ids = (*self.ids[: limit - 1], self.ids[-1]) if cut else self.ids + (padding,) * (limit - len(self.ids))
        offsets = (*self.offsets[: limit - 1], self.offsets[-1]) if cut else self.offsets + ((0, 0),) * (limit - len(self.offsets))
        return Tokens(ids, offsets)


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """Token numbers of a text, and their places in it, under the names of transformers."""

    input_ids: list[int]
    offset_mapping: list[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTokenizer:
    """CLIP's tokenizer by the library `tokenizers` alone, which loads in a tenth of the time of transformers.

    It is called like CLIPTokenizer, and gives the same token numbers (a test compares them).
    """

    backend: Any
    bos_token_id: int
    eos_token_id: int
    pad_token_id: int

    def __call__(self, text: str, **options: bool) -> TokenizedText:
        """Tokenize a text, without begin and end tokens whatever the options."""
        encoded = self.backend.encode(text, add_special_tokens=False)
        return TokenizedText(encoded.ids, encoded.offsets)


def load_prompt_tokenizer(folder: Path, part: str = "tokenizer") -> Any:
    """Load a tokenizer of a checkpoint's folder, without its networks.

    It is a PromptTokenizer, or CLIPTokenizer of transformers where the folder has tokens of its own. A second one without a vocabulary
    is the first, padded as in OpenCLIP.
    """
    own = part == "tokenizer" or has_vocabulary(folder / part)
    source, changed = (folder / part, {}) if own else (folder / "tokenizer", OPEN_CLIP_PADDING)
    if plain := _plain_tokenizer(source, changed):
        return plain
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(source, **changed)


OPEN_CLIP_PADDING = {"pad_token": "!"}
SPECIAL_TOKENS = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""What CLIP takes for a word (Radford et al. 2021)."""


def _plain_tokenizer(folder: Path, changed: Mapping[str, str]) -> PromptTokenizer | None:
    """Build a tokenizer from vocabulary and merges; None where there is more than these."""
    from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
    from tokenizers.models import BPE

    special, vocabulary, merges = _special_tokens(folder), *_vocabulary(folder)
    special = special and {**special, **changed}
    if special is None or any(token not in vocabulary for token in special.values()):
        return None
    backend = Tokenizer(BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>", unk_token=special["unk_token"]))
    backend.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    words = pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in dict.fromkeys(special.values())])
    numbers = {name: vocabulary[token] for name, token in special.items()}
    return PromptTokenizer(
        backend=backend, bos_token_id=numbers["bos_token"], eos_token_id=numbers["eos_token"], pad_token_id=numbers["pad_token"]
    )


def _special_tokens(folder: Path) -> dict[str, str] | None:
    """Read the special tokens of a tokenizer's folder; None where it has others than CLIP's four."""
    config = _read_json(folder / "tokenizer_config.json")
    if (folder / "added_tokens.json").exists() or config.get("additional_special_tokens") or config.get("extra_special_tokens"):
        return None
    found = {name: config.get(name) or default for name, default in SPECIAL_TOKENS.items()}
    contents = {name: token["content"] if isinstance(token, dict) else token for name, token in found.items()}
    for name, token in _read_json(folder / "special_tokens_map.json").items():
        if contents.get(name) != (token["content"] if isinstance(token, dict) else token):
            return None
    added = [*config.get("added_tokens_decoder", {}).values(), *_read_json(folder / "tokenizer.json").get("added_tokens", [])]
    styled = [token for token in [*found.values(), *added] if isinstance(token, dict)]
    if any(token["content"] not in contents.values() or token.get("lstrip") or token.get("rstrip") for token in styled):
        return None
    return contents


def _vocabulary(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Read vocabulary and merges; both empty where the folder has none."""
    if model := _read_json(folder / "tokenizer.json").get("model"):
        pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"])
        return model["vocab"], [(first, second) for first, second in pairs]
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    if not (vocabulary.is_file() and merges.is_file()):
        return {}, []
    lines = read_utf8(merges).splitlines()
    pairs = (line.split(" ") for line in lines if line and not line.startswith("#version"))
    return _read_json(vocabulary), [(first, second) for first, second in pairs]


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(read_utf8(path)) if path.is_file() else {}
    return content


def tokenize(tokenizer: Any, text: str, added_tokens: Mapping[str, Sequence[int]]) -> Tokens:
    """Tokenize a text with learned words.

    `added_tokens` maps words, matched whole and in any letter case, to their token numbers.
    """
    ids, offsets = [tokenizer.bos_token_id], [(0, 0)]
    for start, stop, learned in _split(text, added_tokens):
        if learned is None:
            read = tokenizer(text[start:stop], add_special_tokens=False, return_offsets_mapping=True, verbose=False)
            ids += read.input_ids
            offsets += [(start + first, start + last) for first, last in read.offset_mapping]
        else:
            ids += learned
            offsets += [(start, stop)] * len(learned)
    return Tokens((*ids, tokenizer.eos_token_id), (*offsets, (0, 0)))


def _split(text: str, added_tokens: Mapping[str, Sequence[int]]) -> Iterator[tuple[int, int, Sequence[int] | None]]:
    """Split a text at its learned words.

    The text between them has no token numbers.
    """
    longest = sorted(added_tokens, key=len, reverse=True)
    pattern = "|".join(f"({_whole_word(word)})" for word in longest)
    done = 0
    for found in re.finditer(pattern, text, re.IGNORECASE) if longest else ():
        assert found.lastindex
        if done < found.start():
            yield done, found.start(), None
        yield found.start(), found.end(), added_tokens[longest[found.lastindex - 1]]
        done = found.end()
    if done < len(text):
        yield done, len(text), None


def _whole_word(word: str) -> str:
    """Return a pattern for a whole word.

    'art' does not match in 'party', '<art>' matches anywhere.
    """
    before, after = (r"(?<!\w)" if word[0].isalnum() else ""), (r"(?!\w)" if word[-1].isalnum() else "")
    return f"{before}{re.escape(word)}{after}"
