"""A Work yields steps, returns a result, and is cancelled from any thread."""

from collections.abc import Generator
from threading import Event, Thread

import pytest

from sakuga import SakugaError
from sakuga.cancellation import raise_if_cancelled
from sakuga.studio.core.work import Work, WorkClosed


def counting(end: int) -> Generator[int, None, str]:
    yield from range(end)
    return f"{end} steps"


def test_a_work_yields_its_steps_and_returns_its_result_as_often_as_requested() -> None:
    work = Work(counting(3))
    assert list(work) == [0, 1, 2]
    assert [work.result(), work.result()] == ["3 steps"] * 2
    assert Work(counting(2)).result() == "2 steps"


def test_a_closed_work_has_no_result() -> None:
    work = Work(counting(3))
    assert next(work) == 0
    work.close()
    work.close()
    assert list(work) == []
    with pytest.raises(WorkClosed, match="closed before it was done; what it has stored so far stays") as caught:
        work.result()
    assert isinstance(caught.value, SakugaError)
    done = Work(counting(1))
    done.result()
    done.close()
    assert done.result() == "1 steps"


def test_an_error_is_raised_again_by_result() -> None:
    def failing() -> Generator[int, None, None]:
        yield 1
        raise SakugaError("no more")

    work = Work(failing())
    with pytest.raises(SakugaError, match="no more"):
        list(work)
    with pytest.raises(SakugaError, match="no more"):
        work.result()


def test_another_thread_closes_a_work_between_two_checks() -> None:
    denoising, cleaned = Event(), []

    def endless() -> Generator[int, None, str]:
        yield 0
        try:
            while True:  # never yields
                denoising.set()
                raise_if_cancelled()
        finally:
            cleaned.append(True)

    work = Work(endless())
    steps: list[int] = []
    thread = Thread(target=lambda: steps.extend(work))
    thread.start()
    assert denoising.wait(10)
    work.close()
    thread.join(10)
    assert not thread.is_alive()
    assert (steps, cleaned) == ([0], [True])
    with pytest.raises(WorkClosed):
        work.result()


def test_closing_a_work_cancels_the_works_inside_it() -> None:
    reached = Event()

    def inner() -> Generator[int, None, str]:
        while True:
            reached.set()
            raise_if_cancelled()
        yield 0

    def outer() -> Generator[int, None, str]:
        yield 0
        return Work(inner()).result()

    work = Work(outer())
    thread = Thread(target=lambda: list(work))
    thread.start()
    assert reached.wait(10)
    work.close()
    thread.join(10)
    assert not thread.is_alive()
    with pytest.raises(WorkClosed):
        work.result()
