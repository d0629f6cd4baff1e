"""A scope is cancelled from any thread, with all scopes inside it."""

import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Event, Thread

import pytest

from sakuga.cancellation import (
    STOP_SIGNALS,
    Cancelled,
    CancelScope,
    Interrupted,
    end_with_parent,
    interrupted_by_signals,
    is_cancelled,
    raise_if_cancelled,
)

SIGNALS = (*STOP_SIGNALS, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))


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


def stop(body: Callable[[], object]) -> None:
    """Run a body that must be interrupted."""
    with interrupted_by_signals():
        body()


def swallow(number: signal.Signals) -> None:
    """Lose an interruption, as some libraries do."""
    with suppress(BaseException):
        signal.raise_signal(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_and_error_handlers_do_not_stop_it(number: signal.Signals) -> None:
    kept = signal.signal(number, signal.default_int_handler)  # an ignored signal, as under nohup, stays ignored

    def stubborn() -> None:
        try:
            signal.raise_signal(number)
        except Exception:
            pytest.fail("an Exception")

    try:
        with pytest.raises(Interrupted):
            stop(stubborn)
        assert signal.getsignal(number) is signal.default_int_handler
        assert not is_cancelled()
    finally:
        signal.signal(number, kept)


def test_an_interruption_that_a_library_swallows_comes_at_the_next_check() -> None:
    def careless() -> None:
        swallow(signal.SIGINT)
        assert is_cancelled()
        raise_if_cancelled()
        pytest.fail("it went on")

    with pytest.raises(Interrupted):
        stop(careless)


def test_an_interruption_that_is_swallowed_until_the_end_still_comes() -> None:
    with pytest.raises(Interrupted):
        stop(lambda: swallow(signal.SIGTERM))


@pytest.mark.parametrize("error", [ValueError("damaged"), SystemExit(0)])
def test_an_interruption_that_a_library_turns_into_another_error_stays_one(error: BaseException) -> None:
    def inventive() -> None:
        swallow(signal.SIGINT)
        raise error

    with pytest.raises(Interrupted):
        stop(inventive)


def test_further_signals_do_not_disturb_the_clean_up() -> None:
    cleaned = []

    def tidy() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            cleaned.append(True)

    with pytest.raises(Interrupted):
        stop(tidy)
    assert cleaned


def test_other_threads_see_that_the_process_stops() -> None:
    seen = []

    def threaded() -> None:
        swallow(signal.SIGINT)
        thread = Thread(target=lambda: seen.append(is_cancelled()))
        thread.start()
        thread.join()

    with pytest.raises(Interrupted):
        stop(threaded)
    assert seen == [True]


def wait_for_more(line: Connection) -> None:
    end_with_parent()
    line.send("begun")
    Event().wait(60)


def start_one_and_wait(line: Connection) -> None:
    get_context("spawn").Process(target=wait_for_more, args=(line,)).start()
    Event().wait(60)


def test_a_process_ends_with_the_one_that_started_it() -> None:
    here, there = get_context("spawn").Pipe()
    first = get_context("spawn").Process(target=start_one_and_wait, args=(there,))
    first.start()
    there.close()
    assert here.poll(60)
    assert here.recv() == "begun"
    first.kill()
    first.join()
    assert here.poll(10), "the second process holds its end of the line for as long as it lives"
    with pytest.raises(EOFError):
        here.recv()
