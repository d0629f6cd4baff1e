"""Recipes: plain data in a clip's file that makes the clip again.

A recipe holds no path, no name and no date. It is read as outside data: it names no file and opens nothing but the built-in model;
everything else is known by its digest, and given by whoever remakes the clip.
"""

import json
from abc import abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sakuga import InputError
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointFiles, file_digest
from sakuga.models.checkpoint_lookup import HUB_REPO_ID
from sakuga.models.motion_files import MotionFiles
from sakuga.paths import local_path
from sakuga.rendering.store import FrameStore
from sakuga.story.controls import ControlNet
from sakuga.story.limits import MAX_FRAMES, MAX_PIXELS
from sakuga.story.settings import FilmSettings
from sakuga.studio.core.controlnets import (
    PIXELS,
    FoundControlNets,
    network_digest,
    relocated_controls,
    shared_controls,
    shared_network,
)
from sakuga.studio.core.progress import Step
from sakuga.studio.core.settings import ResolvedSettings, resolve_settings, style_digests
from sakuga.studio.core.styles import StyleFinder, StyleUse, relocated, with_triggers
from sakuga.timeline.edits import Edit, ToPrompt, edit_sheet
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.prompts import prompt_of, weighted
from sakuga.timeline.spec import ENGINE, Weighting

VERSION = 3
MAX_RECIPE = 1_000_000
"""Characters of a recipe: readers of PNG accept no longer text."""

Settings = TypeVar("Settings", bound=FilmSettings)
DigestText = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _public(name: str) -> str:
    """Refuse a model name that could be a path."""
    if name != SKETCHBOOK and not (HUB_REPO_ID.fullmatch(name) and all(part.strip(".") for part in name.split("/"))):
        raise ValueError("a recipe names a model as owner/name and never as a path: leave it out")
    return name


def _portable(settings: Settings) -> Settings:
    """Refuse settings that name a file: a model, or a style by its place."""
    if settings.model is not None:
        raise ValueError("a recipe names its model beside its settings: leave `model` out")
    portable_style(settings.style)
    portable_name(settings.motion)
    portable_name(settings.upscaler)
    if settings.vae or settings.prediction:
        raise ValueError("a recipe names its model beside its settings: leave `vae` and `prediction` out")
    portable_controls(settings.controlnet)
    return settings


def portable_controls(controls: Iterable[ControlNet] | None) -> None:
    """Refuse ControlNets whose network could be a path, or whose image is one; raises ValueError."""
    for one in controls or ():
        portable_name(one.network)
        if one.image and not PIXELS.fullmatch(one.image):
            raise ValueError(f"{one.image!r} could be a file, and a recipe holds the digest of an image only: leave it out")
        if one.encoder is not None:
            raise ValueError("a recipe knows an image encoder by its IP-Adapter's digest: leave `encoder` out")


def portable_style(text: str | None) -> str | None:
    """Refuse a style that could be a path; raises ValueError."""
    return portable_name(text)


def portable_name(text: str | None) -> str | None:
    """Refuse a name that could be a path; raises ValueError."""
    if text and (set(text) & set("/\\~") or ".." in text):
        raise ValueError(f"{text!r} could be a file, and a recipe holds names only: leave it out")
    return text


Portable = AfterValidator(_portable)
"""Settings of a recipe: `Annotated[FilmSettings, Portable]`."""


class Part(BaseModel):
    """A table of a recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class OutsideStyle(Part):
    """A style that is not the model's own.

    Whoever remakes the clip gives it.
    """

    name: str
    """Its name in the recipe's settings."""
    digest: DigestText
    trigger: str = ""
    """Its trigger words when the clip was made."""


class RecipeMotion(Part):
    """A motion adapter of a recipe; whoever remakes the clip gives it, unless it is the model's own."""

    name: str
    """Its name in the recipe's settings."""
    digest: DigestText


class RecipeControlNet(Part):
    """A ControlNet of a recipe; whoever remakes the clip gives it."""

    name: str
    """Its name in the recipe's settings."""
    digest: DigestText


