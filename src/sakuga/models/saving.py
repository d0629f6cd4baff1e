"""Safetensors files whose bytes depend on their contents alone."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

MARK = '{"__metadata__":'


def save_tensors(tensors: Mapping[str, Tensor], file: Path, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file with its metadata in order; the library writes them in an order that differs from process to process."""
    save_file(dict(tensors), file, dict(metadata))
    with file.open("r+b") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = stream.read(length)
        stream.seek(8)
        stream.write(_sorted(header))


def _sorted(header: bytes) -> bytes:
    text = header.decode()
    if not text.startswith(MARK):
        return header
    values, stop = json.JSONDecoder().raw_decode(text, len(MARK))
    ordered = f"{MARK}{json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(',', ':'))}{text[stop:]}".encode()
    return ordered if len(ordered) == len(header) else header
