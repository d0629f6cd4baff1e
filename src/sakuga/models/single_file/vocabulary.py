"""CLIP's vocabulary, which single-file checkpoints leave out."""

import gzip
import json
from importlib import resources
from pathlib import Path

from sakuga.models.tokenization import SPECIAL_TOKENS

MERGES = "clip_merges.txt.gz"
TOKENS = 77


def clip_merges() -> list[str]:
    """Read the 48,894 merges of CLIP's byte pair encoding (Radford et al. 2021)."""
    packed = resources.files("sakuga.models.single_file") / MERGES
    return gzip.decompress(packed.read_bytes()).decode().split("\n")


def clip_vocabulary(merges: list[str]) -> dict[str, int]:
    """Number the tokens: bytes, bytes at a word's end, merges, begin and end marks."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    unprintable = [byte for byte in range(256) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(256 + place) for place in range(len(unprintable))]
    marks = [SPECIAL_TOKENS["bos_token"], SPECIAL_TOKENS["eos_token"]]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *(merge.replace(" ", "") for merge in merges), *marks]
    return {token: number for number, token in enumerate(tokens)}


def write_clip_tokenizer(folder: Path, padding: str) -> None:
    """Write CLIP's tokenizer in the layout of transformers, padding with a token."""
    folder.mkdir(parents=True)
    merges = clip_merges()
    config = {**SPECIAL_TOKENS, "pad_token": padding, "model_max_length": TOKENS, "tokenizer_class": "CLIPTokenizer"}
    (folder / "vocab.json").write_text(json.dumps(clip_vocabulary(merges), ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
