"""Finding images and their captions, paired by name and never by order."""

import os
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath

from sakuga.datasets.captions import normalize, read_text
from sakuga.datasets.folders import is_image, natural_order
from sakuga.datasets.masks import mask_stem
from sakuga.datasets.tables import TableRow, read_table
from sakuga.datasets.training_set import ABOUT, Composition, SetError
from sakuga.text import abridged, counted, name_key, sayable

TABLES = ("metadata.jsonl", "metadata.csv")
CAPTIONS = (".txt", ".caption")
SYSTEM_FOLDERS = ("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found")
"""Folders that systems make, with thumbnails or deleted images in them; in small letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundImage:
    """An unopened image file with its caption and metadata."""

    path: Path
    name: str
    """Path below the folder in which it was found."""
    text: str = ""
    source: str = ""
    licence: str = ""
    composition: Composition | None = None
    seed: int | None = None
    held_out: bool = False
    mask: Path | None = None
    """An image of where the loss counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundImages:
    """Images in natural order, and notes."""

    images: tuple[FoundImage, ...]
    notes: tuple[str, ...]


def find_images(source: Path, clips: Collection[Path] = ()) -> FoundImages:
    """Find images and captions of a folder or table.

    Files that are read as `clips` are no images; with them there may be none.

    Folders, and the folder of a table, are searched recursively, those behind symbolic links too. Names are compared by `name_key`.
    Captions come from a table's row (`metadata.jsonl`, `metadata.csv`, or the given table), else from a text file of the image's name.
    Raises SetError where there are no images, a table cannot be read, or a row matches several images.
    """
    if not source.exists():
        raise SetError(f"{source}: there is no such folder or table")
    if (source / ABOUT).is_file():
        raise SetError(f"{source} is a training set already: change it with `sakuga data dedupe`, `split` and their like")
    folder = source if source.is_dir() else source.parent
    notes: list[str] = []
    files = sorted(_files(folder, notes), key=lambda path: [natural_order(Path(part)) for part in path.relative_to(folder).parts])
    images = [path for path in files if is_image(path) and path not in clips]
    masks = _masks(images)
    images = [path for path in images if path not in masks.values()]
    if not images and not clips:
        raise SetError(f"{folder} contains no images: add PNG, JPEG or other image files")
    tables = [source] if source.is_file() else [path for path in files if path.name in TABLES]
    rows = _pair_rows(folder, images, tables, notes)
    captions = {_stem_key(path): path for path in reversed(files) if path.suffix.lower() in CAPTIONS}
    found = tuple(
        replace(_found(path, folder, rows.get(path), captions.get(_stem_key(path)), notes), mask=masks.get(_stem_key(path)))
        for path in images
    )
    _note_leftovers(files, {*images, *tables, *masks.values(), *clips}, notes)
    return FoundImages(images=found, notes=tuple(dict.fromkeys(notes)))


def _files(folder: Path, notes: list[str]) -> Iterator[Path]:
    """Yield the files of a folder recursively, without hidden ones and those of systems, and each real folder once."""
    seen = set[str]()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(name for name in folders if _is_own(name))
        if real in seen:
            continue
        seen.add(real)
        for path in (Path(place, name) for name in names if not name.startswith(".")):
            if path.is_file():
                yield path
            elif path.is_symlink():
                notes.append(f"{sayable(path.name)} is a link to what does not exist")


def _is_own(name: str) -> bool:
    """Return whether a folder is the user's; hidden ones are not."""
    return not name.startswith(".") and name.casefold() not in SYSTEM_FOLDERS


def _masks(images: list[Path]) -> dict[tuple[Path, str], Path]:
    """Return the mask images by what they have in common with their image; a mask without an image is an image."""
    stems = {_stem_key(path) for path in images}
    found = {(path.parent, name_key(stem)): path for path in images if (stem := mask_stem(path.stem))}
    return {key: path for key, path in found.items() if key in stems}


