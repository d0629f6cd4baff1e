"""Advice on rank and steps, from our own ablation."""

from dataclasses import dataclass

from sakuga.text import counted
from sakuga.training.method_settings import Lora
from sakuga.training.plan import TrainingPlan

IMAGES, BATCH = 48, 8
"""The set and the batches of the ablation, on the Sketchbook."""
SOURCE = "docs/studies, ablation"


@dataclass(frozen=True, slots=True)
class Trial:
    """One training of the ablation, measured on 24 images."""

    rank: int
    steps: int
    rate: float
    shown: float
    """The mean probability of the look."""
    lost: float
    """Share of what prompts state that the base model shows and the style does not."""

    @property
    def passes(self) -> float:
        """How often each image was trained on."""
        return self.steps * BATCH / IMAGES


ABLATION = (
    Trial(2, 60, 5e-4, 0.0, 0.0), Trial(2, 60, 2e-3, 0.09, 0.0), Trial(2, 200, 5e-4, 0.36, 0.01), Trial(2, 200, 2e-3, 0.80, 0.04),
    Trial(8, 60, 5e-4, 0.0, 0.0), Trial(8, 60, 2e-3, 0.88, 0.04), Trial(8, 200, 5e-4, 0.93, 0.02), Trial(8, 200, 2e-3, 0.73, 0.01),
    Trial(32, 60, 5e-4, 0.35, 0.0), Trial(32, 60, 2e-3, 0.94, 0.02), Trial(32, 200, 5e-4, 0.82, 0.02), Trial(32, 200, 2e-3, 0.74, 0.0),
)  # fmt: skip
"""Rounded from docs/studies/ablation/metrics.json."""


def advice(plan: TrainingPlan, images: int) -> str:
    """Return what a plan's rank and steps come to for a set of so many images, beside what was measured; "" unless it is a LoRA."""
    if not isinstance(plan.method, Lora):
        return ""
    passes = plan.steps * plan.batch * plan.gradient_accumulation * plan.processes / images
    best = {rank: max((one for one in ABLATION if one.rank == rank), key=lambda one: one.shown) for rank in (2, 8, 32)}
    measured = "; ".join(
        f"rank {rank}, {one.passes:.0f} passes at {one.rate:g} {one.shown:.0%} of the look ({one.lost:.0%} of prompts lost)"
        for rank, one in best.items()
    )
    return (
        f"rank {plan.method.rank} and {counted(plan.steps, 'step')} are {passes:.1f} passes over {counted(images, 'image')} at rate "
        f"{plan.learning_rate:g}; best on {IMAGES} images of the Sketchbook ({SOURCE}): {measured}; other sizes were not measured"
    )
