"""A folder of numbered pictures, to which pictures are added: none that is there is written over."""

from io import BytesIO
from pathlib import Path

from sakuga.export.pictures import write_picture
from sakuga.export.target import check_folder, whole
from sakuga.timeline.clip import Clip


class Album:
    """Adds pictures to a folder as 0001.png and on, behind what is there.

    A picture that the folder holds to the byte, its recipe included, keeps its place, so that a drawing done again adds nothing.
    """

    def __init__(self, folder: Path) -> None:
        """Look at what the folder holds; raises ExportError where it cannot be written."""
        check_folder(folder)
        self.folder = folder
        self._there = sorted(path for path in folder.glob("[0-9][0-9][0-9][0-9]*.*") if path.stem.isdecimal())
        self.held = len(self._there)
        self._next = 1 + max((int(path.stem) for path in self._there), default=0)

    @property
    def first(self) -> str:
        """The name of the next picture that is new."""
        return f"{self._next:04}.png"

    def add(self, clip: Clip) -> Path:
        """Write a clip of one frame and return its place; asked twice for the same, it writes it twice."""
        coded = BytesIO()
        write_picture(clip.frames[0].picture, clip.recipe, coded)
        data = coded.getvalue()
        same = (path for path in self._there if path.stat().st_size == len(data) and path.read_bytes() == data)
        if path := next(same, None):
            self._there.remove(path)
            return path
        path = self.folder / self.first
        with whole(path) as draft:
            draft.write_bytes(data)
        self._next += 1
        return path
