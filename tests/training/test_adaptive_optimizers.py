"""Prodigy finds its rate, and schedule-free ends in an average."""

import torch
from torch import nn

from sakuga.training.adaptive_optimizers import Prodigy, ScheduleFreeAdamW
from sakuga.training.optimizers import parameter_groups
from sakuga.training.state import TrainingState


def minimised(optimizer: torch.optim.Optimizer, weights: nn.Parameter, rate: float, steps: int) -> float:
    """Descend a quadratic with its minimum at 3; returns the distance that is left."""
    state = TrainingState(nn.ParameterDict({"weights": weights}), optimizer)
    for _ in range(steps):
        torch.autograd.backward((weights - 3).square().sum())
        state.apply(rate, 1e9)
    with state.averaged():
        return float((weights - 3).detach().abs().max())


def test_prodigy_descends_without_a_learning_rate() -> None:
    weights = nn.Parameter(torch.zeros(4))
    assert minimised(Prodigy([{"params": [weights]}], 0.0), weights, 1.0, 400) < 0.1


def test_schedule_free_averages_and_its_average_is_the_result() -> None:
    weights = nn.Parameter(torch.zeros(4))
    optimizer = ScheduleFreeAdamW([{"params": [weights]}], 0.0)
    assert minimised(optimizer, weights, 0.1, 400) < 0.1
    live = weights.detach().clone()
    with optimizer.averaged():
        assert not torch.equal(weights, live)
    assert torch.equal(weights, live)


def test_a_share_of_zero_leaves_weights_where_they_are() -> None:
    for kind in (Prodigy, ScheduleFreeAdamW):
        networks = nn.ParameterDict({"still": nn.Parameter(torch.ones(2)), "moved": nn.Parameter(torch.ones(2))})
        state = TrainingState(networks, kind(parameter_groups(networks, {"still": 0.0}), 0.0))
        for _ in range(3):
            torch.autograd.backward(sum(weight.square().sum() for weight in networks.values()))
            state.apply(0.1, 1e9)
        with state.averaged():
            assert torch.equal(networks["still"], torch.ones(2))
            assert not torch.equal(networks["moved"], torch.ones(2))
