"""Parse storyboards from a language model's answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sakuga.story.prompt_styles import without_styles
from sakuga.story.reply_lines import sketches_in_lines
from sakuga.story.reply_sketches import CURLY, MAX_LETTERS, NUMBERED, Sketch, clean_prompt, prompt_of, sketch_of
from sakuga.story.reply_values import values_in
from sakuga.story.storyboard import Bible

MAX_TEXT = 40_000
SHOT_LISTS = ("shots", "frames", "keyframes", "prompts", "scenes", "storyboard")
"""Keys under which the shots of an object are found."""
_MARKERS = "think|thinking|thought|thoughts|reasoning|reflection"
_THOUGHT = re.compile(
    rf"<(?P<tag>{_MARKERS})>.*?(?:</(?P=tag)>|\Z)"
    rf"|\[(?P<word>{_MARKERS})\].*?(?:\[/(?P=word)\]|\Z)"
    rf"|\N{{WHITE LEFT-POINTING TRIANGLE}}(?P<mark>{_MARKERS})\N{{WHITE RIGHT-POINTING TRIANGLE}}.*?"
    rf"(?:\N{{WHITE LEFT-POINTING TRIANGLE}}/(?P=mark)\N{{WHITE RIGHT-POINTING TRIANGLE}}|\Z)"
    r"|<\|channel\|>\s*(?:analysis|commentary).*?(?=<\|channel\|>\s*final|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_LEADING_THOUGHT = re.compile(
    rf"\A.*(?:</(?:{_MARKERS})>|\[/(?:{_MARKERS})\]|\N{{WHITE LEFT-POINTING TRIANGLE}}/(?:{_MARKERS})\N{{WHITE RIGHT-POINTING TRIANGLE}})",
    re.DOTALL | re.IGNORECASE,
)
_CONTROL = re.compile(r"<\|channel\|>\s*final|<\|[a-z_]+\|>", re.IGNORECASE)
_FENCE = re.compile(r"```[a-zA-Z]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The readable part of a reply.

    Complete shots in order, and the bible if there was one.
    """

    bible: Bible | None
    shots: tuple[Sketch, ...]


def parse_reply(text: str, wanted: int | None = None) -> Reply:
    """Parse a reply in any common layout.

    JSON, Python literals, JSON lines, tables, headings, lists or plain lines.

    Reasoning before the answer is dropped. Of several lists the last with the `wanted` number of shots counts, else the longest. Of
    JSON that breaks off the complete shots count. Never raises; nonsense has no shots.
    """
    text = _CONTROL.sub(" ", _LEADING_THOUGHT.sub("", _THOUGHT.sub("", text))).strip("\n")[:MAX_TEXT]
    fenced = [found[1] for found in _FENCE.finditer(text)]
    for candidates in (fenced, [text]):
        replies = [reply for candidate in candidates for reply in _structured(candidate) or _structured(candidate.translate(CURLY))]
        if replies:
            whole = [reply for reply in replies if len(reply.shots) == wanted]
            return whole[-1] if whole else max(replies, key=lambda reply: len(reply.shots))
    return Reply(bible=None, shots=tuple(sketches_in_lines(fenced[0] if fenced else text)))


def _structured(text: str) -> list[Reply]:
    """Return the lists and objects that hold shots.

    Consecutive single shots are one list.
    """
    replies: list[Reply] = []
    singles: list[Sketch] = []
    for value in values_in(text, _holds_shots):
        if prompt_of(value):
            singles += _sketches([value])
        elif shots := tuple(_sketches(value)):
            replies.append(Reply(bible=_bible(value), shots=shots))
    return [*replies, *([Reply(bible=None, shots=tuple(singles))] if singles else [])]


def _holds_shots(value: Any) -> bool:
    return any(_sketches(value)) or bool(prompt_of(value))


def _sketches(value: Any) -> Iterator[Sketch]:
    """Yield the shots of a list or object."""
    if isinstance(value, dict):
        named = [value[key] for key in SHOT_LISTS if isinstance(value.get(key), list | dict)]
        numbered = [item for key, item in value.items() if NUMBERED.fullmatch(key) and isinstance(item, str | dict)]
        objects = [item for item in value.values() if prompt_of(item)]
        lists = [item for item in value.values() if isinstance(item, list)]
        yield from _sketches(next(iter([*named, *([numbered] if numbered else []), *([objects] if objects else []), *lists]), []))
    elif isinstance(value, list):
        for item in value:
            fields = item if isinstance(item, dict) else {}
            if prompt := clean_prompt(item if isinstance(item, str) else prompt_of(item)):
                yield sketch_of(prompt, fields)


def _bible(value: Any) -> Bible | None:
    tables = [value, *value.values()] if isinstance(value, dict) else []
    given = next((table["bible"] for table in tables if isinstance(table, dict) and isinstance(table.get("bible"), dict)), None)
    if given is None:
        return None
    subject, look, setting, palette, style = (
        " ".join(without_styles(given[key]).split())[:MAX_LETTERS] if isinstance(given.get(key), str) else ""
        for key in ("subject", "look", "setting", "palette", "style")
    )
    return Bible(subject=subject, look=look, setting=setting, palette=palette, style=style)
