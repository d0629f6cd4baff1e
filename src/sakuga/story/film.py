"""`film.toml`: settings, bible and shots of a film, to edit by hand.

`[film]` holds the idea and settings (all optional but the idea), `[bible]` what all shots share, each `[[shots]]` one shot with its
`prompt`, `seconds` and `seed`. A transition is written "cut", "morph 1.0" or "dissolve 0.5" (seconds; "morph 1.0 latent" also names the
in-between method), a size "256x160", a rate 12.0 or "24000/1001".
"""

import difflib
import hashlib
import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from sakuga import InputError
from sakuga.files import TextError, decode_utf8, open_file, read_utf8, write_text
from sakuga.story.controls import ControlNet
from sakuga.story.keys import Key, Keys, format_keys, is_keyed, parse_number, parse_texts
from sakuga.story.limits import MAX_FILM_BYTES
from sakuga.story.options import renamed_note
from sakuga.story.settings import OPTIONS, PIXEL_OPTIONS, RENAMED, FilmSettings, InBetweenMethod, InitFrom, settings_table
from sakuga.story.storyboard import (
    LIMITS,
    Bible,
    Camera,
    Cut,
    Dissolve,
    Ease,
    Morph,
    Shot,
    Storyboard,
    StoryboardError,
    Transition,
)
from sakuga.text import lower_first

HEADER = """\
# A film for sakuga. Change what you like: only what a change touches is generated again, a shot and those that morph from it.
# transition (to the next shot): "cut", "morph 1.0" or "dissolve 0.5", in seconds. ease: linear, smooth, smoother, in, out, overshoot.
# camera, over the whole shot: { zoom = 1.2, pan = [0.1, 0.0], rotate = 0.0 } ends 20% closer, a tenth of the width to the right.
# prompt, strength, guidance, steps, control_weight and motion_scale can change over a shot's frames: guidance = "0: 4, 24 smooth: 7".

"""
_NUMBERS = re.compile(r"= \[\n((?:    [-+.\de]+,\n)+)\]")
"""A list of numbers as tomli_w writes it, one a line."""
BYTE_ORDER_MARK = "\ufeff"
CHECKSUM = "# checksum of the lines above, so that a film which you edited is not replaced: "


class FilmError(InputError, ValueError):
    """A film that cannot be read or written.

    The message names file, key and remedy.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A storyboard and the settings to generate it with."""

    settings: FilmSettings
    storyboard: Storyboard


def read_film(path: Path | str) -> Film:
    """Read a film; raises FilmError that names the file, key and remedy."""
    path = Path(path)
    try:
        text = decode_utf8(_content(path))
    except FileNotFoundError:
        raise FilmError(f"{path}: there is no such film; `sakuga storyboard IDEA -o {path.with_suffix('.toml')}` writes one") from None
    except IsADirectoryError:
        raise FilmError(f"{path}: is a folder; give the film.toml itself") from None
    except TextError as error:
        clip = f"is not a text file; give a film.toml, or make a clip again with `sakuga remake {path}`"
        raise FilmError(f"{path}: {error if path.suffix.lower() == '.toml' else clip}") from None
    except OSError as error:
        raise FilmError(f"{path}: cannot be read ({error.strerror})") from None
    return from_toml(text, str(path))


def _content(path: Path) -> bytes:
    """Read a film's bytes; raises OSError, FilmError."""
    with open_file(path) as file:
        content = file.read(MAX_FILM_BYTES + 1)
    if len(content) > MAX_FILM_BYTES:
        raise FilmError(f"{path}: has more than {MAX_FILM_BYTES >> 20} MB, which no film has; if it is a clip, use `sakuga remake {path}`")
    return content


def write_film(film: Film, path: Path | str) -> None:
    """Write a film atomically; raises FilmError if the folder cannot be written."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, to_toml(film))
    except OSError as error:
        raise FilmError(f"{path}: cannot be written ({error.strerror}); choose another place") from None


def to_toml(film: Film) -> str:
    """Return the film as TOML.

    Keys at their default are left out, seeds never. The last line is a checksum of the others, so that an edit shows.
    """
    text = HEADER + _NUMBERS.sub(lambda found: f"= [{' '.join(found[1].split())[:-1]}]", tomli_w.dumps(to_document(film)))
    return f"{text}\n{CHECKSUM}{_checksum(text)}\n"


def is_unedited(path: Path) -> bool:
    """Check whether a film's file is as `write_film` wrote it; a file without a checksum is not."""
    try:
        text, mark, checksum = read_utf8(path).rpartition(f"\n{CHECKSUM}")
    except (OSError, TextError):
        return False
    return bool(mark) and checksum.strip() == _checksum(text)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def to_document(film: Film) -> dict[str, Any]:
    """Return the film as the tables of its file."""
    return {
        "film": {"idea": film.storyboard.idea, **settings_table(film.settings)},
        "bible": {name.name: getattr(film.storyboard.bible, name.name) for name in fields(Bible)},
        "shots": [_shot_table(shot) for shot in film.storyboard.shots],
    }


