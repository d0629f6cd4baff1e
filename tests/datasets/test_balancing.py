"""Balancing meets the ratio, loses nothing that it need not, and leaves alone what it was not told of."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakuga.datasets.balancing import repeated, selected, weights
from sakuga.datasets.training_set import Composition, Example, SetError, read_set
from sakuga.datasets.writing import write_set


def examples(**counts: int) -> tuple[Example, ...]:
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    return tuple(Example(file=f"images/{place}.png", text="", composition=kind) for place, kind in enumerate(kinds))  # type: ignore[arg-type]


TWO_TO_ONE: dict[Composition, float] = {"portrait": 2, "landscape": 1}


def test_repeats_meet_the_ratio_and_lose_no_picture() -> None:
    few_faces = examples(portrait=7, landscape=90)
    balanced = repeated(few_faces, TWO_TO_ONE, seed=1)
    assert [example.file for example in balanced] == [example.file for example in few_faces]
    assert weights(balanced) == {"portrait": 180, "landscape": 90}
    times = Counter(example.repeats for example in balanced if example.composition == "portrait")
    assert times == {25: 2, 26: 5}, "as even as can be"


def test_selection_leaves_out_no_more_than_it_must() -> None:
    chosen = selected(examples(portrait=7, landscape=90), TWO_TO_ONE, seed=1)
    assert weights(chosen) == {"portrait": 7, "landscape": 3}
    assert weights(selected(examples(portrait=100, landscape=20), TWO_TO_ONE, seed=1)) == {"portrait": 40, "landscape": 20}


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 5), st.integers(1, 5))
def test_any_ratio_is_met_to_the_nearest_picture(portraits: int, landscapes: int, first: int, second: int) -> None:
    whole = examples(portrait=portraits, landscape=landscapes)
    ratio: dict[Composition, float] = {"portrait": first, "landscape": second}
    often = weights(repeated(whole, ratio, seed=0))
    assert abs(often["portrait"] * second - often["landscape"] * first) <= max(first, second) / 2
    assert often["portrait"] >= portraits
    assert often["landscape"] >= landscapes
    assert often["portrait"] == portraits or often["landscape"] == landscapes, "the least repeats"
    fewer = weights(selected(whole, ratio, seed=0))
    assert fewer["portrait"] <= max(1, fewer["landscape"] * first / second + first / second)


@pytest.mark.parametrize("way", [repeated, selected])
def test_what_is_not_named_or_held_out_stays(way) -> None:  # type: ignore[no-untyped-def]
    whole = examples(portrait=4, figure=3, landscape=8)
    whole = (replace(whole[0], held_out=True), *whole[1:-1], replace(whole[-1], held_out=True))
    balanced = way(whole, {"portrait": 1, "landscape": 1}, 0)
    assert whole[0] in balanced
    assert whole[-1] in balanced
    assert all(example in balanced for example in whole if example.composition == "figure")
    assert weights(balanced)["portrait"] == weights(balanced)["landscape"]


@pytest.mark.parametrize("way", [repeated, selected])
def test_a_part_of_nought_leaves_a_composition_out(way) -> None:  # type: ignore[no-untyped-def]
    assert set(weights(way(examples(portrait=4, figure=3, landscape=8), {"portrait": 1, "landscape": 1, "figure": 0}, 0))) == {
        "portrait",
        "landscape",
    }


def test_chance_comes_from_the_seed() -> None:
    whole = examples(portrait=7, landscape=90)
    assert selected(whole, TWO_TO_ONE, 1) == selected(whole, TWO_TO_ONE, 1) != selected(whole, TWO_TO_ONE, 2)
    assert repeated(whole, TWO_TO_ONE, 1) == repeated(whole, TWO_TO_ONE, 1) != repeated(whole, TWO_TO_ONE, 2)


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        ({}, "say a ratio"),
        ({"portrait": 0}, "say a ratio"),
        ({"portrait": -1}, "below 0"),
        ({"portrait": float("nan")}, "below 0"),
        ({"portrait": 1, "figure": 1}, "no figure"),
        ({"portrait": 5000, "landscape": 1}, "repeated"),
    ],
)
def test_ratios_that_cannot_be_are_refused(ratio: dict[Composition, float], said: str) -> None:
    with pytest.raises(SetError, match=said):
        repeated(examples(portrait=3, landscape=4), ratio, 0)


def test_pictures_that_nobody_looked_at_are_refused() -> None:
    unseen = (*examples(portrait=3, landscape=4), Example(file="x.png", text=""))
    with pytest.raises(SetError, match="1 picture has no composition"):
        selected(unseen, TWO_TO_ONE, 0)


def test_repeats_are_written_with_the_set_and_make_an_epoch(tmp_path: Path) -> None:
    balanced = repeated(examples(portrait=1, landscape=2), TWO_TO_ONE, 0)
    made = write_set(tmp_path / "set", ((example, np.zeros((8, 8, 3), np.uint8)) for example in balanced))
    rows = [json.loads(line) for line in (tmp_path / "set" / "metadata.jsonl").read_text().splitlines()]
    assert [row["repeats"] for row in rows] == [4, 1, 1]
    read = read_set(tmp_path / "set")
    assert read.examples == made.examples
    assert [example.file for example in read.epoch] == [f"images/{name}.png" for name in (0, 0, 0, 0, 1, 2)]
    assert "6 with repeats" in (tmp_path / "set" / "README.md").read_text()
