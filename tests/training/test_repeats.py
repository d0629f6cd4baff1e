"""A balanced set is learnt from as it says: a picture that is repeated comes up so many times as often."""

from collections import Counter
from itertools import islice
from pathlib import Path

from sakuga.training.batch_order import batches
from sakuga.training.training_data import Course, Latents, Lesson


def course(*repeats: int) -> list[tuple[int, ...]]:
    lessons = [
        Lesson(path=Path(f"{place}.png"), text="", size=(64, 64), bucket=(64, 64), repeats=times) for place, times in enumerate(repeats)
    ]
    learnt = Course(Latents(None, lessons, kept=False), 2, seed=5)  # type: ignore[arg-type]
    return [learnt.batch_at(place) for place in range(60)]


def test_what_is_repeated_comes_up_so_many_times_as_often() -> None:
    seen = Counter(place for batch in course(1, 4, 1) for place in batch)
    assert seen == {0: 20, 1: 80, 2: 20}


def test_where_nothing_is_repeated_the_order_is_that_of_the_examples() -> None:
    assert course(1, 1, 1) == list(islice(batches([(64, 64)] * 3, 2, 5), 60))
