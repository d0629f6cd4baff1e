"""Tokenization of prompts with learned words.

The tokenizer itself is never changed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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


def load_prompt_tokenizer(folder: Path) -> Any:
    """Load the tokenizer of a checkpoint's folder, without its networks."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(folder / "tokenizer")


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
    by_letters = {word.lower(): ids for word, ids in added_tokens.items()}
    longest = sorted(by_letters, key=len, reverse=True)
    done = 0
    for found in re.finditer("|".join(map(_whole_word, longest)), text.lower()) if longest else ():
        if done < found.start():
            yield done, found.start(), None
        yield found.start(), found.end(), by_letters[found[0]]
        done = found.end()
    if done < len(text):
        yield done, len(text), None


def _whole_word(word: str) -> str:
    """Return a pattern for a whole word.

    'art' does not match in 'party', '<art>' matches anywhere.
    """
    before, after = (r"(?<!\w)" if word[0].isalnum() else ""), (r"(?!\w)" if word[-1].isalnum() else "")
    return f"{before}{re.escape(word)}{after}"
