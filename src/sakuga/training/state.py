"""Trainable weights, optimizer state and EMA.

Saved and restored bit for bit.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.training.adaptive_optimizers import ScheduleFreeAdamW

NAMES = {"exp_avg": "first", "exp_avg_sq": "second"}
"""Names of Adam's moments in checkpoints; other optimizer states keep their own."""


class WeightAverage:
    """The exponential moving average (EMA) of a network's weights."""

    def __init__(self, networks: nn.Module) -> None:
        self.live = [parameter.data for parameter in networks.parameters()]
        self.mean = [copy.deepcopy(data) for data in self.live]

    def update(self, decay: float) -> None:
        """Move the average towards the weights.

        It becomes decay * average + (1 - decay) * weights.
        """
        torch._foreach_lerp_(self.mean, self.live, 1 - decay)

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Run the block with the averaged weights."""
        before = [data.clone() for data in self.live]
        torch._foreach_copy_(self.live, self.mean)
        try:
            yield
        finally:
            torch._foreach_copy_(self.live, before)


class TrainingState:
    """Networks with their optimizer; `steps` counts the optimizer steps."""

    def __init__(
        self,
        networks: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        average: WeightAverage | None = None,
        scaled: bool = False,
        device: torch.device | None = None,
    ) -> None:
        self.networks, self.optimizer, self.steps = networks, optimizer, 0
        self.scaler = torch.amp.GradScaler((device or torch.device("cpu")).type, enabled=scaled)
        """Scales losses, so that half-precision gradients do not underflow (Micikevicius et al. 2018, section 3.2)."""
        self.average = average
        self.gradient = 0.0
        """The gradient norm of the last step, before clipping."""
        self.consistent = True
        """False within a step, while weights, optimizer and average differ in age."""

    def apply(self, rate: float, clip: float, decay: float = 0.0) -> None:
        """Run one optimizer step on the accumulated gradients; `decay` is that of the average."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        self.scaler.unscale_(self.optimizer)
        length = nn.utils.clip_grad_norm_(self.networks.parameters(), clip)
        self.consistent = False
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        if self.average:
            self.average.update(decay)
        self.gradient = float(length)
        self.consistent = True

    def averaged(self) -> AbstractContextManager[None]:
        """Run the block with averaged weights, if there are any.

        For validation, samples and results.
        """
        if isinstance(self.optimizer, ScheduleFreeAdamW):
            return self.optimizer.averaged()
        return self.average.swapped_in() if self.average else nullcontext()

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors that the next step depends on.

        By their names in checkpoints.
        """
        tensors: dict[str, Tensor] = {}
        for place, (name, parameter) in enumerate(self.networks.named_parameters()):
            tensors[f"weights/{name}"] = parameter.data
            if self.average:
                tensors[f"average/{name}"] = self.average.mean[place]
            state = self.optimizer.state.get(parameter, {})  # missing where no gradient ever arrived
            tensors |= {f"{NAMES.get(key, key)}/{name}": value for key, value in state.items() if key != "step" and torch.is_tensor(value)}
        return _without_aliases({name: tensor.contiguous() for name, tensor in tensors.items()})

    def restore(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        """Restore what `tensors` returned after so many steps."""
        self.steps = steps
        states: dict[str, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            kind, name = key.split("/", 1)
            states.setdefault(name, {})[kind] = tensor
        keys = {label: key for key, label in NAMES.items()}
        for place, (name, parameter) in enumerate(self.networks.named_parameters()):
            saved = dict(states[name])
            parameter.data.copy_(saved.pop("weights"))
            mean = saved.pop("average", None)
            if self.average and mean is not None:
                self.average.mean[place].copy_(mean)
            if saved:
                state: dict[str, Any] = self.optimizer.state[parameter]
                state["step"] = torch.tensor(float(steps), device=parameter.device)
                state.update({keys.get(kind, kind): _like(tensor, parameter) for kind, tensor in saved.items()})

    def restore_scale(self, state: str) -> None:
        """Restore the loss scale from a checkpoint's metadata."""
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(json.loads(state))


def _without_aliases(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Clone tensors that share storage.

    The tables of 8-bit states do. Safetensors rejects aliases.
    """
    places = {tensor.data_ptr(): name for name, tensor in tensors.items()}
    return {name: tensor if places[tensor.data_ptr()] == name else tensor.clone() for name, tensor in tensors.items()}


def _like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Return a state in its weight's memory layout.

    Kernels differ by the layout.
    """
    if tensor.shape != parameter.shape:
        return tensor.to(parameter.device)
    return torch.empty_like(parameter.data, dtype=tensor.dtype).copy_(tensor)
