"""Chains of image variations."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from sakuga.timeline.camera import round6
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
    InitImage,
    Interpolated,
    NoiseDrift,
    NoisePath,
    Prompt,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An image of a chain: the start or a variant, and what the frames beside it are interpolated from."""

    spec: FrameSpec
    conditioning: Conditioning
    seeds: tuple[int, ...]
    """Seeds of the noises that are mixed in it, first to last."""

    @property
    def name(self) -> Digest:
        """Return the frame's name."""
        return digest(self.spec)

    @property
    def init(self) -> InitImage | None:
        """Return the image that its denoising started from."""
        return self.spec.init if isinstance(self.spec, Generated) else None


def vary(image: Given, chain: VariationChain, settings: FrameSettings) -> ExposureSheet:
    """Lay out a chain of variations.

    There are variants x between exposures, without duplicates at the joints.

    Only the variants depend on each other; the frames between them are generated afterwards, in wide batches.
    """
    links = [start_of_chain(image, chain)]
    for number in range(1, chain.variants + 1):
        links.append(variant(links[-1], chain.seed + number, chain, settings))
    return lay_out_chain(links, chain, settings)


def start_of_chain(image: Given, chain: VariationChain) -> Link:
    """Return the first image of a chain."""
    return Link(spec=image, conditioning=ImageEmbedding(frame=digest(image), fit=chain.fit), seeds=(chain.seed,))


def variant(parent: Link, seed: int, chain: VariationChain, settings: FrameSettings, batch: int = 1) -> Link:
    """Return a variation of an image: its guided embedding, and its noise with a share of a new one."""
    conditioning, seeds = guided_embedding(parent.name, chain), (*parent.seeds, seed)
    noise = noise_of(seeds, len(seeds) - 1, chain.noise_shift)
    return Link(
        spec=settings.spec(conditioning, negative=ZeroEmbedding(), noise=noise, batch=batch), conditioning=conditioning, seeds=seeds
    )


def guided_embedding(frame: Digest, chain: VariationChain) -> ImageEmbedding | GuidedEmbedding:
    """Return the embedding of an image, guided by the chain's texts."""
    base, texts = ImageEmbedding(frame=frame, fit=chain.fit), chain.texts
    if texts.disabled:
        return base
    return GuidedEmbedding(
        base=base, good=texts.good, bad=texts.bad, positive=texts.positive, negative=texts.negative, repeats=texts.repeats
    )  # fmt: skip


def noise_of(seeds: Sequence[int], at: float, share: float) -> NoiseDrift | NoisePath:
    """Return the drift through the noises of some seeds; through consecutive ones it is a NoiseDrift."""
    if all(second == first + 1 for first, second in pairwise(seeds)):
        return NoiseDrift(seed=seeds[0], at=float(at), share=share)
    return NoisePath(seeds=tuple(seeds), at=float(at), share=share)


def lay_out_chain(links: Sequence[Link], chain: VariationChain, settings: FrameSettings) -> ExposureSheet:
    """Lay out the images of a chain but the first, each after the frames between it and the one before."""
    specs: dict[Digest, FrameSpec] = {link.name: link.spec for link in links}
    exposures: list[Digest] = []
    for first, second in pairwise(links):
        frames = [between(first, second, round6(step / chain.between), chain, settings) for step in range(1, chain.between)]
        specs |= {digest(frame): frame for frame in frames}
        exposures += [*map(digest, frames), second.name]
    return ExposureSheet(exposures=tuple(exposures), specs=specs, color_references={}, color_corrections={})


def between(first: Link, second: Link, at: float, chain: VariationChain, settings: FrameSettings) -> FrameSpec:
    """Return the frame between two images of a chain; `at` 0.0 is `first`, 1.0 is `second`."""
    if chain.mode != "lerp":
        return InBetween(first=first.name, second=second.name, at=at, method=chain.mode)
    last = len(second.seeds) - 1
    goes_on = second.seeds[:-1] == first.seeds
    init = _init_between(first.init, second.init, at)
    return settings.spec(
        _interpolated(first.conditioning, second.conditioning, at),
        negative=Prompt(prompt="") if isinstance(second.conditioning, Prompt) else ZeroEmbedding(),
        noise=noise_of(second.seeds, last - 1 + at if goes_on else last, chain.noise_shift),
        init=init,
        batch=1 if init else settings.batch,
    )


def _init_between(first: InitImage | None, second: InitImage | None, at: float) -> InitImage | None:
    """Return what a frame between two others starts from.

    An image denoised from the one before is approached with growing strength; one that was, is left likewise.
    """
    match first, second:
        case _, InitImage():
            return InitImage(frame=second.frame, strength=round6(at * second.strength))
        case InitImage(), None:
            return InitImage(frame=first.frame, strength=round6(first.strength + at * (1 - first.strength)))
        case _:
            return None


def _interpolated(first: Conditioning, second: Conditioning, at: float) -> Conditioning:
    return first if first == second else Interpolated(first=first, second=second, at=at, method="lerp")
