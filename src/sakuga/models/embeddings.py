"""How files of learnt words (Textual Inversion) are laid out; told by names and shapes, so that no torch is loaded."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from sakuga.models.lora_keys import other_kind, place

Network = Literal["text_encoder", "text_encoder_2"]
A1111 = "emb_params"
XL: dict[str, Network] = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}
WORD = "sakuga.word"
"""Where a file's metadata says its word, if its name does not."""


def words_in(shapes: Mapping[str, Sequence[int]], metadata: Mapping[str, str], stem: str) -> dict[str, tuple[str, Network]]:
    """Tell by key which word a file's tensor is for, and in which text encoder; nothing where the file is no embedding.

    Diffusers writes {word: vectors}; A1111 `emb_params`, and for SDXL `clip_l` and `clip_g`, the word being the file's name
    unless its metadata says another.
    """
    stem = metadata.get(WORD, stem)
    if shapes.keys() == {A1111}:
        return {A1111: (stem, "text_encoder")}
    if shapes and shapes.keys() <= XL.keys():
        return {key: (stem, XL[key]) for key in shapes}
    if any(len(shape) not in (1, 2) or "." in key or place(key) or other_kind(key) for key, shape in shapes.items()):
        return {}
    return {key: (key, "text_encoder") for key in sorted(shapes)}


def head_of(file: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Read the names and shapes of a safetensors file's tensors, and its metadata; raises OSError or ValueError."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > file.stat().st_size:
            raise ValueError("its head is cut short")
        head = json.loads(opened.read(length))
    if not isinstance(head, dict):
        raise ValueError("its head is damaged")
    metadata = head.pop("__metadata__", {})
    return {key: tuple(said["shape"]) for key, said in head.items()}, metadata
