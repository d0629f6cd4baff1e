"""The model of what a person takes begins with equal chances and learns a taste."""

from pathlib import Path

import numpy as np
import pytest

from sakuga.studio.choosing.preference import Preference, Shown, read_preference, write_preference


def shown(random: np.random.Generator, style: bool = True) -> Shown:
    vectors = random.normal(size=(6, 16)).astype(np.float32)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    direction = np.eye(16, dtype=np.float32)[0] if style else None
    return Shown(images=tuple(units[:4]), parent=units[4], style=direction)


def test_chances_are_equal_before_the_first_choice_and_sum_to_one() -> None:
    random = np.random.default_rng(0)
    assert Preference().probabilities(shown(random)) == pytest.approx([0.25] * 4)
    learnt = Preference().after(shown(random), 2)
    assert learnt.probabilities(shown(random)).sum() == pytest.approx(1)


@pytest.mark.parametrize("direction", [0, 5])
def test_a_person_with_a_taste_is_guessed_better_than_by_chance(direction: int) -> None:
    random, preference, hits = np.random.default_rng(1), Preference(), []
    for _ in range(120):
        now = shown(random)
        taken = int(np.argmax([image[direction] for image in now.images]))
        hits.append(int(preference.probabilities(now).argmax()) == taken)
        preference = preference.after(now, taken)
    assert np.mean(hits[40:]) > 0.4


def test_a_person_without_a_taste_leaves_the_chances_nearly_equal() -> None:
    random, preference, best = np.random.default_rng(2), Preference(), []
    for _ in range(200):
        now = shown(random)
        best.append(preference.probabilities(now).max())
        preference = preference.after(now, int(random.integers(4)))
    assert np.mean(best) < 0.6


def test_a_preference_is_read_as_it_was_written(tmp_path: Path) -> None:
    preference = Preference().after(shown(np.random.default_rng(3)), 1)
    write_preference(tmp_path / "preference.json", preference)
    assert read_preference(tmp_path / "preference.json") == preference


@pytest.mark.parametrize("text", ["", "[]", '{"weights":[1],"taste":[],"choices":1}', '{"weights":[NaN,0,0],"taste":[],"choices":1}'])
def test_a_damaged_file_is_no_preference(tmp_path: Path, text: str) -> None:
    (tmp_path / "preference.json").write_text(text)
    assert read_preference(tmp_path / "preference.json") == Preference()
