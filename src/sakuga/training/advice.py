"""Advice on rank and steps by the size of a set, from our own measurements."""

from dataclasses import dataclass
from math import log

from sakuga.text import counted
from sakuga.training.method_settings import Lora
from sakuga.training.plan import TrainingPlan

BATCH = 8
"""Images of a step in what was measured, on the Sketchbook."""
SOURCE = "docs/train.md"
KEPT = 0.05
"""Share of what prompts state that an advised training may lose."""
FAR = 2.0
"""Factor between the size of a set and the nearest measured one from which that is said."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One training on a set of some size, at the default rate, measured on 24 images."""

    images: int
    rank: int
    steps: int
    shown: float
    """Share of the images that are read as the look."""
    lost: float
    """Share of what prompts state that the base model shows and the style does not."""


SIZES = (
    Trial(8, 4, 50, 0.0, 0.0), Trial(8, 4, 150, 0.375, 0.019), Trial(8, 16, 50, 0.083, 0.019), Trial(8, 16, 150, 0.583, 0.008),
    Trial(8, 16, 400, 0.75, 0.024), Trial(24, 4, 50, 0.0, 0.0), Trial(24, 4, 150, 0.333, 0.0), Trial(24, 16, 50, 0.208, 0.008),
    Trial(24, 16, 150, 0.5, 0.0), Trial(24, 16, 400, 0.667, 0.0), Trial(96, 4, 150, 0.458, 0.008), Trial(96, 16, 150, 0.583, 0.008),
    Trial(96, 16, 400, 0.583, 0.008),
)  # fmt: skip
"""From benchmarks/results/set-sizes.json."""


def advice(plan: TrainingPlan, images: int) -> str:
    """Return what a plan's rank and steps come to for a set of so many images, and what is advised; "" unless it is a LoRA."""
    if not isinstance(plan.method, Lora):
        return ""
    passes = plan.steps * plan.batch * plan.gradient_accumulation * plan.processes / images
    best, size = best_trial(images), nearest_size(images)
    far = f", the nearest size to {images} that was measured" if max(size, images) / min(size, images) > FAR else ""
    ranks, steps = ({getattr(one, name) for one in SIZES if one.images == size} for name in ("rank", "steps"))
    return (
        f"rank {plan.method.rank} and {counted(plan.steps, 'step')} are {passes:.1f} passes over {counted(images, 'image')} at rate "
        f"{plan.learning_rate:g}; of {counted(size, 'image')} on the Sketchbook ({SOURCE}{far}) rank {best.rank} and {best.steps} steps of "
        f"{BATCH} are best among ranks {min(ranks)} to {max(ranks)} and {min(steps)} to {max(steps)} steps: {best.shown:.0%} show the "
        f"look, and {best.lost:.0%} of what prompts state is lost"
    )


def nearest_size(images: int) -> int:
    """Return the measured size of a set whose ratio to this one is nearest to 1.

    >>> nearest_size(10)
    8
    """
    return min({one.images for one in SIZES}, key=lambda size: abs(log(size / images)))


def best_trial(images: int) -> Trial:
    """Return the training of the nearest size that shows the look most and keeps subjects; of equals the shortest."""
    size = nearest_size(images)
    kept = [one for one in SIZES if one.images == size and one.lost <= KEPT]
    return max(kept, key=lambda one: (one.shown, -one.steps, -one.rank))
