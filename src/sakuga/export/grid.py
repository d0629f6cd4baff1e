"""Layout of sprite sheets: a near-square grid without gaps, and its JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetGrid:
    """Images of one size, laid out in reading order."""

    count: int
    width: int
    height: int

    @property
    def columns(self) -> int:
        return min(self.count, max(1, ceil(sqrt(self.count * self.height / self.width))))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        return self.columns * self.width, ceil(self.count / self.columns) * self.height

    def corner(self, place: int) -> tuple[int, int]:
        """Return left and top of an image in pixels."""
        row, column = divmod(place, self.columns)
        return column * self.width, row * self.height

    def to_json(self, image: str, milliseconds: Sequence[int]) -> str:
        """Return the layout as JSON, like Aseprite's array export.

        `image` is the sheet's file name.
        """
        full = {"w": self.width, "h": self.height}
        frames = []
        for place, duration in enumerate(milliseconds):
            left, top = self.corner(place)
            within = {"rotated": False, "trimmed": False, "spriteSourceSize": {"x": 0, "y": 0, **full}, "sourceSize": full}
            frames.append({"filename": f"{place + 1:04}", "frame": {"x": left, "y": top, **full}, **within, "duration": duration})
        size = dict(zip(("w", "h"), self.size, strict=True))
        meta = {"app": "sakuga", "image": image, "size": size, "scale": "1", "frameTags": [], "layers": [], "slices": []}
        return json.dumps({"frames": frames, "meta": meta}, indent=1) + "\n"
