"""Images in rows and columns, with labels at their sides."""

from collections.abc import Sequence

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from sakuga.finishing.image import Image

GAP = 4
LETTERS = 14
"""Height of the labels in pixels."""
WHITE, BLACK = (255, 255, 255), (20, 20, 20)


def labelled_grid(images: Sequence[Image], columns: Sequence[str], rows: Sequence[str], title: str = "") -> Image:
    """Lay out images of any sizes row by row, (height, width, 3) uint8; labels are shortened to their cell."""
    width, height = (max(image.shape[axis] for image in images) for axis in (1, 0))
    left = LETTERS * 9 if any(rows) else 0
    top = LETTERS * 2 * (bool(title) + any(map(bool, columns)))
    sheet = PILImage.new("RGB", (left + len(columns) * (width + GAP), top + len(rows) * (height + GAP)), WHITE)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(LETTERS)
    if title:
        draw.text((left, LETTERS // 2), _fitting(title, len(columns) * width, font), BLACK, font)
    for column, label in enumerate(columns):
        draw.text((left + column * (width + GAP), top - int(LETTERS * 1.5)), _fitting(label, width, font), BLACK, font)
    for row, label in enumerate(rows):
        draw.text((GAP, top + row * (height + GAP) + height // 2), _fitting(label, left - 2 * GAP, font), BLACK, font)
    for place, image in enumerate(images):
        row, column = divmod(place, len(columns))
        sheet.paste(PILImage.fromarray(image), (left + column * (width + GAP), top + row * (height + GAP)))
    return np.asarray(sheet)


def _fitting(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Shorten a text to a width in pixels."""
    if font.getlength(text) <= width:
        return text
    return next((f"{text[:end]}…" for end in range(len(text), 0, -1) if font.getlength(f"{text[:end]}…") <= width), "")
