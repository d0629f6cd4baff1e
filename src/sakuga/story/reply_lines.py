"""Shots in plain text: tables, labelled or numbered items, quoted strings, lines."""

import re
from dataclasses import dataclass, field

from sakuga.story.reply_sketches import CURLY, MARK, NUMBERED, PROMPT_KEYS, Sketch, clean_prompt, prompt_of, sketch_of

_OTHER_LABELS = "camera transition duration seconds seed title style mood lighting sound notes note"
_LABELS = (*PROMPT_KEYS, *_OTHER_LABELS.split())
_LABEL = re.compile(rf"^(?:[-*\N{{BULLET}}]\s*)?({'|'.join(_LABELS)})\s*:\s*(.*)$", re.IGNORECASE)
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


def sketches_in_lines(text: str) -> list[Sketch]:
    """Return the shots of plain text.

    A table, labelled or marked items, quoted strings, or plain lines.

    Of a list that could not be parsed only whole quoted strings count, of an object nothing.
    """
    text = _TITLE.sub(rf"\1{TITLE}\2", text.translate(CURLY)).replace("**", "").replace("__", "")
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
    return [Sketch(prompt=prompt) for prompt in map(clean_prompt, quoted or plain) if prompt]


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
    return [sketch_of(prompt, dict(zip(head, row, strict=False))) for row in body if (prompt := clean_prompt(row[column]))]


def _from_items(lines: list[str]) -> list[Sketch]:
    """Return the shots of marked or labelled items.

    Deeper indented lines continue an item.
    """
    items: list[_Item] = []
    base = next((_indent(line) for line in lines if MARK.match(_bare(line))), 0)
    for line in lines:
        bare = _bare(line)
        label, mark, deeper = _label(bare), MARK.match(bare), bool(items) and _indent(line) > base
        if label and items and (deeper or not NUMBERED.match(bare)) and label[0] not in items[-1].fields:
            items[-1].fields[label[0]] = label[1]
        elif label and label[0] in PROMPT_KEYS and not deeper:
            items.append(_Item(fields=dict([label])))
        elif mark and not deeper and not label:
            items.append(_Item(words=[MARK.sub("", bare)], titled=TITLE in line))
        elif not label and items and (deeper or items[-1].titled):
            items[-1].words.append(MARK.sub("", bare))
    labelled = any(prompt_of(item.fields) for item in items)
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
        text = prompt_of(self.fields)
        if not text and not labelled:
            title = len(self.words) > 1 and (self.titled or self.words[0].endswith(":"))
            text = " ".join(self.words[1:] if title else self.words)
        prompt = clean_prompt(text)
        return sketch_of(prompt, self.fields) if prompt else None


def _label(line: str) -> tuple[str, str] | None:
    """Return label and text of a labelled line."""
    found = _LABEL.match(MARK.sub("", line))
    return (found[1].lower(), found[2]) if found else None


def _bare(line: str) -> str:
    return line.replace(TITLE, "").strip().lstrip("# ")


def _indent(line: str) -> int:
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
