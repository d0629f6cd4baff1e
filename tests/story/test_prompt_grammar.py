"""The grammar of prompts: parts, chunks, changes over the steps, and styles in tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakuga.story.emphasis import MAX_WARNINGS
from sakuga.story.prompt_grammar import (
    MAX_DEPTH,
    emphasis_warnings,
    prompt_at,
    prompt_parts,
    said_by,
    uses_grammar,
    with_ascii_brackets,
)
from sakuga.story.prompt_styles import prompt_styles, without_styles
from sakuga.story.scenes import split_scenes


def over(prompt: str, steps: int) -> list[str]:
    return [prompt_at(prompt, step, steps) for step in range(steps)]


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("a [red:blue:0.5] castle", ["a red castle", "a red castle", "a blue castle", "a blue castle"]),
        ("a [red:blue:1] castle", ["a red castle", "a blue castle", "a blue castle", "a blue castle"]),
        ("a castle[, snow:0.75]", ["a castle", "a castle", "a castle", "a castle, snow"]),
        ("a castle[, snow::0.25]", ["a castle, snow", "a castle", "a castle", "a castle"]),
        ("a [red|blue|] castle", ["a red castle", "a blue castle", "a  castle", "a red castle"]),
        ("a [red:[blue|grey]:0.5] castle", ["a red castle", "a red castle", "a blue castle", "a grey castle"]),
        ("a [(red:1.3):blue:0.5] castle", ["a (red:1.3) castle", "a (red:1.3) castle", "a blue castle", "a blue castle"]),
        (r"a \[red|blue\] castle", [r"a \[red|blue\] castle"] * 4),
        ("[less] and [castle:1.2] and [Re: Zero]", ["[less] and [castle:1.2] and [Re: Zero]"] * 4),
        ("a [unclosed|castle", ["a [unclosed|castle"] * 4),
    ],
)
def test_brackets_that_change_say_one_thing_at_each_step(prompt: str, texts: list[str]) -> None:
    assert over(prompt, 4) == texts


def test_and_composes_parts_with_weights_and_colons_elsewhere_are_words() -> None:
    assert [(part.text, part.weight) for part in prompt_parts("a castle AND Re: Zero :-0.5 AND snow : 2")] == [
        ("a castle", 1.0), ("Re: Zero", -0.5), ("snow", 2.0)
    ]  # fmt: skip
    assert [(part.text, part.weight) for part in prompt_parts("ratio 3:2")] == [("ratio 3:2", 1.0)]
    assert [part.text for part in prompt_parts("BRAND and HAND")] == ["BRAND and HAND"]


def test_full_width_brackets_are_brackets_and_other_full_width_signs_stay() -> None:
    assert with_ascii_brackets("（城：1.3）、［海］：1") == "(城:1.3)、[海]：1"


@pytest.mark.parametrize("prompt", ["a (red:1.2) castle", "[less] ((more))", "Re: Zero", r"\[a|b\]", "a castle, " * 12, ""])
def test_prompts_without_the_grammar_are_plain(prompt: str) -> None:
    assert not uses_grammar(prompt)
    assert prompt_at(prompt, 0, 1) == prompt


@given(st.text(st.sampled_from("ab [](|):0.5\\")), st.integers(1, 5))
def test_any_text_resolves_at_every_step_and_no_change_is_left(prompt: str, steps: int) -> None:
    for text in over(prompt, steps):
        assert isinstance(text, str)
    assert len(prompt_parts(prompt)) == 1


def test_warnings_are_about_what_is_said_not_about_the_grammar() -> None:
    assert emphasis_warnings("a [red:blue:0.5] castle AND snow BREAK [one|other]") == ()
    assert any("closes nothing" in warning for warning in emphasis_warnings("a [red:blue):0.5] castle"))
    assert said_by("a [red:blue:0.5] castle") == ("a red castle", "a blue castle")


@pytest.mark.parametrize(
    ("prompt", "loras"),
    [
        ("a castle <lora:ink:0.8>", ("ink:0.8",)),
        ("a castle <lora:ink> <lyco:wash v1:.5>", ("ink:1", "wash v1:0.5")),
        ("a castle <lora:ink:0.5:1>", ("ink:1:text=0.5:unet=1",)),
        ("a castle <lora:ink:te=0:unet=0.7>", ("ink:1:text=0:unet=0.7",)),
    ],
)
def test_tags_become_styles(prompt: str, loras: tuple[str, ...]) -> None:
    found = prompt_styles(prompt)
    assert (found.prompt, found.loras) == ("a castle", loras)


@pytest.mark.parametrize("tag", ["<lora:ink:much>", "<lora:ink:1:2:3>", "<lora:ink:1:lbw=OUTALL>"])
def test_tags_that_cannot_be_read_are_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="cannot be read: write <lora:NAME:WEIGHT>"):
        prompt_styles(f"a castle {tag}")


LENGTH = 20_000
HOSTILE = {
    "spaces": " " * LENGTH + "a",
    "spaces in the middle": "a AND b" + " " * LENGTH + "c",
    "deep square brackets": "[" * (LENGTH // 2) + "a" + "]" * (LENGTH // 2),
    "deep changes": "[a:" * (LENGTH // 8) + "b" + ":0.5]" * (LENGTH // 8),
    "deep round brackets": "(" * (LENGTH // 2) + "a" + ")" * (LENGTH // 2),
    "many alternatives": "[a|b]" * (LENGTH // 5),
    "a long number": "[a:b:" + "1" * LENGTH + "x]",
    "points": "." * LENGTH + "a",
}


@pytest.mark.parametrize("prompt", HOSTILE.values(), ids=HOSTILE.keys())
def test_prompts_of_the_greatest_length_are_read_in_passes_over_their_letters(prompt: str) -> None:
    """A pattern that is sought, or a bracket that is read, again from every place takes the square of their number."""
    assert isinstance(uses_grammar(prompt), bool)
    assert len(emphasis_warnings(prompt)) <= 4 * (MAX_WARNINGS + 1)
    assert split_scenes(prompt)
    assert without_styles(prompt) == prompt


def test_changes_within_ten_others_are_read_and_deeper_ones_are_words() -> None:
    def nested(depth: int) -> str:
        return "[red|" * depth + "blue" + "]" * depth

    assert prompt_at(nested(MAX_DEPTH), 1, 4) == "blue"
    assert prompt_at(nested(MAX_DEPTH + 1), 1, 4) == "[red|blue]"


@pytest.mark.parametrize("number", ["1" * 400, "0." + "1" * 400])
def test_numbers_that_no_step_and_no_weight_has_are_words(number: str) -> None:
    assert number in prompt_at(f"[red:blue:{number}]", 0, 4)
    assert number in prompt_parts(f"a castle AND snow :{number}")[1].text
