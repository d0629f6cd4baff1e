"""Chains that a person chooses image by image."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, assert_never

from pydantic import Field

from sakuga.story.limits import MAX_SEED
from sakuga.timeline.frame_settings import FrameSettings
from sakuga.timeline.plain_data import strict
from sakuga.timeline.prompts import prompt_of
from sakuga.timeline.spec import GuidedEmbedding, ImageEmbedding, InitImage, Prompt, ZeroEmbedding
from sakuga.timeline.variations import Link, VariationChain, guided_embedding, noise_of, variant


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """An image variation: generated from the CLIP embedding of the image before."""

    kind: Literal["variation"] = "variation"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageToImage:
    """The image before, denoised again (SDEdit, Meng et al. 2022)."""

    strength: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Denoising strength."""
    prompt: Annotated[str, Field(max_length=2000)] = ""
    """Empty: the CLIP embedding of the image before."""
    kind: Literal["img2img"] = "img2img"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class FromPrompt:
    """An image of a prompt; it shares noise with the image before."""

    prompt: Annotated[str, Field(min_length=1, max_length=2000)]
    kind: Literal["prompt"] = "prompt"


Move: TypeAlias = Annotated[Variation | ImageToImage | FromPrompt, Field(discriminator="kind")]
"""How an image is made from the one before."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An image that was chosen: how it was made, with which seed."""

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)]
    move: Move = Variation()


def next_link(parent: Link, choice: Choice, chain: VariationChain, settings: FrameSettings, batch: int = 1) -> Link:
    """Return the image that follows another by a choice.

    `batch` is its planned batch width.
    """
    seeds: tuple[int, ...] = (*parent.seeds, choice.seed)
    init: InitImage | None = None
    match choice.move:
        case Variation():
            return variant(parent, choice.seed, chain, settings, batch)
        case ImageToImage(strength=strength, prompt=prompt):
            conditioning: Prompt | ImageEmbedding | GuidedEmbedding
            conditioning = prompt_of(prompt) if prompt else guided_embedding(parent.name, chain)
            seeds, init = (choice.seed,), InitImage(frame=parent.name, strength=strength)
        case FromPrompt(prompt=prompt):
            conditioning = prompt_of(prompt)
        case _:
            assert_never(choice.move)
    negative = Prompt(prompt="") if isinstance(conditioning, Prompt) else ZeroEmbedding()
    noise = noise_of(seeds, len(seeds) - 1, chain.noise_shift)
    spec = settings.spec(conditioning, negative=negative, noise=noise, init=init, batch=batch)
    return Link(spec=spec, conditioning=conditioning, seeds=seeds)
