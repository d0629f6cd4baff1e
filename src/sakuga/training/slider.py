"""The targets of concept sliders (Gandikota et al. 2024)."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from sakuga.training.lora import LoraMethod
from sakuga.training.method import TrainingMethod
from sakuga.training.objective import Objective, TrainingBatch
from sakuga.training.plan import Slider


@torch.no_grad()
def slider_targets(
    slider: Slider, method: TrainingMethod, objective: Objective, batch: TrainingBatch
) -> Sequence[tuple[Tensor, AbstractContextManager[None]]]:
    """Return the targets at weight 1 and at weight -1, each with a context in which the LoRA has this weight.

    At weight 1 it is the base model's prediction plus `reach` times the difference of its predictions with the two texts; at weight -1 it
    is that less the difference.
    """
    assert isinstance(method, LoraMethod), "a slider is a LoRA"
    with method.base_weights():
        texts = (batch.captions, added(batch.captions, slider.more), added(batch.captions, slider.less))
        plain, more, less = (objective.predict(batch, method.encode_captions(one)) for one in texts)
    difference = slider.reach * (more - less)
    return [(plain + difference, nullcontext()), (plain - difference, method.negative())]


def added(captions: Sequence[str], text: str) -> tuple[str, ...]:
    """Add a text to captions.

    >>> added(["a castle", ""], "at night")
    ('a castle, at night', 'at night')
    """
    return tuple(", ".join(filter(None, (caption, text))) for caption in captions)
