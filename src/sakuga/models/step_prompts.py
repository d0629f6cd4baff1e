"""Prompts that are long, composed, or change over the steps: what each step is conditioned on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sakuga.models.checkpoint import Checkpoint
from sakuga.models.conditioning import encode_conditioning, encode_negative, slerp_rows
from sakuga.story.prompt_grammar import prompt_at, prompt_parts
from sakuga.timeline.prompts import uses_whole_grammar
from sakuga.timeline.spec import Conditioning, Digest, Interpolated, Prompt

ReadImage = Callable[[Digest], np.ndarray]
Parts = tuple[tuple[Tensor, float], ...]
"""Prompt embeddings, (1, rows, channels), each with its weight."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepPrompts:
    """What a batch of frames is conditioned on at one step."""

    negative: Tensor  # (frames, rows, channels)
    parts: tuple[Tensor, ...]  # (frames, rows, channels) each
    weights: Tensor  # (parts, frames)


PromptsAt = Callable[[int, int], StepPrompts]
"""Returns what a step is conditioned on; steps count from 0, and how many there are."""


def frame_prompts(
    checkpoint: Checkpoint, conditionings: Sequence[Conditioning], negatives: Sequence[Conditioning], read_image: ReadImage
) -> tuple[Tensor, Tensor] | tuple[PromptsAt, None]:
    """Return prompt and negative embeddings of frames, (frames, rows, channels) each; or what each step has where prompts are composed.

    All get as many rows as the longest: shorter ones are padded with the chunks of an empty prompt, as in AUTOMATIC1111. Frames with
    fewer parts repeat their first with weight 0.
    """
    if not any(map(uses_whole_grammar, (*conditionings, *negatives))):
        prompts = [encode_conditioning(checkpoint, one, read_image) for one in conditionings]
        return torch.cat(prompts), torch.cat([encode_negative(checkpoint, one, read_image) for one in negatives])

    def at(step: int, steps: int) -> StepPrompts:
        frames = [_parts(checkpoint, one, read_image, step, steps) for one in conditionings]
        led_away = [_negative(checkpoint, one, read_image, step, steps) for one in negatives]
        count = max(len(parts) for parts in frames)
        rows = max(one.shape[1] for one in (*led_away, *(embeds for parts in frames for embeds, _ in parts)))
        whole = [[*parts, *[(parts[0][0], 0.0)] * (count - len(parts))] for parts in frames]
        return StepPrompts(
            negative=torch.cat([pad_rows(checkpoint, one, rows) for one in led_away]),
            parts=tuple(torch.cat([pad_rows(checkpoint, parts[place][0], rows) for parts in whole]) for place in range(count)),
            weights=torch.tensor([[parts[place][1] for parts in whole] for place in range(count)]),
        )

    return at, None


def part_count(conditioning: Conditioning) -> int:
    """Return how many prompts a conditioning composes."""
    match conditioning:
        case Prompt(prompt=prompt, grammar="whole"):
            return len(prompt_parts(prompt))
        case Interpolated(first=first, second=second):
            return max(part_count(first), part_count(second))
        case _:
            return 1


def _parts(checkpoint: Checkpoint, conditioning: Conditioning, read_image: ReadImage, step: int, steps: int) -> Parts:
    match conditioning:
        case Prompt(prompt=prompt, grammar="whole", weighting=weighting):
            parts = prompt_parts(prompt)
            return tuple((checkpoint.encode_chunks(prompt_at(one.text, step, steps), weighting), one.weight) for one in parts)
        case Interpolated(first=first, second=second, at=share, method=method) if uses_whole_grammar(conditioning):
            here, there = (_parts(checkpoint, one, read_image, step, steps) for one in (first, second))
            return _between(checkpoint, here, there, share, method)
        case _:
            return ((encode_conditioning(checkpoint, conditioning, read_image), 1.0),)


def _negative(checkpoint: Checkpoint, negative: Conditioning, read_image: ReadImage, step: int, steps: int) -> Tensor:
    """Encode a negative prompt at a step; of composed ones the first, as guidance has one."""
    if not uses_whole_grammar(negative):
        return encode_negative(checkpoint, negative, read_image)
    return _parts(checkpoint, negative, read_image, step, steps)[0][0]


def _between(checkpoint: Checkpoint, first: Parts, second: Parts, at: float, method: str) -> Parts:
    """Interpolate parts pairwise; those that only one side has fade."""
    count = max(len(first), len(second))
    rows = max(embeds.shape[1] for embeds, _ in (*first, *second))
    sides = [[*side, *[(side[0][0], 0.0)] * (count - len(side))] for side in (first, second)]
    mixed = []
    for (here, weight), (there, other) in zip(*sides, strict=True):
        ends = pad_rows(checkpoint, here, rows), pad_rows(checkpoint, there, rows)
        embeds = slerp_rows(checkpoint, *ends, at) if method == "slerp" else torch.lerp(*ends, at)
        mixed.append((embeds, weight + at * (other - weight)))
    return tuple(mixed)


def pad_rows(checkpoint: Checkpoint, embeds: Tensor, rows: int) -> Tensor:
    """Pad prompt embeddings, (1, rows, channels), with chunks of an empty prompt, zeros with zeros; a pooled row stays the last."""
    missing = rows - embeds.shape[1]
    if not missing:
        return embeds
    tokens, *pooled = checkpoint.split_pooled(embeds)
    empty, *_ = checkpoint.split_pooled(checkpoint.encode_prompts([""]) if embeds.any() else checkpoint.zero_embeds())
    return torch.cat([tokens, *[empty] * (missing // empty.shape[1]), *pooled], dim=1)
