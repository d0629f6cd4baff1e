"""Layouts of textual-inversion files.

They are recognized by names and shapes; loads no torch.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from sakuga.models.lora_keys import parse_key, unsupported_kind

EncoderName = Literal["text_encoder", "text_encoder_2"]
ENCODER_NAMES: tuple[EncoderName, ...] = get_args(EncoderName)
A1111_KEY = "emb_params"
SDXL_KEYS: dict[str, EncoderName] = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}
WORD_KEY = "sakuga.word"
"""The metadata key of a learned word that is not the file's name."""


def embedding_keys(shapes: Mapping[str, Sequence[int]], metadata: Mapping[str, str], stem: str) -> dict[str, tuple[str, EncoderName]]:
    """Map an embedding file's tensors to words and text encoders.

    The result is empty if the file is no embedding. diffusers writes {word: vectors}; A1111 writes `emb_params`, and for SDXL `clip_l` and
    `clip_g`, where the word is the file's name unless its metadata has another.
    """
    stem = metadata.get(WORD_KEY, stem)
    if shapes.keys() == {A1111_KEY}:
        return {A1111_KEY: (stem, "text_encoder")}
    if shapes and shapes.keys() <= SDXL_KEYS.keys():
        return {key: (stem, SDXL_KEYS[key]) for key in shapes}
    if any(len(shape) not in (1, 2) or "." in key or parse_key(key) or unsupported_kind(key) for key, shape in shapes.items()):
        return {}
    return {key: (key, "text_encoder") for key in sorted(shapes)}


def read_header(file: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Read tensor shapes and metadata of a safetensors file.

    Raises OSError or ValueError.
    """
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > file.stat().st_size:
            raise ValueError("its header is truncated")
        header = json.loads(stream.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is damaged")
    metadata = header.pop("__metadata__", {})
    return {key: tuple(entry["shape"]) for key, entry in header.items()}, metadata
