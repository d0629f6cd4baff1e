"""Styles of the Hugging Face hub: hub:owner/name, or hub:owner/name/file."""

import re
from pathlib import Path

from sakuga.models.styles import ABOUT, CARD, HUB, LORA, PEFT, PEFT_CONFIG, WORDS, Style, StyleError, about_in, weights_in

NAMED = re.compile(rf"{HUB}(?P<repo>[\w.-]+/[\w.-]+)(?:/(?P<file>.+\.safetensors))?")


def hub_style(name: str) -> Style:
    """Fetch a style with its card, or take it from the disk where it was fetched before; raises StyleError."""
    found = NAMED.fullmatch(name)
    if not found:
        raise StyleError(f"style '{name}' cannot be read: write {HUB}owner/name or {HUB}owner/name/file.safetensors")
    files, folder = _fetched(name, found["repo"], found["file"])
    return Style(name, files, about_in(name, folder), folder)


def _fetched(name: str, repo: str, file: str | None) -> tuple[tuple[Path, ...], Path]:
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    try:
        there = HfApi().list_repo_files(repo)
        chosen = _chosen(name, there, file)
        extras = [extra for extra in (ABOUT, CARD, PEFT_CONFIG) if extra in there]
        paths = [Path(hf_hub_download(repo, one)) for one in (*chosen, *extras)]
        return tuple(paths[: len(chosen)]), _root(paths[0], chosen[0])
    except StyleError:
        raise
    except Exception as error:  # whatever the hub and its client may raise, a hub that is not reached among it
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    try:
        folder = Path(snapshot_download(repo, local_files_only=True))
    except Exception:
        raise StyleError(f"style '{name}': the Hugging Face hub did not give it ({reason})") from None
    kept = ((folder / file,) if (folder / file).is_file() else ()) if file else weights_in(folder)
    if not kept:
        raise StyleError(f"style '{name}': the hub did not give it ({reason}), and it was not fetched before")
    return kept, folder


def _root(path: Path, named: str) -> Path:
    return path.parents[named.count("/")]


def _chosen(name: str, there: list[str], file: str | None) -> list[str]:
    """Choose as from a folder: the usual files, else the only one; a file by its name."""
    every = sorted(path for path in there if path.endswith(".safetensors"))
    if file:
        if file not in every:
            raise StyleError(f"style '{name}': there is no such file, there is {', '.join(every) or 'no safetensors file'}")
        return [file]
    chosen = [path for path in (LORA, WORDS) if path in every] or [path for path in (PEFT,) if path in every]
    if chosen or len(every) == 1:
        return chosen or every
    if not every:
        raise StyleError(f"style '{name}': it holds no safetensors file; pickles can run code and are not fetched")
    raise StyleError(f"style '{name}': it holds several files: add one of {', '.join(every)}")