class Recipe(Part):
    """The keys of every recipe.

    Each verb adds its `kind` and its own keys.
    """

    text_encoder_optional: ClassVar[bool] = False
    """Whether a model without a text encoder can follow it."""

    recipe: int = Field(default=VERSION, ge=VERSION, le=VERSION)
    kind: str
    engine: int = ENGINE
    """The number of the rules by which specs become images."""
    checkpoint: DigestText
    """The digest of the model."""
    model: Annotated[str, AfterValidator(_public)] | None = None
    """The model's public name: `sketchbook`, or owner/name of the hub, which is never fetched by itself."""
    given: tuple[DigestText, ...] = Field(default=(), max_length=1000)
    """Digests of the images from outside."""
    styles: tuple[DigestText, ...] = Field(default=(), max_length=100)
    """Digests of the applied styles, the few-step adapter among them."""
    outside: tuple[OutsideStyle, ...] = Field(default=(), max_length=100)
    """Those of the styles that are not the model's own."""
    motion: tuple[RecipeMotion, ...] = Field(default=(), max_length=100)
    """The motion adapters."""
    controlnets: tuple[RecipeControlNet, ...] = Field(default=(), max_length=100)
    """The ControlNets beside the model's own."""
    upscaler: DigestText | None = None
    """The digest of the upscaler, if the model has one."""
    max_size: int | None = Field(default=None, gt=0)
    """The bytes that the file was to stay under."""

    @abstractmethod
    def remake(self, out: Path, files: CheckpointFiles, store: Path | None) -> Generator[Step, None, "Remade"]:
        """Generate it to a file.

        `given` images are in the store by then.
        """

    def budget(self, out: Path) -> int | None:
        """Return the bytes that `out` may have, if it is a GIF."""
        return self.max_size if out.suffix.lower() == ".gif" else None

    def style_digests(self, styles: StyleFinder) -> tuple[str, ...]:
        """Return the digests of the styles that it would apply here.

        Raises StyleError.
        """
        return ()

    def restyled(self, places: Mapping[str, str]) -> Self:
        """Return the recipe with its outside styles at their places here."""
        return self

    def with_motion(self, places: Mapping[str, str]) -> Self:
        """Return the recipe with its outside motion adapters at their places here."""
        return self

    def with_controlnets(self, places: Mapping[str, str]) -> Self:
        """Return the recipe with its ControlNets at their places here."""
        return self

    @property
    def named_upscaler(self) -> str | None:
        """Return the name of its upscaler from outside; None if it has none."""
        return None

    def with_upscaler(self, place: str) -> Self:
        """Return the recipe with its upscaler at its place here."""
        return self

    def followed(self, files: CheckpointFiles, **values: Any) -> Self:
        """Return the recipe as it is followed here."""
        here = {"engine": ENGINE, "checkpoint": files.digest, "model": public_name(files), "upscaler": files.upscaler_digest}
        return self.model_copy(update={**here, **values})

    def values(self) -> dict[str, Any]:
        """Return plain JSON values."""
        given = self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return {"recipe": self.recipe, "kind": self.kind, "engine": self.engine, **given}

    def text(self) -> str:
        """Return JSON, the same for equal recipes."""
        return json.dumps(self.values(), sort_keys=True)

    @classmethod
    def of(cls, files: CheckpointFiles, *, given: Sequence[str] = (), **values: Any) -> Self:
        """Return a recipe for a model."""
        known: dict[str, Any] = {"given": tuple(given)} if given else {}
        if files.upscaler_digest:
            known["upscaler"] = files.upscaler_digest
        return cls(checkpoint=files.digest, model=public_name(files), **known, **values)


class EditedRecipe(Recipe):
    """A recipe of a clip, whose frames can be edited one by one."""

    edits: tuple[Edit, ...] = Field(default=(), max_length=10_000)
    """What was changed after the clip was laid out, in this order."""

    @abstractmethod
    def laid_out(self, files: CheckpointFiles, store: FrameStore) -> "LaidOut":
        """Return the clip's frames without its edits; nothing is generated.

        `given` images are in the store by then.
        """

    def edited(self, sheet: ExposureSheet, uses: Sequence[StyleUse], weighting: Weighting) -> ExposureSheet:
        """Return an exposure sheet after the recipe's edits; raises EditError."""
        return edit_sheet(sheet, self.edits, to_prompt(uses, weighting))


def to_prompt(uses: Sequence[StyleUse], weighting: Weighting) -> ToPrompt:
    """Return what makes the conditioning of an edit's prompt: with trigger words, and weighted as the clip."""
    return lambda prompt: weighted(prompt_of(with_triggers(prompt, uses)), weighting)


def edits_key(edits: Sequence[Edit]) -> dict[str, Any]:
    """Return the key of a recipe's edits; none if there are none."""
    return {"edits": tuple(edits)} if edits else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut:
    """The frames of a clip before its edits, and what they are generated and finished with."""

    sheet: ExposureSheet
    settings: ResolvedSettings
    uses: tuple[StyleUse, ...]
    """Styles of the whole clip, whose trigger words complete a prompt."""
    applied: tuple[StyleUse, ...]
    """Styles of any frame."""
    motion: tuple[MotionFiles, ...] = ()
    """The motion adapters of its frames."""
    controlnets: FoundControlNets = FoundControlNets()  # noqa: RUF009 - frozen


