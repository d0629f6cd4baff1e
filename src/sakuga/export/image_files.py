"""PNG and WebP files by Pillow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree

from PIL import Image as PILImage
from PIL import PngImagePlugin

from sakuga.datasets.image_reading import open_head
from sakuga.export.gif import has_few_colors
from sakuga.export.limits import LIMITS
from sakuga.export.timing import FrameStream
from sakuga.finishing.image import Image

RECIPE_KEY = "sakuga:recipe"
"""The keyword of the PNG text chunk."""
INFOTEXT_KEY = "parameters"
"""The keyword under which A1111, ComfyUI and Civitai look for settings."""
_SAKUGA = "https://sakuga.invalid/recipe/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def write_image(image: Image, recipe: str, path: Path | BinaryIO, infotext: str = "") -> None:
    """Write a PNG with the recipe in an iTXt chunk, and A1111's infotext in another."""
    chunks = _text_chunk(recipe)
    if infotext:
        chunks.add_itxt(INFOTEXT_KEY, infotext)
    PILImage.fromarray(image).save(path, format="PNG", pnginfo=chunks)


def write_png(clip: FrameStream, path: Path) -> None:
    """Write a clip of one frame as PNG."""
    write_image(next(iter(clip.images)), clip.recipe, path)


def write_webp(clip: FrameStream, path: Path) -> None:
    """Write an endlessly looping WebP with the recipe as XMP.

    It is lossy at quality 80; clips of at most 255 colors, such as pixel art, are lossless. libwebp keeps the compressed frames in memory.
    """
    limits = LIMITS[".webp"]
    lengths = [timed.ticks for timed in limits.timed(clip)]
    few = has_few_colors(timed.image for timed in limits.timed(clip))
    options: dict[str, Any] = {"lossless": few, "quality": 80, "method": 4, "xmp": _xmp(clip.recipe) if clip.recipe else b""}
    images = _ImageSequence((timed.image for timed in limits.timed(clip)), len(lengths), clip.size)
    images.save(path, format="WEBP", save_all=True, duration=lengths, loop=0, **options)


class _ImageSequence(PILImage.Image):
    """Images as one animated Pillow image, which holds the current one only."""

    def __init__(self, images: Iterator[Image], count: int, size: tuple[int, int]) -> None:
        first = next(images)
        self.__setstate__([{}, "RGB", size, None, first.tobytes()])
        self.n_frames = count
        self._images, self._place = images, 0

    def seek(self, frame: int) -> None:
        """Go on to the next image."""
        while self._place < frame:
            self.frombytes(next(self._images).tobytes())
            self._place += 1

    def tell(self) -> int:
        """Return the place of the current image."""
        return self._place


def recipe_in_image(path: Path) -> str | None:
    """Read the recipe of a GIF, PNG, APNG or WebP.

    None if there is none.
    """
    with open_head(path) as image:
        match image:
            case PngImagePlugin.PngImageFile():
                return image.text.get(RECIPE_KEY)
            case _ if "comment" in image.info:
                comment: bytes = image.info["comment"]
                return comment.decode(errors="replace")
            case _ if "xmp" in image.info:
                return _recipe_in_xmp(image.info["xmp"])
            case _:
                return None


def _text_chunk(recipe: str) -> PngImagePlugin.PngInfo:
    chunk = PngImagePlugin.PngInfo()
    if recipe:
        chunk.add_itxt(RECIPE_KEY, recipe)
    return chunk


def _xmp(recipe: str) -> bytes:
    """Wrap the recipe in a minimal XMP packet.

    Source: XMP specification part 1, section 7.
    """
    root = ElementTree.Element(f"{{{_RDF}}}RDF")
    ElementTree.SubElement(ElementTree.SubElement(root, f"{{{_RDF}}}Description"), f"{{{_SAKUGA}}}recipe").text = recipe
    packet: bytes = ElementTree.tostring(root, encoding="utf-8")
    return packet


def _recipe_in_xmp(packet: bytes) -> str | None:
    try:
        return ElementTree.fromstring(packet).findtext(f".//{{{_SAKUGA}}}recipe")
    except ElementTree.ParseError:
        return None
