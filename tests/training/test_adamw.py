"""Our AdamW equals torch's bit for bit, whatever has a gradient, and after resuming."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sakuga.training.optimizers import FusedAdamW
from sakuga.training.state import TrainingState

SHAPES = ((7, 5), (64,), (3, 4, 3, 3), (), (1, 129))


def weights() -> nn.ParameterList:
    generator = torch.Generator().manual_seed(1)
    parameters = nn.ParameterList([nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES])
    parameters[2].data = parameters[2].data.contiguous(memory_format=torch.channels_last)
    return parameters


def set_gradients(networks: nn.ParameterList, step: int) -> None:
    """Set gradients; the second weight has none at first, the last none in between."""
    generator = torch.Generator().manual_seed(step)
    for index, weight in enumerate(networks):
        gradient = torch.randn(weight.shape, generator=generator)
        weight.grad = None if (index == 1 and step < 3) or (index == 4 and step in (4, 5)) else torch.empty_like(weight).copy_(gradient)


def stepped(networks: nn.ParameterList, optimizer: torch.optim.Optimizer, steps: range) -> list[Tensor]:
    for step in steps:
        set_gradients(networks, step)
        optimizer.param_groups[0]["lr"] = 1e-2 / (1 + step)
        optimizer.step()
    return [weight.detach() for weight in networks]


def test_steps_equal_those_of_torch_bit_for_bit() -> None:
    ours, reference = weights(), weights()
    moved = stepped(ours, FusedAdamW.of(ours, 0.1, (0.9, 0.99)), range(9))
    fused = torch.optim.AdamW(reference.parameters(), lr=0.0, betas=(0.9, 0.99), weight_decay=0.1, fused=True)
    for parameter, other, prepared in zip(moved, stepped(reference, fused, range(9)), weights(), strict=True):
        assert torch.equal(parameter, other)
        assert not torch.equal(parameter, prepared)


def test_a_resumed_optimizer_continues_bit_for_bit(tmp_path: Path) -> None:
    straight, stopped, resumed, table = weights(), weights(), weights(), torch.arange(4.0)
    learning = [TrainingState(networks, FusedAdamW.of(networks, 0.1)) for networks in (straight, stopped, resumed)]

    def steps(state: TrainingState, networks: nn.ParameterList, numbers: range) -> None:
        for step in numbers:
            set_gradients(networks, step + 10)  # from the tenth on all have a gradient
            state.apply(1e-2, clip=1.0)

    steps(learning[0], straight, range(6))
    steps(learning[1], stopped, range(4))
    for weight in stopped:
        learning[1].optimizer.state[weight]["table"] = table  # shared by all, as with 8-bit states
    save_file(learning[1].tensors(), tmp_path / "state.safetensors")
    learning[2].restore(load_file(tmp_path / "state.safetensors"), 4)
    assert all(torch.equal(learning[2].optimizer.state[weight]["table"], table) for weight in resumed)
    steps(learning[2], resumed, range(4, 6))
    assert all(torch.equal(first, second) for first, second in zip(straight, resumed, strict=True))
