"""Tables of captions from outside: CSV and JSON lines, whatever their columns are called."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from sakuga.datasets.captions import read_text, tidied
from sakuga.datasets.training_set import COMPOSITIONS, Composition, SetError

COLUMNS = {
    "file": ("file_name", "filename", "file", "image", "image_file", "image_path", "path", "name"),
    "text": ("text", "caption", "prompt", "description", "additional_feature"),
    "source": ("source", "url", "origin", "credit", "author", "artist"),
    "licence": ("licence", "license", "rights", "copyright"),
    "composition": ("composition",),
    "seed": ("seed",),
}
"""What each column may be called; of several the first counts."""
SEPARATORS = ",;\t|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a table says of one picture; "" and None where it says nothing."""

    place: str
    """The file and line, for errors."""
    file: str
    text: str
    source: str = ""
    licence: str = ""
    composition: Composition | None = None
    seed: int | None = None


def read_table(path: Path, notes: list[str]) -> list[Said]:
    """Read a `.csv` or `.jsonl` table; what had to be settled is added to the notes. Raises SetError with file and line."""
    text = read_text(path, notes)
    rows = list(_json_rows(text, path) if path.suffix.lower() == ".jsonl" else _csv_rows(text, path))
    if not rows:
        raise SetError(f"{path} holds no rows: give it a header and one row a picture")
    columns = columns_of(dict.fromkeys(key for _, values in rows for key in values), str(path), needed="file")
    passed_over = sorted({key for _, values in rows for key in values} - set(columns.values()))
    if passed_over:
        notes.append(f"{path.name}: columns that are not taken over: {', '.join(passed_over)}")
    return [row_said(values, columns, place) for place, values in rows]


def columns_of(names: Iterable[str], place: str, needed: str | None = None) -> dict[str, str]:
    """Find what each known column is called in a table; raises SetError where a needed one is missing."""
    names = list(names)
    there = {re.sub(r"[\s-]+", "_", name.strip().lower()): name for name in reversed(names)}
    found = {kind: there[name] for kind, known in COLUMNS.items() for name in reversed(known) if name in there}
    if needed and needed not in found:
        raise SetError(f"{place} has no column {COLUMNS[needed][0]!r}, only {', '.join(map(repr, names))}: rename one")
    return found


def row_said(values: Mapping[str, Any], columns: Mapping[str, str], place: str) -> Said:
    """Take one row; raises SetError where a value is of no use."""
    said = {kind: values.get(name) for kind, name in columns.items()}
    for kind in ("file", "text", "source", "licence"):
        if not isinstance(said.get(kind), str | None):
            raise SetError(f"{place}: {columns[kind]}: {said[kind]!r} is no text: write it in quotes")
    composition = tidied(str(said.get("composition") or "")).lower()
    if composition not in ("", *COMPOSITIONS):
        raise SetError(f"{place}: {columns['composition']}: {composition!r} is none of {', '.join(COMPOSITIONS)}")
    return Said(
        place=place,
        file=(said.get("file") or "").strip().replace("\\", "/"),
        text=tidied(said.get("text") or ""),
        source=tidied(said.get("source") or ""),
        licence=tidied(said.get("licence") or ""),
        composition=next((known for known in COMPOSITIONS if known == composition), None),
        seed=_seed(said.get("seed"), place),
    )


def _seed(said: Any, place: str) -> int | None:
    text = str("" if said is None else said).strip()
    if text in ("", "-1"):
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise SetError(f"{place}: seed: {said!r} is no whole number")
    return int(text)


def _csv_rows(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read comma-separated values (RFC 4180) with any usual separator; spaces behind one and around the header are dropped."""
    header = text.lstrip().split("\n", 1)[0]
    separator = max(SEPARATORS, key=header.count)
    reader = csv.reader(StringIO(text.lstrip(), newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if doubled := next((name for name in names if name and names.count(name) > 1), None):
            raise SetError(f"{path}: two columns are called {doubled!r}: rename one")
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(names):
                wrong = f"{len(values)} values for {len(names)} columns"
                raise SetError(f'{path} line {reader.line_num}: {wrong}: put text with a {separator!r} in "quotes"')
            yield f"{path} line {reader.line_num}", {name: value for name, value in zip(names, values, strict=True) if name}
    except csv.Error as error:
        raise SetError(f"{path} line {reader.line_num} cannot be read ({error}): check its quotes") from None


def _json_rows(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path} line {number}"
        try:
            values = json.loads(line)
        except ValueError as error:
            raise SetError(f"{place} is no JSON ({error}): write one object a line") from None
        if not isinstance(values, dict):
            raise SetError(f'{place} is no object: write {{"file_name": ..., "text": ...}}')
        yield place, values
