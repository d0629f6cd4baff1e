"""Work: a running operation that its caller drives."""

from collections.abc import Generator, Iterator
from threading import Lock
from typing import Generic, TypeVar

from sakuga import SakugaError
from sakuga.cancellation import Cancelled, CancelScope, raise_if_interrupted

Step = TypeVar("Step", covariant=True)
Result = TypeVar("Result")


class WorkClosed(SakugaError):
    """A result was requested of a closed Work."""


class Work(Generic[Step, Result]):
    """A generator that yields steps and returns a result.

    Iterate it for progress, call `result` to drain it, `close` to cancel it. Nothing runs before the first step is requested, so what
    can be refused is refused before: a function that returns a Work validates its arguments, and then wraps the generator:

        def draw(prompt: str, out: Path, settings: FilmSettings) -> Work[Step, GeneratedImages]:
            request = resolve(prompt, out, settings)  # raises InputError here
            return Work(_draw(request))

    One thread at a time drives a Work; any thread may close it.
    """

    def __init__(self, steps: Generator[Step, None, Result]) -> None:
        self._steps = steps
        self._scope = CancelScope()
        self._driving = Lock()
        self._results: list[Result] = []
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        with self._driving:
            if not self._scope.cancelled:
                try:
                    raise_if_interrupted()
                    with self._scope:
                        step = next(self._steps)
                    if not self._scope.cancelled:
                        return step
                except StopIteration as stop:
                    self._finish(stop.value)
                    raise StopIteration from None
                except Cancelled:
                    if not self._scope.cancelled:  # a scope around this one was cancelled
                        raise
                except BaseException as error:
                    self._error = error
                    raise
            self._steps.close()
        raise StopIteration

    def _finish(self, result: Result) -> None:
        if not self._results and not self._error:
            self._results.append(result)

    def result(self) -> Result:
        """Run to the end and return the result.

        Raises what the operation raised, now or before, and WorkClosed if it was closed before its end.
        """
        for _ in self:
            pass
        if self._results:
            return self._results[0]
        if self._error:
            raise self._error
        raise WorkClosed("this work was closed before it was done; what it has stored so far stays")

    def close(self) -> None:
        """Cancel the operation and return at once.

        Any thread may call this, any number of times. A running operation ends between two denoising or training steps, an idle one here.
        Frames that are stored stay.
        """
        self._scope.cancel()
        if self._driving.acquire(blocking=False):
            try:
                self._steps.close()
            finally:
                self._driving.release()
