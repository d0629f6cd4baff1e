"""Time and memory of a training, estimated before it starts and corrected after some steps."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.models.motion import MotionUNet
from sakuga.training.finishing import peak_memory
from sakuga.training.method import TrainingMethod
from sakuga.training.method_settings import DreamBooth, Lora, MethodSettings, MotionLora, Slider
from sakuga.training.plan import TrainingPlan

PASSES = 3.0
"""Forward passes that a forward and a backward pass cost."""
COPIES = 4
"""What is kept of each trained weight: itself, its gradient, two moments."""
SMALL, LEAST = 32, 16
"""Side of latents up to which a pass is timed at full size, and the side at which larger ones are."""
ROWS = 8
"""Images that are passed at most, as a batch takes less time for each."""
CHECKPOINTED = 0.25
"""Share of what a backward pass needs that gradient checkpointing keeps, about."""
CORRECTED_AFTER = 10
"""Steps after which the estimate is corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a training takes."""

    step_seconds: float
    memory: int
    """Bytes, of the process; on a GPU, of the device."""

    def text(self, steps: int) -> str:
        """Return it in words.

        >>> Estimate(step_seconds=0.5, memory=1_500_000_000).text(500)
        '0:04:10 for 500 steps of 0.5 s, and 1.5 GB of memory'
        """
        whole = timedelta(seconds=round(self.step_seconds * steps))
        return f"{whole} for {steps} steps of {self.step_seconds:.2g} s, and {self.memory / 1e9:.1f} GB of memory"


def estimate(method: TrainingMethod, plan: TrainingPlan) -> Estimate:
    """Estimate a training from a forward pass of a batch.

    Large images are passed at a smaller size. The memory is that of this process so far, of the trained weights with their optimizer, and
    of the inputs of all layers, which a backward pass needs.
    """
    checkpoint, networks = method.checkpoint, method.networks
    seconds, activations = _one_sample(method, plan.size, min(plan.batch, ROWS))
    trained = sum(parameter.numel() * parameter.element_size() for parameter in networks.parameters())
    kept = activations * plan.batch * (CHECKPOINTED if plan.gradient_checkpointing else 1.0)
    both, forward = passes(plan.method)
    return Estimate(
        step_seconds=(both * (PASSES + plan.gradient_checkpointing) + forward) * seconds * plan.batch * plan.gradient_accumulation,
        memory=int(peak_memory(checkpoint.device) + COPIES * trained + kept),
    )


def passes(method: MethodSettings) -> tuple[int, int]:
    """Return how often each sample of a batch runs forward and backward, and how often forward alone, for the base model's predictions.

    >>> passes(Slider(more="at night", less="at noon"))
    (2, 3)
    """
    match method:
        case Slider(less_set=""):
            return 2, 3
        case Slider() | MotionLora(both_ways=True):
            return 2, 0
        case DreamBooth(prior="predictions", class_prompt=prompt, class_set=folder) if prompt or folder:
            return 2, 1
        case DreamBooth(class_prompt=prompt, class_set=folder) if prompt or folder:
            return 2, 0
        case Lora(preserve=weight) if weight:
            return 2, 1
        case _:
            return 1, 0


def measured(step_seconds: float, device: torch.device) -> Estimate:
    """Return what the steps so far took."""
    return Estimate(step_seconds=step_seconds, memory=peak_memory(device))


@torch.no_grad()
def _one_sample(method: TrainingMethod, size: int, batch: int) -> tuple[float, float]:
    """Return the seconds that an image takes in a forward pass of so many, or a clip alone, and the bytes of its layers' inputs."""
    checkpoint, info, device = method.checkpoint, method.checkpoint.info, method.checkpoint.device
    unet = checkpoint.unet
    frames, networks = (unet.frames, (unet.unet, unet.adapter)) if isinstance(unet, MotionUNet) else (1, (unet,))
    rows = batch if frames == 1 else frames
    side = size // info.vae_scale_factor
    passed = side if side <= SMALL else LEAST
    noisy = torch.zeros(rows, info.latent_channels, passed, passed, device=device, dtype=checkpoint.dtype)
    words = method.encode_captions([""]).to(checkpoint.dtype).expand(rows, -1, -1)
    arguments = (noisy, torch.full((rows,), 500, device=device), words, torch.zeros(rows, 4, dtype=torch.long, device=device))
    with _counted_inputs(networks) as sizes:
        checkpoint.forward(*arguments)
    started = perf_counter()
    float(checkpoint.forward(*arguments).sum())
    larger = (side / passed) ** 2 * frames / rows
    return (perf_counter() - started) * larger, sum(sizes) * larger


@contextmanager
def _counted_inputs(networks: Sequence[nn.Module]) -> Iterator[list[int]]:
    """Collect the bytes of the inputs of all layers of networks inside the block."""
    sizes: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        sizes.extend(one.numel() * one.element_size() for one in inputs[:1] if isinstance(one, Tensor))

    layers = [layer for network in networks for layer in network.modules() if not any(layer.children())]
    handles = [layer.register_forward_pre_hook(count) for layer in layers]
    try:
        yield sizes
    finally:
        for handle in handles:
            handle.remove()
