"""Pictures and captions of the Hugging Face hub, or of any folder that the `datasets` library reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sakuga.datasets.image_sources import Found
from sakuga.datasets.tables import columns_of, row_said
from sakuga.datasets.training_set import SetError

LEARNT = "train"
"""The part that is learnt from; pictures of any other are held out."""


def gather_from_hub(name: str, into: Path, notes: list[str]) -> Iterator[Found]:
    """Load a data set as `datasets.load_dataset` does and write its pictures, as they are stored, into a folder one by one.

    The first column of pictures is taken, and its captions from the column `text`, `caption` or `prompt`.
    Raises SetError where the library or the data set is not there, or has no pictures.
    """
    try:
        import datasets
    except ImportError:
        raise SetError(f"{name} is of the Hugging Face hub, and to read it needs the datasets library: pip install 'sakuga[hub]'") from None
    try:
        parts = datasets.load_dataset(name)
    except Exception as error:  # whatever the hub, its files and the library may raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SetError(f"{name}: there is no such folder or table, and the Hugging Face hub did not give it ({reason})") from None
    for part, rows in parts.items():
        yield from _found(name, str(part), rows, datasets.Image, into, notes)


def _found(name: str, part: str, rows: Any, picture_type: Any, into: Path, notes: list[str]) -> Iterator[Found]:
    pictures = [column for column, kind in rows.features.items() if isinstance(kind, picture_type)]
    if not pictures:
        raise SetError(f"{name} ({part}) has no column of pictures, only {', '.join(rows.column_names)}")
    others = [column for column in rows.column_names if column != pictures[0]]
    columns = columns_of(others, f"{name} ({part})")
    columns.pop("file", None)
    if passed_over := sorted(set(others) - set(columns.values())):
        notes.append(f"{name}: columns that are not taken over: {', '.join(passed_over)}")
    for place, values in enumerate(rows.cast_column(pictures[0], picture_type(decode=False)), 1):
        stored = values[pictures[0]]
        called = Path(stored["path"] or f"{part}.png").name
        said = row_said(values, columns, f"{name} ({part}) row {place}")
        path = into / f"{part}-{place:06}-{called}"
        path.write_bytes(stored["bytes"] if stored["bytes"] is not None else Path(stored["path"]).read_bytes())
        yield Found(
            path=path,
            name=called,
            text=said.text,
            source=said.source or f"hf.co/datasets/{name}, {part} row {place}",
            licence=said.licence or rows.info.license,
            composition=said.composition,
            seed=said.seed,
            held_out=part != LEARNT,
        )
