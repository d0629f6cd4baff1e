"""What an idea becomes: a bible that every shot shares, and the shots in order."""

import math
import re
from dataclasses import dataclass, field
from typing import Literal

from sakuga import InputError
from sakuga.sketchbook.caption_reading import facts_in, flattened, spans_in
from sakuga.story.ease import Ease as Ease
from sakuga.story.keys import Keys, Number, numbers

Follow = Literal["key", "chain"]
"""What a drawn frame within a shot starts from: the shot's keyframe, or the drawn frame before."""
Reading = Literal["estimate", "luminance"]
"""Who tells how near things are in a picture: the model's depth estimator, or brightness as a stand-in."""
Way = Literal["flow", "crossfade", "latent"]
"""How in-betweens are made."""

MOST_ON = 12
"""Frames that one picture may stand for."""

LIMITS = {"strength": (0, 1), "guidance": (0, 100), "steps": (1, 1000), "control": (0, 2)}
"""The least and the most of what a shot can change over time."""

_LITTLE = "a an the of in on at by with to and or from as is are over under into through near his her its their this that"
LITTLE_WORDS = frozenset(_LITTLE.split())
_PREPOSITIONS = "of in on at by with from over under into through near above below behind before beside among wearing who and"
PREPOSITIONS = frozenset(_PREPOSITIONS.split())


class StoryboardError(InputError, ValueError):
    """A storyboard that cannot be drawn; the message says which shot and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bible:
    """What stays the same throughout a film, in words; an empty field says nothing."""

    subject: str = ""
    setting: str = ""
    palette: str = ""
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """The camera's whole way over a shot: zoom 1.2 ends 20% closer, pan is in picture widths and heights, rotate in degrees.

    `parallax` (0.0 to 1.0) is how much less what is farthest moves than what is nearest; 0.0 moves the picture as a flat sheet.
    """

    zoom: float = 1.0
    pan: tuple[float, float] = (0.0, 0.0)
    rotate: float = 0.0
    parallax: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The next shot begins with a new picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Morph:
    """The picture flows over into the next shot within `seconds` of it: its first keyframe is drawn from the last frame.

    `way` is how the in-betweens are made (None: as the film says).
    """

    seconds: float = 1.0
    way: Way | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissolve:
    """The next shot fades in over the last picture."""

    seconds: float = 0.5


Transition = Cut | Morph | Dissolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One prompt and how it is filmed.

    `seconds` is its length, the last picture being held for `hold` of them; `turns` are what the prompt becomes, at which frame.
    `strength` is how much of a start picture is drawn anew (0.0 to 1.0): a number counts for the way into the shot, keys for every drawn
    frame of it. `control` is how firmly the depth of a start picture leads. `style` is worn in place of the film's ("" is none).
    Keys of styles travel from one to the next.
    `transition` leads to the next shot; each picture stands for `on` frames. None is always: as the film says.
    """

    prompt: str
    seconds: float
    seed: int
    turns: Keys[str] = ()
    strength: Number | None = None
    guidance: Number | None = None
    steps: Number | None = None
    control: Number | None = None
    style: str | Keys[str] | None = None
    follow: Follow | None = None
    camera: Camera = field(default_factory=Camera)
    transition: Transition = field(default_factory=Morph)
    ease: Ease = "smooth"
    hold: float = 0.0
    negative: str = ""
    on: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Storyboard:
    """An idea, its bible and its shots; raises StoryboardError where a shot cannot be drawn."""

    idea: str
    bible: Bible
    shots: tuple[Shot, ...]

    def __post_init__(self) -> None:
        if not self.shots:
            raise StoryboardError("a storyboard needs at least one shot")
        for number, shot in enumerate(self.shots, start=1):
            if complaint := _complaint(shot):
                raise StoryboardError(f"shot {number} {complaint}")


