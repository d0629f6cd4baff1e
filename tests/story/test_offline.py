"""The planner by rule: distinct shots, the idea's own words first, and words that the Sketchbook knows."""

import pytest

from sakuga.sketchbook.captions import facts_in, known_words, read_labels
from sakuga.story.lint import lint
from sakuga.story.offline import OfflinePlanner
from sakuga.story.storyboard import Cut, Morph, Storyboard, StoryboardError, prompt_of

IDEAS = [
    "a snowy cabin in the woods at dusk, birds over the valley",
    "Ancient castle with a fire breathing dragon above",
    "a portrait of a girl with red hair, smiling, blue sky background",
    "Tall trees sway gently in the wind",
    "A full moon glowing brightly",
    "Sunlight fades as the village comes into view",
    "a castle by the sea as day turns into night",
    "a lighthouse by the stormy sea on a moonlit night with stars",
    "a robot dancing on Mars",
    "dragon",
]


def plan(idea: str, shots: int = 5, seed: int = 0) -> Storyboard:
    return OfflinePlanner().plan(idea, shots=shots, seconds=6.0, seed=seed)


@pytest.mark.parametrize("idea", IDEAS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_five_shots_are_five_pictures_of_the_same_thing(idea: str, seed: int) -> None:
    board = plan(idea, seed=seed)
    prompts = [prompt_of(board, index) for index in range(5)]
    assert len(set(prompts)) == 5
    assert len({frozenset(facts_in(prompt)) for prompt in prompts}) == 5, "what can be seen differs"
    stated = read_labels(idea)
    for prompt in prompts:
        told = read_labels(prompt)
        assert told.subject == stated.subject
        assert told.person == stated.person
        assert told.place == stated.place
        assert stated.weather in (None, told.weather)
        assert stated.extras - {"sun"} <= told.extras
        assert set(prompt.lower().replace(",", " ").split()) <= known_words() | set(idea.lower().replace(",", " ").split())
    assert stated.time in (None, read_labels(prompts[0]).time)
    assert lint(board, lambda text: len(text.split()), 77, None) == []
    assert sum(shot.seconds for shot in board.shots) == pytest.approx(6.0)
    assert len({shot.seed for shot in board.shots}) == 5


def test_the_idea_leads_and_time_goes_on() -> None:
    board = plan(IDEAS[0])
    assert prompt_of(board, 0) == IDEAS[0]
    assert [read_labels(shot.prompt).time for shot in board.shots] == ["sunset"] * 3 + ["night"] * 2
    assert all(isinstance(shot.transition, Morph) for shot in board.shots[:-1])


def test_a_change_of_place_is_a_cut_and_pronouns_are_named() -> None:
    board = plan("A boat leaves the village at dawn. Then it sails over the sea. It reaches a castle in the mountains.", shots=6)
    places = [read_labels(shot.prompt).place for shot in board.shots]
    assert places == ["village", "village", "sea", "sea", "mountains", "mountains"]
    assert [isinstance(shot.transition, Cut) for shot in board.shots] == [False, True, False, True, False, True]
    assert all("a boat" in shot.prompt.lower() for shot in board.shots)


def test_the_same_idea_and_seed_make_the_same_film_and_another_seed_another() -> None:
    assert plan(IDEAS[3], seed=5) == plan(IDEAS[3], seed=5)
    assert len({tuple(shot.prompt for shot in plan(IDEAS[3], seed=seed).shots) for seed in range(6)}) > 1


@pytest.mark.parametrize("idea", [*IDEAS, "the sea on a rainy day"])
def test_a_long_film_still_repeats_no_prompt(idea: str) -> None:
    board = plan(idea, shots=40)
    assert len({prompt_of(board, index) for index in range(40)}) == 40


@pytest.mark.parametrize(("idea", "shots", "words"), [(" \n", 5, "the idea is empty"), ("a", 0, "0 shots"), ("a", 100_000, "100000 shots")])
def test_what_cannot_be_planned_is_refused(idea: str, shots: int, words: str) -> None:
    with pytest.raises(StoryboardError, match=words):
        plan(idea, shots=shots)
