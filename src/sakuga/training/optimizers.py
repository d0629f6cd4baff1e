"""Optimizers of a training."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self

import torch
from torch import Tensor, nn

from sakuga.training.adaptive_optimizers import Groups, Prodigy, ScheduleFreeAdamW
from sakuga.training.plan import Optimizer, TrainingPlanError

NO_SHARES: Mapping[str, float] = MappingProxyType({})


class FusedAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter 2019) in one call a step.

    All weights are on one device and of one number format. torch's fused AdamW computes the same bits, but looks up, sorts and counts
    tensor by tensor before: a quarter of its time where a network has hundreds.
    """

    @classmethod
    def of(cls, networks: nn.Module | Groups, decay: float, betas: tuple[float, float] = (0.9, 0.999)) -> Self:
        """Build an optimizer for all weights of networks, or for groups of weights.

        The learning rate is set before every step.
        """
        weights = networks.parameters() if isinstance(networks, nn.Module) else [dict(group) for group in networks]
        return cls(weights, lr=0.0, betas=betas, weight_decay=decay)

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


def parameter_groups(networks: nn.Module, shares: Mapping[str, float]) -> Groups:
    """Return all weights in groups of one share of the learning rate.

    `shares` is by parameter name, 1 where it names none.
    """
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in networks.named_parameters():
        groups.setdefault(shares.get(name, 1.0), []).append(parameter)
    return [{"params": weights, "share": share} for share, weights in groups.items()]


def make_optimizer(name: Optimizer, networks: nn.Module, decay: float, shares: Mapping[str, float] = NO_SHARES) -> torch.optim.Optimizer:
    """Build an optimizer for the networks' weights.

    Each has its share of the learning rate. Raises TrainingPlanError where its library is not installed.
    """
    groups = parameter_groups(networks, shares)
    match name:
        case "adamw":
            return FusedAdamW.of(groups, decay)
        case "prodigy":
            return Prodigy(groups, decay)
        case "schedule-free":
            return ScheduleFreeAdamW(groups, decay)
        case "adamw8bit":
            try:
                from bitsandbytes.optim import AdamW8bit
            except ImportError:
                raise TrainingPlanError("adamw8bit needs bitsandbytes: `pip install bitsandbytes`, or choose adamw") from None
            optimizer: torch.optim.Optimizer = AdamW8bit([dict(group) for group in groups], lr=0.0, weight_decay=decay)
            return optimizer