def _stem_key(path: Path) -> tuple[Path, str]:
    """Return what an image and its caption have in common."""
    return path.parent, name_key(path.stem)


def _pair_rows(folder: Path, images: list[Path], tables: list[Path], notes: list[str]) -> dict[Path, TableRow]:
    """Match rows with images.

    By path, else by a unique file name, else by a unique stem.
    """
    paired: dict[Path, TableRow] = {}
    for table in tables:
        if table.suffix.lower() not in (".csv", ".jsonl"):
            raise SetError(f"{table} is not a caption table: give a .csv, a .jsonl or a folder")
        rows = read_table(table, notes)
        absent: list[str] = []
        by_name = _by_name([path for path in images if path.is_relative_to(table.parent)])
        for row in rows:
            path = _match_row(row, table.parent, by_name)
            if path is None:
                absent.append(row.file or "(no name)")
            elif path in paired and paired[path] != row:
                raise SetError(f"{row.place}: {row.file} is named already, in {paired[path].place}: delete one of the two")
            else:
                paired[path] = row
        if not paired:
            raise SetError(f"{table}: none of its {len(rows)} rows names an existing image, such as {absent[0]}")
        if absent:
            notes.append(f"{table.name}: {len(absent)} of {len(rows)} rows name no existing image: {abridged(absent)}")
    if tables and (without := [path.relative_to(folder).as_posix() for path in images if path not in paired]):
        notes.append(f"{len(without)} of {len(images)} images have no row: {abridged(without)}")
    return paired


def _match_row(row: TableRow, folder: Path, by_name: dict[str, list[Path]]) -> Path | None:
    """Find a row's image.

    Folders must match as far as both name them. Raises SetError where several match.
    """
    named = PurePosixPath(row.file)
    for key in (name_key(named.name), name_key(named.stem)):
        candidates = [path for path in by_name.get(key, []) if _same_folders(path.relative_to(folder), named)]
        exact = [path for path in candidates if path == folder / named]
        if len(candidates) > 1 and not exact:
            could = abridged([path.relative_to(folder).as_posix() for path in candidates])
            raise SetError(f"{row.place}: {row.file} could be {could}: write its path")
        if candidates:
            return (exact or candidates)[0]
    return None


def _by_name(images: list[Path]) -> dict[str, list[Path]]:
    """Group images by the keys of their names and stems."""
    by_name: dict[str, list[Path]] = {}
    for path in images:
        for key in {name_key(path.name), name_key(path.stem)}:
            by_name.setdefault(key, []).append(path)
    return by_name


def _same_folders(path: PurePath, named: PurePath) -> bool:
    """Return whether two paths' folders agree from the end."""
    pairs = zip(reversed(path.parts[:-1]), reversed(named.parts[:-1]), strict=False)
    return all(name_key(one) == name_key(other) for one, other in pairs)


def _found(path: Path, folder: Path, row: TableRow | None, beside: Path | None, notes: list[str]) -> FoundImage:
    name = sayable(path.relative_to(folder).as_posix())
    text = row.text if row and row.text else normalize(read_text(beside, notes)) if beside else ""
    if row is None:
        return FoundImage(path=path, name=name, text=text)
    return FoundImage(path=path, name=name, text=text, source=row.source, licence=row.licence, composition=row.composition, seed=row.seed)


def _note_leftovers(files: list[Path], read: set[Path], notes: list[str]) -> None:
    """Add notes on files that are not used."""
    stems = {_stem_key(path) for path in read}
    captions = [path for path in files if path.suffix.lower() in CAPTIONS]
    if unmatched := [sayable(path.name) for path in captions if _stem_key(path) not in stems]:
        notes.append(f"{counted(len(unmatched), 'caption has', 'captions have')} no image of the same name: {abridged(unmatched)}")
    others = Counter(path.suffix.lower() or path.name for path in files if path not in read and path.suffix.lower() not in CAPTIONS)
    if others:
        notes.append("ignored, as no images: " + ", ".join(f"{count} {suffix}" for suffix, count in others.most_common()))
