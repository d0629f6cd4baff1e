"""Storyboards: a bible, and shots in order."""

import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from sakuga import InputError
from sakuga.sketchbook.caption_reading import fact_spans, facts_in, flatten_text
from sakuga.story.cast_look import contradiction, is_stated, pieces_of
from sakuga.story.controls import ControlNet
from sakuga.story.keys import Ease as Ease
from sakuga.story.keys import Keys, Number, key_values
from sakuga.story.limits import MAX_PAN, MAX_ROTATION, MAX_SECONDS, MAX_SEED, MAX_SHOTS, MAX_ZOOM
from sakuga.story.settings import LIMITS as LIMITS
from sakuga.story.settings import MAX_ON as MAX_ON
from sakuga.story.settings import DepthSource as DepthSource
from sakuga.story.settings import InBetweenMethod as InBetweenMethod
from sakuga.story.settings import InitFrom as InitFrom

Depth = Literal[DepthSource, "map"]
"""Where the depth of an image comes from; "map" is an image that is a depth map itself, white near."""

_LITTLE = "a an the of in on at by with to and or from as is are over under into through near his her its their this that"
LITTLE_WORDS = frozenset(_LITTLE.split())
_PREPOSITIONS = "of in on at by with from over under into through near above below behind before beside among wearing who and"
PREPOSITIONS = frozenset(_PREPOSITIONS.split())


class StoryboardError(InputError, ValueError):
    """A storyboard that cannot be rendered.

    The message names the shot and the remedy.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Bible:
    """Descriptions that all shots share.

    Fields may be empty.
    """

    subject: str = ""
    look: str = ""
    """How the subject looks, as tags: "long brown hair, blue dress" (`cast_look`)."""
    setting: str = ""
    palette: str = ""
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A camera move over a whole shot.

    Zoom 1.2 ends 20% closer; pan is in image widths and heights, rotate in degrees. `parallax` (0.0 to 1.0) is how much less the
    farthest point moves than the nearest; 0.0 moves the image as a flat plane.
    """

    zoom: float = 1.0
    pan: tuple[float, float] = (0.0, 0.0)
    rotate: float = 0.0
    parallax: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The next shot starts with a new keyframe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Morph:
    """The last image morphs into the next keyframe.

    Over `seconds` of the next shot.

    `method` is how the in-betweens are made (None: the film's setting).
    """

    seconds: float = 1.0
    method: InBetweenMethod | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissolve:
    """The next shot fades in over the last image."""

    seconds: float = 0.5


