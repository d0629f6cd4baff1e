"""A film as a file: `film.toml` with its settings, bible and shots, for people to edit by hand.

`[film]` holds the idea and settings (all but the idea optional), `[bible]` what stays the same, each `[[shots]]` one shot with its
`prompt`, `seconds` and `seed`. A transition is written "cut", "morph 1.0" or "dissolve 0.5" (seconds; "morph 1.0 latent" also says how
its in-betweens are made), a size "256x160", a rate 12.0 or "24000/1001".
"""

import difflib
import os
import re
import tomllib
from contextlib import suppress
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from sakuga import InputError
from sakuga.story.keys import Key, Keys, is_keyed, parse_number, parse_texts, written
from sakuga.story.rate import parse_rate, rate_text
from sakuga.story.storyboard import (
    LIMITS,
    MOST_ON,
    Bible,
    Camera,
    Cut,
    Dissolve,
    Ease,
    Follow,
    Morph,
    Reading,
    Shot,
    Storyboard,
    StoryboardError,
    Transition,
    Way,
)

HEADER = """\
# A film for sakuga. Change what you like: only the shots that a change touches are drawn again.
# transition (to the next shot): "cut", "morph 1.0" or "dissolve 0.5", in seconds. ease: linear, smooth, smoother, in, out, overshoot.
# camera, over the whole shot: { zoom = 1.2, pan = [0.1, 0.0], rotate = 0.0 } ends 20% closer, a tenth of the width to the right.
# prompt, strength, guidance, steps and control can change over a shot's frames: guidance = "0: 4, 24 smooth: 7".

"""


class FilmError(InputError, ValueError):
    """A film that cannot be read or written; the message names file, key and remedy."""


Precision = Literal["fp32", "fp16", "bf16"]
Dither = Literal["none", "ordered", "bayer"]
"""How colours that a palette lacks are shown: by the nearest, by two near ones mixed without contrast, or through a screen that is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixel:
    """Pixel art: one grid and one palette for a whole clip."""

    grid: int | None = None
    """Pixels that a cell is wide and high; None makes some 64 cells of the shorter side."""
    colors: int | None = None
    """The size of a palette that is chosen from the clip; None is 16."""
    palette: str | None = None
    """A fixed palette by name, in place of a chosen one."""
    dither: Dither = "ordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmSettings:
    """How a film is to be drawn; None leaves it to whoever draws."""

    fps: Fraction | None = None
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    model: str | None = None
    style: str | None = None
    negative: str | None = None
    sampler: str | None = None
    precision: Precision | None = None
    """The numbers that networks compute in; None is fp32."""
    steps: int | None = None
    guidance: float | None = None
    strength: float | None = None
    control: float | None = None
    """How firmly the depth of the picture that a frame starts from leads it; None is not at all."""
    depth: Reading | None = None
    """Who reads depth, for parallax and control; None is the model's estimator, or brightness where it has none."""
    follow: Follow | None = None
    """What the frames within a shot start from; None is its keyframe."""
    hold_on: float | None = None
    """How much of it they draw anew."""
    wander: float | None = None
    """How far the noise walks in a second."""
    drawn_rate: int | None = None
    """Frames a second that the model draws, at least."""
    between: Way | None = None
    """How in-betweens are made; None is by flow."""
    on: int | None = None
    """Frames that each picture stands for; None is one."""
    grain: float | None = None
    """Film grain, 0 to 1."""
    paper: float | None = None
    """Paper texture, 0 to 1."""
    pixel: Pixel | None = None
    """Finish the clip as pixel art."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A storyboard and how it is to be drawn."""

    settings: FilmSettings
    storyboard: Storyboard


