"""Image sequences: numbered files, such as `shot.%04d.png` or `shot.####.exr`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sakuga.export.deep_png import deep_png_bytes
from sakuga.export.exr import exr_bytes, recipe_in_exr
from sakuga.export.image_files import RECIPE_KEY, write_image
from sakuga.export.recipe import read_recipe
from sakuga.export.target import ExportError, atomic
from sakuga.finishing.image import Image

PLACE = re.compile(r"%0?(\d*)d|#+")
SUFFIXES = (".png", ".exr")
"""PNG in sRGB; EXR in linear light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceName:
    """The name of a sequence: a folder, what stands before and after the number, and its least digits."""

    folder: Path
    before: str
    digits: int
    after: str

    @classmethod
    def of(cls, path: Path) -> "SequenceName | None":
        """Read a name with a place for the number; None where it has none. Raises ExportError for two."""
        places = list(PLACE.finditer(path.name))
        if not places:
            return None
        if len(places) > 1 or path.suffix.lower() not in SUFFIXES:
            raise ExportError(f"{path.name} is no sequence: write one number as name.%04d.png, name.####.png or .exr")
        found = places[0]
        digits = len(found[0]) if found[0].startswith("#") else int(found[1] or 1)
        return cls(folder=path.parent, before=path.name[: found.start()], digits=digits, after=path.name[found.end() :])

    def path(self, number: int) -> Path:
        """Return the file of a frame."""
        return self.folder / f"{self.before}{number:0{self.digits}}{self.after}"

    @property
    def title(self) -> str:
        """The name without number and suffix."""
        return self.before.rstrip("._-") or "sequence"


def holds_16_bits(path: Path) -> bool:
    """Return whether frames are written one by one, as PNG or EXR: a sequence, or a folder."""
    return SequenceName.of(path) is not None or not path.suffix


def check_sequence(name: SequenceName, numbers: Sequence[int]) -> None:
    """Refuse to replace files that are no frames of a clip; raises ExportError."""
    if numbers and numbers[0] < 0:
        raise ExportError(f"a sequence cannot begin at frame {numbers[0]}: choose 0 or more")
    taken = (path for path in map(name.path, numbers) if path.exists() and not _recipe(path))
    if path := next(taken, None):
        raise ExportError(f"{path} is no frame of a clip and would be replaced: choose another name, or move it away")


def write_frame(image: Image | NDArray[np.uint16], recipe: str, path: Path) -> None:
    """Write one frame of a sequence, uint8 or uint16, atomically; raises ExportError."""
    with atomic(path) as draft:
        if path.suffix.lower() == ".exr":
            draft.write_bytes(exr_bytes(image, recipe))
        elif image.dtype == np.uint16:
            draft.write_bytes(deep_png_bytes(image.astype(np.uint16), RECIPE_KEY, recipe))
        else:
            write_image(image.astype(np.uint8), recipe, draft)


def _recipe(path: Path) -> str | None:
    if path.suffix.lower() == ".exr":
        return recipe_in_exr(path.read_bytes())
    try:
        return read_recipe(path)
    except ExportError:
        return None
