"""Images and captions from the Hugging Face hub, by the `datasets` library."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sakuga.datasets.image_sources import FoundImage
from sakuga.datasets.tables import find_columns, parse_row
from sakuga.datasets.training_set import SetError

TRAIN_SPLIT = "train"
"""The split to train on; images of others are held out."""


def find_hub_images(name: str, into: Path, notes: list[str]) -> Iterator[FoundImage]:
    """Load a hub dataset and write its images to a folder.

    It is read with `datasets.load_dataset`; images are written as stored, one by one.
    Images come from the first image column, captions from the column `text`, `caption` or `prompt`.
    Raises SetError where the library or the dataset is missing, or has no images.
    """
    try:
        import datasets
    except ImportError:
        raise SetError(f"{name} is on the Hugging Face hub, which needs the datasets library: pip install 'sakuga[hub]'") from None
    try:
        parts = datasets.load_dataset(name)
    except Exception as error:  # whatever the hub, its files and the library may raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SetError(f"{name}: there is no such folder or table, and the Hugging Face hub has none ({reason})") from None
    for part, rows in parts.items():
        yield from _split_images(name, str(part), rows, datasets.Image, into, notes)


def _split_images(name: str, part: str, rows: Any, image_type: Any, into: Path, notes: list[str]) -> Iterator[FoundImage]:
    images = [column for column, kind in rows.features.items() if isinstance(kind, image_type)]
    if not images:
        raise SetError(f"{name} ({part}) has no image column, only {', '.join(rows.column_names)}")
    others = [column for column in rows.column_names if column != images[0]]
    columns = find_columns(others, f"{name} ({part})")
    columns.pop("file", None)
    if ignored := sorted(set(others) - set(columns.values())):
        notes.append(f"{name}: ignored columns: {', '.join(ignored)}")
    for place, values in enumerate(rows.cast_column(images[0], image_type(decode=False)), 1):
        stored = values[images[0]]
        file_name = Path(stored["path"] or f"{part}.png").name
        row = parse_row(values, columns, f"{name} ({part}) row {place}")
        path = into / f"{part}-{place:06}-{file_name}"
        path.write_bytes(stored["bytes"] if stored["bytes"] is not None else Path(stored["path"]).read_bytes())
        yield FoundImage(
            path=path,
            name=file_name,
            text=row.text,
            source=row.source or f"hf.co/datasets/{name}, {part} row {place}",
            licence=row.licence or rows.info.license,
            composition=row.composition,
            seed=row.seed,
            held_out=part != TRAIN_SPLIT,
        )
