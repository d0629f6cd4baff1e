"""Previews of what is being denoised, for whoever watches a render."""

from collections.abc import Callable, Iterator
from contextvars import ContextVar, Token
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Self

from sakuga.finishing.image import Image

if TYPE_CHECKING:
    from sakuga.models.sampling import DenoisingStep


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preview:
    """The first image of a batch after a denoising step."""

    number: int
    """Counts up from 1."""
    image: Image
    done: int
    """Denoising steps that are done."""


class LivePreviews:
    """Keeps the newest preview of what renders inside `with`.

    Any thread may read `newest`. At most one step in `every` seconds is decoded, as that takes time from the render. The scope is a
    context variable, as that of cancellation.
    """

    def __init__(self, every: float = 0.5) -> None:
        self.every = every
        self.newest: Preview | None = None
        self._last = -every
        self._token: Token[LivePreviews | None] | None = None

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token
        _current.reset(self._token)

    def show(self, decode: Callable[[], Image], done: int) -> None:
        """Keep a preview, unless one was kept a moment ago."""
        if monotonic() - self._last >= self.every:
            number = self.newest.number + 1 if self.newest else 1
            self.newest = Preview(number=number, image=decode(), done=done)
            self._last = monotonic()


_current: ContextVar[LivePreviews | None] = ContextVar("live_previews", default=None)


def watched(steps: "Iterator[DenoisingStep]", decode: "Callable[[DenoisingStep], Image]") -> "Iterator[DenoisingStep]":
    """Pass denoising steps on, and show their previews to whoever watches."""
    live = _current.get()
    for done, step in enumerate(steps, 1):
        if live:
            live.show(lambda shown=step: decode(shown), done)  # type: ignore[misc]
        yield step
