"""Chains of image variations."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.frame_settings import FrameSettings
from sakuga.timeline.spec import (
    Conditioning,
    Digest,
    Fit,
    FrameSpec,
    Generated,
    Given,
    GuidedEmbedding,
    ImageEmbedding,
    InBetween,
    InBetweenMethod,
    Interpolated,
    NoiseDrift,
    ZeroEmbedding,
    digest,
)

Mode: TypeAlias = Literal["lerp"] | InBetweenMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidanceTexts:
    """Texts that steer variants in CLIP's space."""

    good: tuple[str, ...]
    bad: tuple[str, ...]
    positive: float = 30.0
    """Scale of the step towards the good texts."""
    negative: float = 30.0
    """Scale of the step away from the bad texts."""
    repeats: int = 10
    """Steps per variant."""

    @property
    def disabled(self) -> bool:
        """Whether nothing is steered.

        Images then collapse into texture within some ten variants.
        """
        return not (self.repeats and ((self.positive and self.good) or (self.negative and self.bad)))


@dataclass(frozen=True, slots=True, kw_only=True)
class VariationChain:
    """Settings of a chain of variations."""

    texts: GuidanceTexts
    seed: int = 0
    variants: int = 20
    between: int = 8
    """Frames per variant, the variant itself the last of them."""
    noise_shift: float = 0.4
    """Share of new noise that each variant mixes in."""
    fit: Fit = "crop"
    mode: Mode = "lerp"
    """"lerp" generates the frames between two variants from interpolated embeddings and noise; other modes interpolate the images."""


def vary(image: Given, chain: VariationChain, settings: FrameSettings) -> ExposureSheet:
    """Lay out a chain of variations.

    There are variants x between exposures, without duplicates at the joints.

    Only the variants depend on each other; the frames between them are generated afterwards, in wide batches.
    """
    specs: dict[Digest, FrameSpec] = {digest(image): image}
    conditionings: list[Conditioning] = [ImageEmbedding(frame=digest(image), fit=chain.fit)]
    variants = [digest(image)]
    for number in range(1, chain.variants + 1):
        conditionings.append(_guided(ImageEmbedding(frame=variants[-1], fit=chain.fit), chain.texts))
        spec = _generated(chain, settings, conditionings[-1], at=number, batch=1)
        variants.append(digest(spec))
        specs[variants[-1]] = spec
    exposures: list[Digest] = []
    for number, (first, second) in enumerate(pairwise(variants)):
        for step in range(1, chain.between):
            t = round(step / chain.between, 6)
            frame: FrameSpec
            if chain.mode == "lerp":
                mixed = _interpolated(conditionings[number], conditionings[number + 1], t)
                frame = _generated(chain, settings, mixed, at=number + t, batch=settings.batch)
            else:
                frame = InBetween(first=first, second=second, at=t, method=chain.mode)
            exposures.append(digest(frame))
            specs[exposures[-1]] = frame
        exposures.append(second)
    return ExposureSheet(exposures=tuple(exposures), specs=specs, color_references={}, color_corrections={})


def _guided(base: ImageEmbedding, texts: GuidanceTexts) -> ImageEmbedding | GuidedEmbedding:
    if texts.disabled:
        return base
    return GuidedEmbedding(
        base=base, good=texts.good, bad=texts.bad, positive=texts.positive, negative=texts.negative, repeats=texts.repeats
    )  # fmt: skip


def _interpolated(first: Conditioning, second: Conditioning, at: float) -> Conditioning:
    return first if first == second else Interpolated(first=first, second=second, at=at, method="lerp")


def _generated(chain: VariationChain, settings: FrameSettings, conditioning: Conditioning, *, at: float, batch: int) -> Generated:
    noise = NoiseDrift(seed=chain.seed, at=float(at), share=chain.noise_shift)
    return settings.spec(conditioning, negative=ZeroEmbedding(), noise=noise, batch=batch)
