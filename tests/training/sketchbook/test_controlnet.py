"""The ControlNet leads the finished UNet, and changes nothing before it has learnt something."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga.training.sketchbook.controlnet import PLAN, ControlnetTask
from sakuga.training.sketchbook.depth_maps import Depths
from sakuga.training.sketchbook.loop import Chance, with_budget
from sakuga.training.sketchbook.pictures import BASE, BASE_ASPECTS, Album, moment_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task(work: Path) -> ControlnetTask:
    return ControlnetTask(with_budget(PLAN, pictures=8, batch=4), work, CPU, 1)


def test_it_is_small(task: ControlnetTask) -> None:
    assert 2 * sum(parameter.numel() for parameter in task.networks.parameters()) <= 7 * 2**20


def test_untrained_it_changes_nothing(task: ControlnetTask) -> None:
    batch = task.base.batch(Chance(seed=0, seen=0))
    near = task.depths[batch.series].near(batch.chosen)
    with torch.no_grad():
        down, middle = task.networks(batch.clean, batch.timesteps, batch.told, near[:, None].expand(-1, 3, -1, -1), return_dict=False)
        assert not any(part.any() for part in (*down, middle))
        led = task.led(batch.clean, batch.timesteps, batch.told, near)
        assert torch.equal(led, task.unet(batch.clean, batch.timesteps, batch.told, return_dict=False)[0])


def test_only_the_controlnet_learns(task: ControlnetTask) -> None:
    sum(task.losses(Chance(seed=0, seen=0)).values()).backward()
    assert all(parameter.grad is None for parameter in task.unet.parameters())
    assert task.networks.controlnet_mid_block.weight.grad.abs().sum() > 0
    task.networks.zero_grad()


@pytest.mark.parametrize("album", [BASE, BASE_ASPECTS[0]])
def test_depths_are_those_of_the_pictures(album: Album, work: Path) -> None:
    near = Depths(album, 4, work).near([3, 1]).numpy()
    true = np.stack([moment_of(album, index)[0].depth(album.width, album.height) for index in (3, 1)])
    assert near.shape == (2, album.height, album.width)
    assert np.abs(near - true).max() <= 0.5 / 255 + 1e-6
