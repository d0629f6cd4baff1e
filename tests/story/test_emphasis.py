r"""Brackets weigh words; unpaired brackets stay, with a warning."""

from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakuga.story.emphasis import MAX_DEPTH, MAX_WARNINGS, MAX_WEIGHT, read_emphasis, without_emphasis


def weighed(prompt: str) -> dict[str, float]:
    """The weight of every word of a prompt."""
    emphasis = read_emphasis(prompt)
    places, start = {}, 0
    for word in emphasis.text.split():
        start = emphasis.text.index(word, start)
        places[word] = round(emphasis.weight(start, start + len(word)), 4)
        start += len(word)
    return places


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a castle", {"a": 1.0, "castle": 1.0}),
        ("a (castle)", {"a": 1.0, "castle": 1.1}),
        ("a ((castle))", {"a": 1.0, "castle": 1.21}),
        ("a [castle]", {"a": 1.0, "castle": 0.9091}),
        ("a (castle:1.3) by night", {"a": 1.0, "castle": 1.3, "by": 1.0, "night": 1.0}),
        ("(a (red:1.5) castle:0.5)", {"a": 0.5, "red": 0.75, "castle": 0.5}),
        ("[(a:2) b]", {"a": 1.8182, "b": 0.9091}),
        ("(castle: .5 )", {"castle": 0.5}),
        ("(castle:0)", {"castle": 0.0}),
        (r"\(old\) a\\b \[x\]", {"(old)": 1.0, "a\\b": 1.0, "[x]": 1.0}),
        (r"(a \(b:1.2\):2)", {"a": 2.0, "(b:1.2)": 2.0}),
        (r"back\slash", {"back\\slash": 1.0}),
        ("cas(tle:2)", {"castle": 1.5}),
        ("at 10:30, 3:4", {"at": 1.0, "10:30,": 1.0, "3:4": 1.0}),
    ],
)
def test_words_have_the_weight_of_their_brackets(prompt: str, expected: dict[str, float]) -> None:
    assert weighed(prompt) == expected
    assert read_emphasis(prompt).warnings == ()


@pytest.mark.parametrize(
    ("prompt", "text", "expected"),
    [
        ("a (castle by night", "a (castle by night", "character 3: '(' is never closed"),
        ("a castle) by night", "a castle) by night", "character 9: ')' closes nothing"),
        ("a [castle", "a [castle", "character 3: '[' is never closed"),
        ("(a] b", "(a] b", "character 3: ']' closes nothing"),
        ("a :)", "a :)", "character 4: ')' closes nothing"),
        ("[castle:1.2]", "castle", "character 8: square brackets take no number"),
        ("(castle:-1)", "castle", "character 8: the weight -1 is below 0"),
        ("(castle:99)", "castle", "character 1: the weight 99 is over 10"),
    ],
)
def test_unreadable_brackets_are_warned_about_with_their_place(prompt: str, text: str, expected: str) -> None:
    emphasis = read_emphasis(prompt)
    assert emphasis.text == text
    assert any(expected in warning for warning in emphasis.warnings), emphasis.warnings
    assert (len(emphasis.warnings) == 2) == (prompt == "(a] b")


def test_a_lora_tag_is_read_as_words_with_a_warning() -> None:
    emphasis = read_emphasis("<lora:watercolor:0.8> a castle")
    assert emphasis.text == "<lora:watercolor:0.8> a castle"
    assert emphasis.warnings == ("<lora:watercolor:0.8> is read as words; a LoRA is applied with the option --style watercolor:0.8",)
    assert not read_emphasis("a castle <3").warnings


def test_an_unclosed_bracket_does_not_hide_its_neighbours() -> None:
    assert weighed("((a) (b:2)") == {"(a": pytest.approx(1.05), "b": 2.0}


@settings(deadline=None)
@given(st.text(alphabet="ab ()[]\\:.123"))
def test_any_text_is_read_and_weights_are_bounded(prompt: str) -> None:
    emphasis = read_emphasis(prompt)
    assert len(emphasis.weights) == len(emphasis.text)
    assert all(0 <= weight <= MAX_WEIGHT for weight in emphasis.weights)
    if not set(prompt) & set("()[]\\"):
        assert (emphasis.text, emphasis.plain) == (prompt, True)


@settings(deadline=None)
@given(st.text())
def test_escaped_text_is_the_text(prompt: str) -> None:
    escaped = "".join(f"\\{sign}" if sign in "()[]\\" else sign for sign in prompt)
    assert without_emphasis(escaped) == prompt
    assert read_emphasis(escaped).plain


def test_brackets_deeper_than_the_limit_are_read_literally_and_told_in_a_few_lines() -> None:
    deep = "(" * 10_000 + "castle" + ")" * 10_000
    read = read_emphasis(deep)
    literal = 10_000 - MAX_DEPTH
    assert read.text == "(" * literal + "castle" + ")" * literal
    assert read.weight(literal, literal + 6) == MAX_WEIGHT
    assert len(read.warnings) == MAX_WARNINGS + 1
    assert read.warnings[-1].startswith("emphasis: ")
    assert len(read_emphasis("(" * 20_000).warnings) == MAX_WARNINGS + 1


@pytest.mark.parametrize("number", ["1" * 5000, "0." + "1" * 5000, "." + "1" * 5000])
def test_numbers_of_thousands_of_digits_are_words(number: str) -> None:
    assert number in read_emphasis(f"(castle:{number})").text
    assert all(map(isfinite, read_emphasis(f"((castle:0):{number})").weights))
