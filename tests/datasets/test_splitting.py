"""Held-out images are a fair share of each composition, the same for a seed."""

import pytest

from sakuga.datasets.splitting import hold_out, proportional_counts
from sakuga.datasets.training_set import Example, SetError

EXAMPLES = tuple(
    Example(file=f"images/{index}.png", text="x", composition="portrait" if index < 20 else "landscape" if index < 28 else None)
    for index in range(30)
)


def test_each_composition_has_its_share_held_out_in_order() -> None:
    split = hold_out(EXAMPLES, 0.5, 0)
    assert [example.file for example in split] == [example.file for example in EXAMPLES]
    chosen = [example.composition for example in split if example.held_out]
    assert [chosen.count(kind) for kind in ("portrait", "landscape", None)] == [10, 4, 1]
    assert split == hold_out(EXAMPLES, 0.5, 0) != hold_out(EXAMPLES, 0.5, 1)
    assert hold_out(EXAMPLES, 15, 0) == split


@pytest.mark.parametrize("holdout", [0, -0.1, 0.01, 30, 0.999, float("nan"), float("inf")])
def test_an_empty_side_is_refused(holdout: float) -> None:
    with pytest.raises(SetError, match=f"a holdout of {holdout:g}"):
        hold_out(EXAMPLES, holdout, 0)


def test_a_split_set_is_not_split_again() -> None:
    with pytest.raises(SetError, match="already"):
        hold_out(hold_out(EXAMPLES, 5, 0), 5, 0)


@pytest.mark.parametrize(("sizes", "expected"), [([1, 1, 1], 2), ([5, 0, 3], 4), ([100, 1], 1), ([3], 3)])
def test_shares_add_up_and_take_no_more_than_there_is(sizes: list[int], expected: int) -> None:
    counts = proportional_counts(sizes, expected)
    assert sum(counts) == expected
    assert all(0 <= count <= size for count, size in zip(counts, sizes, strict=True))
