"""Shots as language models write them: a prompt, a camera move and a transition."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sakuga.story.prompt_styles import without_styles
from sakuga.story.storyboard import Camera, Cut, Morph, Transition

MOVES: dict[str, Camera] = {
    "still": Camera(),
    "closer": Camera(zoom=1.15),
    "away": Camera(zoom=0.92),
    "left": Camera(pan=(-0.08, 0.0)),
    "right": Camera(pan=(0.08, 0.0)),
    "up": Camera(pan=(0.0, -0.06)),
    "down": Camera(pan=(0.0, 0.06)),
}
TRANSITIONS: dict[str, Transition] = {"cut": Cut(), "morph": Morph()}
MAX_LETTERS = 1000
"""Letters of a prompt."""
PROMPT_KEYS = ("prompt", "description", "text", "scene", "caption", "visual", "image")
"""Keys, labels and table columns of a shot's prompt."""
CURLY = str.maketrans("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}", '"""')
"""Typographic quotes, and the plain one."""
MARK = re.compile(r"^(?:(?:shot|frame|scene|keyframe)\s*\d+\s*[:.)\-]|\(?\d{1,2}\s*[.):]|[-*\N{BULLET}\N{EN DASH}])\s*", re.IGNORECASE)
"""The number or bullet before an item."""
NUMBERED = re.compile(r"(?:(?:shot|frame|scene|keyframe|prompt|image)[\s_\-]*)?\d+", re.IGNORECASE)
"""A key or an item that only counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """One shot of a reply."""

    prompt: str
    camera: Camera | None = None
    transition: Transition | None = None


def sketch_of(prompt: str, fields: Mapping[str, Any]) -> Sketch:
    """Return a shot by its prompt and the other fields of its object or row."""
    camera, transition = (str(fields.get(name, "")).strip().lower() for name in ("camera", "transition"))
    return Sketch(prompt=prompt, camera=MOVES.get(camera), transition=TRANSITIONS.get(transition))


def prompt_of(item: Any) -> str:
    """Return the prompt of a shot's object, or "".

    The prompt may be an object itself.
    """
    if not isinstance(item, dict):
        return ""
    for key in PROMPT_KEYS:
        found = item.get(key)
        if prompt := found if isinstance(found, str) else prompt_of(found):
            return prompt
    return ""


def clean_prompt(words: str) -> str:
    """Return a prompt in one line, or "".

    Without number, quotes and emphasis; "" if it is no prompt. Styles that it names are left out: they are files, which the artist
    chooses.
    """
    text = " ".join(without_styles(words.translate(CURLY)).split())
    text = MARK.sub("", text).strip(" ,*\"'`").strip()
    return text if len(re.findall(r"[^\W\d_]{2,}", text)) >= 2 and len(text) <= MAX_LETTERS else ""
