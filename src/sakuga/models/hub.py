"""Styles of the Hugging Face hub: hub:owner/name, or hub:owner/name/file."""

import re
from pathlib import Path

from sakuga.files import flush_to_disk
from sakuga.models.style_files import (
    CARD_FILE,
    EMBEDDING_FILE,
    LORA_FILE,
    PEFT_CONFIG,
    PEFT_FILE,
    STYLE_FILE,
    Style,
    StyleError,
    find_weights,
    read_metadata,
)

HUB_PREFIX = "hub:"
HUB_NAME = re.compile(rf"{HUB_PREFIX}(?P<repo>[\w.-]+/[\w.-]+)(?:/(?P<file>.+\.safetensors))?")


def find_hub_style(name: str) -> Style:
    """Download a style with its card; raises StyleError.

    A cached copy is used where the hub is not reached.
    """
    found = HUB_NAME.fullmatch(name)
    if not found:
        raise StyleError(f"style '{name}' is malformed: write {HUB_PREFIX}owner/name or {HUB_PREFIX}owner/name/file.safetensors")
    files, folder = _download(name, found["repo"], found["file"])
    return Style(name, files, read_metadata(name, folder), folder)


def _download(name: str, repo: str, file: str | None) -> tuple[tuple[Path, ...], Path]:
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    try:
        there = HfApi().list_repo_files(repo)
        chosen = _choose_files(name, there, file)
        extras = [extra for extra in (STYLE_FILE, CARD_FILE, PEFT_CONFIG) if extra in there]
        paths = [Path(hf_hub_download(repo, one)) for one in (*chosen, *extras)]
        for path in paths:
            flush_to_disk(path)
        return tuple(paths[: len(chosen)]), _root(paths[0], chosen[0])
    except StyleError:
        raise
    except Exception as error:  # whatever the client raises, such as an unreachable hub
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    try:
        folder = Path(snapshot_download(repo, local_files_only=True))
    except Exception:
        raise StyleError(f"style '{name}': download from the Hugging Face hub failed ({reason})") from None
    cached = ((folder / file,) if (folder / file).is_file() else ()) if file else find_weights(folder)
    if not cached:
        raise StyleError(f"style '{name}': download from the Hugging Face hub failed ({reason}), and there is no cached copy")
    return cached, folder


def _root(path: Path, named: str) -> Path:
    return path.parents[named.count("/")]


def _choose_files(name: str, there: list[str], file: str | None) -> list[str]:
    """Choose the files of a style.

    They are those that `find_weights` finds in a folder, or one by its name.
    """
    every = sorted(path for path in there if path.endswith(".safetensors"))
    if file:
        if file not in every:
            raise StyleError(f"style '{name}': there is no such file; there is {', '.join(every) or 'no safetensors file'}")
        return [file]
    chosen = [path for path in (LORA_FILE, EMBEDDING_FILE) if path in every] or [path for path in (PEFT_FILE,) if path in every]
    if chosen or len(every) == 1:
        return chosen or every
    if not every:
        raise StyleError(f"style '{name}': it has no safetensors file; pickles can run code and are not downloaded")
    raise StyleError(f"style '{name}': it has several files: add one of {', '.join(every)}")
