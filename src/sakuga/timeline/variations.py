"""A chain of variations: each variant is drawn from what CLIP sees in the one before, the first from a picture from outside."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from sakuga.timeline.chain import Sheet
from sakuga.timeline.frame_settings import Direction
from sakuga.timeline.spec import (
    Between,
    Conditioning,
    Digest,
    Drawn,
    Fit,
    FrameSpec,
    Given,
    Guided,
    Image,
    Mix,
    Nothing,
    Shift,
    Way,
    digest,
)

Mode: TypeAlias = Literal["lerp"] | Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What each variant is drawn towards and away from in CLIP's space, how firmly, and in how many steps."""

    good: tuple[str, ...]
    bad: tuple[str, ...]
    positive: float = 30.0
    negative: float = 30.0
    repeats: int = 10

    @property
    def off(self) -> bool:
        """Tell whether nothing is drawn anywhere: then pictures fade into texture within some ten variants."""
        return not (self.repeats and ((self.positive and self.good) or (self.negative and self.bad)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Variations:
    """How a picture is varied, and how the clip gets from one variant to the next."""

    texts: Texts
    seed: int = 0
    variants: int = 20
    between: int = 8
    """Frames of each variant's way, the variant itself the last of them."""
    noise_shift: float = 0.4
    """How much of a new noise each variant takes in; the rest it keeps from the one before."""
    fit: Fit = "crop"
    """How pictures that are no squares are looked at."""
    mode: Mode = "lerp"
    """"lerp" draws the frames between two variants, from embeddings and noise between theirs; any other way makes them of the pictures."""


def vary(picture: Given, chain: Variations, direction: Direction) -> Sheet:
    """Lay out a chain: variants x between exposures, no joint twice.

    The variants alone lean on each other, one after the other; what lies between is drawn in wide batches once they are there.
    """
    specs: dict[Digest, FrameSpec] = {digest(picture): picture}
    shown: list[Conditioning] = [Image(frame=digest(picture), fit=chain.fit)]
    variants = [digest(picture)]
    for number in range(1, chain.variants + 1):
        shown.append(_seen(Image(frame=variants[-1], fit=chain.fit), chain.texts))
        spec = _drawn(chain, direction, shown[-1], at=number, batch=1)
        variants.append(digest(spec))
        specs[variants[-1]] = spec
    exposures: list[Digest] = []
    for number, (first, second) in enumerate(pairwise(variants)):
        for step in range(1, chain.between):
            t = round(step / chain.between, 6)
            between: FrameSpec
            if chain.mode == "lerp":
                mixed = _mixed(shown[number], shown[number + 1], t)
                between = _drawn(chain, direction, mixed, at=number + t, batch=direction.batch)
            else:
                between = Between(first=first, second=second, at=t, way=chain.mode)
            exposures.append(digest(between))
            specs[exposures[-1]] = between
        exposures.append(second)
    return Sheet(exposures=tuple(exposures), specs=specs, keys={}, lights={})


def _seen(base: Image, texts: Texts) -> Image | Guided:
    if texts.off:
        return base
    return Guided(
        base=base, good=texts.good, bad=texts.bad, positive=texts.positive, negative=texts.negative, repeats=texts.repeats
    )  # fmt: skip


def _mixed(first: Conditioning, second: Conditioning, at: float) -> Conditioning:
    return first if first == second else Mix(first=first, second=second, at=at, way="lerp")


def _drawn(chain: Variations, direction: Direction, shown: Conditioning, *, at: float, batch: int) -> Drawn:
    noise = Shift(seed=chain.seed, at=float(at), share=chain.noise_shift)
    return direction.drawn(shown, negative=Nothing(), noise=noise, batch=batch)
