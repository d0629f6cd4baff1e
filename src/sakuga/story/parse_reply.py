"""Parse storyboards from a language model's answer."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sakuga.story.prompt_styles import without_styles
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
TRANSITIONS: dict[str, Transition] = {"cut": Cut(), "morph": Morph()}
MAX_LETTERS = 1000
"""Letters of a prompt."""
MAX_TEXT = 40_000
MAX_FAILURES = 20
"""Brackets that begin no value, so that nonsense costs no time."""
SHOT_LISTS = ("shots", "frames", "keyframes", "prompts", "scenes", "storyboard")
"""Keys under which the shots of an object are found."""
PROMPT_KEYS = ("prompt", "description", "text", "scene", "caption", "visual", "image")
"""Keys, labels and table columns of a shot's prompt."""
_OTHER_LABELS = "camera transition duration seconds seed title style mood lighting sound notes note"
_LABELS = (*PROMPT_KEYS, *_OTHER_LABELS.split())
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
_CURLY = str.maketrans("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}", '"""')
_MARK = re.compile(r"^(?:(?:shot|frame|scene|keyframe)\s*\d+\s*[:.)\-]|\(?\d{1,2}\s*[.):]|[-*\N{BULLET}\N{EN DASH}])\s*", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:(?:shot|frame|scene|keyframe|prompt|image)[\s_\-]*)?\d+", re.IGNORECASE)
_LABEL = re.compile(rf"^(?:[-*\N{{BULLET}}]\s*)?({'|'.join(_LABELS)})\s*:\s*(.*)$", re.IGNORECASE)
_BRACKET = re.compile(r"[\[{]")
TITLE = "\0"
"""Marks a line that is all bold or a heading; it is dropped if a description follows."""
_TITLE = re.compile(r"^(\s*(?:[-*]\s+|\(?\d{1,2}\s*[.):]\s*)?)(\*\*[^*\n]+\*\*:?\s*|#+\s.*)$", re.MULTILINE)
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
        replies = [reply for candidate in candidates for reply in _structured(candidate) or _structured(candidate.translate(_CURLY))]
        if replies:
            whole = [reply for reply in replies if len(reply.shots) == wanted]
            return whole[-1] if whole else max(replies, key=lambda reply: len(reply.shots))
    return Reply(bible=None, shots=tuple(_from_lines(fenced[0] if fenced else text)))


def _structured(text: str) -> list[Reply]:
    """Return the lists and objects that hold shots.

    Consecutive single shots are one list.
    """
    replies: list[Reply] = []
    singles: list[Sketch] = []
    for value in _values(text):
        if _prompt_of(value):
            singles += _sketches([value])
        elif shots := tuple(_sketches(value)):
            replies.append(Reply(bible=_bible(value), shots=shots))
    return [*replies, *([Reply(bible=None, shots=tuple(singles))] if singles else [])]


def _values(text: str) -> Iterator[Any]:
    """Yield the outermost JSON or Python values.

    Of one that breaks off, all that is complete.
    """
    place, failures = 0, 0
    while failures < MAX_FAILURES and (found := _BRACKET.search(text, place)):
        value, length = _value(text[found.start() :])
        holds = any(_sketches(value)) or bool(_prompt_of(value))
        failures += not holds
        place = found.start() + (length if holds else 1)
        if holds:
            yield value


def _value(text: str) -> tuple[Any, int]:
    """Return the value at the start, and its length.

    Keys are in lower case; None if there is no value.
    """
    try:
        value, length = json.JSONDecoder(strict=False).raw_decode(text)
        return _lower_keys(value), length
    except (json.JSONDecodeError, RecursionError):
        pass
    for literal in _mended(text):
        for source in (literal, _without_comments(literal)):
            for read in (json.loads, ast.literal_eval):
                try:
                    return _lower_keys(read(source)), len(literal)
                except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                    continue
    return None, 1


def _lower_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key).strip().lower(): _lower_keys(item) for key, item in value.items()}
    return [_lower_keys(item) for item in value] if isinstance(value, list) else value


def _without_comments(text: str) -> str:
    """Remove // and /* */ comments outside strings."""
    pattern = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
    return pattern.sub(lambda found: found[1] or " ", text)


def _mended(text: str) -> Iterator[str]:
    """Yield the literal at the start, closed where needed.

    Up to where its first bracket closes, or else cut back to complete items, longest first.
    """
    open_brackets, quote, escaped, comment, ends = "", "", False, "", []
    for place, letter in enumerate(text):
        if comment:
            comment = "" if (letter == "\n" if comment == "//" else text[place - 1 : place + 1] == "*/") else comment
        elif quote:
            if letter == quote and not escaped:
                quote = ""
            escaped = letter == "\\" and not escaped
        elif text[place : place + 2] in ("//", "/*"):
            comment = text[place : place + 2]
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
    """Yield the shots of a list or object."""
    if isinstance(value, dict):
        named = [value[key] for key in SHOT_LISTS if isinstance(value.get(key), list | dict)]
        numbered = [item for key, item in value.items() if _NUMBERED.fullmatch(key) and isinstance(item, str | dict)]
        objects = [item for item in value.values() if _prompt_of(item)]
        lists = [item for item in value.values() if isinstance(item, list)]
        yield from _sketches(next(iter([*named, *([numbered] if numbered else []), *([objects] if objects else []), *lists]), []))
    elif isinstance(value, list):
        for item in value:
            fields = item if isinstance(item, dict) else {}
            if prompt := _clean(item if isinstance(item, str) else _prompt_of(item)):
                yield _sketch(prompt, fields)