class SettingsRecipe(Recipe):
    """A recipe with one table of settings."""

    settings: Annotated[FilmSettings, Portable]

    def resolved(self, files: CheckpointFiles, styles: StyleFinder) -> ResolvedSettings:
        """Return its settings for a checkpoint; raises SettingsError, StyleError."""
        return resolve_settings(replace(self.settings, model=files.name), files, styles)

    def style_digests(self, styles: StyleFinder) -> tuple[str, ...]:
        """Return the digests of the styles that it would apply here."""
        return style_digests((self.settings.style,), self.settings.sampler or "", styles)

    def restyled(self, places: Mapping[str, str]) -> Self:
        """Return the recipe with its outside styles at their places here."""
        return self.model_copy(update={"settings": replace(self.settings, style=relocated(self.settings.style, places))})

    def with_controlnets(self, places: Mapping[str, str]) -> Self:
        """Return the recipe with its ControlNets at their places here."""
        controls = relocated_controls(self.settings.controlnet or (), places)
        return self.model_copy(update={"settings": replace(self.settings, controlnet=controls)})

    @property
    def named_upscaler(self) -> str | None:
        """Return the name of its upscaler from outside."""
        return self.settings.upscaler

    def with_upscaler(self, place: str) -> Self:
        """Return the recipe with its upscaler at its place here."""
        return self.model_copy(update={"settings": replace(self.settings, upscaler=place)})


def shared_file(name: str) -> str:
    """Return a file's name without folder and ending, with its digest."""
    path = local_path(name)
    return f"{path.stem}@{file_digest(path)[:8]}"


def recipe_settings(settings: ResolvedSettings, styles: StyleFinder, others: Iterable[str] = ()) -> dict[str, Any]:
    """Return the keys of a recipe for settings and styles.

    The model is left out of the settings; its digest stands beside them.
    """
    controls = shared_controls(settings.controlnet, styles.files) or None
    portable = replace(settings.requested(), model=None, style=styles.shared_names(settings.style) or None, controlnet=controls)
    portable = replace(portable, prediction=None, vae=None)  # told by the model's digest
    portable = replace(portable, upscaler=settings.upscaler and shared_file(settings.upscaler))
    known = recipe_controlnets(settings.controlnet, styles.files)
    return {"settings": portable, **recipe_styles((settings.style, *others), settings.sampler, styles), **known}


def recipe_controlnets(controls: Iterable[ControlNet], files: CheckpointFiles) -> dict[str, Any]:
    """Return the key of a recipe for ControlNets; none if there are none."""
    networks = {shared_network(one, files): network_digest(one, files) for one in controls}
    named = tuple(RecipeControlNet(name=name, digest=found) for name, found in networks.items())
    return {"controlnets": named} if named else {}


def recipe_styles(texts: Iterable[str], sampler: str, styles: StyleFinder) -> dict[str, Any]:
    """Return the keys of a recipe for applied styles."""
    texts = tuple(texts)
    outside = tuple(
        OutsideStyle(name=name, digest=style.digest, **({"trigger": words} if (words := ", ".join(style.metadata.prompt_words)) else {}))
        for name, style in styles.outside_styles(texts).items()
    )
    found = {"styles": style_digests(texts, sampler, styles), "outside": outside}
    return {key: names for key, names in found.items() if names}


def public_name(files: CheckpointFiles) -> str | None:
    """Return the model's public name; None for a local folder."""
    own = files.name != SKETCHBOOK and local_path(files.name).is_dir()
    return None if own or (not HUB_REPO_ID.fullmatch(files.name) and files.name != SKETCHBOOK) else files.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Remade:
    """A file that was made again, and its frames."""

    path: Path
    frames: int
    generated: int
    reused: int
    notes: tuple[str, ...] = ()


class RecipeError(InputError, ValueError):
    """A recipe that is missing, cannot be read, or cannot be followed here."""


def check_amount(frames: float, size: tuple[int, int]) -> None:
    """Refuse a recipe with more frames than a clip can hold.

    Raises RecipeError.
    """
    width, height = size
    if not (0 < frames <= MAX_FRAMES and frames * width * height <= MAX_PIXELS):
        raise RecipeError(f"the recipe has {frames:,.0f} frames of {width} x {height}, more than a clip can hold: it was tampered with")
