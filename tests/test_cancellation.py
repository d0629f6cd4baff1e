"""A scope is cancelled from any thread, with all scopes inside it."""

from threading import Event, Thread

import pytest

from sakuga.cancellation import Cancelled, CancelScope, is_cancelled, raise_if_cancelled


def test_nothing_is_cancelled_outside_of_a_scope() -> None:
    assert not is_cancelled()
    raise_if_cancelled()


def test_another_thread_cancels_a_loop() -> None:
    scope, running, turns = CancelScope(), Event(), []

    def endless() -> None:
        while True:
            turns.append(1)
            running.set()
            raise_if_cancelled()

    def drive() -> None:
        with scope, pytest.raises(Cancelled):
            endless()

    thread = Thread(target=drive)
    thread.start()
    assert running.wait(10)
    scope.cancel()
    thread.join(10)
    assert not thread.is_alive()
    assert turns


def test_an_inner_scope_is_cancelled_with_the_outer_one_and_not_the_reverse() -> None:
    outer, inner = CancelScope(), CancelScope()
    with outer:
        with inner:
            inner.cancel()
            assert is_cancelled()
        assert not is_cancelled()
        outer.cancel()
        with CancelScope():
            assert is_cancelled()
    assert not is_cancelled()


def test_error_handlers_do_not_stop_a_cancellation() -> None:
    scope = CancelScope()
    scope.cancel()

    def stubborn() -> None:
        try:
            raise_if_cancelled()
        except Exception:
            pytest.fail("an Exception")

    with scope, pytest.raises(Cancelled):
        stubborn()
