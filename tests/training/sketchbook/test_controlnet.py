"""The ControlNet guides the trained UNet, and changes nothing before training."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga.training.sketchbook.controlnet import PLAN, ControlnetTask
from sakuga.training.sketchbook.depth_dataset import DepthDataset
from sakuga.training.sketchbook.image_dataset import BASE, BASE_ASPECTS, DatasetSpec, scene_moment
from sakuga.training.sketchbook.loop import StageSetup, override_plan
from sakuga.training.step_random import StepRandom

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task(work: Path) -> ControlnetTask:
    return ControlnetTask(StageSetup(plan=override_plan(PLAN, images=8, batch=4), work=work, device=CPU))


def test_it_is_small(task: ControlnetTask) -> None:
    assert 2 * sum(parameter.numel() for parameter in task.networks.parameters()) <= 7 * 2**20


def test_untrained_it_changes_nothing(task: ControlnetTask) -> None:
    batch = task.base.batch(StepRandom(seed=0, samples_seen=0))
    near = task.depths[batch.dataset].near(batch.chosen)
    with torch.no_grad():
        down, middle = task.networks(
            batch.clean, batch.timesteps, batch.prompt_embeds, near[:, None].expand(-1, 3, -1, -1), return_dict=False
        )
        assert not any(part.any() for part in (*down, middle))
        predicted = task.predict(batch.clean, batch.timesteps, batch.prompt_embeds, near)
        assert torch.equal(predicted, task.unet(batch.clean, batch.timesteps, batch.prompt_embeds, return_dict=False)[0])


def test_only_the_controlnet_is_trained(task: ControlnetTask) -> None:
    sum(task.losses(StepRandom(seed=0, samples_seen=0)).values()).backward()
    assert all(parameter.grad is None for parameter in task.unet.parameters())
    assert task.networks.controlnet_mid_block.weight.grad.abs().sum() > 0
    task.networks.zero_grad()


@pytest.mark.parametrize("dataset", [BASE, BASE_ASPECTS[0]])
def test_depth_maps_belong_to_the_images(dataset: DatasetSpec, work: Path) -> None:
    near = DepthDataset(dataset, 4, work).near([3, 1]).numpy()
    true = np.stack([scene_moment(dataset, index)[0].depth(dataset.width, dataset.height) for index in (3, 1)])
    assert near.shape == (2, dataset.height, dataset.width)
    assert np.abs(near - true).max() <= 0.5 / 255 + 1e-6
