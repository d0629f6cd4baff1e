"""PNG, APNG and WebP files by Pillow."""

from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

from PIL import Image as PILImage
from PIL import PngImagePlugin

from sakuga.export.gif import has_few_colors
from sakuga.export.limits import LIMITS, Limits
from sakuga.export.timing import TimedImage, timed_images
from sakuga.finishing.image import Image
from sakuga.timeline.clip import Clip

RECIPE_KEY = "sakuga:recipe"
"""The keyword of the PNG text chunk."""
_SAKUGA = "https://sakuga.invalid/recipe/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def write_image(image: Image, recipe: str, path: Path | BinaryIO) -> None:
    """Write a PNG with the recipe in an iTXt chunk."""
    PILImage.fromarray(image).save(path, format="PNG", pnginfo=_text_chunk(recipe))


def write_png(clip: Clip, path: Path) -> None:
    """Write a clip of one frame as PNG."""
    write_image(clip.frames[0].image, clip.recipe, path)


def write_apng(clip: Clip, path: Path) -> None:
    """Write an endlessly looping, lossless APNG."""
    first, rest, lengths = _pil_images(_timed(clip, LIMITS[".apng"]))
    first.save(path, format="PNG", save_all=True, append_images=rest, duration=lengths, loop=0, pnginfo=_text_chunk(clip.recipe))


def write_webp(clip: Clip, path: Path) -> None:
    """Write an endlessly looping WebP with the recipe as XMP.

    It is lossy at quality 80; clips of at most 255 colors, such as pixel art, are lossless.
    """
    shown = _timed(clip, LIMITS[".webp"])
    first, rest, lengths = _pil_images(shown)
    options = {"lossless": has_few_colors(shown), "quality": 80, "method": 4, "xmp": _xmp(clip.recipe) if clip.recipe else b""}
    first.save(path, format="WEBP", save_all=True, append_images=rest, duration=lengths, loop=0, **options)


def recipe_in_image(path: Path) -> str | None:
    """Read the recipe of a GIF, PNG, APNG or WebP.

    None if there is none.
    """
    with PILImage.open(path) as image:
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


def _timed(clip: Clip, limits: Limits) -> tuple[TimedImage, ...]:
    return tuple(timed_images(clip.frames, clip.rate, limits.ticks, limits.min_ticks))


def _pil_images(shown: tuple[TimedImage, ...]) -> tuple[PILImage.Image, list[PILImage.Image], list[int]]:
    first, *rest = (PILImage.fromarray(timed.image) for timed in shown)
    return first, rest, [timed.ticks for timed in shown]


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