def _complaint(shot: Shot) -> str | None:
    plain = (shot.seconds, shot.hold, shot.camera.zoom, *shot.camera.pan, shot.camera.rotate, shot.camera.parallax)
    keyed = [value for name in LIMITS for value in numbers(getattr(shot, name))]
    if not all(map(math.isfinite, (*plain, *keyed))):
        return "has a number that is not finite: give it plain numbers"
    if not shot.prompt.strip():
        return "has no prompt: say what it shows"
    if shot.seconds <= 0:
        return f"lasts {shot.seconds:g} seconds: give it a duration above 0"
    if not 0 <= shot.hold <= shot.seconds:
        return f"holds its last picture for {shot.hold:g} seconds: choose 0 to {shot.seconds:g}, its whole length"
    if shot.camera.zoom <= 0:
        return f"zooms by {shot.camera.zoom:g}: choose a number above 0 (1.2 ends 20% closer)"
    if not 0 <= shot.camera.parallax <= 1:
        return f"has a camera with parallax {shot.camera.parallax:g}: choose 0 (a flat sheet) to 1 (the farthest stands still)"
    for name, (least, most) in LIMITS.items():
        for value in numbers(getattr(shot, name)):
            if not least <= value <= most or (name == "strength" and not value):
                return f"has {name} {value:g}: choose {'above ' if name == 'strength' else ''}{least} to {most}"
            if name == "steps" and value != round(value):
                return f"has {value:g} steps: choose whole numbers"
    if shot.on is not None and not 1 <= shot.on <= MOST_ON:
        return f"is on {shot.on}: choose 1 (every frame a new picture) to {MOST_ON}"
    if not 0 <= shot.seed < 2**63:
        return f"has seed {shot.seed}: choose 0 to 2^63 - 1"
    if not isinstance(shot.transition, Cut) and not (math.isfinite(shot.transition.seconds) and shot.transition.seconds > 0):
        return f"has a transition of {shot.transition.seconds:g} seconds: choose above 0"
    return None


def prompts_of(storyboard: Storyboard, index: int) -> tuple[str, ...]:
    """Return every whole prompt of a shot, in the order of its keys."""
    return tuple(prompt_of(storyboard, index, words) for words in (None, *(key.value for key in storyboard.shots[index].turns)))


def prompt_of(storyboard: Storyboard, index: int, words: str | None = None) -> str:
    """Return a shot's whole prompt: its own words (or `words` in their place), and of the bible what they neither say nor contradict."""
    bible = storyboard.bible
    own = storyboard.shots[index].prompt if words is None else words
    text = _with_subject(own.strip().rstrip("."), bible.subject.strip())
    for words in (bible.setting, bible.palette, bible.style):
        for piece in filter(None, (piece.strip() for piece in words.split(","))):
            if not said(piece, text) and not _contradicts(piece, text):
                text = f"{text}, {piece}"
    return text


def content_words(text: str) -> list[str]:
    """Return the words that carry meaning, in lower case and without a plural s."""
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower())
    return [
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in words
        if word not in LITTLE_WORDS
    ]


def said(piece: str, text: str) -> bool:
    """Return whether the text says all that `piece` does, be it in other words that the Sketchbook takes for the same."""
    if set(content_words(piece)) <= set(content_words(text)):
        return True
    flat = flattened(piece)
    for start, stop, _ in reversed(spans_in(flat)):
        flat = f"{flat[:start]} {flat[stop:]}"
    return set(facts_in(piece)) <= set(facts_in(text)) and set(content_words(flat)) <= set(content_words(text))


def _contradicts(piece: str, text: str) -> bool:
    """Return whether the text states another time, weather or place than the piece: then the shot's own word counts."""
    single = ("time", "weather", "place", "look")
    own = {fact for fact in facts_in(text) if fact[0] in single}
    return any(fact not in own and any(fact[0] == attribute for attribute, _ in own) for fact in facts_in(piece) if fact[0] in single)


def _with_subject(text: str, subject: str) -> str:
    """Name the subject in full: in place of a bare mention ("the girl"), behind one with adjectives, or else in front."""
    if not subject or said(subject, text):
        return text
    words = subject.split()
    ends = next((place for place, word in enumerate(words) if place and word.lower().strip(",") in PREPOSITIONS), len(words))
    head, tail = words[ends - 1].strip(","), " ".join(words[ends:])
    bare = re.compile(rf"(?:^|(?<=\s))(?:(?:a|an|the|this|that)\s+|^){re.escape(head)}\b", re.IGNORECASE)
    if bare.search(text):
        return bare.sub(lambda _: subject, text, count=1)
    if mention := re.search(rf"\b{re.escape(head)}\b", text, re.IGNORECASE):
        return text if not tail or said(tail, text) else f"{text[: mention.end()]} {tail}{text[mention.end() :]}"
    return f"{subject}, {lowered(text)}"


def lowered(text: str) -> str:
    """Return the text with its leading article in lower case."""
    return re.sub(r"^(A|An|The)\b", lambda found: found[1].lower(), text)
