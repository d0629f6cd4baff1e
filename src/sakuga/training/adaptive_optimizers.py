"""Optimizers that need no learning rate, or no schedule: Prodigy, schedule-free AdamW.

All of their state is in tensors by parameter, those of the whole optimizer at its first one, so that checkpoints hold it bit for bit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

Groups = Sequence[Mapping[str, Any]]
"""Parameters by their share of the learning rate, as `optimizers.parameter_groups` returns them."""


class _Adaptive(torch.optim.Optimizer):
    """An optimizer whose parameters have gradients at every step, or at none."""

    def _trained(self) -> list[tuple[Mapping[str, Any], Tensor, dict[str, Any]]]:
        """Return each parameter with its group and state."""
        every = [(group, weight) for group in self.param_groups for weight in group["params"] if weight.grad is not None]
        return [(group, weight, self.state[weight] or self._new_state(weight)) for group, weight in every]

    def _new_state(self, weight: Tensor) -> dict[str, Any]:
        raise NotImplementedError

    def _rate(self) -> float:
        """Return the greatest learning rate of a group."""
        return max(float(group["lr"]) for group in self.param_groups)

    def _shared(self, state: dict[str, Any], name: str, start: float) -> Tensor:
        """Return a number of the whole optimizer, kept at the first parameter's state."""
        if name not in state:
            state[name] = torch.tensor([start], dtype=torch.float64)
        number: Tensor = state[name]
        return number


class Prodigy(_Adaptive):
    """Adam that estimates its learning rate (Mishchenko and Defazio 2024, algorithm 4).

    The rate that is set before a step multiplies the estimate, and is 1 for most trainings.
    """

    def __init__(
        self, groups: Groups, decay: float, betas: tuple[float, float] = (0.9, 0.999), start: float = 1e-6, eps: float = 1e-8
    ) -> None:
        super().__init__([dict(group) for group in groups], {"lr": 0.0})
        self.decay, self.betas, self.start, self.eps = decay, betas, start, eps

    def _new_state(self, weight: Tensor) -> dict[str, Any]:
        state: dict[str, Any] = self.state[weight]
        zeros = {name: torch.zeros_like(weight) for name in ("exp_avg", "exp_avg_sq", "distance_sum")}
        return state.update({**zeros, "initial": weight.detach().clone()}) or state

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every weight that has a gradient."""
        assert closure is None, "gradients are accumulated before"
        trained = self._trained()
        if not trained:
            return
        shared = trained[0][2]
        estimate = self._shared(shared, "estimate", self.start)
        numerator, rate = self._shared(shared, "numerator", 0.0), self._rate()
        beta1, beta2 = self.betas
        beta3, d = beta2**0.5, float(estimate)
        gained = denominator = 0.0
        for _, weight, state in trained:
            gradient = weight.grad
            assert gradient is not None
            gained += float((gradient * (state["initial"] - weight)).sum(dtype=torch.float64))
            state["exp_avg"].mul_(beta1).add_(gradient, alpha=d * (1 - beta1))
            state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=d * d * (1 - beta2))
            state["distance_sum"].mul_(beta3).add_(gradient, alpha=d * d * rate / self.start * (1 - beta3))
            denominator += float(state["distance_sum"].abs().sum(dtype=torch.float64))
        numerator.mul_(beta3).add_(d * d * rate / self.start * gained * (1 - beta3))
        if denominator > 0 and rate > 0:
            estimate.fill_(max(d, float(numerator) / denominator))
        for group, weight, state in trained:
            share = d * group["lr"]
            weight.mul_(1 - self.decay * share)
            weight.addcdiv_(state["exp_avg"], state["exp_avg_sq"].sqrt().add_(d * self.eps), value=-share)


class ScheduleFreeAdamW(_Adaptive):
    """AdamW whose weights are averaged as they are trained, in place of a schedule (Defazio et al. 2024, algorithm 1).

    Gradients are taken between the average and the weights of AdamW; the average is the result.
    """

    def __init__(self, groups: Groups, decay: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        super().__init__([dict(group) for group in groups], {"lr": 0.0})
        self.decay, self.betas, self.eps = decay, betas, eps

    def _new_state(self, weight: Tensor) -> dict[str, Any]:
        state: dict[str, Any] = self.state[weight]
        return state.update({"exp_avg_sq": torch.zeros_like(weight), "base": weight.detach().clone()}) or state

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every weight that has a gradient."""
        assert closure is None, "gradients are accumulated before"
        trained = self._trained()
        if not trained:
            return
        shared = trained[0][2]
        total, count = self._shared(shared, "rate_sum", 0.0), self._shared(shared, "count", 0.0)
        count.add_(1)
        beta1, beta2 = self.betas
        rate, correction = self._rate(), 1 - beta2 ** float(count)
        total.add_(rate * rate)
        mixed = rate * rate / float(total) if float(total) > 0 else 0.0
        for group, weight, state in trained:
            gradient = weight.grad
            assert gradient is not None
            state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            direction = gradient / (state["exp_avg_sq"] / correction).sqrt().add_(self.eps)
            direction.add_(weight, alpha=self.decay)
            average = weight.lerp(state["base"], 1 - 1 / beta1)
            state["base"].sub_(direction, alpha=group["lr"])
            average.lerp_(state["base"], mixed)
            weight.copy_(average.lerp_(state["base"], 1 - beta1))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Run the block with the averaged weights."""
        kept = [(weight, weight.detach().clone(), self.state[weight]["base"]) for weight, _ in self._stated()]
        for weight, live, base in kept:
            weight.data.copy_(live.lerp(base, 1 - 1 / self.betas[0]))
        try:
            yield
        finally:
            for weight, live, _ in kept:
                weight.data.copy_(live)

    def _stated(self) -> list[tuple[Tensor, Mapping[str, Any]]]:
        return [(weight, self.state[weight]) for group in self.param_groups for weight in group["params"] if self.state.get(weight)]
