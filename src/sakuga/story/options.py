"""Options: each declares its help, default and range once."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from sakuga import InputError
from sakuga.story.limits import MAX_FRAMES, MAX_LETTERS, MAX_PLANNED_SHOTS, MAX_SECONDS, MAX_SEED
from sakuga.story.rate import parse_rate, rate_text
from sakuga.text import listed


class SettingsError(InputError, ValueError):
    """A setting that cannot be used.

    The message names it and what is possible.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option; the command line, film.toml and the Python API read the same declaration."""

    help: str
    """What it does, in one phrase."""
    default: Any = None
    """The value if none is given; None if it depends on the model."""
    default_help: str = ""
    """The default in words, if it depends on the model."""
    panel: str = ""
    """The heading in `--help` that it stands under."""

    def read(self, value: Any) -> Any:
        """Return a value from outside as its own type.

        Raises ValueError with the remedy.
        """
        raise NotImplementedError

    def write(self, value: Any) -> Any:
        """Return a value as it stands in a file."""
        return value

    @property
    def range(self) -> str:
        """The possible values in words, or nothing."""
        return ""

    @property
    def summary(self) -> str:
        """The help with the range."""
        return f"{self.help} ({self.range})" if self.range else self.help

    @property
    def shown_default(self) -> str:
        """The default in words."""
        default = None if self.default is None else self.write(self.default)
        return self.default_help or ("" if default is None else f"{default:g}" if isinstance(default, float) else str(default))

    def check(self, name: str, value: Any) -> Any:
        """Read the value of an option of this name.

        Raises SettingsError that names it.
        """
        try:
            return self.read(value)
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Read and write values in pydantic models and dataclasses."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            lambda value: None if value is None else self.read(value),
            serialization=core_schema.plain_serializer_function_ser_schema(self.write, when_used="unless-none"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Option):
    """A number from `least` to `most`."""

    least: float
    most: float
    whole: bool = False
    above: bool = False
    """Whether `least` itself is excluded."""

    def read(self, value: Any) -> Any:
        """Return an int or a float in range."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            raise ValueError(f"{value!r} is not a {'whole ' if self.whole else ''}number; choose {self.range}")
        if not self.least <= value <= self.most or (self.above and value == self.least):
            raise ValueError(f"{value} is out of range; choose {self.range}")
        return value if self.whole else float(value)

    @property
    def range(self) -> str:
        """The limits in words."""
        most = "2^63 - 1" if self.most == MAX_SEED else f"{self.most:g}" if self.most < 1e6 else f"{self.most:.0f}"
        return f"{'above ' if self.above else ''}{self.least:g} to {most}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Option):
    """One of some words."""

    choices: tuple[str, ...]

    def read(self, value: Any) -> str:
        """Return one of the choices."""
        if value not in self.choices:
            raise ValueError(f"there is no {value!r}; choose {self.range}")
        return str(value)

    @property
    def range(self) -> str:
        """The choices in words."""
        return listed(self.choices, "or")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Option):
    """On or off."""

    def read(self, value: Any) -> bool:
        """Return a bool."""
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is neither; write true or false")
        return value

    @property
    def shown_default(self) -> str:
        """The default in words."""
        return self.default_help or ("on" if self.default else "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Option):
    """Any text."""

    def read(self, value: Any) -> str:
        """Return a str."""
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a text; write it in quotation marks")
        if len(value) > MAX_LETTERS:
            raise ValueError(f"{value[:40]!r}... has {len(value):,} characters, and {MAX_LETTERS:,} are the most; shorten it")
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError(f"{value!r} holds bytes that are no text; write it in UTF-8")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Option):
    """Frames per second, exactly."""

    def read(self, value: Any) -> Fraction:
        """Return 12, 23.976 or "24000/1001" as a Fraction."""
        if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
            raise ValueError('write frames per second as 12, 23.976 or "24000/1001"')
        return parse_rate(value)

    def write(self, value: Any) -> float | str:
        """Return a number where that is exact, else "24000/1001"."""
        return rate_text(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size(Option):
    """Width and height in pixels."""

    least: int
    most: int
    ratio: int
    """The longest shape, long side to short."""

    def read(self, value: Any) -> tuple[int, int]:
        """Return "256x160", "256", 256 or (256, 160) as (width, height)."""
        sides = str(value).strip().split("x") if isinstance(value, int | str) and not isinstance(value, bool) else value
        try:
            width, height = (int(side) for side in (sides if len(sides) > 1 else [*sides, *sides]))
        except (TypeError, ValueError):
            raise ValueError(f"{value!r} is not a size; write width and height as 384x256, or 256 for a square") from None
        if not all(self.least <= side <= self.most for side in (width, height)):
            raise ValueError(f"{width}x{height} is out of range; choose {self.range}")
        if max(width, height) > self.ratio * min(width, height):
            raise ValueError(f"{width}x{height} is too narrow; choose a shape up to {self.ratio}:1")
        return width, height

    def write(self, value: Any) -> str:
        """Return "256x160"."""
        return "x".join(map(str, value))

    @property
    def range(self) -> str:
        """The limits in words."""
        return f"{self.least} to {self.most} pixels a side"


def renamed_note(name: str, renamed: Mapping[str, str]) -> str:
    """Return the present name in place of a former one, or nothing."""
    return f"{name} is called {renamed[name]}" if name in renamed else ""


Engine = Literal["auto", "torch", "openvino"]
ENGINE = Choice(help="What runs the networks on a CPU; auto takes the faster one", default="auto", choices=get_args(Engine))
EXECUTOR = Choice(help="Where frames are rendered: on this machine, or on a Ray cluster", default="local", choices=("local", "ray"))
ADDRESS = Text(
    help="Head of the Ray cluster: HOST:PORT, auto for this machine's, local for a new one", default_help="$RAY_ADDRESS, or auto"
)
SEED = Number(help="Seed; the same seed gives the same images", default=0, least=0, most=MAX_SEED, whole=True)
SHOTS = Number(help="Shots in the film", default=5, least=1, most=MAX_PLANNED_SHOTS, whole=True)
SECONDS = Number(help="Length of the film in seconds", default=6.0, least=0, most=MAX_SECONDS, above=True)
FRAMES = Text(help="Frames to generate, as numbered images: 1-100, 1-100x5 or 1,7,20-30", default_help="all")
FIRST_FRAME = Number(help="Number of the first frame in names of images", default=1, least=0, most=9_999_999, whole=True)
BITS = Choice(help="Bits a channel of numbered .png images", default="8", choices=("8", "16"))
CHUNK = Number(help="Frames of a task at most", default_help="those of a shot", least=1, most=MAX_FRAMES, whole=True)
WORKERS = Number(
    help="Processes that render at once; each holds the networks and uses $OMP_NUM_THREADS threads", default=1, least=1, most=64, whole=True
)
IMAGES_PER_PROMPT = Number(help="Images per prompt", default=1, least=1, most=10_000, whole=True)
