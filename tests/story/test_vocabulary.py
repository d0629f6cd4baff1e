"""Warnings name words that the Sketchbook does not know or cannot generate, and no others."""

import pytest

from sakuga.sketchbook.captions import known_words
from sakuga.story.vocabulary import undrawable_words, unknown_words, vocabulary_warnings


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a zebra on a hill", ["zebra"]),
        ("ein Schloss am Meer", ["ein", "schloss", "am", "meer"]),
        (
            "\u0437\u0430\u043c\u043e\u043a \u0443 \u043c\u043e\u0440\u044f",
            ["\u0437\u0430\u043c\u043e\u043a", "\u0443", "\u043c\u043e\u0440\u044f"],
        ),
        ("two castles on rolling hills, it rained and snowed", []),
        ("a castle's towers, ponds, walking, drifted, 42 boats", []),
        ("she smiles at him", []),
    ],
)
def test_unknown_words_are_those_without_a_known_inflection(prompt: str, unknown: list[str]) -> None:
    assert unknown_words(prompt, known_words()) == unknown


@pytest.mark.parametrize(
    ("prompt", "undrawable"),
    [
        ("a fox in the snow", ["fox"]),
        ("Foxes and two dogs by the sea", ["foxes", "dogs"]),
        ("a castle on a hill, a flock of birds, painted in watercolor", []),
        ("a girl running quickly in spring, a tale of courage", []),
    ],
)
def test_things_that_no_training_image_shows_are_undrawable(prompt: str, undrawable: list[str]) -> None:
    assert undrawable_words(prompt) == undrawable


def test_warnings_name_the_words_and_trigger_words_are_known() -> None:
    warnings = vocabulary_warnings(["a (zebra:1.2) and a fox"], known_words())
    assert [("'zebra'" in warning, "'fox'" in warning) for warning in warnings] == [(True, False), (False, True)]
    assert vocabulary_warnings(["a zk ball"], known_words(), ["zk ball"]) == []
    assert vocabulary_warnings(["a zebra"], None) == []


def test_a_prompt_of_many_unknown_words_is_to_be_in_english() -> None:
    german = "ein Schloss am Meer at sunset, in the fog"
    assert vocabulary_warnings([german], known_words())[0].endswith("describe it in English, with common words")
    assert vocabulary_warnings(["a zebra on a hill"], known_words())[0].endswith("may have no effect")


def test_three_unknown_words_or_more_have_a_remedy() -> None:
    known = frozenset(("a", "and"))
    two, three = ("".join(vocabulary_warnings([text], known)) for text in ("a zork and a blip", "a zork and a blip and a quux"))
    assert "such words may have no effect" in two
    assert "describe it in English" not in two
    assert "describe it in English, with common words" in three
