"""Safetensors files whose bytes depend on their contents alone."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor

MODEL_SPEC = "modelspec.sai_model_spec"
MARK = '{"__metadata__":'


OS_ERROR = re.compile(r"\(os error (\d+)\)")


def save_file(tensors: Mapping[str, Tensor], file: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file; raises OSError where the disk refuses it, of which the library makes an error of its own."""
    try:
        safetensors.torch.save_file(dict(tensors), file, dict(metadata) if metadata is not None else None)
    except SafetensorError as error:
        if found := OS_ERROR.search(str(error)):
            raise OSError(int(found[1]), os.strerror(int(found[1])), str(file.parent)) from error
        raise


def data_hash(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 of a file's bytes behind its header, which its metadata does not change.

    kohya calls it `sshs_model_hash`, and Civitai AutoV3.
    """
    content = save(dict(tensors))
    return hashlib.sha256(content[8 + int.from_bytes(content[:8], "little") :]).hexdigest()


def save_tensors(tensors: Mapping[str, Tensor], file: Path, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file with its metadata in order; the library writes them in an order that differs from process to process.

    With a model spec it gets the hash of its tensors too.
    """
    if MODEL_SPEC in metadata:
        digest = data_hash(tensors)
        metadata = {**metadata, "modelspec.hash_sha256": f"0x{digest}", "sshs_model_hash": digest}
    save_file(tensors, file, metadata)
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
