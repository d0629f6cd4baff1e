"""Low-rank networks that stay attached while they are trained."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from sakuga.training.factor_network import FactorNetwork
from sakuga.training.low_rank import LowRank

Network = LowRank | FactorNetwork


class Attachment:
    """Keeps low-rank networks attached to their layers until it is closed."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = networks
        self._attached = ExitStack()
        self._attach()

    def _attach(self) -> None:
        for network in self.networks:
            self._attached.enter_context(network.attached())

    @contextmanager
    def detached(self) -> Iterator[None]:
        """Run the block with the layers as they are without them."""
        self._attached.close()
        try:
            yield
        finally:
            self._attach()

    def close(self) -> None:
        """Detach them."""
        self._attached.close()