Transition = Cut | Morph | Dissolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One prompt and how it is filmed.

    None takes the film's setting.

    `seconds` is its length, including `hold` seconds of the last image; `turns` change the prompt at given frames.
    `strength` is the denoising strength (0.0 to 1.0): a number counts for the morph into the shot, keys for every generated frame of it.
    `control_weight` scales the depth ControlNet of initial images, `controlnet` replaces the film's others. `motion` names the motion
    adapter ("none" is none). `style` replaces the film's ("" is none); keyed styles are interpolated.
    `transition` leads to the next shot; each image stays for `on` frames.
    """

    prompt: str
    seconds: float
    seed: int
    turns: Keys[str] = ()
    strength: Number | None = None
    guidance: Number | None = None
    steps: Number | None = None
    control_weight: Number | None = None
    controlnet: tuple[ControlNet, ...] | None = None
    motion: str | None = None
    motion_scale: Number | None = None
    style: str | Keys[str] | None = None
    init_from: InitFrom | None = None
    camera: Camera = field(default_factory=Camera)
    transition: Transition = field(default_factory=Morph)
    ease: Ease = "smooth"
    hold: float = 0.0
    negative: str = ""
    on: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Storyboard:
    """An idea, its bible and its shots.

    Raises StoryboardError for an unusable shot.
    """

    idea: str
    bible: Bible
    shots: tuple[Shot, ...]

    def __post_init__(self) -> None:
        if not self.shots:
            raise StoryboardError("the storyboard is empty; it needs at least one shot")
        if len(self.shots) > MAX_SHOTS:
            raise StoryboardError(f"the storyboard has {len(self.shots):,} shots, and {MAX_SHOTS:,} are the most; make several films")
        for number, shot in enumerate(self.shots, start=1):
            if error := _error(shot):
                raise StoryboardError(f"shot {number} {error}")
        if (seconds := sum(shot.seconds for shot in self.shots)) > MAX_SECONDS:
            raise StoryboardError(f"the film lasts {seconds:g} seconds, and {MAX_SECONDS:g} are the most; make several films")


def _error(shot: Shot) -> str | None:
    plain = (shot.seconds, shot.hold, shot.camera.zoom, *shot.camera.pan, shot.camera.rotate, shot.camera.parallax)
    keyed = [value for name in LIMITS for value in key_values(getattr(shot, name))]
    if not all(map(math.isfinite, (*plain, *keyed))):
        return "has a number that is not finite; use ordinary numbers"
    if not shot.prompt.strip():
        return "has no prompt; describe what it shows"
    if shot.seconds <= 0:
        return f"lasts {shot.seconds:g} seconds; use a duration above 0"
    if shot.seconds > MAX_SECONDS:
        return f"lasts {shot.seconds:g} seconds; use at most {MAX_SECONDS:g} (durations are in seconds, not milliseconds)"
    if not 0 <= shot.hold <= shot.seconds:
        return f"holds its last image for {shot.hold:g} seconds; use 0 to {shot.seconds:g}, its whole length"
    if shot.camera.zoom <= 0:
        return f"has camera zoom {shot.camera.zoom:g}; use a number above 0 (1.2 ends 20% closer)"
    if shot.camera.zoom > MAX_ZOOM or max(map(abs, shot.camera.pan)) > MAX_PAN or abs(shot.camera.rotate) > MAX_ROTATION:
        return f"moves the camera too far; use a zoom up to {MAX_ZOOM:g}, a pan up to {MAX_PAN:g} and {MAX_ROTATION:g} degrees"
    if not 0 <= shot.camera.parallax <= 1:
        return f"has camera parallax {shot.camera.parallax:g}; use 0 (a flat plane) to 1 (the farthest point stands still)"
    for name, (least, most) in LIMITS.items():
        for value in key_values(getattr(shot, name)):
            if not least <= value <= most or (name == "strength" and not value):
                return f"has {name} {value:g}; use {'above ' if name == 'strength' else ''}{least:g} to {most:g}"
            if name == "steps" and value != round(value):
                return f"has {value:g} steps; use whole numbers"
    if shot.on is not None and not 1 <= shot.on <= MAX_ON:
        return f"has on = {shot.on}; use 1 (a new image every frame) to {MAX_ON}"
    if not 0 <= shot.seed <= MAX_SEED:
        return f"has seed {shot.seed}; use 0 to 2^63 - 1"
    if not isinstance(shot.transition, Cut) and not 0 < shot.transition.seconds <= MAX_SECONDS:
        return f"has a transition of {shot.transition.seconds:g} seconds; use a duration above 0, at most {MAX_SECONDS:g}"
    return None


def full_prompts(storyboard: Storyboard, index: int) -> tuple[str, ...]:
    """Return every full prompt of a shot, in order."""
    return tuple(full_prompt(storyboard, index, words) for words in (None, *(key.value for key in storyboard.shots[index].turns)))


def full_prompt(storyboard: Storyboard, index: int, words: str | None = None) -> str:
    """Return a shot's prompt with the bible's missing parts.

    `words` replaces the shot's own prompt. Parts of the bible that the prompt contradicts are left out.
    """
    bible = storyboard.bible
    own = storyboard.shots[index].prompt if words is None else words
    text = _with_subject(own.strip().rstrip("."), bible.subject.strip())
    look = [piece for piece in pieces_of(bible.look) if not is_stated(piece, text) and not contradiction(piece, text)]
    text = ", ".join((text, *look))
    for words in (bible.setting, bible.palette, bible.style):
        for piece in filter(None, (piece.strip() for piece in words.split(","))):
            if not is_covered_by(piece, text) and not _contradicts(piece, text):
                text = f"{text}, {piece}"
    return text


def content_words(text: str) -> list[str]:
    """Return content words, lower-case and singular."""
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower())
    return [
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in words
        if word not in LITTLE_WORDS
    ]


@lru_cache(maxsize=1024)
def is_covered_by(piece: str, text: str) -> bool:
    """Return whether the text states all of `piece`.

    Synonyms count.
    """
    if set(content_words(piece)) <= set(content_words(text)):
        return True
    flat = flatten_text(piece)
    for start, stop, _ in reversed(fact_spans(flat)):
        flat = f"{flat[:start]} {flat[stop:]}"
    return set(facts_in(piece)) <= set(facts_in(text)) and set(content_words(flat)) <= set(content_words(text))


@lru_cache(maxsize=1024)
def _contradicts(piece: str, text: str) -> bool:
    """Return whether the text contradicts the piece.

    Another time, weather, place or look.
    """
    single = ("time", "weather", "place", "look")
    own = {fact for fact in facts_in(text) if fact[0] in single}
    return any(fact not in own and any(fact[0] == attribute for attribute, _ in own) for fact in facts_in(piece) if fact[0] in single)


def _with_subject(text: str, subject: str) -> str:
    """Name the subject in full.

    It replaces a bare mention ("the girl"), completes one with adjectives, or is put in front.
    """
    if not subject or is_covered_by(subject, text):
        return text
    words = subject.split()
    ends = next((place for place, word in enumerate(words) if place and word.lower().strip(",") in PREPOSITIONS), len(words))
    head, tail = words[ends - 1].strip(","), " ".join(words[ends:])
    bare = re.compile(rf"(?:^|(?<=\s))(?:(?:a|an|the|this|that)\s+|^){re.escape(head)}\b", re.IGNORECASE)
    if bare.search(text):
        return bare.sub(lambda _: subject, text, count=1)
    if mention := re.search(rf"\b{re.escape(head)}\b", text, re.IGNORECASE):
        return text if not tail or is_covered_by(tail, text) else f"{text[: mention.end()]} {tail}{text[mention.end() :]}"
    return f"{subject}, {lower_article(text)}"


def lower_article(text: str) -> str:
    """Convert a leading article to lower case."""
    return re.sub(r"^(A|An|The)\b", lambda found: found[1].lower(), text)
