"""ControlNets are read from a text, a table, or a list of either, and what is wrong is named."""

from typing import Any

import pytest

from sakuga.story.controls import ControlNet, ControlNetsOption

OPTION = ControlNetsOption(help="")
CANNY = ControlNet(network="canny.safetensors", hint="canny", weight=0.5, end=0.6)


@pytest.mark.parametrize(
    "value",
    [
        "canny.safetensors, hint=canny, weight=0.5, end=0.6",
        {"network": "canny.safetensors", "hint": "canny", "weight": 0.5, "end": 0.6},
        ["canny.safetensors,hint=canny,weight=0.5,end=0.6"],
        [CANNY],
        CANNY,
    ],
)
def test_a_text_a_table_and_a_list_say_the_same(value: Any) -> None:
    assert OPTION.read(value) == (CANNY,)


def test_a_weight_may_change_over_the_frames() -> None:
    (read,) = OPTION.read({"network": "a.safetensors", "hint": "canny", "weight": "0:0.2, 12:0.8"})
    assert [key.value for key in read.weight] == [0.2, 0.8]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (5, "5 names no ControlNet"),
        ([5], "5 names no ControlNet"),
        ({"network": "a", "wait": 1}, "unknown key 'wait'"),
        ("a, wait=1", "unknown part 'wait'"),
        ({"hint": "canny"}, "has no network"),
        ("a, hint=canny, weight=x", "weight: "),
        ("a, hint=canny, weight=99", "weight 99 is out of range"),
        ("a, hint=canny, start=0.6, end=0.5", "start=0.6 is not before end=0.5"),
    ],
)
def test_what_is_wrong_is_named(value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        OPTION.read(value)
