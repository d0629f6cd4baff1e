"""Pickled weights, read without running their code."""

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, is_zipfile

import torch
from torch import Tensor


class PickleError(ValueError):
    """A pickle that is not read; the message says why."""


def load_pickle(path: Path) -> Any:
    """Read a file of `torch.save` as plain data and tensors; raises PickleError for one that holds code, is damaged, or unfolds.

    A few kilobytes can claim gigabytes, by compressed parts or by strides of 0; torch writes neither into files of weights.
    """
    try:
        _check_parts(path)
        with warnings.catch_warnings(action="ignore"):
            read = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise PickleError("it holds more than weights") from None
    except Exception as error:  # a damaged or hostile pickle makes torch raise nearly anything
        raise PickleError((str(error).strip() or type(error).__name__).splitlines()[0]) from None
    if sum(tensor.numel() * tensor.element_size() for tensor in _tensors(read)) > path.stat().st_size:
        raise PickleError("its tensors are larger than the file")
    return read


def _check_parts(path: Path) -> None:
    if not is_zipfile(path):
        return
    try:
        with ZipFile(path) as parts:
            if any(part.compress_type != ZIP_STORED for part in parts.infolist()):
                raise PickleError("its parts are compressed")
    except BadZipFile:
        raise PickleError("it is truncated") from None


def _tensors(read: Any) -> Iterator[Tensor]:
    match read:
        case Tensor():
            yield read
        case Mapping():
            for value in read.values():
                yield from _tensors(value)
        case list() | tuple():
            for value in read:
                yield from _tensors(value)
