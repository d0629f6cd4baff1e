"""Examples of a balanced set come up in proportion to their repeats."""

from collections import Counter
from itertools import islice
from pathlib import Path

from sakuga.training.batch_order import batches
from sakuga.training.training_data import BatchStream, EncodedExamples, ExampleSource, TrainingExample


def stream(*repeats: int) -> list[tuple[int, ...]]:
    nothing = ExampleSource(training_set=None, examples=(), sizes=(), flip=False, cached=False, file=None, key="")  # type: ignore[arg-type]
    encoded = EncodedExamples(None, nothing)  # type: ignore[arg-type]
    encoded.examples = [
        TrainingExample(path=Path(f"{index}.png"), text="", size=(64, 64), bucket=(64, 64), repeats=times)
        for index, times in enumerate(repeats)
    ]
    batches_of_two = BatchStream(encoded, 2, seed=5)
    return [batches_of_two.batch_at(position) for position in range(60)]


def test_examples_come_up_in_proportion_to_their_repeats() -> None:
    counts = Counter(index for batch in stream(1, 4, 1) for index in batch)
    assert counts == {0: 20, 1: 80, 2: 20}


def test_without_repeats_the_order_is_that_of_the_examples() -> None:
    assert stream(1, 1, 1) == list(islice(batches([(64, 64)] * 3, 2, 5), 60))