def read_film(path: Path | str) -> Film:
    """Read a film; raises FilmError where the file, a key or a value is not as it should be."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FilmError(f"{path}: there is no such film; `sakuga storyboard IDEA -o {path}` writes one") from None
    except IsADirectoryError:
        raise FilmError(f"{path}: is a folder: give the film.toml itself") from None
    except UnicodeDecodeError:
        raise FilmError(f"{path}: is no text: give a film.toml; a clip that sakuga made is made again by `sakuga remake {path}`") from None
    except OSError as error:
        raise FilmError(f"{path}: cannot be read ({error.strerror})") from None
    return from_toml(text, str(path))


def write_film(film: Film, path: Path | str) -> None:
    """Write a film whole or not at all (beside, to disk, then renamed); raises FilmError where the folder cannot be written."""
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(to_toml(film))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise FilmError(f"{path}: cannot be written ({error.strerror}); choose another place") from None


def to_toml(film: Film) -> str:
    """Return the film as the text of its file; keys at their default are left out, seeds never."""
    return HEADER + tomli_w.dumps(to_document(film))


def to_document(film: Film) -> dict[str, Any]:
    """Return the film as the tables of its file."""
    return {
        "film": {"idea": film.storyboard.idea, **settings_table(film.settings)},
        "bible": {name.name: getattr(film.storyboard.bible, name.name) for name in fields(Bible)},
        "shots": [_shot_table(shot) for shot in film.storyboard.shots],
    }


def settings_table(settings: FilmSettings) -> dict[str, Any]:
    """Return what settings say, as it stands in a file; `SettingsTable` reads it."""
    said = {name.name: value for name in fields(FilmSettings) if (value := getattr(settings, name.name)) is not None}
    if settings.size:
        said["size"] = "x".join(map(str, settings.size))
    if settings.fps:
        said["fps"] = rate_text(settings.fps)
    if settings.pixel:
        said["pixel"] = {name.name: value for name in fields(Pixel) if (value := getattr(settings.pixel, name.name)) != name.default}
    return said


def from_toml(text: str, name: str = "film.toml") -> Film:
    """Read a film from the text of its file; `name` is what errors call it."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FilmError(f"{name}: is not TOML: {error}; mend that place") from None
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
            table[key] = written(number) if isinstance(number, tuple) else number
    if shot.style is not None:
        table["style"] = written(shot.style) if isinstance(shot.style, tuple) else shot.style
    for key, usual in (("follow", None), ("ease", "smooth"), ("hold", 0.0), ("negative", ""), ("on", None)):
        if getattr(shot, key) != usual:
            table[key] = getattr(shot, key)
    return table


def _prompt_text(shot: Shot) -> str:
    """Write a prompt so that it is read back the same: with its turns as keys, else plain."""
    plain = not shot.turns and not is_keyed(shot.prompt)
    return shot.prompt if plain else written([Key(frame=0, value=shot.prompt), *shot.turns])


def _turns(text: str) -> tuple[str, Keys[str]]:
    """Read a prompt: the first, and what it becomes; raises ValueError."""
    if not is_keyed(text):
        return text, ()
    first, *later = parse_texts(text)
    return first.value, tuple(later)


def _transition_text(transition: Transition) -> str:
    match transition:
        case Cut():
            return "cut"
        case Morph(seconds=seconds, way=way):
            return f"morph {seconds!r} {way}" if way else f"morph {seconds!r}"
        case Dissolve(seconds=seconds):
            return f"dissolve {seconds!r}"


def _transition(text: str) -> Transition:
    """Read "cut", "morph", "morph 1.0", "morph 1.0 latent", "dissolve", "dissolve 0.5"; raises ValueError."""
    ways = "|".join(get_args(Way))
    found = re.fullmatch(rf"(cut|morph|dissolve)(?: +([0-9.]+(?:e[+-]?[0-9]+)?))?(?: +({ways}))?", text.strip())
    if found is None or (found[1] == "cut" and found[2]) or (found[1] != "morph" and found[3]):
        raise ValueError(
            f'write "cut", "morph 1.0" or "dissolve 0.5"; a morph may end with its in-betweens\' way, {ways.replace("|", ", ")}'
        )
    match found[1]:
        case "cut":
            return Cut()
        case "morph":
            return Morph(seconds=float(found[2] or Morph().seconds), way=cast(Way | None, found[3]))
        case _:
            return Dissolve(seconds=float(found[2] or Dissolve().seconds))


