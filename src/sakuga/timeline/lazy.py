"""Sequences whose items are made when they are read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

Item = TypeVar("Item", covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class LazySequence(Sequence[Item]):
    """Makes each item from its place, whenever it is read.

    >>> list(LazySequence(lambda place: place * place, range(4))[1:])
    [1, 4, 9]
    """

    make: Callable[[int], Item]
    places: Sequence[int]
    """The place of each item, such as a range."""

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> "LazySequence[Item]": ...
    def __getitem__(self, index: int | slice) -> "Item | LazySequence[Item]":
        if isinstance(index, slice):
            return LazySequence(self.make, self.places[index])
        return self.make(self.places[index])
