"""Small images for pages, as WebP."""

from io import BytesIO
from pathlib import Path

from PIL import Image as PILImage

from sakuga.files import write_bytes

WIDTHS = (64, 128, 256, 512, 1024)
"""Widths of thumbnails; others are rounded up."""


def thumbnail_width(wanted: int) -> int:
    """Return the width of the thumbnail for a wanted one."""
    return next((width for width in WIDTHS if width >= wanted), WIDTHS[-1])


def thumbnail(source: Path, folder: Path, name: str, width: int) -> Path:
    """Return the path of a thumbnail, which is made at the first call."""
    place = folder / name[:2] / f"{name}-{width}.webp"
    if not place.is_file():
        with PILImage.open(source) as image:
            content = webp(image, width)
        write_bytes(place, content)
    return place


def webp(image: PILImage.Image, width: int) -> bytes:
    """Encode an image as WebP, at most so wide."""
    small, encoded = image.convert("RGB"), BytesIO()
    if small.width > width:
        small = small.resize((width, max(1, round(small.height * width / small.width))), PILImage.Resampling.LANCZOS)
    small.save(encoded, "WEBP", quality=85, method=2)
    return encoded.getvalue()
