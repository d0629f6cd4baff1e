"""Processes that train together end with the same network as one that sees all their samples."""

from pathlib import Path

import pytest
import torch
from torch import nn

from sakuga.training.sketchbook import together


def _one_step(folder: Path, half: bool) -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    samples = torch.arange(12.0).view(4, 3)
    own = samples[together.rank() :: together.size()]
    network(own).square().mean().backward()
    together.average_gradients(network, half=half)
    stop = together.any_says(together.rank() == together.size() - 1)
    name = f"{together.size()}-{together.rank()}.pt"
    torch.save({"gradient": network.weight.grad, "stop": stop}, folder / name)


@pytest.mark.parametrize("half", [False, True])
def test_two_processes_average_their_gradients_and_stop_as_one(half: bool, tmp_path: Path) -> None:
    together.run_together(1, _one_step, tmp_path, half)
    together.run_together(2, _one_step, tmp_path, half)
    alone, first, second = (torch.load(tmp_path / name, weights_only=True) for name in ("1-0.pt", "2-0.pt", "2-1.pt"))
    assert torch.allclose(first["gradient"], alone["gradient"], rtol=1e-2 if half else 1e-5)
    assert torch.equal(first["gradient"], second["gradient"])
    assert first["stop"] is True
    assert second["stop"] is True
