"""Packed layers give what plain ones give, follow their weights, and leave training alone."""

import copy

import pytest
import torch
from torch import Tensor, nn

from sakuga.models import packing
from sakuga.models.packing import PackedConv2d, PackedLinear, is_packed, pack_network


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.Conv2d(8, 16, 1, bias=False),
        nn.Flatten(),
        nn.Linear(16 * 64, 5),
        nn.Linear(5, 7, bias=False),
    )
    return nn.Sequential(*layers).requires_grad_(False)


def images(rows: int = 2) -> Tensor:
    return torch.randn(rows, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def packed(network: nn.Module) -> nn.Module:
    other = copy.deepcopy(network)
    pack_network(other)
    assert [type(layer) for layer in other] == [PackedConv2d, PackedConv2d, nn.Flatten, PackedLinear, PackedLinear]
    return other


def test_outputs_equal_those_of_plain_layers_up_to_rounding(network: nn.Module) -> None:
    with torch.inference_mode():
        torch.testing.assert_close(packed(network)(images()), network(images()), rtol=1e-5, atol=1e-5)


def test_rows_are_the_same_at_every_width(network: nn.Module) -> None:
    fast = packed(network)
    with torch.inference_mode():
        full = fast(images(8))
        assert all(torch.equal(fast(images(8)[:width]), full[:width]) for width in range(1, 8))


def test_changed_weights_are_packed_again(network: nn.Module) -> None:
    fast = packed(network)
    with torch.inference_mode():
        before = fast(images())
    for layer in (0, 3):
        for plain in (network, fast):
            plain[layer].weight.add_(0.1)
        with torch.inference_mode():
            torch.testing.assert_close(fast(images()), network(images()), rtol=1e-5, atol=1e-5)
            assert not torch.equal(fast(images()), before)
    for plain in (network, fast):
        plain[3].weight = nn.Parameter(torch.ones_like(plain[3].weight), requires_grad=False)
    with torch.inference_mode():
        torch.testing.assert_close(fast(images()), network(images()), rtol=1e-5, atol=1e-4)


def test_copies_and_state_are_those_of_a_plain_network(network: nn.Module) -> None:
    fast = packed(network)
    with torch.inference_mode():
        before = fast(images())
    other = copy.deepcopy(fast)
    assert other.state_dict().keys() == network.state_dict().keys()
    other[0].weight.zero_()
    with torch.inference_mode():
        assert torch.equal(fast(images()), before)
        assert not torch.equal(other(images()), before)


def test_layers_in_training_run_plain(network: nn.Module) -> None:
    fast = packed(network)
    for plain in (network, fast):
        plain.requires_grad_(True)
        plain(images()).sum().backward()
    assert all(torch.equal(ours.grad, theirs.grad) for ours, theirs in zip(fast.parameters(), network.parameters(), strict=True))
    fast.bfloat16()
    with torch.inference_mode():
        assert fast(images().bfloat16()).dtype == torch.bfloat16


def test_a_network_that_would_fill_the_memory_stays_plain(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_memory", lambda: 4 * 20_000)
    pack_network(network)
    assert not is_packed(network)
