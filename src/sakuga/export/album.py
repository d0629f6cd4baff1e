"""A folder of numbered images that only grows: nothing is overwritten."""

from io import BytesIO
from pathlib import Path

from sakuga.export.image_files import write_image
from sakuga.export.target import atomic, check_folder
from sakuga.files import NameTaken
from sakuga.timeline.clip import Clip


class ImageFolder:
    """Adds images to a folder as 0001.png and on.

    An image that the folder already holds, byte for byte with its recipe, is not added again, so that a repeated run adds nothing.
    """

    def __init__(self, folder: Path) -> None:
        """List the folder's images.

        Raises ExportError where it cannot be written.
        """
        check_folder(folder)
        self.folder = folder
        self._existing = sorted(path for path in folder.glob("[0-9][0-9][0-9][0-9]*.*") if path.stem.isdecimal())
        self.existing = len(self._existing)
        self._next = 1 + max((int(path.stem) for path in self._existing), default=0)

    @property
    def first(self) -> str:
        """Return the name of the next new image."""
        return f"{self._next:04}.png"

    def add(self, clip: Clip, infotext: str = "") -> Path:
        """Write a clip of one frame, with A1111's infotext if there is one; returns its path.

        Each existing image counts as a match once.
        """
        coded = BytesIO()
        write_image(clip.frames[0].image, clip.recipe, coded, infotext)
        data = coded.getvalue()
        same = (path for path in self._existing if path.stat().st_size == len(data) and path.read_bytes() == data)
        if path := next(same, None):
            self._existing.remove(path)
            return path
        return self._add(data)

    def _add(self, data: bytes) -> Path:
        """Write under the next free name; another process may take names at the same time."""
        while True:
            path = self.folder / self.first
            self._next += 1
            try:
                with atomic(path, new=True) as draft:
                    draft.write_bytes(data)
            except NameTaken:
                continue
            return path
