"""Balancing meets the ratio with the least loss, and leaves other images alone."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakuga.datasets.balancing import balance_by_repeats, balance_by_selection, epoch_counts
from sakuga.datasets.training_set import Composition, Example, SetError, read_set
from sakuga.datasets.writing import write_set


def examples(**counts: int) -> tuple[Example, ...]:
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    return tuple(Example(file=f"images/{index}.png", text="", composition=kind) for index, kind in enumerate(kinds))  # type: ignore[arg-type]


TWO_TO_ONE: dict[Composition, float] = {"portrait": 2, "landscape": 1}


def test_repeats_meet_the_ratio_and_lose_no_image() -> None:
    few_faces = examples(portrait=7, landscape=90)
    balanced = balance_by_repeats(few_faces, TWO_TO_ONE, seed=1)
    assert [example.file for example in balanced] == [example.file for example in few_faces]
    assert epoch_counts(balanced) == {"portrait": 180, "landscape": 90}
    times = Counter(example.repeats for example in balanced if example.composition == "portrait")
    assert times == {25: 2, 26: 5}, "as even as can be"


def test_selection_leaves_out_no_more_than_it_must() -> None:
    chosen = balance_by_selection(examples(portrait=7, landscape=90), TWO_TO_ONE, seed=1)
    assert epoch_counts(chosen) == {"portrait": 7, "landscape": 3}
    assert epoch_counts(balance_by_selection(examples(portrait=100, landscape=20), TWO_TO_ONE, seed=1)) == {"portrait": 40, "landscape": 20}


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 5), st.integers(1, 5))
def test_any_ratio_is_met_to_the_nearest_image(portraits: int, landscapes: int, first: int, second: int) -> None:
    mixed = examples(portrait=portraits, landscape=landscapes)
    ratio: dict[Composition, float] = {"portrait": first, "landscape": second}
    often = epoch_counts(balance_by_repeats(mixed, ratio, seed=0))
    assert abs(often["portrait"] * second - often["landscape"] * first) <= max(first, second) / 2
    assert often["portrait"] >= portraits
    assert often["landscape"] >= landscapes
    assert often["portrait"] == portraits or often["landscape"] == landscapes, "the least repeats"
    fewer = epoch_counts(balance_by_selection(mixed, ratio, seed=0))
    assert fewer["portrait"] <= max(1, fewer["landscape"] * first / second + first / second)


@pytest.mark.parametrize("method", [balance_by_repeats, balance_by_selection])
def test_unnamed_and_held_out_examples_stay(method) -> None:  # type: ignore[no-untyped-def]
    mixed = examples(portrait=4, figure=3, landscape=8)
    mixed = (replace(mixed[0], held_out=True), *mixed[1:-1], replace(mixed[-1], held_out=True))
    balanced = method(mixed, {"portrait": 1, "landscape": 1}, 0)
    assert mixed[0] in balanced
    assert mixed[-1] in balanced
    assert all(example in balanced for example in mixed if example.composition == "figure")
    assert epoch_counts(balanced)["portrait"] == epoch_counts(balanced)["landscape"]


@pytest.mark.parametrize("method", [balance_by_repeats, balance_by_selection])
def test_a_part_of_0_leaves_a_composition_out(method) -> None:  # type: ignore[no-untyped-def]
    assert set(epoch_counts(method(examples(portrait=4, figure=3, landscape=8), {"portrait": 1, "landscape": 1, "figure": 0}, 0))) == {
        "portrait",
        "landscape",
    }


def test_the_choice_depends_on_the_seed() -> None:
    mixed = examples(portrait=7, landscape=90)
    assert (
        balance_by_selection(mixed, TWO_TO_ONE, 1)
        == balance_by_selection(mixed, TWO_TO_ONE, 1)
        != balance_by_selection(mixed, TWO_TO_ONE, 2)
    )
    assert balance_by_repeats(mixed, TWO_TO_ONE, 1) == balance_by_repeats(mixed, TWO_TO_ONE, 1) != balance_by_repeats(mixed, TWO_TO_ONE, 2)


@pytest.mark.parametrize(
    ("ratio", "message"),
    [
        ({}, "the ratio is empty"),
        ({"portrait": 0}, "the ratio is empty"),
        ({"portrait": -1}, "below 0"),
        ({"portrait": float("nan")}, "below 0"),
        ({"portrait": 1, "figure": 1}, "no figure"),
        ({"portrait": 5000, "landscape": 1}, "repeats of an image"),
    ],
)
def test_impossible_ratios_are_refused(ratio: dict[Composition, float], message: str) -> None:
    with pytest.raises(SetError, match=message):
        balance_by_repeats(examples(portrait=3, landscape=4), ratio, 0)


def test_images_without_composition_are_refused() -> None:
    unseen = (*examples(portrait=3, landscape=4), Example(file="x.png", text=""))
    with pytest.raises(SetError, match="1 image has no composition"):
        balance_by_selection(unseen, TWO_TO_ONE, 0)


def test_repeats_are_written_with_the_set_and_make_an_epoch(tmp_path: Path) -> None:
    balanced = balance_by_repeats(examples(portrait=1, landscape=2), TWO_TO_ONE, 0)
    training_set = write_set(tmp_path / "set", ((example, np.zeros((8, 8, 3), np.uint8)) for example in balanced))
    rows = [json.loads(line) for line in (tmp_path / "set" / "metadata.jsonl").read_text().splitlines()]
    assert [row["repeats"] for row in rows] == [4, 1, 1]
    read = read_set(tmp_path / "set")
    assert read.examples == training_set.examples
    assert [example.file for example in read.epoch] == [f"images/{name}.png" for name in (0, 0, 0, 0, 1, 2)]
    assert "6 with repeats" in (tmp_path / "set" / "README.md").read_text()
