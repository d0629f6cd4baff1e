"""Layouts of textual-inversion files.

They are recognized by the endings and shapes of their keys; loads no torch.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from sakuga.files import open_file
from sakuga.models.lora_keys import is_adapter_key
from sakuga.models.tensor_files import MAX_HEADER
from sakuga.story.emphasis import read_emphasis

EncoderName = Literal["text_encoder", "text_encoder_2"]
ENCODER_NAMES: tuple[EncoderName, ...] = get_args(EncoderName)
A1111_KEY = "emb_params"
SDXL_KEYS: dict[str, EncoderName] = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}
FILE_KEYS: dict[str, EncoderName] = {A1111_KEY: "text_encoder", "emp_params": "text_encoder", **SDXL_KEYS}
"""Keys of the one word of a file that is named by its file; OneTrainer writes `emp_params`."""
OUTPUT_ENDING = "_out"
"""What follows these keys where OneTrainer keeps a vector of the text encoder's output, which prompts do not use."""
BUNDLED = re.compile(rf"bundle_emb\.(?P<word>.+)\.(?P<key>{'|'.join(FILE_KEYS)})(?P<out>{OUTPUT_ENDING})?", re.DOTALL)
"""A word that OneTrainer keeps in the file of a LoRA."""
LAYER_ENDINGS = (".weight", ".bias", ".running_mean", ".running_var", ".position_ids")
"""Endings of keys of whole networks."""
WORD_KEY = "sakuga.word"
"""The metadata key of a learned word that is not the file's name."""
MAX_WORD = 100
"""Characters of a learned word."""
BRACKETS = r"[()\[\]\\<>]"


def embedding_keys(shapes: Mapping[str, Sequence[int]], metadata: Mapping[str, str], stem: str) -> dict[str, tuple[str, EncoderName]]:
    """Map the tensors of learned words to words and text encoders.

    The result is empty if the file holds no embedding. diffusers writes {word: vectors}; A1111 writes `emb_params`, and for SDXL `clip_l`
    and `clip_g`, where the word is the file's name unless its metadata has another.
    """
    if bundled := {key: found for key in shapes if (found := BUNDLED.fullmatch(key))}:
        return {key: (found["word"], FILE_KEYS[found["key"]]) for key, found in bundled.items() if not found["out"]}
    if shapes and all(key.removesuffix(OUTPUT_ENDING) in FILE_KEYS for key in shapes):
        return {key: (metadata.get(WORD_KEY, stem), FILE_KEYS[key]) for key in shapes if key in FILE_KEYS}
    if any(len(shape) not in (1, 2) or 0 in shape or is_adapter_key(key) or key.endswith(LAYER_ENDINGS) for key, shape in shapes.items()):
        return {}
    return {key: (key, "text_encoder") for key in sorted(shapes)}


def check_word(word: str) -> str:
    """Return a word that prompts and files can hold; raises ValueError with the remedy.

    >>> check_word("<ink.v2>")
    '<ink.v2>'
    """
    if not any(map(str.isalnum, word)) or word != " ".join(word.split()) or len(word) > MAX_WORD:
        raise ValueError(f"{word[:MAX_WORD]!r} cannot be a word of prompts; use letters or digits, up to {MAX_WORD}, and no outer spaces")
    if read_emphasis(word).text != word:
        raise ValueError(f"{word!r} cannot be read in a prompt, where brackets have a meaning; write <{re.sub(BRACKETS, '', word)}>")
    if embedding_keys({word: (1, 1)}, {}, "").get(word, ("",))[0] != word:
        raise ValueError(f"{word!r} would be taken for a layer in the style's file; write <{word.replace('.', '-')}>")
    return word


def is_bundled(key: str) -> bool:
    """Return whether a key is a learned word's in the file of a LoRA."""
    return BUNDLED.fullmatch(key) is not None


def read_header(file: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Read tensor shapes and metadata of a safetensors file.

    Raises OSError or ValueError.
    """
    with open_file(file) as stream:
        size = os.fstat(stream.fileno()).st_size
        start = stream.read(8)
        if start.lstrip()[:1] == b"<":
            raise ValueError("it is a web page and no safetensors file")
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(size - 8, MAX_HEADER):
            raise ValueError("its header is truncated")
        return _parse_header(stream.read(length))


def _parse_header(content: bytes) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    try:
        header = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("its header is damaged") from None
    metadata = header.pop("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its header is damaged")
    return {key: _shape(key, entry) for key, entry in header.items()}, metadata


def _shape(key: str, entry: Any) -> tuple[int, ...]:
    shape = entry.get("shape") if isinstance(entry, dict) else None
    if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"its header is damaged at {key[:80]!r}")
    return tuple(shape)
