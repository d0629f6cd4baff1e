"""Prompts are warned about for real faults only."""

import pytest

from sakuga.sketchbook.captions import known_words
from sakuga.story.lint import lint_storyboard, loose_pronoun
from sakuga.story.storyboard import Bible, Shot, Storyboard


def rules(prompt: str, limit: int = 20, **bible: str) -> list[str]:
    board = Storyboard(idea="", bible=Bible(**bible), shots=(Shot(prompt=prompt, seconds=1, seed=0),))
    return [note.rule for note in lint_storyboard(board, lambda text: len(text.split()), limit, known_words())]


def test_each_rule_reports_its_own_fault() -> None:
    assert rules("Two castles in the snowy mountains at night, watercolor", style="watercolor") == []
    assert rules("a castle " * 11) == ["tokens"]
    assert rules("a castle, pixel art", style="watercolor") == ["style"]
    assert rules("a girl with red hair", subject="a girl", look="black hair, blue dress") == ["look"]
    assert rules("a cottage with a blue roof", subject="a cottage", look="red roof") == ["look"]
    assert rules("a girl by the sea", subject="a girl", look="black hair, blue dress") == []
    assert rules("She walks along the road") == ["pronoun"]
    assert rules("a zeppelin above the sea") == ["words"]
    assert rules("a fox by the sea") == ["words"]


@pytest.mark.parametrize(
    ("prompt", "pronoun"),
    [
        ("He steps into the room", "he"),
        ("Now they're dancing", "they're"),
        ("A girl opens the door and she smiles", None),
        ("Anna smiles while she sings", None),
        ("Standing there, he looks up", "he"),
        ("It is raining in the village", None),
        ("the item is theirs", None),
    ],
)
def test_pronouns_without_a_referent_are_found(prompt: str, pronoun: str | None) -> None:
    assert loose_pronoun(prompt) == pronoun


def test_a_prompt_of_emoji_alone_has_no_words() -> None:
    assert rules("🏰🌅") == ["words"]
    assert rules("🏰 a castle at sunset") == []
