"""What `style.toml` says of a style beside its weights: how it is called, how strongly it is worn, how clips in it are finished."""

import json
import tomllib
from dataclasses import asdict, dataclass
from typing import Annotated

import tomli_w
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

from sakuga.story.film import Dither

STRONGEST = 4.0
"""The greatest weight that a style can be worn with."""
STRICT = ConfigDict(extra="forbid", strict=True)
Share = Annotated[float, Field(ge=0.0, le=1.0)]


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFinish:
    """Pixel art: one grid and one palette."""

    grid: Annotated[int, Field(ge=1)] | None = None
    colors: Annotated[int, Field(ge=2, le=255)] | None = None
    palette: str | None = None
    dither: Dither = "ordered"


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class Finishing:
    """How a clip in a style is finished, where nobody says otherwise."""

    grain: Share | None = None
    paper: Share | None = None
    pixel: PixelFinish | None = None


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is said of a style."""

    trigger: str = ""
    """Words that call it up."""
    suffix: str = ""
    """Words that prompts say behind the trigger, as they suit the style."""
    weight: Annotated[float, Field(gt=0.0, le=STRONGEST)] = 1.0
    """How strongly it is worn, unless said."""
    finishing: Finishing = Finishing()

    @property
    def words(self) -> tuple[str, ...]:
        """What a prompt says for it."""
        return tuple(filter(None, (self.trigger, self.suffix)))


UNSAID = About()
ADAPTER: TypeAdapter[About] = TypeAdapter(About)


def read_about(text: str) -> About:
    """Read the text of a `style.toml`; raises ValueError, which says what is wrong in it."""
    try:
        return ADAPTER.validate_json(json.dumps(tomllib.loads(text), default=str))  # strict values, and tables as what they stand for
    except ValidationError as caught:
        error = caught.errors()[0]
        key = ".".join(str(part) for part in error["loc"])
        if error["type"] == "unexpected_keyword_argument":
            raise ValueError(f"nothing reads its key {key}") from None
        raise ValueError(f"{key}: {error['msg'][:1].lower()}{error['msg'][1:]}") from None


def about_text(about: About) -> str:
    """Write a `style.toml`; what is as it is without being said is left out."""
    usual = asdict(UNSAID)
    return tomli_w.dumps({key: _said(value) for key, value in asdict(about).items() if value != usual[key]})


def _said(value: object) -> object:
    return {key: _said(inner) for key, inner in value.items() if inner is not None} if isinstance(value, dict) else value
