"""Metadata of a style (`style.toml`): trigger words, default weight, finishing."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated

import tomli_w
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

from sakuga.files import parse_toml
from sakuga.story.settings import Dither
from sakuga.text import lower_first

MAX_WEIGHT = 4.0
"""The greatest weight that a style can be applied with."""
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
    """Default finishing of clips in a style."""

    grain: Share | None = None
    paper: Share | None = None
    pixel: PixelFinish | None = None


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class StyleMetadata:
    """The contents of a `style.toml`."""

    trigger: str = ""
    """Trigger words."""
    suffix: str = ""
    """Words that are appended to prompts after the trigger."""
    weight: Annotated[float, Field(gt=0.0, le=MAX_WEIGHT)] = 1.0
    """Default adapter weight."""
    finishing: Finishing = Finishing()

    @property
    def prompt_words(self) -> tuple[str, ...]:
        """Return the words that are added to a prompt."""
        return tuple(filter(None, (self.trigger, self.suffix)))


DEFAULT_METADATA = StyleMetadata()
ADAPTER: TypeAdapter[StyleMetadata] = TypeAdapter(StyleMetadata)


def parse_metadata(text: str) -> StyleMetadata:
    """Parse the text of a `style.toml`; raises ValueError naming the key."""
    try:
        return ADAPTER.validate_json(json.dumps(parse_toml(text), default=str))  # JSON: strict, but tables become dataclasses
    except ValidationError as caught:
        error = caught.errors()[0]
        key = ".".join(str(part) for part in error["loc"])
        if error["type"] == "unexpected_keyword_argument":
            raise ValueError(f"unknown key {key}") from None
        raise ValueError(f"{key}: {lower_first(error['msg'])}") from None


def format_metadata(metadata: StyleMetadata) -> str:
    """Write a `style.toml` without the values that are defaults."""
    defaults = asdict(DEFAULT_METADATA)
    return tomli_w.dumps({key: _without_none(value) for key, value in asdict(metadata).items() if value != defaults[key]})


def frequent_tags(metadata: Mapping[str, str], count: int = 6) -> tuple[str, ...]:
    """Return the commonest tags of kohya's `ss_tag_frequency`, and first the trigger phrase of the model spec.

    >>> frequent_tags({"ss_tag_frequency": '{"10_ink": {"inkwash": 40, "tree": 7}}'})
    ('inkwash', 'tree')
    """
    phrase = metadata.get("modelspec.trigger_phrase", "")
    try:
        counts = json.loads(metadata.get("ss_tag_frequency", "{}"))
        total = Counter({tag.strip(): int(number) for one in counts.values() for tag, number in one.items()})
    except (ValueError, AttributeError, TypeError):
        total = Counter()
    return tuple(dict.fromkeys(filter(None, [phrase, *(tag for tag, _ in total.most_common(count))])))


def _without_none(value: object) -> object:
    return {key: _without_none(inner) for key, inner in value.items() if inner is not None} if isinstance(value, dict) else value
