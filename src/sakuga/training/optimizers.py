"""Optimizers of a training."""

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from sakuga.training.plan import Optimizer, TrainingPlanError


class FusedAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter 2019) in one call a step.

    All weights are on one device and of one number format. torch's fused AdamW computes the same bits, but looks up, sorts and counts
    tensor by tensor before: a quarter of its time where a network has hundreds.
    """

    @classmethod
    def of(cls, networks: nn.Module, decay: float, betas: tuple[float, float] = (0.9, 0.999)) -> Self:
        """Build an optimizer for all weights of networks.

        The learning rate is set before every step.
        """
        return cls(networks.parameters(), lr=0.0, betas=betas, weight_decay=decay)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every weight that has a gradient."""
        assert closure is None, "gradients are accumulated before"
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            states = [self.state[weight] or self._new_state(weight) for weight in weights]
            counts: dict[float, Tensor] = {}
            for weight, state in zip(weights, states, strict=True):
                number = state["step"] = float(state["step"]) + 1.0
                if number not in counts:
                    counts[number] = torch.tensor(number, device=weight.device)
            torch._fused_adamw_(
                weights, [weight.grad for weight in weights], [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states], [], [counts[state["step"]] for state in states], lr=group["lr"],
                beta1=group["betas"][0], beta2=group["betas"][1], weight_decay=group["weight_decay"], eps=group["eps"],
                amsgrad=False, maximize=False,
            )  # fmt: skip

    def _new_state(self, weight: Tensor) -> dict[str, Any]:
        state: dict[str, Any] = self.state[weight]
        state |= {"step": 0.0, "exp_avg": torch.zeros_like(weight), "exp_avg_sq": torch.zeros_like(weight)}
        return state


def make_optimizer(name: Optimizer, networks: nn.Module, decay: float) -> torch.optim.Optimizer:
    """Build an optimizer for the networks' weights.

    Raises TrainingPlanError where its library is not installed.
    """
    match name:
        case "adamw":
            return FusedAdamW.of(networks, decay)
        case "adamw8bit":
            try:
                from bitsandbytes.optim import AdamW8bit
            except ImportError:
                raise TrainingPlanError("adamw8bit needs bitsandbytes: `pip install bitsandbytes`, or choose adamw") from None
            optimizer: torch.optim.Optimizer = AdamW8bit(networks.parameters(), lr=0.0, weight_decay=decay)
            return optimizer
