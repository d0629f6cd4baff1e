"""Caption tables: CSV and JSON lines, with any common column names."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from sakuga.datasets.captions import normalize, read_text
from sakuga.datasets.training_set import COMPOSITIONS, Composition, SetError
from sakuga.files import parse_json
from sakuga.story.limits import MAX_TABLE_BYTES

COLUMNS = {
    "file": ("file_name", "filename", "file", "image", "image_file", "image_path", "path", "name"),
    "text": ("text", "caption", "prompt", "description", "additional_feature"),
    "source": ("source", "url", "origin", "credit", "author", "artist"),
    "licence": ("licence", "license", "rights", "copyright"),
    "composition": ("composition",),
    "seed": ("seed",),
}
"""Accepted names of each column; of several the first counts."""
SEPARATORS = ",;\t|"
SEPARATOR_LINE = re.compile(rf"sep=([{SEPARATORS}])[ \t]*\r?\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One image's row of a table.

    "" and None where a value is missing.
    """

    place: str
    """File and line, for errors."""
    file: str
    text: str
    source: str = ""
    licence: str = ""
    composition: Composition | None = None
    seed: int | None = None


def read_table(path: Path, notes: list[str]) -> list[TableRow]:
    """Read a `.csv` or `.jsonl` table; raises SetError."""
    text = read_text(path, notes, MAX_TABLE_BYTES)
    rows = list(_json_rows(text, path) if path.suffix.lower() == ".jsonl" else _csv_rows(text, path))
    if not rows:
        raise SetError(f"{path} has no rows: it needs a header and one row per image")
    columns = find_columns(dict.fromkeys(key for _, values in rows for key in values), str(path), needed="file")
    ignored = sorted({key for _, values in rows for key in values} - set(columns.values()))
    if ignored:
        notes.append(f"{path.name}: ignored columns: {', '.join(ignored)}")
    return [parse_row(values, columns, place) for place, values in rows]


def find_columns(names: Iterable[str], place: str, needed: str | None = None) -> dict[str, str]:
    """Map known columns to their names in a table.

    Raises SetError where a needed one is missing.
    """
    names = list(names)
    by_name = {re.sub(r"[\s-]+", "_", name.strip().lower()): name for name in reversed(names)}
    found = {kind: by_name[name] for kind, known in COLUMNS.items() for name in reversed(known) if name in by_name}
    if needed and needed not in found:
        raise SetError(f"{place} has no column {COLUMNS[needed][0]!r}, only {', '.join(map(repr, names))}: rename one")
    return found


def parse_row(values: Mapping[str, Any], columns: Mapping[str, str], place: str) -> TableRow:
    """Parse one row; raises SetError where a value is invalid."""
    cells = {kind: values.get(name) for kind, name in columns.items()}
    for kind in ("file", "text", "source", "licence"):
        if not isinstance(cells.get(kind), str | None):
            raise SetError(f"{place}: {columns[kind]}: {cells[kind]!r} is not text: write it in quotes")
    composition = normalize(str(cells.get("composition") or "")).lower()
    if composition not in ("", *COMPOSITIONS):
        raise SetError(f"{place}: {columns['composition']}: {composition!r} is not one of {', '.join(COMPOSITIONS)}")
    return TableRow(
        place=place,
        file=(cells.get("file") or "").strip().replace("\\", "/"),
        text=normalize(cells.get("text") or ""),
        source=normalize(cells.get("source") or ""),
        licence=normalize(cells.get("licence") or ""),
        composition=next((known for known in COMPOSITIONS if known == composition), None),
        seed=_seed(cells.get("seed"), place),
    )


def _seed(value: Any, place: str) -> int | None:
    text = str("" if value is None else value).strip()
    if text in ("", "-1"):
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise SetError(f"{place}: seed: {value!r} is not a whole number")
    return int(text)


def _csv_rows(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read delimited values (RFC 4180) with any common separator, which Excel's first line `sep=;` may name.

    Spaces after a separator are dropped.
    """
    named = SEPARATOR_LINE.match(text := text.lstrip())
    lines = 1 if named else 0
    text = text[named.end() :] if named else text
    separator = named[1] if named else max(SEPARATORS, key=text.split("\n", 1)[0].count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if doubled := next((name for name, count in Counter(names).items() if name and count > 1), None):
            raise SetError(f"{path}: two columns are named {doubled!r}: rename one")
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(names):
                wrong = f"{len(values)} values for {len(names)} columns"
                raise SetError(f'{path} line {lines + reader.line_num}: {wrong}: put text with a {separator!r} in "quotes"')
            yield f"{path} line {lines + reader.line_num}", {name: value for name, value in zip(names, values, strict=True) if name}
    except csv.Error as error:
        raise SetError(f"{path} line {lines + reader.line_num} cannot be read ({error}): check its quotes") from None


def _json_rows(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path} line {number}"
        try:
            values = parse_json(line)
        except ValueError as error:
            raise SetError(f"{place} is not JSON ({error}): write one object per line") from None
        if not isinstance(values, dict):
            raise SetError(f'{place} is not an object: write {{"file_name": ..., "text": ...}}')
        yield place, values
