"""Find pictures and the words that belong to them, paired by name and never by place."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from sakuga.datasets.captions import read_text, tidied
from sakuga.datasets.folders import is_picture, natural
from sakuga.datasets.tables import Said, read_table
from sakuga.datasets.training_set import ABOUT, Composition, SetError
from sakuga.text import counted

TABLES = ("metadata.jsonl", "metadata.csv")
CAPTIONS = (".txt", ".caption")
TOLD = 3
"""Names that a sentence lists before it only counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A picture from outside, not yet opened, and what is said of it."""

    path: Path
    name: str
    """As the person knows it: below the folder that it was found in."""
    text: str = ""
    source: str = ""
    licence: str = ""
    composition: Composition | None = None
    seed: int | None = None
    held_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Pictures in their natural order, and what had to be settled, a sentence each."""

    pictures: tuple[Found, ...]
    notes: tuple[str, ...]


def gather(source: Path) -> Gathered:
    """Find the pictures of a folder and those below it, or of a table's folder, with their captions.

    A caption is from a table's row (`metadata.jsonl`, `metadata.csv`, or the table given), else from the text file of the picture's name.
    Raises SetError where there are no pictures, a table cannot be read, or a row could mean several pictures.
    """
    if not source.exists():
        raise SetError(f"{source}: there is no such folder or table")
    if (source / ABOUT).is_file():
        raise SetError(f"{source} is a training set already: change it with `sakuga data dedupe`, `split` and their like")
    folder = source if source.is_dir() else source.parent
    files = sorted(_files(folder), key=lambda path: [natural(Path(part)) for part in path.relative_to(folder).parts])
    pictures = [path for path in files if is_picture(path)]
    if not pictures:
        raise SetError(f"{folder} holds no pictures: put PNG, JPEG or other pictures in it")
    notes: list[str] = []
    tables = [source] if source.is_file() else [path for path in files if path.name in TABLES]
    rows = _paired(folder, pictures, tables, notes)
    found = tuple(_found(path, folder, rows.get(path), notes) for path in pictures)
    _tell_others(files, set(pictures) | set(tables), notes)
    return Gathered(pictures=found, notes=tuple(dict.fromkeys(notes)))


def _files(folder: Path) -> Iterable[Path]:
    """List the files of a folder and those below it; hidden ones are passed over."""
    return (p for p in folder.rglob("*") if p.is_file() and not any(part.startswith(".") for part in p.relative_to(folder).parts))


def _paired(folder: Path, pictures: list[Path], tables: list[Path], notes: list[str]) -> dict[Path, Said]:
    """Give each row its picture: by the path it says, else by the only file of that name, else by the only one of that stem."""
    paired: dict[Path, Said] = {}
    for table in tables:
        if table.suffix.lower() not in (".csv", ".jsonl"):
            raise SetError(f"{table} is no table of captions: give a .csv, a .jsonl or a folder")
        rows = read_table(table, notes)
        absent: list[str] = []
        alike = _by_names([path for path in pictures if path.is_relative_to(table.parent)])
        for said in rows:
            path = _meant(said, table.parent, alike)
            if path is None:
                absent.append(said.file or "(no name)")
            elif path in paired and paired[path] != said:
                raise SetError(f"{said.place}: {said.file} was named before, by {paired[path].place}: delete one of the two")
            else:
                paired[path] = said
        if not paired:
            raise SetError(f"{table}: none of its {len(rows)} rows names a picture that is there, such as {absent[0]}")
        if absent:
            notes.append(f"{table.name}: {len(absent)} of {len(rows)} rows name no picture that is there: {told(absent)}")
    if tables and (without := [path.relative_to(folder).as_posix() for path in pictures if path not in paired]):
        notes.append(f"{len(without)} of {len(pictures)} pictures have no row: {told(without)}")
    return paired


def _meant(said: Said, folder: Path, alike: dict[str, list[Path]]) -> Path | None:
    """Find the picture that a row means: as far as both say folders, they are the same; raises SetError where several could be meant."""
    wanted = PurePosixPath(said.file)
    for key in (wanted.name.casefold(), wanted.stem.casefold()):
        candidates = [path for path in alike.get(key, []) if _under_one_name(path.relative_to(folder), wanted)]
        exact = [path for path in candidates if path == folder / wanted]
        if len(candidates) > 1 and not exact:
            could = told([path.relative_to(folder).as_posix() for path in candidates])
            raise SetError(f"{said.place}: {said.file} could be {could}: write its path")
        if candidates:
            return (exact or candidates)[0]
    return None


def _by_names(pictures: list[Path]) -> dict[str, list[Path]]:
    """List the pictures of each name and of each stem."""
    alike: dict[str, list[Path]] = {}
    for path in pictures:
        for key in {path.name.casefold(), path.stem.casefold()}:
            alike.setdefault(key, []).append(path)
    return alike


def _under_one_name(there: PurePath, wanted: PurePath) -> bool:
    """Return whether the shorter of two paths is the end of the longer, their last parts aside."""
    pairs = zip(reversed(there.parts[:-1]), reversed(wanted.parts[:-1]), strict=False)
    return all(one.casefold() == other.casefold() for one, other in pairs)


def _found(path: Path, folder: Path, said: Said | None, notes: list[str]) -> Found:
    name = path.relative_to(folder).as_posix()
    beside = next((path.with_suffix(suffix) for suffix in CAPTIONS if path.with_suffix(suffix).is_file()), None)
    text = said.text if said and said.text else tidied(read_text(beside, notes)) if beside else ""
    if said is None:
        return Found(path=path, name=name, text=text)
    return Found(path=path, name=name, text=text, source=said.source, licence=said.licence, composition=said.composition, seed=said.seed)


def _tell_others(files: list[Path], read: set[Path], notes: list[str]) -> None:
    """Tell of captions without a picture, and of files that are nothing this room knows."""
    stems = {path.with_suffix("") for path in read}
    captions = [path for path in files if path.suffix in CAPTIONS]
    if lonely := [path.name for path in captions if path.with_suffix("") not in stems]:
        notes.append(f"{counted(len(lonely), 'caption has', 'captions have')} no picture of their name: {told(lonely)}")
    others = Counter(path.suffix.lower() or path.name for path in files if path not in read and path.suffix not in CAPTIONS)
    if others:
        notes.append("passed over, as no pictures: " + ", ".join(f"{count} {suffix}" for suffix, count in others.most_common()))


def told(names: list[str]) -> str:
    """List a few names, and count the rest."""
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more
