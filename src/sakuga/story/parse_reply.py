"""Read a storyboard out of whatever text a language model answers with."""

import ast
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sakuga.story.storyboard import Bible, Camera, Cut, Morph, Transition

MOVES: dict[str, Camera] = {
    "still": Camera(),
    "closer": Camera(zoom=1.15),
    "away": Camera(zoom=0.92),
    "left": Camera(pan=(-0.08, 0.0)),
    "right": Camera(pan=(0.08, 0.0)),
    "up": Camera(pan=(0.0, -0.06)),
    "down": Camera(pan=(0.0, 0.06)),
}
MOST_LETTERS = 1000
MOST_TEXT = 40_000
MOST_BRACKETS = 20
"""How many places a value may begin at, so that nonsense costs no time."""
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_LEADING_THOUGHT = re.compile(r"\A.*?</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[a-zA-Z]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
_CURLY = str.maketrans("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}", '"""')
_MARK = re.compile(r"^(?:(?:shot|frame|scene|keyframe)\s*\d+\s*[:.)\-]|\(?\d{1,2}\s*[.):]|[-*\N{BULLET}\N{EN DASH}])\s*", re.IGNORECASE)
_OBJECT = re.compile(r"\{\s*[\"']")
_LIST = re.compile(r"\[\s*[\"'{]")
_LEAD_IN = re.compile(
    r"^(?:sure|certainly|of course|okay|here (?:is|are)|here's|below|storyboard|shots?|frames?|prompts?|note|i hope|let me"
    r"|i'm sorry|i am sorry|sorry|i can(?:no|')t|as an ai|unfortunately)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """One shot of a reply."""

    prompt: str
    camera: Camera | None = None
    transition: Transition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What could be read of a reply: complete shots only, in order, and the bible where there was one."""

    bible: Bible | None
    shots: tuple[Sketch, ...]


def parse_reply(text: str) -> Reply:
    """Read JSON, a Python list, either in a fence and among prose, numbered or bulleted lines, quoted strings or plain lines.

    Reasoning before the answer is left out. Of JSON that breaks off the complete shots are kept. Never raises: nonsense has no shots.
    """
    text = _LEADING_THOUGHT.sub("", _THOUGHT.sub("", text)).strip()[:MOST_TEXT]
    fenced = [found[1] for found in _FENCE.finditer(text)]
    for candidate in (*fenced, text):
        for reply in (_structured(candidate), _structured(candidate.translate(_CURLY))):
            if reply.shots:
                return reply
    return Reply(bible=None, shots=tuple(Sketch(prompt=line) for line in _lines(fenced[0] if fenced else text)))


def _structured(text: str) -> Reply:
    """Read the first list or object in the text that holds shots."""
    for start in (found.start() for found in itertools.islice(re.finditer(r"[\[{]", text), MOST_BRACKETS)):
        value = _value(text[start:])
        shots = tuple(_sketches(value))
        if shots:
            return Reply(bible=_bible(value), shots=shots)
    return Reply(bible=None, shots=())


def _value(text: str) -> Any:
    """Return the JSON or Python value that a text begins with; of one that breaks off, all that is complete; else None."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text)[0]
    except (json.JSONDecodeError, RecursionError):
        pass
    for literal in _mended(text):
        for read in (json.loads, ast.literal_eval):
            try:
                return read(literal)
            except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                continue
    return None


def _mended(text: str) -> Iterator[str]:
    """Yield the text up to where its first bracket closes, or else cut back after each complete item and closed, longest first."""
    open_brackets, quote, escaped, ends = "", "", False, []
    for place, letter in enumerate(text):
        if quote:
            if letter == quote and not escaped:
                quote = ""
            escaped = letter == "\\" and not escaped
        elif letter == '"' or (letter == "'" and not text[place - 1].isalnum()):
            quote = letter
        elif letter in "[{":
            open_brackets += "]" if letter == "[" else "}"
        elif open_brackets.endswith(letter):
            open_brackets = open_brackets[:-1]
            if not open_brackets:
                yield text[: place + 1]
                return
            ends.append((place + 1, open_brackets))
        elif letter == "," and open_brackets:
            ends.append((place, open_brackets))
    ends += [(len(text), open_brackets)] if not quote else []
    for stop, brackets in reversed(ends[-40:]):
        yield text[:stop] + brackets[::-1]


def _sketches(value: Any) -> Iterator[Sketch]:
    """Yield the shots of a list, or of an object's list of them."""
    if isinstance(value, dict):
        lists = [value[key] for key in ("shots", "frames", "prompts", "scenes", "storyboard") if key in value]
        nested = lists or [item for item in value.values() if isinstance(item, list)]
        for item in nested[:1]:
            yield from _sketches(item)
    elif isinstance(value, list):
        for item in value:
            words = item if isinstance(item, str) else _words(item)
            if prompt := _clean(words):
                fields = item if isinstance(item, dict) else {}
                yield Sketch(prompt=prompt, camera=MOVES.get(str(fields.get("camera"))), transition=_transition(fields.get("transition")))


def _words(item: Any) -> str:
    keys = ("prompt", "description", "text", "scene", "caption")
    return next((item[key] for key in keys if isinstance(item.get(key), str)), "") if isinstance(item, dict) else ""


def _transition(word: Any) -> Transition | None:
    return Cut() if word == "cut" else Morph() if word == "morph" else None


def _bible(value: Any) -> Bible | None:
    given = value.get("bible") if isinstance(value, dict) else None
    if not isinstance(given, dict):
        return None
    subject, setting, palette, style = (
        " ".join(given[key].split())[:MOST_LETTERS] if isinstance(given.get(key), str) else ""
        for key in ("subject", "setting", "palette", "style")
    )
    return Bible(subject=subject, setting=setting, palette=palette, style=style)


def _lines(text: str) -> list[str]:
    """Return the marked lines where there are any, else the quoted strings, else the lines that are no lead-in.

    Of a list that could not be read only whole quoted strings count, of an object nothing.
    """
    text = text.translate(_CURLY).replace("**", "").replace("__", "")
    if _OBJECT.search(text):
        return []
    lines = [line.strip().lstrip("# ") for line in text.splitlines() if line.strip("# \t")]
    marked = [_MARK.sub("", line) for line in lines if _MARK.match(line)]
    quoted = re.findall(r'"([^"\n]{3,})"', text)
    plain = [] if _LIST.search(text) else [line for line in lines if not _LEAD_IN.match(line) and not line.endswith(":")]
    return [prompt for prompt in map(_clean, marked or quoted or plain) if prompt]


def _clean(words: str) -> str:
    """Return a prompt in one line without its number, quotes and emphasis; nothing where no words, or far too many, are left."""
    text = " ".join(words.translate(_CURLY).split())
    text = _MARK.sub("", text).strip(" ,*\"'`").strip()
    return text if len(re.findall(r"[^\W\d_]{2,}", text)) >= 2 and len(text) <= MOST_LETTERS else ""
