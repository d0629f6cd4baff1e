"""What a step of a training changes: weights, optimizer and running average, put down as tensors and taken up again to the bit."""

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

NAMES = {"exp_avg": "first", "exp_avg_sq": "second"}
"""What checkpoints call the moments of Adam; of other states they keep the names."""


class Average:
    """The running average of a network's weights, which is what is measured, shown and shipped."""

    def __init__(self, networks: nn.Module) -> None:
        self.live = [parameter.data for parameter in networks.parameters()]
        self.mean = [copy.deepcopy(data) for data in self.live]

    def update(self, kept: float) -> None:
        """Move the average towards the weights."""
        torch._foreach_lerp_(self.mean, self.live, 1 - kept)

    @contextmanager
    def worn(self) -> Iterator[None]:
        """Put the average in place of the weights, and the weights back."""
        before = [data.clone() for data in self.live]
        torch._foreach_copy_(self.live, self.mean)
        try:
            yield
        finally:
            torch._foreach_copy_(self.live, before)


class Learning:
    """Networks with their optimizer; `steps` taken so far."""

    def __init__(
        self,
        networks: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        average: Average | None = None,
        scaled: bool = False,
        device: torch.device | None = None,
    ) -> None:
        self.networks, self.optimizer, self.steps = networks, optimizer, 0
        self.scaler = torch.amp.GradScaler((device or torch.device("cpu")).type, enabled=scaled)
        """Lifts losses, so that half-precision gradients do not vanish (Micikevicius et al. 2018, section 3.2)."""
        self.average = average
        self.whole = True
        """False in the midst of a step, when weights, optimizer and average are not of one moment."""

    def apply(self, rate: float, clip: float, kept: float = 0.0) -> Tensor:
        """Take a step by the gradients that have gathered; return their length before it was clipped.

        `kept` is how much of itself the average keeps.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.scaler.unscale_(self.optimizer)
        length = nn.utils.clip_grad_norm_(self.networks.parameters(), clip)
        self.whole = False
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        if self.average:
            self.average.update(kept)
        self.whole = True
        return length

    def averaged(self) -> AbstractContextManager[None]:
        """Put the averaged weights in place, if there are any: what is measured, drawn with and written."""
        return self.average.worn() if self.average else nullcontext()

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on."""
        tensors: dict[str, Tensor] = {}
        for place, (name, parameter) in enumerate(self.networks.named_parameters()):
            tensors[f"weights/{name}"] = parameter.data
            if self.average:
                tensors[f"average/{name}"] = self.average.mean[place]
            state = self.optimizer.state.get(parameter, {})  # no loss reaches what has none
            tensors |= {f"{NAMES.get(key, key)}/{name}": value for key, value in state.items() if key != "step" and torch.is_tensor(value)}
        return _apart({name: tensor.contiguous() for name, tensor in tensors.items()})

    def restore(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        """Take up what `tensors` returned after so many steps."""
        self.steps = steps
        states: dict[str, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            kind, name = key.split("/", 1)
            states.setdefault(name, {})[kind] = tensor
        called = {told: key for key, told in NAMES.items()}
        for place, (name, parameter) in enumerate(self.networks.named_parameters()):
            kept = dict(states[name])
            parameter.data.copy_(kept.pop("weights"))
            mean = kept.pop("average", None)
            if self.average and mean is not None:
                self.average.mean[place].copy_(mean)
            if kept:
                state: dict[str, Any] = self.optimizer.state[parameter]
                state["step"] = torch.tensor(float(steps), device=parameter.device)
                state.update({called.get(kind, kind): _like(tensor, parameter) for kind, tensor in kept.items()})

    def restore_scale(self, state: str) -> None:
        """Take up the scale of losses, as it was written down."""
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(json.loads(state))


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy what lies where another tensor does, as the tables of 8-bit states do: a file of tensors takes each once."""
    places = {tensor.data_ptr(): name for name, tensor in tensors.items()}
    return {name: tensor if places[tensor.data_ptr()] == name else tensor.clone() for name, tensor in tensors.items()}


def _like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Lay a state out in memory as its weight is, where it has the same shape: kernels differ by the layout."""
    if tensor.shape != parameter.shape:
        return tensor.to(parameter.device)
    return torch.empty_like(parameter.data, dtype=tensor.dtype).copy_(tensor)
