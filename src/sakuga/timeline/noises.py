"""Noise of a frame: from one seed, or between several."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from sakuga.timeline.plain_data import strict


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class SeedNoise:
    """Gaussian noise from one CPU generator."""

    seed: int
    kind: Literal["seed"] = "seed"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class SlerpNoise:
    """A slerp of two noises.

    `at` 0.0 is `first`, 1.0 is `second`.
    """

    first: "Noise"
    second: "Noise"
    at: float
    kind: Literal["slerp"] = "slerp"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseWalk:
    """A point of an endless slerp through noises.

    Through those of seed, seed + 1, ...; one seed per unit of `at`.
    """

    seed: int
    at: float
    kind: Literal["walk"] = "walk"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseDrift:
    """A point of an endless drift of noise.

    Each unit of `at` mixes in `share` of the next seed's noise.
    """

    seed: int
    at: float
    share: float
    kind: Literal["drift"] = "drift"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class NoisePath:
    """A point of a drift through chosen noises.

    Each unit of `at` mixes in `share` of the next of `seeds`; their number is at least `at` + 1.
    """

    seeds: tuple[int, ...]
    at: float
    share: float
    kind: Literal["path"] = "path"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseLoop:
    """A point of a circle of noises.

    `first` at 0.0 and 1.0, `second` at 0.5, by way of `third`.
    """

    first: "Noise"
    second: "Noise"
    third: "Noise"
    at: float
    kind: Literal["loop"] = "loop"


Noise: TypeAlias = Annotated[SeedNoise | SlerpNoise | NoiseWalk | NoiseDrift | NoisePath | NoiseLoop, Field(discriminator="kind")]
