"""Finding clips and their captions in a folder."""

from dataclasses import dataclass
from pathlib import Path

from sakuga.datasets.captions import normalize, read_text
from sakuga.datasets.folders import natural_order
from sakuga.datasets.image_reading import open_head
from sakuga.datasets.training_set import SetError
from sakuga.text import sayable

VIDEOS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".ogv", ".flv")
ANIMATIONS = (".gif", ".webp", ".apng", ".png", ".avif")
"""Suffixes of images that may be animated."""
CAPTIONS = (".txt", ".caption")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundClip:
    """An unopened clip with its caption."""

    path: Path
    name: str
    """Path below the folder in which it was found."""
    text: str = ""


def is_clip(path: Path, *, animations: bool = True) -> bool:
    """Return whether a file is a video by its name, or an animation by its content."""
    suffix = path.suffix.lower()
    moves = suffix in VIDEOS or (animations and suffix in ANIMATIONS and _moves(path))
    return moves and path.is_file() and not path.name.startswith(".")


def _moves(path: Path) -> bool:
    try:
        with open_head(path) as image:
            return int(getattr(image, "n_frames", 1)) > 1
    except Exception:  # Pillow's readers raise nearly anything on a damaged file, which is read, and refused, later
        return False


def find_clips(source: Path, *, animations: bool = True) -> tuple[FoundClip, ...]:
    """Find the clips of a folder, or take one file, in natural order.

    A text file beside a clip, of the same name, is its caption. Raises SetError where there is no clip.
    """
    if not source.exists():
        raise SetError(f"{source}: there is no such folder or clip")
    folder = source if source.is_dir() else source.parent
    found = clip_files(source, animations=animations)
    if not found:
        verb = "contains" if source.is_dir() else "is"
        raise SetError(f"{source} {verb} no clip: give videos (MP4, WebM, ...) or animations (GIF, WebP)")
    return tuple(FoundClip(path=path, name=sayable(path.relative_to(folder).as_posix()), text=_caption(path)) for path in found)


def clip_files(source: Path, *, animations: bool = True) -> list[Path]:
    """List the clips of a folder recursively, or the one file, in natural order; with or without animations."""
    paths = source.rglob("*") if source.is_dir() else [source]
    found = [path for path in paths if is_clip(path, animations=animations)]
    return sorted(found, key=lambda path: [natural_order(Path(part)) for part in path.parts])


def _caption(path: Path) -> str:
    beside = next((file for ending in CAPTIONS if (file := path.with_suffix(ending)).is_file()), None)
    return normalize(read_text(beside, [])) if beside else ""