def _size(text: str) -> tuple[int, int]:
    """Read "256x160", or "256" for a square; raises ValueError."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})(?:x([1-9][0-9]{0,4}))?", text.strip())
    if found is None:
        raise ValueError('write it as width and height, "256x160"')
    return int(found[1]), int(found[2] or found[1])


def _readable_size(said: Any) -> str:
    if isinstance(said, bool) or not isinstance(said, int | str):
        raise ValueError('write it as width and height, "256x160"')
    _size(str(said))
    return str(said)


def _readable_transition(text: str) -> str:
    _transition(text)
    return text


def _readable_number(said: Any) -> Any:
    parse_number(said)
    return said


def _readable_prompt(text: str) -> str:
    _turns(text)
    return text


def _readable_style(text: str) -> str:
    _style(text)
    return text


def _style(text: str) -> str | Keys[str]:
    return parse_texts(text) if is_keyed(text) else text


def _one_style(text: str) -> str:
    if is_keyed(text):
        raise ValueError("a whole film's style does not change: give keys to the `style` of a shot")
    return text


def _readable_rate(said: Any) -> Any:
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        raise ValueError('write frames a second as 12, 23.976 or "24000/1001"')
    parse_rate(said)
    return said


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class PixelTable(_Table):
    """Pixel art as it stands in a file."""

    grid: int | None = Field(default=None, ge=1)
    colors: int | None = Field(default=None, ge=2, le=255)
    palette: str | None = None
    dither: Dither = "ordered"


class SettingsTable(_Table):
    """Settings as they stand in a file."""

    fps: Annotated[Any, AfterValidator(_readable_rate)] = None
    size: Annotated[Any, AfterValidator(_readable_size)] = None
    model: str | None = None
    style: Annotated[str, AfterValidator(_one_style)] | None = None
    negative: str | None = None
    sampler: str | None = None
    precision: Precision | None = None
    steps: int | None = Field(default=None, ge=1, le=1000)
    guidance: float | None = Field(default=None, ge=0, le=100)
    strength: float | None = Field(default=None, gt=0, le=1)
    control: float | None = Field(default=None, ge=0, le=2)
    depth: Reading | None = None
    follow: Follow | None = None
    hold_on: float | None = Field(default=None, gt=0, le=1)
    wander: float | None = Field(default=None, ge=0, le=10)
    drawn_rate: int | None = Field(default=None, ge=1, le=240)
    between: Way | None = None
    on: int | None = Field(default=None, ge=1, le=MOST_ON)
    grain: float | None = Field(default=None, ge=0, le=1)
    paper: float | None = Field(default=None, ge=0, le=1)
    pixel: PixelTable | None = None

    def settings(self) -> FilmSettings:
        """Return what they say."""
        said = {name.name: getattr(self, name.name) for name in fields(FilmSettings)}
        rate = None if self.fps is None else parse_rate(self.fps)
        pixel = Pixel(**self.pixel.model_dump()) if self.pixel else None
        return FilmSettings(**{**said, "size": _size(self.size) if self.size else None, "fps": rate, "pixel": pixel})


class FilmTable(SettingsTable):
    """What a film says of itself, and its settings."""

    idea: str = ""


class BibleTable(_Table):
    """What stays the same."""

    subject: str = ""
    setting: str = ""
    palette: str = ""
    style: str = ""


class _CameraTable(_Table):
    zoom: float = 1.0
    pan: list[float] = Field(default=[0.0, 0.0], min_length=2, max_length=2)
    rotate: float = 0.0
    parallax: float = 0.0


class ShotTable(_Table):
    """One shot."""

    prompt: Annotated[str, AfterValidator(_readable_prompt)]
    seconds: float
    seed: int
    strength: Annotated[Any, AfterValidator(_readable_number)] = None
    guidance: Annotated[Any, AfterValidator(_readable_number)] = None
    steps: Annotated[Any, AfterValidator(_readable_number)] = None
    control: Annotated[Any, AfterValidator(_readable_number)] = None
    style: Annotated[str, AfterValidator(_readable_style)] | None = None
    follow: Follow | None = None
    camera: _CameraTable = _CameraTable()
    transition: Annotated[str, AfterValidator(_readable_transition)] = "morph"
    ease: Ease = "smooth"
    hold: float = 0.0
    negative: str = ""
    on: int | None = None

    def shot(self) -> Shot:
        moved = self.camera
        camera = Camera(zoom=moved.zoom, pan=(moved.pan[0], moved.pan[1]), rotate=moved.rotate, parallax=moved.parallax)
        prompt, turns = _turns(self.prompt)
        said: dict[str, Any] = {name: parse_number(value) for name in LIMITS if (value := getattr(self, name)) is not None}
        style = None if self.style is None else _style(self.style)
        plain = self.model_dump(exclude={"camera", "transition", "prompt", "style", *LIMITS})
        return Shot(prompt=prompt, turns=turns, style=style, camera=camera, transition=_transition(self.transition), **said, **plain)


class FilmFile(_Table):
    """A film as it stands in a file."""

    film: FilmTable = FilmTable()
    bible: BibleTable = BibleTable()
    shots: list[ShotTable]

    def read(self) -> Film:
        """Return the film; raises StoryboardError where a shot cannot be drawn."""
        shots = tuple(shot.shot() for shot in self.shots)
        return Film(
            settings=self.film.settings(), storyboard=Storyboard(idea=self.film.idea, bible=Bible(**self.bible.model_dump()), shots=shots)
        )


_TABLES: dict[str, type[_Table]] = {"film": FilmTable, "bible": BibleTable, "shots": ShotTable, "camera": _CameraTable, "pixel": PixelTable}


def _sentence(name: str, errors: list[ErrorDetails]) -> str:
    """Say the first error with its key and remedy, and how many more there are; a key that is misspelt before one that is missing."""
    error = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    place = error["loc"]
    key = ".".join(f"shot {part + 1}" if isinstance(part, int) else str(part) for part in place).replace("shots.shot", "shot")
    match error["type"]:
        case "extra_forbidden":
            said = f"unknown key{_near(place)}"
        case "missing":
            said = "is missing: add it"
        case "value_error":
            said = f"{error['input']!r} cannot be read: {error['ctx']['error']}"
        case _:
            said = f"{error['msg'][0].lower()}{error['msg'][1:]}, not {error['input']!r}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{name}: {key}: {said}{more}"


def _near(place: tuple[int | str, ...]) -> str:
    """Suggest the key that an unknown one may stand for, or list what there is."""
    table = next((_TABLES[str(part)] for part in reversed(place[:-1]) if part in _TABLES), FilmFile)
    known = list(table.model_fields)
    near = difflib.get_close_matches(str(place[-1]), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