def from_toml(text: str, name: str = "film.toml") -> Film:
    """Read a film from TOML; `name` is the file's name in errors."""
    try:
        document = tomllib.loads(text.removeprefix(BYTE_ORDER_MARK))
    except ValueError as error:  # a TOMLDecodeError, or of Python for a number of thousands of digits
        raise FilmError(f"{name}: is not TOML: {error}; correct that place") from None
    except RecursionError:
        raise FilmError(f"{name}: is nested too deeply; a film has tables in lists, and no deeper") from None
    return from_document(document, name)


def from_document(document: dict[str, Any], name: str) -> Film:
    """Read a film from the tables of its file; raises FilmError."""
    try:
        return FilmFile.model_validate(document).read()
    except ValidationError as error:
        raise FilmError(_sentence(name, error.errors())) from None
    except StoryboardError as error:
        raise FilmError(f"{name}: {error}") from None


def _shot_table(shot: Shot) -> dict[str, Any]:
    camera = {"zoom": shot.camera.zoom, "pan": list(shot.camera.pan), "rotate": shot.camera.rotate}
    if shot.camera.parallax:
        camera["parallax"] = shot.camera.parallax
    table: dict[str, Any] = {
        "prompt": _prompt_text(shot),
        "seconds": shot.seconds,
        "seed": shot.seed,
        "transition": _transition_text(shot.transition),
    }
    if shot.camera != Camera():
        table["camera"] = camera
    for key in LIMITS:
        if (number := getattr(shot, key)) is not None:
            table[key] = format_keys(number) if isinstance(number, tuple) else number
    if shot.controlnet is not None:
        table["controlnet"] = OPTIONS["controlnet"].write(shot.controlnet)
    if shot.style is not None:
        table["style"] = format_keys(shot.style) if isinstance(shot.style, tuple) else shot.style
    for key, default in (("motion", None), ("init_from", None), ("ease", "smooth"), ("hold", 0.0), ("negative", ""), ("on", None)):
        if getattr(shot, key) != default:
            table[key] = getattr(shot, key)
    return table


def _prompt_text(shot: Shot) -> str:
    """Write a prompt so that it is read back the same: keyed if it changes, else plain."""
    plain = not shot.turns and not is_keyed(shot.prompt)
    return shot.prompt if plain else format_keys([Key(frame=0, value=shot.prompt), *shot.turns])


def _read_prompt(text: str) -> tuple[str, Keys[str]]:
    """Return the first prompt and the keyed ones after it; raises ValueError."""
    if not is_keyed(text):
        return text, ()
    first, *later = parse_texts(text)
    return first.value, tuple(later)


def _transition_text(transition: Transition) -> str:
    match transition:
        case Cut():
            return "cut"
        case Morph(seconds=seconds, method=method):
            return f"morph {seconds!r} {method}" if method else f"morph {seconds!r}"
        case Dissolve(seconds=seconds):
            return f"dissolve {seconds!r}"


def _read_transition(text: str) -> Transition:
    """Read "cut", "morph", "morph 1.0", "morph 1.0 latent", "dissolve", "dissolve 0.5".

    Raises ValueError.
    """
    methods = "|".join(get_args(InBetweenMethod))
    found = re.fullmatch(rf"(cut|morph|dissolve)(?: +([0-9.]+(?:e[+-]?[0-9]+)?))?(?: +({methods}))?", text.strip())
    if found is None or (found[1] == "cut" and found[2]) or (found[1] != "morph" and found[3]):
        raise ValueError(
            f'write "cut", "morph 1.0" or "dissolve 0.5"; a morph may end with its in-between method, {methods.replace("|", ", ")}'
        )
    match found[1]:
        case "cut":
            return Cut()
        case "morph":
            return Morph(seconds=float(found[2] or Morph().seconds), method=cast(InBetweenMethod | None, found[3]))
        case _:
            return Dissolve(seconds=float(found[2] or Dissolve().seconds))


def _read_style(text: str) -> str | Keys[str]:
    return parse_texts(text) if is_keyed(text) else text


def _check_transition(text: str) -> str:
    _read_transition(text)
    return text


def _check_number(value: Any) -> Any:
    parse_number(value)
    return value


def _check_prompt(text: str) -> str:
    _read_prompt(text)
    return text


