"""Cancellation of running work, from any thread and by signals."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from threading import Event, Thread
from time import monotonic
from types import FrameType
from typing import Protocol, Self

STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))
"""Signals that ask a process to stop; a closed terminal (SIGHUP) counts as SIGTERM."""
REPEATS = 2.0
"""Seconds within which a further signal is the same request, so that it disturbs no clean-up."""


class Cancelled(BaseException):
    """The running work was cancelled.

    Raised by `raise_if_cancelled` between two steps. Like `GeneratorExit` it is no `Exception`, so that no handler of errors stops it.
    """


class Interrupted(Cancelled):
    """The process was asked to stop, by Ctrl-C or another signal."""


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


_interrupted = Event()


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Raise Interrupted inside when the process is asked to stop.

    A library that swallows it delays it only until the next call of `raise_if_cancelled`, or the end of the block. Call it in the main
    thread; the handlers of before are restored.
    """
    before = {number: signal.signal(number, handler) for number, handler in _handlers().items()}
    try:
        yield
        raise_if_interrupted()
    except BaseException:
        raise_if_interrupted()  # whatever a library made of it
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        _interrupted.clear()


Handler = Callable[[int, FrameType | None], None]


def _handlers() -> dict[signal.Signals, Handler]:
    raised = -REPEATS

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal raised
        _interrupted.set()
        if monotonic() - raised > REPEATS:
            raised = monotonic()
            raise Interrupted

    handlers: dict[signal.Signals, Handler] = dict.fromkeys(STOP_SIGNALS, stop)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        handlers[signal.SIGHUP] = lambda *_: signal.raise_signal(signal.SIGTERM)
    return handlers


def raise_if_interrupted() -> None:
    """Raise Interrupted if the process was asked to stop."""
    if _interrupted.is_set():
        raise Interrupted


def is_cancelled() -> bool:
    """Return whether the surrounding work was cancelled, or the process asked to stop."""
    scope = _current.get()
    return _interrupted.is_set() or (scope is not None and scope.cancelled)


def raise_if_cancelled() -> None:
    """Raise Cancelled if the surrounding work was cancelled, and Interrupted if the process was asked to stop.

    Long loops call it between steps.
    """
    raise_if_interrupted()
    if is_cancelled():
        raise Cancelled


def end_with_parent() -> None:
    """End this process of `multiprocessing` when the one that started it is gone.

    However that ended, also by `kill -9`, which leaves the processes of a pool waiting for more. Work is cut off where it stands.
    """
    from multiprocessing import connection, parent_process  # slow to import, and of no use to most commands

    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, name="sakuga-parent-watch", daemon=True).start()
