"""Our AdamW takes torch's steps to the bit, whatever has a gradient and whenever it is stopped."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sakuga.training.optimizers import FusedAdamW
from sakuga.training.state import TrainingState

SHAPES = ((7, 5), (64,), (3, 4, 3, 3), (), (1, 129))


def weights() -> nn.ParameterList:
    generator = torch.Generator().manual_seed(1)
    made = nn.ParameterList([nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES])
    made[2].data = made[2].data.contiguous(memory_format=torch.channels_last)
    return made


def given(networks: nn.ParameterList, step: int) -> None:
    """Give gradients; the second weight has none in the first steps, and the last one none in between."""
    generator = torch.Generator().manual_seed(step)
    for place, weight in enumerate(networks):
        gradient = torch.randn(weight.shape, generator=generator)
        weight.grad = None if (place == 1 and step < 3) or (place == 4 and step in (4, 5)) else torch.empty_like(weight).copy_(gradient)


def stepped(networks: nn.ParameterList, optimizer: torch.optim.Optimizer, steps: range) -> list[Tensor]:
    for step in steps:
        given(networks, step)
        optimizer.param_groups[0]["lr"] = 1e-2 / (1 + step)
        optimizer.step()
    return [weight.detach() for weight in networks]


def test_steps_are_those_of_torch_to_the_bit() -> None:
    ours, theirs = weights(), weights()
    moved = stepped(ours, FusedAdamW.of(ours, 0.1, (0.9, 0.99)), range(9))
    fused = torch.optim.AdamW(theirs.parameters(), lr=0.0, betas=(0.9, 0.99), weight_decay=0.1, fused=True)
    for one, other, prepared in zip(moved, stepped(theirs, fused, range(9)), weights(), strict=True):
        assert torch.equal(one, other)
        assert not torch.equal(one, prepared)


def test_put_down_and_taken_up_again_it_goes_on_to_the_bit(tmp_path: Path) -> None:
    straight, stopped, again, table = weights(), weights(), weights(), torch.arange(4.0)
    learning = [TrainingState(networks, FusedAdamW.of(networks, 0.1)) for networks in (straight, stopped, again)]

    def steps(one: TrainingState, networks: nn.ParameterList, numbers: range) -> None:
        for step in numbers:
            given(networks, step + 10)  # from the tenth on all have one
            one.apply(1e-2, clip=1.0)

    steps(learning[0], straight, range(6))
    steps(learning[1], stopped, range(4))
    for weight in stopped:
        learning[1].optimizer.state[weight]["table"] = table  # one for all, as those of 8-bit states
    save_file(learning[1].tensors(), tmp_path / "state.safetensors")
    learning[2].restore(load_file(tmp_path / "state.safetensors"), 4)
    assert all(torch.equal(learning[2].optimizer.state[weight]["table"], table) for weight in again)
    steps(learning[2], again, range(4, 6))
    assert all(torch.equal(one, other) for one, other in zip(straight, again, strict=True))
