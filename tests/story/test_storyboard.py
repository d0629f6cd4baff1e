"""A full prompt contains the bible once; unusable storyboards are refused."""

import math
from typing import Any

import pytest

from sakuga.story.storyboard import Bible, Camera, Dissolve, Shot, Storyboard, StoryboardError, full_prompt


def expanded(prompt: str, **bible: str) -> str:
    return full_prompt(Storyboard(idea="", bible=Bible(**bible), shots=(Shot(prompt=prompt, seconds=1, seed=0),)), 0)


@pytest.mark.parametrize(
    ("prompt", "subject", "expected"),
    [
        ("the girl walks by the sea", "a girl with red hair", "a girl with red hair walks by the sea"),
        ("a young girl walks", "a girl with red hair", "a young girl with red hair walks"),
        ("Girl, smiling", "a girl with red hair", "a girl with red hair, smiling"),
        ("at night, in the snow", "a small cabin", "a small cabin, at night, in the snow"),
        ("A girl with long red hair smiles.", "a girl with red hair", "A girl with long red hair smiles"),
        ("an old castle at dusk", "a castle", "an old castle at dusk"),
        ("the girlish whim of a bird", "a girl", "a girl, the girlish whim of a bird"),
    ],
)
def test_the_subject_is_named_in_full_and_once(prompt: str, subject: str, expected: str) -> None:
    assert expanded(prompt, subject=subject) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a girl walks", "a girl walks, long red hair, blue dress"),
        ("a girl with short black hair", "a girl with short black hair, blue dress"),
        ("a girl in a blue dress with long red hair", "a girl in a blue dress with long red hair"),
    ],
)
def test_the_look_is_added_unless_stated_or_contradicted(prompt: str, expected: str) -> None:
    assert expanded(prompt, subject="a girl", look="long red hair, blue dress") == expected


def test_setting_palette_and_style_are_added_unless_stated() -> None:
    bible = {"setting": "in the forest", "palette": "muted colours, gold", "style": "watercolor"}
    assert expanded("a cabin", **bible) == "a cabin, in the forest, muted colours, gold, watercolor"
    assert expanded("a cabin in the woods, gold and muted colours, watercolour painting", **bible).count("forest") == 0
    assert expanded("a watercolor of a cabin", style="watercolor") == "a watercolor of a cabin"


def test_a_shots_own_place_and_time_override_the_bible() -> None:
    assert expanded("a boat on the sea at night", setting="in a village at dawn") == "a boat on the sea at night"
    assert expanded("a boat", setting="in a village at dawn") == "a boat, in a village at dawn"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"seconds": 0.0}, "shot 2 lasts 0 seconds; use a duration"),
        ({"prompt": "  "}, "shot 2 has no prompt"),
        ({"strength": 1.5}, "shot 2 has strength 1.5"),
        ({"camera": Camera(zoom=0.0)}, "shot 2 has camera zoom 0"),
        ({"camera": Camera(rotate=math.nan)}, "not finite"),
        ({"hold": 2.0}, "holds its last image"),
        ({"seed": -1}, "has seed -1"),
        ({"transition": Dissolve(seconds=0)}, "transition of 0 seconds"),
    ],
)
def test_unusable_shots_are_refused_by_number(fault: dict[str, Any], words: str) -> None:
    good: dict[str, Any] = {"prompt": "a castle", "seconds": 1.0, "seed": 1}
    with pytest.raises(StoryboardError, match=words):
        Storyboard(idea="", bible=Bible(), shots=(Shot(**good), Shot(**(good | fault))))
    with pytest.raises(StoryboardError, match="at least one shot"):
        Storyboard(idea="", bible=Bible(), shots=())
