"""Cancellation of running work, from any thread."""

from contextvars import ContextVar, Token
from threading import Event
from typing import Protocol, Self


class Cancelled(BaseException):
    """The running work was cancelled.

    Raised by `raise_if_cancelled` between two steps. Like `GeneratorExit` it is no `Exception`, so that no handler of errors stops it.
    """


class Flag(Protocol):
    """An event of a thread or of a process."""

    def is_set(self) -> bool:
        """Return whether the event has happened."""
        ...

    def set(self) -> None:
        """Let the event happen."""
        ...


class CancelScope:
    """A block of work that another thread may cancel.

    Inside `with scope:` every call of `raise_if_cancelled`, however deep, raises Cancelled once `cancel` was called on this scope or on
    one around it. The scope is a context variable: code below needs no argument for it, and other threads are not affected.
    """

    def __init__(self, flag: Flag | None = None) -> None:
        self._flag: Flag = flag or Event()
        self._outer: CancelScope | None = None
        self._token: Token[CancelScope | None] | None = None

    def cancel(self) -> None:
        """Cancel the work at its next check, from any thread."""
        self._flag.set()

    @property
    def cancelled(self) -> bool:
        """Whether this scope or one around it was cancelled."""
        return self._flag.is_set() or (self._outer is not None and self._outer.cancelled)

    def __enter__(self) -> Self:
        self._outer = _current.get()
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token
        _current.reset(self._token)
        self._outer = self._token = None


_current: ContextVar[CancelScope | None] = ContextVar("cancel_scope", default=None)


def is_cancelled() -> bool:
    """Return whether the surrounding work was cancelled."""
    scope = _current.get()
    return scope is not None and scope.cancelled


def raise_if_cancelled() -> None:
    """Raise Cancelled if the surrounding work was cancelled.

    Long loops call it between steps.
    """
    if is_cancelled():
        raise Cancelled
