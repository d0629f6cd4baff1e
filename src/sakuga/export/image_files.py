"""Picture files and moving picture files by Pillow: PNG, APNG, WebP."""

from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

from PIL import Image, PngImagePlugin

from sakuga.export.gif import has_few_colours
from sakuga.export.timing import Still, stills
from sakuga.finishing.image import Picture
from sakuga.timeline.clip import Clip

TICKS = 1000
"""WebP and APNG are given thousandths of a second."""
RECIPE_KEY = "sakuga:recipe"
"""The keyword of the PNG text chunk."""
_SAKUGA = "https://sakuga.invalid/recipe/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def write_picture(picture: Picture, recipe: str, path: Path | BinaryIO) -> None:
    """Write one PNG with the recipe in an iTXt chunk."""
    Image.fromarray(picture).save(path, format="PNG", pnginfo=_text_chunk(recipe))


def write_png(clip: Clip, path: Path) -> None:
    """Write a clip of one frame."""
    write_picture(clip.frames[0].picture, clip.recipe, path)


def write_apng(clip: Clip, path: Path) -> None:
    """Write an endless APNG without loss."""
    first, rest, lengths = _images(tuple(stills(clip, TICKS)))
    first.save(path, format="PNG", save_all=True, append_images=rest, duration=lengths, loop=0, pnginfo=_text_chunk(clip.recipe))


def write_webp(clip: Clip, path: Path) -> None:
    """Write an endless WebP, lossy at quality 80 (but pixel art, of few colours, without loss), with the recipe as XMP."""
    shown = tuple(stills(clip, TICKS))
    first, rest, lengths = _images(shown)
    how = {"lossless": has_few_colours(shown), "quality": 80, "method": 4, "xmp": _xmp(clip.recipe) if clip.recipe else b""}
    first.save(path, format="WEBP", save_all=True, append_images=rest, duration=lengths, loop=0, **how)


def recipe_in_picture(path: Path) -> str | None:
    """Read the recipe of a GIF, PNG, APNG or WebP."""
    with Image.open(path) as image:
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


def _images(shown: tuple[Still, ...]) -> tuple[Image.Image, list[Image.Image], list[int]]:
    first, *rest = (Image.fromarray(still.picture) for still in shown)
    return first, rest, [still.ticks for still in shown]


def _text_chunk(recipe: str) -> PngImagePlugin.PngInfo:
    chunk = PngImagePlugin.PngInfo()
    if recipe:
        chunk.add_itxt(RECIPE_KEY, recipe)
    return chunk


def _xmp(recipe: str) -> bytes:
    """Wrap the recipe in a minimal packet (XMP specification part 1, section 7)."""
    root = ElementTree.Element(f"{{{_RDF}}}RDF")
    ElementTree.SubElement(ElementTree.SubElement(root, f"{{{_RDF}}}Description"), f"{{{_SAKUGA}}}recipe").text = recipe
    packet: bytes = ElementTree.tostring(root, encoding="utf-8")
    return packet


def _recipe_in_xmp(packet: bytes) -> str | None:
    try:
        return ElementTree.fromstring(packet).findtext(f".//{{{_SAKUGA}}}recipe")
    except ElementTree.ParseError:
        return None
