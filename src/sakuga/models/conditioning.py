"""Evaluation of a FrameSpec's conditioning and noise expressions."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from sakuga.diffusion.guidance import steer_embedding
from sakuga.diffusion.interpolation import slerp
from sakuga.diffusion.noise import noise_drift, noise_loop, noise_path, noise_walk, seeded_noise, slerp_noise
from sakuga.models.checkpoint import Checkpoint
from sakuga.story.prompt_grammar import first_said_by
from sakuga.timeline.spec import (
    Conditioning,
    Digest,
    GuidedEmbedding,
    ImageEmbedding,
    Interpolated,
    Noise,
    NoiseDrift,
    NoiseLoop,
    NoisePath,
    NoiseWalk,
    Prompt,
    SeedNoise,
    SlerpNoise,
    ZeroEmbedding,
)

ReadImage = Callable[[Digest], np.ndarray]
"""Reads a frame, (height, width, 3) uint8, by its digest."""


def encode_conditioning(checkpoint: Checkpoint, conditioning: Conditioning, read_image: ReadImage) -> Tensor:
    """Return the embedding of a conditioning, (1, rows, channels).

    It is laid out as by `Checkpoint.encode_prompts`; of a composed prompt it is the first part at the first step (`step_prompts` has the
    rest). An image's single token is repeated to a prompt's length: attention over equal tokens
    is attention over one, so images and prompts can be interpolated and share a batch.
    """
    match conditioning:
        case Prompt(prompt=prompt, grammar="emphasis"):
            return checkpoint.encode_prompts([prompt])
        case Prompt(prompt=prompt, weighting=weighting):
            return checkpoint.encode_chunks(first_said_by(prompt), weighting)
        case ImageEmbedding(frame=frame, fit=fit):
            return checkpoint.embed_image(read_image(frame), fit).expand(1, checkpoint.info.sequence_length, -1)
        case Interpolated(first=first, second=second, at=at, method=method):
            ends = (encode_conditioning(checkpoint, first, read_image), encode_conditioning(checkpoint, second, read_image))
            return slerp_rows(checkpoint, *ends, at) if method == "slerp" else torch.lerp(*ends, at)
        case GuidedEmbedding(base=base, positive=positive, negative=negative, repeats=repeats):
            good, bad = (checkpoint.embed_texts(texts) for texts in (conditioning.good, conditioning.bad))
            embedding = encode_conditioning(checkpoint, base, read_image)
            return steer_embedding(embedding, good, bad, positive=positive, negative=negative, repeats=repeats)
        case ZeroEmbedding():
            return checkpoint.zero_embeds()


def encode_negative(checkpoint: Checkpoint, negative: Conditioning, read_image: ReadImage) -> Tensor:
    """Encode the negative prompt.

    It is zeros if empty and the checkpoint expects zeros.
    """
    if checkpoint.info.zeros_for_empty_prompt and negative == Prompt(prompt=""):
        return checkpoint.zero_embeds()
    return encode_conditioning(checkpoint, negative, read_image)


def slerp_rows(checkpoint: Checkpoint, first: Tensor, second: Tensor, at: float) -> Tensor:
    """Slerp token rows and pooled rows separately, as their lengths differ."""
    pairs = zip(checkpoint.split_pooled(first), checkpoint.split_pooled(second), strict=True)
    return torch.cat([slerp(here, there, at) for here, there in pairs], dim=1)


def noise_tensors(noise: Noise, shape: Sequence[int], attempt: int = 0) -> Iterator[Tensor]:
    """Yield the tensors of a noise expression.

    They are float32 on the CPU; attempt n adds n to every seed.
    """
    match noise:
        case SeedNoise(seed=seed):
            return seeded_noise(shape, seed + attempt)
        case NoiseWalk(seed=seed, at=at):
            return noise_walk(shape, seed + attempt, at)
        case NoiseDrift(seed=seed, at=at, share=share):
            return noise_drift(shape, seed + attempt, at, share)
        case NoisePath(seeds=seeds, at=at, share=share):
            return noise_path(shape, [seed + attempt for seed in seeds], at, share)
        case SlerpNoise(first=first, second=second, at=at):
            return slerp_noise(noise_tensors(first, shape, attempt), noise_tensors(second, shape, attempt), at)
        case NoiseLoop(first=first, second=second, third=third, at=at):
            ends = noise_tensors(first, shape, attempt), noise_tensors(second, shape, attempt)
            return noise_loop(*ends, noise_tensors(third, shape, attempt), at)


def stack_noise(sources: Sequence[Iterator[Tensor]]) -> Iterator[Tensor]:
    """Yield one tensor of every source, stacked.

    The shape is (sources, ...).
    """
    while True:
        yield torch.stack([next(source) for source in sources])
