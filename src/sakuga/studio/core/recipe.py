"""What a clip's file carries: plain data that makes the clip again, one kind of recipe for each verb.

A recipe holds no path, no name and no date. It is read as outside data: it names no file and opens nothing but the built-in model;
whatever else it was drawn with is known by its digest alone, and given by whoever remakes it.
"""

import json
from abc import abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sakuga import InputError
from sakuga.models.checkpoint_files import SKETCHBOOK, Source
from sakuga.models.checkpoint_lookup import HUB_NAME
from sakuga.story.film import FilmSettings, SettingsTable, settings_table
from sakuga.studio.core.progress import Step
from sakuga.studio.core.settings import worn_digests
from sakuga.studio.core.styles import found_at, outside_styles, shared_names
from sakuga.timeline.spec import ENGINE

VERSION = 2
LONGEST = 1_000_000
"""Characters of a recipe: readers of PNG take no longer text."""
MOST_FRAMES, MOST_PIXELS = 20_000, 4_000_000_000
"""What a recipe may ask for, in frames and in pixels of all its frames: as much as a large machine holds in memory."""

Table = TypeVar("Table", bound=SettingsTable)
DigestText = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _public(name: str) -> str:
    """Refuse a model name that could be a place on a disk."""
    if name != SKETCHBOOK and not (HUB_NAME.fullmatch(name) and all(part.strip(".") for part in name.split("/"))):
        raise ValueError("a recipe names a model as owner/name and never as a path: leave it out")
    return name


def _portable(settings: Table) -> Table:
    """Refuse what would name a file: a model, or a style by its place."""
    if settings.model is not None:
        raise ValueError("a recipe names its model beside its settings: leave `model` out")
    portable_style(settings.style)
    return settings


def portable_style(asked: str | None) -> str | None:
    """Refuse a style by its place on a disk; raises ValueError."""
    if asked and (set(asked) & set("/\\~") or ".." in asked):
        raise ValueError(f"{asked!r} could be a file, and a recipe names styles alone: leave it out")
    return asked


Portable = AfterValidator(_portable)
"""Settings of a recipe: `Annotated[SettingsTable, Portable]`."""


class Part(BaseModel):
    """A table of a recipe: unknown keys are refused, and values are of their own type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class OutsideStyle(Part):
    """A style that is not the model's own: who remakes the clip gives it."""

    name: str
    """As the recipe's settings call it."""
    digest: DigestText
    trigger: str = ""
    """The words that called it up."""


class Recipe(Part):
    """What every recipe says; a verb adds its `kind`, its own keys, and how it is remade."""

    wordless: ClassVar[bool] = False
    """Whether it can be drawn by a model that reads no words."""

    recipe: int = Field(default=VERSION, ge=VERSION, le=VERSION)
    kind: str
    engine: int = ENGINE
    """The number of the rules by which specs become pictures."""
    checkpoint: DigestText
    """The digest of the model."""
    model: Annotated[str, AfterValidator(_public)] | None = None
    """Where the model is public: `sketchbook`, or the hub's owner/name, which is told but never fetched unasked."""
    given: tuple[DigestText, ...] = Field(default=(), max_length=1000)
    """Names of the pictures from outside that it leans on."""
    styles: tuple[DigestText, ...] = Field(default=(), max_length=100)
    """Digests of the styles that were worn, the adapter for few steps among them."""
    outside: tuple[OutsideStyle, ...] = Field(default=(), max_length=100)
    """Those of the styles that are not the model's own."""
    upscaler: DigestText | None = None
    """The digest of the upscaler that enlarged it, where the model has one."""
    max_size: int | None = Field(default=None, gt=0)
    """Bytes that the file was to stay under."""

    @abstractmethod
    def remake(self, out: Path, source: Source, store: Path | None) -> Generator[Step, None, "Remade"]:
        """Draw what it says to a file; `given` pictures are in the store by then."""

    def budget(self, out: Path) -> int | None:
        """Return the bytes that `out` is to stay under, which only a GIF can."""
        return self.max_size if out.suffix.lower() == ".gif" else None

    def worn(self, source: Source) -> tuple[str, ...]:
        """Find what it would wear here; raises StyleError where a style is not to be had."""
        return ()

    def restyled(self, places: Mapping[str, str]) -> Self:
        """Return the same recipe, to be followed with styles from where they lie here, by their names in it."""
        return self

    def followed(self, source: Source, **said: Any) -> Self:
        """Return the recipe as it is followed here: by this model, with what else is said."""
        here = {"engine": ENGINE, "checkpoint": source.digest, "model": public_name(source), "upscaler": source.upscaler}
        return self.model_copy(update={**here, **said})

    def values(self) -> dict[str, Any]:
        """Return what it says, as plain JSON values."""
        said = self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return {"recipe": self.recipe, "kind": self.kind, "engine": self.engine, **said}

    def text(self) -> str:
        """Write it down, the same for equal recipes."""
        return json.dumps(self.values(), sort_keys=True)

    @classmethod
    def of(cls, source: Source, *, given: Sequence[str] = (), **said: Any) -> Self:
        """Begin a recipe by the model that it was drawn with, and what this wore."""
        known: dict[str, Any] = {"given": tuple(given)} if given else {}
        if source.upscaler:
            known["upscaler"] = source.upscaler
        return cls(checkpoint=source.digest, model=public_name(source), **known, **said)


