"""Texts that other programs write into images: PNG text chunks and EXIF."""

from pathlib import Path

from PIL import ExifTags
from PIL import Image as PILImage
from PIL.PngImagePlugin import PngImageFile

from sakuga.datasets.image_reading import open_head

MAX_TEXT = 1_000_000
"""Characters of a text that is read."""
ENCODINGS = {b"UNICODE\0": "utf-16-be", b"ASCII\0\0\0": "ascii"}
"""The first eight bytes of an EXIF user comment, and how the rest is encoded (Exif 2.32, section 4.6.5)."""


def foreign_texts(path: Path) -> dict[str, str]:
    """Return the texts in an image by their keywords; `parameters` is also the user comment of a WebP or JPEG.

    ComfyUI keeps `prompt` and `workflow` of a WebP in the tags Make and Model, behind the keyword and a colon. An unreadable file has none.
    """
    try:
        with open_head(path) as image:
            texts = {str(key): str(value) for key, value in image.text.items()} if isinstance(image, PngImageFile) else {}
            exif = image.getexif()
    except (OSError, SyntaxError, ValueError, PILImage.DecompressionBombError):
        return {}
    comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    if decoded := _comment(comment):
        texts.setdefault("parameters", decoded)
    for value in (exif.get(tag) for tag in (ExifTags.Base.Make, ExifTags.Base.Model)):
        keyword, colon, rest = str(value or "").partition(":")
        if colon and keyword.lower() in ("prompt", "workflow"):
            texts.setdefault(keyword.lower(), rest)
    return {key: text for key, text in texts.items() if len(text) <= MAX_TEXT}


def _comment(value: object) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        return ""
    encoding = ENCODINGS.get(value[:8])
    return value[8:].decode(encoding, errors="replace") if encoding else value.decode(errors="replace")
