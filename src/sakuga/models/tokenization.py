"""Prompts as token numbers, words that were learnt later among them; the tokenizer itself is never changed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tokens:
    """A prompt's tokens, begin and end marks included, and where in the text each stands."""

    ids: tuple[int, ...]
    places: tuple[tuple[int, int], ...]

    def fitted(self, limit: int, padding: int) -> "Tokens":
        """Cut off what goes over the limit, keeping the end mark, or fill up with padding, whose places are empty."""
        cut = len(self.ids) > limit
        ids = (*self.ids[: limit - 1], self.ids[-1]) if cut else self.ids + (padding,) * (limit - len(self.ids))
        places = (*self.places[: limit - 1], self.places[-1]) if cut else self.places + ((0, 0),) * (limit - len(self.places))
        return Tokens(ids, places)


def tokens_of(tokenizer: Any, text: str, words: Mapping[str, Sequence[int]]) -> Tokens:
    """Read a text; `words` are learnt ones with their token numbers, found whole and in any case of letters."""
    ids, places = [tokenizer.bos_token_id], [(0, 0)]
    for start, stop, learnt in _pieces(text, words):
        if learnt is None:
            read = tokenizer(text[start:stop], add_special_tokens=False, return_offsets_mapping=True, verbose=False)
            ids += read.input_ids
            places += [(start + first, start + last) for first, last in read.offset_mapping]
        else:
            ids += learnt
            places += [(start, stop)] * len(learnt)
    return Tokens((*ids, tokenizer.eos_token_id), (*places, (0, 0)))


def _pieces(text: str, words: Mapping[str, Sequence[int]]) -> Iterator[tuple[int, int, Sequence[int] | None]]:
    """Split a text at the learnt words; what lies between has none."""
    by_letters = {word.lower(): ids for word, ids in words.items()}
    longest = sorted(by_letters, key=len, reverse=True)
    done = 0
    for found in re.finditer("|".join(map(_whole, longest)), text.lower()) if longest else ():
        if done < found.start():
            yield done, found.start(), None
        yield found.start(), found.end(), by_letters[found[0]]
        done = found.end()
    if done < len(text):
        yield done, len(text), None


def _whole(word: str) -> str:
    """Match a word that is no part of another: 'art' not in 'party', but '<art>' anywhere."""
    before, after = (r"(?<!\w)" if word[0].isalnum() else ""), (r"(?!\w)" if word[-1].isalnum() else "")
    return f"{before}{re.escape(word)}{after}"
