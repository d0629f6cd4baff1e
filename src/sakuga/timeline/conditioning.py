"""Conditioning of a frame: prompts, image embeddings and what lies between."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from sakuga.story.settings import Weighting as Weighting
from sakuga.timeline.plain_data import Digest, strict

Fit = Literal["crop", "pad"]
"""How CLIP's vision tower gets a square: the centre crop, or the whole image padded."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt, with emphasis in brackets (`story.emphasis`).

    In the whole grammar (`story.prompt_grammar`) it may be long, composed, and change over the steps; else what is over the text encoder's
    limit is ignored.
    """

    prompt: str
    grammar: Literal["emphasis", "whole"] = "emphasis"
    weighting: Weighting = "comfyui"
    kind: Literal["prompt"] = "prompt"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolated:
    """An interpolation of two conditionings.

    `at` 0.0 is `first`, 1.0 is `second`.
    """

    first: "Conditioning"
    second: "Conditioning"
    at: float
    method: Literal["slerp", "lerp"] = "slerp"
    kind: Literal["interpolated"] = "interpolated"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEmbedding:
    """The CLIP image embedding of a frame."""

    frame: Digest
    fit: Fit = "crop"
    kind: Literal["image_embedding"] = "image_embedding"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedEmbedding:
    """An image embedding steered by texts.

    Towards good texts, away from bad ones.

    `repeats` gradient steps are taken in CLIP's space; `positive` and `negative` scale the two directions.
    """

    base: ImageEmbedding
    good: tuple[str, ...]
    bad: tuple[str, ...]
    positive: float
    negative: float
    repeats: int
    kind: Literal["guided_embedding"] = "guided_embedding"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroEmbedding:
    """Zeros, the unconditional embedding of image-conditioned checkpoints."""

    kind: Literal["zero_embedding"] = "zero_embedding"


Conditioning: TypeAlias = Annotated[
    Prompt | Interpolated | ImageEmbedding | GuidedEmbedding | ZeroEmbedding, Field(discriminator="kind")
]  # fmt: skip

NO_PROMPT = Prompt(prompt="")
"""The empty prompt."""


def embedded_frames(conditioning: Conditioning) -> tuple[Digest, ...]:
    """List the frames whose image embeddings a conditioning takes."""
    match conditioning:
        case Prompt() | ZeroEmbedding():
            return ()
        case ImageEmbedding():
            return (conditioning.frame,)
        case Interpolated():
            return embedded_frames(conditioning.first) + embedded_frames(conditioning.second)
        case GuidedEmbedding():
            return embedded_frames(conditioning.base)