class SettledRecipe(Recipe):
    """A recipe with one table that says how all of it is drawn, every setting said."""

    settings: Annotated[SettingsTable, Portable]

    def worn(self, source: Source) -> tuple[str, ...]:
        settings = self.settings.settings()
        return worn_digests((settings.style,), settings, source)

    def restyled(self, places: Mapping[str, str]) -> Self:
        return self.model_copy(update={"settings": restyled_settings(self.settings, places)})


def portable_settings(settings: FilmSettings) -> SettingsTable:
    """Return settings as a recipe holds them, the model left out, as its digest says it better."""
    return SettingsTable.model_validate(settings_table(replace(settings, model=None)))


def dressed(settings: FilmSettings, source: Source, others: Iterable[str | None] = ()) -> dict[str, Any]:
    """Return what a recipe says of settings, and of all the styles that are worn with them and beside them."""
    shared = replace(settings, style=shared_names(settings.style, source))
    return {"settings": portable_settings(shared), **named((settings.style, *others), settings, source)}


def named(asked: Iterable[str | None], settings: FilmSettings, source: Source) -> dict[str, Any]:
    """Return what a recipe says of all the styles that are worn."""
    asked = tuple(asked)
    outside = tuple(
        OutsideStyle(name=name, digest=style.digest, **({"trigger": said} if (said := ", ".join(style.about.words)) else {}))
        for name, style in outside_styles(asked, source).items()
    )
    found = {"styles": worn_digests(asked, settings, source), "outside": outside}
    return {key: names for key, names in found.items() if names}


def restyled_settings(settings: SettingsTable, places: Mapping[str, str]) -> SettingsTable:
    """Return settings whose styles are found where they lie here."""
    return settings.model_copy(update={"style": found_at(settings.style, places)})


def public_name(source: Source) -> str | None:
    """Return the name by which others can have the model too; a folder of one's own has none."""
    own = source.name != SKETCHBOOK and Path(source.name).expanduser().is_dir()
    return None if own or (not HUB_NAME.fullmatch(source.name) and source.name != SKETCHBOOK) else source.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Remade:
    """A file that was made again, and what of it had to be drawn."""

    path: Path
    frames: int
    drawn: int
    reused: int
    notes: tuple[str, ...] = ()


class RecipeError(InputError, ValueError):
    """A recipe that is not there, cannot be read, or cannot be followed here; one sentence says why and what to do."""


def check_amount(frames: float, size: tuple[int, int] | None) -> None:
    """Refuse a recipe that asks for more than anybody made; raises RecipeError."""
    width, height = size or (1, 1)
    if not (0 < frames <= MOST_FRAMES and frames * width * height <= MOST_PIXELS):
        raise RecipeError(
            f"the recipe asks for {frames:,.0f} frames of {width} x {height}, more than a clip can hold: it was tampered with"
        )
