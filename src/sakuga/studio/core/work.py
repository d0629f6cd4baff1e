"""Work: something under way that its caller drives."""

from collections.abc import Generator, Iterator
from typing import Generic, TypeVar

Step = TypeVar("Step", covariant=True)
Result = TypeVar("Result")


class Work(Generic[Step, Result]):
    """Wrap a generator that yields steps and returns what it makes.

    Iterate it to watch and to decide when to go on; `result` drains it; `close` cancels it where it stands,
    keeping everything that has been drawn. Nothing happens before the first step is asked for.
    """

    def __init__(self, steps: Generator[Step, None, Result]) -> None:
        self._steps = steps
        self._made: list[Result] = []
        self._closed = False

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        try:
            return next(self._steps)
        except StopIteration as stop:
            if not self._closed and not self._made:
                self._made.append(stop.value)
            raise StopIteration from None

    def result(self) -> Result:
        """Work to the end and return what was made; RuntimeError where the work was closed before."""
        for _ in self:
            pass
        if not self._made:
            raise RuntimeError("this work was closed before it was done")
        return self._made[0]

    def close(self) -> None:
        """Cancel the work at its present step."""
        self._closed = True
        self._steps.close()
