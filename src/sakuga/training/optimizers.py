"""Optimizers by their names."""

import torch
from torch import nn

from sakuga.training.adamw import OneCallAdamW
from sakuga.training.plan import Optimizer, PlanError


def make_optimizer(name: Optimizer, networks: nn.Module, decay: float) -> torch.optim.Optimizer:
    """Make an optimizer for what is learnt; raises PlanError where its library is not installed."""
    match name:
        case "adamw":
            return OneCallAdamW.of(networks, decay)
        case "adamw8bit":
            try:
                from bitsandbytes.optim import AdamW8bit
            except ImportError:
                raise PlanError("the 8-bit optimizer needs bitsandbytes: `pip install bitsandbytes`, or choose adamw") from None
            made: torch.optim.Optimizer = AdamW8bit(networks.parameters(), lr=0.0, weight_decay=decay)
            return made
