"""AdamW in as few calls as can be."""

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn


class OneCallAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter 2019) whose step is one call for all weights, which are on one device and of one number format.

    torch's own fused form comes to the same bits, but looks up, sorts and counts tensor by tensor before: a quarter of its time where a
    network has hundreds.
    """

    @classmethod
    def of(cls, networks: nn.Module, decay: float, betas: tuple[float, float] = (0.9, 0.999)) -> Self:
        """Make one for all weights of networks; the rate is set before every step."""
        return cls(networks.parameters(), lr=0.0, betas=betas, weight_decay=decay)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move every weight that has a gradient."""
        assert closure is None, "gradients are gathered before"
        for group in self.param_groups:
            reached = [weight for weight in group["params"] if weight.grad is not None]
            states = [self.state[weight] or self._begin(weight) for weight in reached]
            counts: dict[float, Tensor] = {}
            for weight, state in zip(reached, states, strict=True):
                number = state["step"] = float(state["step"]) + 1.0
                if number not in counts:
                    counts[number] = torch.tensor(number, device=weight.device)
            torch._fused_adamw_(
                reached, [weight.grad for weight in reached], [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states], [], [counts[state["step"]] for state in states], lr=group["lr"],
                beta1=group["betas"][0], beta2=group["betas"][1], weight_decay=group["weight_decay"], eps=group["eps"],
                amsgrad=False, maximize=False,
            )  # fmt: skip

    def _begin(self, weight: Tensor) -> dict[str, Any]:
        state: dict[str, Any] = self.state[weight]
        state |= {"step": 0.0, "exp_avg": torch.zeros_like(weight), "exp_avg_sq": torch.zeros_like(weight)}
        return state