def _check_style(text: str) -> str:
    _read_style(text)
    return text


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmTable(FilmSettings):
    """`[film]`: the idea and the settings."""

    idea: str = ""

    @property
    def settings(self) -> FilmSettings:
        """Return the settings alone."""
        return FilmSettings(**{name: getattr(self, name) for name in OPTIONS})


class BibleTable(_Table):
    """`[bible]`: what all shots share."""

    subject: str = ""
    look: str = ""
    setting: str = ""
    palette: str = ""
    style: str = ""


class _CameraTable(_Table):
    zoom: float = 1.0
    pan: list[float] = Field(default=[0.0, 0.0], min_length=2, max_length=2)
    rotate: float = 0.0
    parallax: float = 0.0


class ShotTable(_Table):
    """`[[shots]]`: one shot."""

    prompt: Annotated[str, AfterValidator(_check_prompt)]
    seconds: float
    seed: int
    strength: Annotated[Any, AfterValidator(_check_number)] = None
    guidance: Annotated[Any, AfterValidator(_check_number)] = None
    steps: Annotated[Any, AfterValidator(_check_number)] = None
    control_weight: Annotated[Any, AfterValidator(_check_number)] = None
    controlnet: Annotated[tuple[ControlNet, ...] | None, OPTIONS["controlnet"]] = None
    motion: str | None = None
    motion_scale: Annotated[Any, AfterValidator(_check_number)] = None
    style: Annotated[str, AfterValidator(_check_style)] | None = None
    init_from: InitFrom | None = None
    camera: _CameraTable = _CameraTable()
    transition: Annotated[str, AfterValidator(_check_transition)] = "morph"
    ease: Ease = "smooth"
    hold: float = 0.0
    negative: str = ""
    on: int | None = None

    def shot(self) -> Shot:
        """Return the shot."""
        camera = Camera(
            zoom=self.camera.zoom, pan=(self.camera.pan[0], self.camera.pan[1]), rotate=self.camera.rotate, parallax=self.camera.parallax
        )
        prompt, turns = _read_prompt(self.prompt)
        keyed: dict[str, Any] = {name: parse_number(value) for name in LIMITS if (value := getattr(self, name)) is not None}
        style = None if self.style is None else _read_style(self.style)
        plain = self.model_dump(exclude={"camera", "transition", "prompt", "style", "controlnet", *LIMITS})
        keyed["controlnet"] = self.controlnet
        return Shot(prompt=prompt, turns=turns, style=style, camera=camera, transition=_read_transition(self.transition), **keyed, **plain)


class FilmFile(_Table):
    """A film as it stands in its file."""

    film: FilmTable = FilmTable()
    bible: BibleTable = BibleTable()
    shots: list[ShotTable]

    def read(self) -> Film:
        """Return the film; raises StoryboardError for a shot that cannot be generated."""
        shots = tuple(shot.shot() for shot in self.shots)
        return Film(
            settings=self.film.settings, storyboard=Storyboard(idea=self.film.idea, bible=Bible(**self.bible.model_dump()), shots=shots)
        )


_KEYS: dict[str, list[str]] = {
    "film": ["idea", *OPTIONS],
    "bible": list(BibleTable.model_fields),
    "shots": list(ShotTable.model_fields),
    "camera": list(_CameraTable.model_fields),
    "pixel": list(PIXEL_OPTIONS),
    "controlnet": [field.name for field in fields(ControlNet)],
}
UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
"""What pydantic calls an unknown key in a model and in a dataclass."""


def _sentence(name: str, errors: list[ErrorDetails]) -> str:
    """Return the first error with its key and remedy.

    An unknown key comes before a missing one.
    """
    error = next((error for error in errors if error["type"] in UNKNOWN_KEY), errors[0])
    place = error["loc"]
    key = ".".join(f"shot {part + 1}" if isinstance(part, int) else str(part) for part in place).replace("shots.shot", "shot")
    match error["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            reason = unknown_key(place)
        case "missing":
            reason = "is missing; add it"
        case "value_error":
            reason = f"{error['input']!r} cannot be read: {error['ctx']['error']}"
        case _:
            reason = f"{lower_first(error['msg'])}, not {error['input']!r}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{name}: {key}: {reason}{more}"


def unknown_key(place: tuple[int | str, ...]) -> str:
    """Return what to write in place of an unknown key."""
    last = str(place[-1])
    if renamed := renamed_note(last, RENAMED):
        return renamed
    known = next((_KEYS[str(part)] for part in reversed(place[:-1]) if part in _KEYS), list(FilmFile.model_fields))
    near = difflib.get_close_matches(last, known, n=1)
    return f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; there are {', '.join(known)}"
