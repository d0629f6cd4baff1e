"""The targets of concept sliders (Gandikota et al. 2024)."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import PurePosixPath

import torch
from torch import Tensor

from sakuga.datasets.training_set import TrainingSet
from sakuga.training.lora import LoraMethod
from sakuga.training.method import TrainingMethod
from sakuga.training.method_settings import Slider
from sakuga.training.motion_lora import MotionLoraMethod
from sakuga.training.objective import Objective, TrainingBatch
from sakuga.training.plan import TrainingPlanError


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


def pair_weights(method: TrainingMethod, *, negative: bool) -> AbstractContextManager[None]:
    """Return the weights that learn one side of pairs: 1 images that show more and clips, -1 images that show less and clips backwards.

    Gandikota et al. 2024, section 4.2: both learn to denoise their own images, with the same noise and timesteps.
    """
    assert isinstance(method, LoraMethod | MotionLoraMethod), "a slider and a motion are LoRAs"
    return method.negative() if negative else nullcontext()


def paired_sets(more: TrainingSet, less: TrainingSet) -> tuple[TrainingSet, TrainingSet]:
    """Return both sets in the order of the first; raises TrainingPlanError where an image has no pair."""
    names = [PurePosixPath(example.file).name for example in more.training]
    others = {PurePosixPath(example.file).name: example for example in less.training}
    if missing := sorted({*names} ^ {*others}):
        without = f"{less.folder} has no pair" if missing[0] in names else f"{more.folder} has no pair"
        raise TrainingPlanError(f"{without} for {missing[0]}: build both sets from files of the same names")
    return replace(more, examples=more.training), replace(less, examples=tuple(others[name] for name in names))


def added(captions: Sequence[str], text: str) -> tuple[str, ...]:
    """Add a text to captions.

    >>> added(["a castle", ""], "at night")
    ('a castle, at night', 'at night')
    """
    return tuple(", ".join(filter(None, (caption, text))) for caption in captions)
