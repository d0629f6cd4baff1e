"""Batches are handed out in order, each when its frames are stored, and few of a long film are held."""

from collections.abc import Callable
from dataclasses import replace

from sakuga.rendering.batch_queue import BatchQueue
from sakuga.rendering.batches import Batch
from sakuga.timeline.spec import Generated, InitImage, digest


def chain(first: Generated, length: int) -> list[Batch]:
    """A chain of frames, each of which starts from the one before."""
    frames = [first]
    while len(frames) < length:
        frames.append(replace(first, init=InitImage(frame=digest(frames[-1]), strength=0.5)))
    return [Batch(frames=(frame,)) for frame in frames]


def test_a_batch_waits_for_the_frames_that_it_needs(draw: Callable[..., Generated]) -> None:
    first, second = chain(draw(seed=1), 2)
    other = Batch(frames=(draw(seed=2),))
    queue = BatchQueue([first, second, other])
    taken = [queue.take(), queue.take(), queue.take()]
    assert [task and task.batch for task in taken] == [first, other, None]
    assert not queue.is_empty
    queue.stored(first.names[0])
    last = queue.take()
    assert last
    assert last.batch == second
    assert queue.is_empty
    queue.put_back(last)
    assert not queue.is_empty
    assert queue.take() is last


def test_a_batch_that_suits_goes_first_and_else_the_earliest(draw: Callable[..., Generated]) -> None:
    batches = [Batch(frames=(draw(seed=seed),)) for seed in range(5)]
    queue = BatchQueue(batches)
    assert queue.ready(5) == 5
    suited = queue.take(lambda batch: batch == batches[3])
    left = [queue.take(lambda batch: False) for _ in range(4)]
    assert suited
    assert [task.batch for task in (suited, *left) if task] == [batches[3], *batches[:3], batches[4]]


def test_few_batches_of_a_long_film_are_held(draw: Callable[..., Generated]) -> None:
    read = 0

    def shots():
        nonlocal read
        for seed in range(100):
            for batch in chain(draw(seed=seed), 10):
                read += 1
                yield batch

    queue = BatchQueue(shots(), ahead=50)
    rendered = 0
    while task := queue.take():
        assert read - rendered <= 62
        rendered += 1
        queue.stored(task.batch.names[0])
    assert queue.is_empty
    assert rendered == 1000


def test_the_longest_chain_goes_first_once_the_whole_film_is_read(draw: Callable[..., Generated]) -> None:
    short, long, middle = (chain(draw(seed=seed), length) for seed, length in ((1, 1), (2, 3), (3, 2)))
    queue = BatchQueue([*short, *long, *middle])
    assert queue.ready(9) == 3
    taken: list[Batch] = []
    while task := queue.take():
        taken.append(task.batch)
        queue.stored(task.batch.names[0])
    assert taken == [*long, *middle, *short]


def test_a_film_that_is_not_read_to_its_end_goes_in_its_order(draw: Callable[..., Generated]) -> None:
    short, long = chain(draw(seed=1), 1), chain(draw(seed=2), 3)
    queue = BatchQueue([*short, *long])
    first = queue.take()
    assert first
    assert [first.batch] == short
