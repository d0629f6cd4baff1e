"""Images in rows and columns, with labels at their sides."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from sakuga.finishing.image import Image

GAP = 4
LETTERS = 14
"""Height of the labels in pixels."""
LINE = 20
"""Height of a line of them."""
LINES, LONGEST = 3, 360
"""Lines of a column's label, and pixels of a row's, at most."""
WHITE, BLACK = (255, 255, 255), (20, 20, 20)


def labelled_grid(images: Sequence[Image], columns: Sequence[str], rows: Sequence[str], title: str = "") -> Image:
    """Lay out images of any sizes row by row, (height, width, 3) uint8.

    Rows' labels have the room that the longest needs, up to `LONGEST`; columns' labels wrap. What is longer is shortened.
    """
    width, height = (max(image.shape[axis] for image in images) for axis in (1, 0))
    font = ImageFont.load_default(LETTERS)
    left = min(LONGEST, ceil(max(font.getlength(label) for label in rows)) + 3 * GAP) if any(rows) else 0
    wrapped = [_wrapped(label, width, font) for label in columns]
    lines = max(len(label) for label in wrapped) if any(columns) else 0
    top = LINE * (bool(title) + lines) + (GAP * 2 if title or lines else 0)
    sheet = PILImage.new("RGB", (left + len(columns) * (width + GAP), top + len(rows) * (height + GAP)), WHITE)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((left, GAP), _fitting(title, len(columns) * width, font), BLACK, font)
    for column, broken in enumerate(wrapped):
        for line, words in enumerate(broken):
            draw.text((left + column * (width + GAP), top - GAP - LINE * (len(broken) - line)), words, BLACK, font)
    for row, label in enumerate(rows):
        draw.text((GAP, top + row * (height + GAP) + height // 2), _fitting(label, left - 2 * GAP, font), BLACK, font)
    for place, image in enumerate(images):
        row, column = divmod(place, len(columns))
        sheet.paste(PILImage.fromarray(image), (left + column * (width + GAP), top + row * (height + GAP)))
    return np.asarray(sheet)


def _wrapped(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """Break a text into at most `LINES` lines of a width in pixels."""
    lines: list[str] = []
    while text and len(lines) < LINES - 1:
        fits = next((end for end in range(len(text), 1, -1) if font.getlength(text[:end]) <= width), 1)
        space = text.rfind(" ", 1, fits + 1) if fits < len(text) else -1
        end = space if space > 0 else fits
        lines.append(text[:end])
        text = text[end:].lstrip()
    return [*lines, _fitting(text, width, font)] if text else lines or [""]


def _fitting(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Shorten a text to a width in pixels."""
    if font.getlength(text) <= width:
        return text
    return next((f"{text[:end]}…" for end in range(len(text), 0, -1) if font.getlength(f"{text[:end]}…") <= width), "")
