"""Weights of a torch network as OpenVINO takes them."""

import numpy as np
import torch
from torch import Tensor, nn

Fingerprint = tuple[int, ...]
"""The sum of the bits of each weight."""
WHOLE = {2: torch.int16, 4: torch.int32, 8: torch.int64}


class WatchedWeights:
    """A network's weights, and whether they are still those it came with.

    Adapters change weights in place and bring them back, so versions alone do not tell.
    """

    def __init__(self, network: nn.Module) -> None:
        self.tensors = named_weights(network)
        self._versions, self._first = self._seen_versions(), self._fingerprint()
        self._changed: Fingerprint | None = None

    def change(self) -> Fingerprint | None:
        """Return the fingerprint of changed weights; None if they are those it came with."""
        if (versions := self._seen_versions()) != self._versions:
            fingerprint = self._fingerprint()
            self._versions, self._changed = versions, None if fingerprint == self._first else fingerprint
        return self._changed

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights in single precision, in place where they are."""
        return {name: as_array(weight) for name, weight in self.tensors.items()}

    def matrices(self) -> frozenset[str]:
        """Return the names of those that an adapter can change."""
        return frozenset(name for name, weight in self.tensors.items() if weight.ndim > 1)

    def _seen_versions(self) -> tuple[int, ...]:
        return tuple(weight._version for weight in self.tensors.values())

    def _fingerprint(self) -> Fingerprint:
        return tuple(int(weight.contiguous().view(WHOLE[weight.element_size()]).sum()) for weight in self.tensors.values())


def named_weights(network: nn.Module) -> dict[str, Tensor]:
    """Return a network's weights and floating-point buffers by name."""
    buffers = {name: buffer for name, buffer in network.named_buffers() if buffer.is_floating_point()}
    return {name: tensor.detach() for name, tensor in {**dict(network.named_parameters()), **buffers}.items()}


def as_array(tensor: Tensor) -> np.ndarray:
    """Return a tensor as float32, in place if it is."""
    array: np.ndarray = tensor.detach().float().numpy()
    return array