def _sketch(prompt: str, fields: Mapping[str, Any]) -> Sketch:
    camera, transition = (str(fields.get(name, "")).strip().lower() for name in ("camera", "transition"))
    return Sketch(prompt=prompt, camera=MOVES.get(camera), transition=TRANSITIONS.get(transition))


def _prompt_of(item: Any) -> str:
    """Return the prompt of a shot's object, or "".

    The prompt may be an object itself.
    """
    if not isinstance(item, dict):
        return ""
    for key in PROMPT_KEYS:
        found = item.get(key)
        if prompt := found if isinstance(found, str) else _prompt_of(found):
            return prompt
    return ""


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


def _from_lines(text: str) -> list[Sketch]:
    """Return the shots of plain text.

    A table, labelled or marked items, quoted strings, or plain lines.

    Of a list that could not be parsed only whole quoted strings count, of an object nothing.
    """
    text = _TITLE.sub(rf"\1{TITLE}\2", text.translate(_CURLY)).replace("**", "").replace("__", "")
    if _OBJECT.search(text):
        return []
    if table := _from_table(text):
        return table
    lines = [line.rstrip() for line in text.splitlines() if line.strip("# \t")]
    if items := _from_items(lines):
        return items
    text, lines = text.replace(TITLE, ""), [line.replace(TITLE, "") for line in lines]
    quoted = re.findall(r'"([^"\n]{3,})"', text)
    stripped = [line.strip().lstrip("# ") for line in lines]
    plain = [] if _LIST.search(text) else [line for line in stripped if not _LEAD_IN.match(line) and not line.endswith(":")]
    return [Sketch(prompt=prompt) for prompt in map(_clean, quoted or plain) if prompt]


def _from_table(text: str) -> list[Sketch]:
    """Return the shots of a Markdown table."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if line.strip().startswith("|")]
    if not rows:
        return []
    head = [cell.lower() for cell in rows[0]]
    column = next((head.index(key) for key in PROMPT_KEYS if key in head), None)
    if column is None:
        return []
    body = [row for row in rows[1:] if len(row) > column and not re.fullmatch(r":?-{2,}:?", row[column])]
    return [_sketch(prompt, dict(zip(head, row, strict=False))) for row in body if (prompt := _clean(row[column]))]


def _from_items(lines: list[str]) -> list[Sketch]:
    """Return the shots of marked or labelled items.

    Deeper indented lines continue an item.
    """
    items: list[_Item] = []
    base = next((_indent(line) for line in lines if _MARK.match(_bare(line))), 0)
    for line in lines:
        bare = _bare(line)
        label, mark, deeper = _label(bare), _MARK.match(bare), bool(items) and _indent(line) > base
        if label and items and (deeper or not _NUMBERED.match(bare)) and label[0] not in items[-1].fields:
            items[-1].fields[label[0]] = label[1]
        elif label and label[0] in PROMPT_KEYS and not deeper:
            items.append(_Item(fields=dict([label])))
        elif mark and not deeper and not label:
            items.append(_Item(words=[_MARK.sub("", bare)], titled=TITLE in line))
        elif not label and items and (deeper or items[-1].titled):
            items[-1].words.append(_MARK.sub("", bare))
    labelled = any(_prompt_of(item.fields) for item in items)
    return [sketch for item in items if (sketch := item.sketch(labelled))]


@dataclass(slots=True)
class _Item:
    words: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    titled: bool = False

    def sketch(self, labelled: bool) -> Sketch | None:
        """Return the shot, or None.

        Where prompts are labelled, items without one are no shots.
        """
        text = _prompt_of(self.fields)
        if not text and not labelled:
            title = len(self.words) > 1 and (self.titled or self.words[0].endswith(":"))
            text = " ".join(self.words[1:] if title else self.words)
        prompt = _clean(text)
        return _sketch(prompt, self.fields) if prompt else None


def _label(line: str) -> tuple[str, str] | None:
    """Return label and text of a labelled line."""
    found = _LABEL.match(_MARK.sub("", line))
    return (found[1].lower(), found[2]) if found else None


def _bare(line: str) -> str:
    return line.replace(TITLE, "").strip().lstrip("# ")


def _indent(line: str) -> int:
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())


def _clean(words: str) -> str:
    """Return a prompt in one line, or "".

    Without number, quotes and emphasis; "" if it is no prompt. Styles that it names are left out: they are files, which the artist
    chooses.
    """
    text = " ".join(without_styles(words.translate(_CURLY)).split())
    text = _MARK.sub("", text).strip(" ,*\"'`").strip()
    return text if len(re.findall(r"[^\W\d_]{2,}", text)) >= 2 and len(text) <= MAX_LETTERS else ""
