"""Download of a model of the Hugging Face hub, file by file."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from sakuga.files import flush_to_disk
from sakuga.models.catalogue import CatalogueEntry, last_file
from sakuga.models.checkpoint_files import CheckpointError


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedFile:
    """A file that has arrived."""

    name: str
    bytes: int
    done: int
    """Bytes of the model that are here."""
    total: int


def download(entry: CatalogueEntry) -> Iterator[DownloadedFile]:
    """Download a model, yielding each file that is here; what was interrupted goes on where it stopped.

    Raises CheckpointError where the hub is not reached (HF_HUB_OFFLINE is one reason), has no such model, or the disk is too small.
    """
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    try:
        sizes = _sizes(entry)
        _check_space(entry, sizes)
        done = 0
        for name, size in sizes.items():
            _download_whole(entry.repo, name, size)
            done += size
            yield DownloadedFile(name=name, bytes=size, done=done, total=sum(sizes.values()))
    except CheckpointError:
        raise
    except Exception as error:  # whatever the client raises, such as an unreachable hub
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"the model '{entry.name}' cannot be downloaded from the Hugging Face hub ({reason})") from error


def _download_whole(repo: str, name: str, size: int) -> None:
    """Download a file and flush it to the disk; again, where the client takes for whole what a power cut left of it."""
    from huggingface_hub import hf_hub_download

    path = Path(hf_hub_download(repo, name))
    if size and path.stat().st_size != size:
        path = Path(hf_hub_download(repo, name, force_download=True))
    flush_to_disk(path)


def _sizes(entry: CatalogueEntry) -> dict[str, int]:
    """Ask the hub for a model's files and their sizes; the one that marks a whole download comes last."""
    from huggingface_hub import HfApi

    there = {one.rfilename: one.size or 0 for one in HfApi().model_info(entry.repo, files_metadata=True).siblings or ()}
    wanted = {name: size for name, size in there.items() if any(fnmatch(name, pattern) for pattern in entry.patterns)}
    wanted |= _half_precision(there, wanted)
    last = last_file(list(wanted), entry)
    if last is None:
        raise CheckpointError(f"{entry.repo} of the Hugging Face hub holds no {entry.kind} in safetensors")
    return {name: size for name, size in wanted.items() if name != last} | {last: wanted[last]}


def _half_precision(there: dict[str, int], wanted: dict[str, int]) -> dict[str, int]:
    """Return the fp16 weights of networks that have no others."""
    full = {Path(name).parent for name in wanted if name.endswith(".safetensors")}
    folders = {Path(name).parent for name in wanted if name.endswith(".json")}
    halves = {name for name in there if name.endswith(".fp16.safetensors") and Path(name).parent in folders - full}
    return {name: there[name] for name in halves}


def _check_space(entry: CatalogueEntry, sizes: dict[str, int]) -> None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.constants import HF_HUB_CACHE

    cache = Path(HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    needed = sum(size for name, size in sizes.items() if not isinstance(try_to_load_from_cache(entry.repo, name), str))
    if needed > (free := shutil.disk_usage(cache).free):
        raise CheckpointError(
            f"the model '{entry.name}' needs {needed / 1e9:.1f} GB in {cache}, and {free / 1e9:.1f} GB are free: make room, or set HF_HOME "
            "to another disk"
        )
