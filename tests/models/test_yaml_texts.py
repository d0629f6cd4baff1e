"""YAML from outside is plain values, read in a moment, or refused."""

from pathlib import Path

import pytest

from sakuga.models.style_files import read_card
from sakuga.models.webui_folders import webui_checkpoints
from sakuga.models.yaml_texts import MAX_YAML, parse_yaml
from sakuga.training.foreign_config import read_foreign_config
from sakuga.training.plan import TrainingPlanError

UNFOLDS = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (UNFOLDS, "it has aliases"),
        ("a: &a [*a]", "it has aliases"),
        ("[" * 100_000, "it is nested too deeply"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("a: [", "while parsing"),
        ("a: \a", "unacceptable character"),
        ("#" * (MAX_YAML + 1), "it has more than 1,048,576 characters"),
    ],
)
def test_what_unfolds_or_is_no_plain_value_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        parse_yaml(text)
    assert "\n" not in str(raised.value)


def test_a_card_whose_head_unfolds_has_none(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"---\ninstance_prompt: x\n{UNFOLDS}\n---\n")
    assert read_card(tmp_path) == {}


@pytest.mark.parametrize("card", ["---\n" + "\n" * 300_000, "---\n" + "-" * 300_000, "-" * 300_000])
def test_a_card_without_an_end_of_its_head_is_read_in_a_moment(card: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(card)
    assert read_card(tmp_path) == {}


@pytest.mark.parametrize("text", [f"config: {{process: [{{name: x}}]}}\n{UNFOLDS}", "config: {process: [text]}", "config: [1]", "[1]", "1"])
def test_a_config_of_another_trainer_that_unfolds_or_has_another_form(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(TrainingPlanError):
        read_foreign_config(tmp_path / "run.yaml")


def test_a_config_beside_a_checkpoint_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "model.yaml").write_text("[" * 100_000)
    assert [model.prediction for _, model in webui_checkpoints(tmp_path)] == [None]
