"""The rule-based planner: distinct shots, the idea first, and known words only."""

from itertools import pairwise

import pytest

from sakuga.sketchbook.captions import facts_in, known_words, read_labels
from sakuga.story.emphasis import read_emphasis
from sakuga.story.lint import lint_storyboard
from sakuga.story.offline import OfflinePlanner
from sakuga.story.progressions import stages_of
from sakuga.story.storyboard import Cut, Morph, Storyboard, StoryboardError, full_prompt

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


def plan(idea: str, shots: int = 5, seed: int = 0, negative: str = "") -> Storyboard:
    return OfflinePlanner().plan(idea, shots=shots, seconds=6.0, seed=seed, negative=negative)


@pytest.mark.parametrize("idea", IDEAS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_five_shots_show_the_same_subject_in_five_ways(idea: str, seed: int) -> None:
    board = plan(idea, seed=seed)
    prompts = [full_prompt(board, index) for index in range(5)]
    assert len(set(prompts)) == 5
    assert len({frozenset(facts_in(prompt)) for prompt in prompts}) == 5, "the visible facts differ"
    stated = read_labels(idea)
    for prompt in prompts:
        read = read_labels(prompt)
        assert read.subject == stated.subject
        assert read.person == stated.person
        assert read.place == stated.place
        assert stated.weather in (None, read.weather)
        assert stated.extras - {"sun"} <= read.extras
        assert set(prompt.lower().replace(",", " ").split()) <= known_words() | set(idea.lower().replace(",", " ").split())
    if stated.time and not stages_of(idea, "time")[1:]:
        assert {read_labels(prompt).time for prompt in prompts} == {stated.time}
    assert lint_storyboard(board, lambda text: len(text.split()), 77, None) == []
    assert sum(shot.seconds for shot in board.shots) == pytest.approx(6.0)
    assert len({shot.seed for shot in board.shots}) == 5


def test_the_first_shot_is_the_idea_and_shots_morph() -> None:
    board = plan(IDEAS[0])
    assert full_prompt(board, 0) == f"{IDEAS[0]}, {board.bible.look}"
    assert all(isinstance(shot.transition, Morph) for shot in board.shots[:-1])


LASTING = [
    "a lighthouse by the sea at night, full moon",
    "a castle on a hill at night",
    "a dragon over the mountains in a storm",
    "summer day at the beach, children playing",
    "a moonlit lake, stars",
    "a portrait of a girl with red hair, smiling, at night",
    "a castle at noon, full moon",
    "the last light of day over a village in the valley",
    "cyberpunk city at night in the rain, neon lights",
    "a boat on a stormy sea at night. It reaches a castle in the mountains",
    "In autumn a knight walks through a forest at dawn. He finds a cottage. He meets a dragon",
    "a girl walks on a foggy evening, a girl rests by a lake",
]


@pytest.mark.parametrize("idea", LASTING)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_facts_of_the_idea_hold_in_every_shot(idea: str, seed: int) -> None:
    labels = read_labels(idea)
    stated = {"time": labels.time, "weather": labels.weather, "season": next(iter(stages_of(idea, "season")), None)}
    stated = {name: value for name, value in stated.items() if value}
    assert stated
    for shot in range(5):
        prompt = full_prompt(plan(idea, seed=seed), shot)
        assert {name: stages_of(prompt, name) for name in stated} == {name: (value,) for name, value in stated.items()}
        assert "season" in stated or not stages_of(prompt, "season")


@pytest.mark.parametrize(
    ("idea", "attribute", "values"),
    [
        ("a castle by the sea from day to night", "time", "day day sunset night night"),
        ("a boat on a lake, from dawn till dusk", "time", "dawn dawn day sunset sunset"),
        ("a village as the day turns into a rainy night", "time", "day day sunset night night"),
        ("day and night over a castle", "time", "day day sunset night night"),
        ("a castle at night after a sunny day", "time", "day day sunset night night"),
        ("the sun goes down over the sea", "time", "sunset sunset sunset night night"),
        ("night falls over the village", "time", "night night night night night"),
        ("a boat leaves the village. It reaches a lighthouse at night", "time", "sunset sunset sunset night night"),
        ("a girl walks through a forest at night. Morning comes", "time", "night night night dawn dawn"),
        ("a day in the life of a windmill", "time", "dawn day sunset sunset night"),
        ("a windmill in a meadow on a sunny day, then it snows", "weather", "clear clear clear snow snow"),
        ("rain turns to snow over a village", "weather", "rain rain rain snow snow"),
        ("a village in the rain. Then the rain stops", "weather", "rain rain rain clear clear"),
        ("a village at night. It rains", "weather", "cloudy cloudy cloudy rain rain"),
        ("an oak tree through the four seasons", "season", "spring summer autumn autumn winter"),
    ],
)
def test_changes_stated_in_the_idea_happen_in_order(idea: str, attribute: str, values: str) -> None:
    board = plan(idea)
    prompts = [full_prompt(board, index) for index in range(5)]
    read = [stages_of(prompt, attribute) for prompt in prompts]
    assert [stages[0] if stages else None for stages in read] == values.split()
    last_words = {fact[1] for fact in facts_in(prompts[-1]) if fact[0] == attribute}
    assert attribute == "season" or last_words == {values.split()[-1]}, "nothing of the first is left in the last"


def test_a_change_of_the_sky_keeps_the_subject() -> None:
    last = full_prompts("a windmill in a meadow on a sunny day, then it snows")[-1]
    assert last.startswith("a windmill in a meadow by day, it snows")


@pytest.mark.parametrize(
    ("idea", "phrase"),
    [
        ("a castle at sundown", "a castle at sunset"),
        ("a boat in the moonlight", "a boat at night"),
        ("northern lights over a snowy plain", "northern lights over a snowy plain at night"),
        ("a windmill on a sunny day, then it snows", "it snows, in the snow"),
        ("a boat on a stormy sea by day", "a boat on a stormy sea by day, in the rain"),
        ("a cottage in winter", "in the snow"),
    ],
)
def test_light_and_weather_are_stated_in_caption_phrases(idea: str, phrase: str) -> None:
    assert any(phrase in prompt for prompt in full_prompts(idea))


def test_every_scene_names_its_subject_and_place() -> None:
    prompts = full_prompts("A knight walks through a forest at dawn. He fights a dragon. He rests by a lake", 3)
    assert all("a knight" in prompt.lower() and "at dawn" in prompt for prompt in prompts)
    assert [read_labels(prompt).place for prompt in prompts] == ["forest", "forest", "lake"]
    assert full_prompts("a boat leaves the village. It meets a whale", 2)[1].startswith("a boat meets a whale")
    assert read_labels(full_prompts("a boat leaves the village. It meets a whale", 2)[1]).place is None


@pytest.mark.parametrize("seed", range(4))
def test_no_rain_falls_in_a_room_and_no_snow_in_summer(seed: int) -> None:
    board = plan("an old man by the fire in a kitchen", seed=seed)
    assert not any(name in ("weather", "extras") for shot in board.shots for name, _ in facts_in(shot.prompt))
    summer = plan("a forest in summer", seed=seed)
    assert not any(read_labels(shot.prompt).weather in ("snow", "rain") for shot in summer.shots)


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
    assert len({full_prompt(board, index) for index in range(40)}) == 40


@pytest.mark.parametrize(("idea", "shots", "words"), [(" \n", 5, "the idea is empty"), ("a", 0, "0 shots"), ("a", 100_000, "100000 shots")])
def test_impossible_plans_are_refused(idea: str, shots: int, words: str) -> None:
    with pytest.raises(StoryboardError, match=words):
        plan(idea, shots=shots)


def full_prompts(idea: str, shots: int = 5) -> list[str]:
    board = plan(idea, shots)
    return [full_prompt(board, index) for index in range(shots)]


def test_both_of_two_subjects_stay_when_they_are_named_again() -> None:
    for prompt in full_prompts("A dragon and a boat rest on the sea. Then they sail to a castle.", 2):
        assert "a dragon and a boat" in prompt.lower()


def test_a_person_keeps_hair_and_clothes_but_no_action_place_or_time() -> None:
    prompts = full_prompts("A girl with red hair walks through a forest at night. She finds a castle. She meets a dragon.", 3)
    assert prompts[1].startswith("a girl with red hair finds a castle")
    assert prompts[2].startswith("a girl with red hair meets a dragon")
    boy = full_prompts("a boy with green hair at night")
    assert all(prompt.count("with green hair") == 1 for prompt in boy)
    assert [read_labels(prompt).time for prompt in boy] == ["night"] * 5


def test_repeated_words_are_removed() -> None:
    assert [prompt.split(",")[0] for prompt in full_prompts("a castle at sunset at sunset")] == ["a castle at sunset"] * 5


def test_denied_things_go_to_the_negative_prompt() -> None:
    board = plan("no people, just a quiet lake without boats")
    assert {shot.negative for shot in board.shots} == {"people, boats"}
    assert not any("people" in shot.prompt or "boats" in shot.prompt for shot in board.shots)
    assert {shot.negative for shot in plan("a castle at night").shots} == {""}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("idea", "negative", "never"),
    [
        ("a castle", "rain, snow, birds", {("weather", "rain"), ("weather", "snow"), ("extras", "birds")}),
        ("a windmill in a meadow", "night, fog, people", {("time", "night"), ("weather", "fog"), ("extras", "figure")}),
        ("a castle, no birds", "", {("extras", "birds")}),
        ("a quiet village, no people, without fog", "", {("extras", "figure"), ("weather", "fog")}),
        ("a starless night over a village", "", {("extras", "stars")}),
        ("a castle in the sunlight", "", {("time", "night"), ("weather", "rain")}),
        ("a portrait of a girl", "smiling", {("expression", "smiling")}),
    ],
)
def test_nothing_denied_or_in_the_negative_prompt_is_added(idea: str, negative: str, never: set[tuple[str, str]], seed: int) -> None:
    board = plan(idea, shots=8, seed=seed, negative=negative)
    added = {fact for shot in board.shots for fact in facts_in(shot.prompt.removeprefix(idea))}
    assert not added & never


def test_a_season_does_not_bring_what_is_denied() -> None:
    assert not any("snow" in shot.prompt for shot in plan("a village in winter, no snow", negative="snow").shots)
    assert all("in the snow" in shot.prompt for shot in plan("a village in winter").shots)


def test_a_negative_prompt_without_facts_changes_no_plan() -> None:
    assert all(plan(idea, negative="blurry, low quality") == plan(idea) for idea in IDEAS)


@pytest.mark.parametrize(
    ("idea", "attribute", "value"),
    [
        ("ein Schloss am Meer bei Nacht", "time", "night"),
        ("ein Leuchtturm im Regen", "weather", "rain"),
        ("ein Dorf im Schnee am Abend", "time", "sunset"),
        ("un château au coucher du soleil", "time", "sunset"),
        ("замок ночью", "time", "night"),
    ],
)
def test_time_and_weather_in_other_languages_are_not_contradicted(idea: str, attribute: str, value: str) -> None:
    for shot in plan(idea).shots:
        assert {fact[1] for fact in facts_in(shot.prompt) if fact[0] == attribute} == {value}


@pytest.mark.parametrize("end", ["the sky clears", "it clears up", "the weather clears", "the clouds part"])
def test_after_the_rain_the_sky_is_clear(end: str) -> None:
    prompts = full_prompts(f"a castle in the rain, then {end}")
    assert [read_labels(prompt).weather for prompt in prompts] == ["rain", "rain", "rain", "clear", "clear"]


def test_a_long_narrative_sentence_is_shown_in_order() -> None:
    story = (
        "a small wooden boat leaves a quiet village at dawn, sails over the stormy sea past a tall striped lighthouse, "
        "goes up the river into the mountains, and reaches an ancient castle above the clouds, where a dragon circles in the night sky"
    )
    prompts = full_prompts(story)
    for prompt, word in zip(prompts, ("village", "lighthouse", "mountains", "castle", "dragon"), strict=True):
        assert word in prompt
    assert all("small wooden boat" in prompt for prompt in prompts)
    described = "a castle, " + ", ".join(["beautiful", "cinematic", "masterpiece", "highly detailed"] * 7)
    assert all("castle" in prompt and prompt.count("masterpiece") > 0 for prompt in full_prompts(described))


@pytest.mark.parametrize(
    ("idea", "word"), [("\N{DRAGON}\N{FIRE}\N{EUROPEAN CASTLE}", "dragon"), ("\N{SUNRISE} a boat \N{WATER WAVE}", "a boat")]
)
def test_emoji_are_named_only_without_words(idea: str, word: str) -> None:
    prompts = full_prompts(idea)
    assert all(prompt.startswith(word) and prompt.isascii() for prompt in prompts)
    assert len(set(prompts)) == 5


@pytest.mark.parametrize(
    "idea", ["a", "\u591c\u306e\u57ce", "!!!", "\N{SNOWMAN}\N{VARIATION SELECTOR-16}", "ein Schloss am Meer", "no", "word " * 400]
)
def test_any_idea_gives_five_different_shots_that_contain_it(idea: str) -> None:
    assert len(set(full_prompts(idea))) == 5


def test_a_boat_stands_on_no_path() -> None:
    assert not any("path" in prompt or "trail" in prompt for prompt in full_prompts("a boat at sunset", 8))


def test_emphasis_is_preserved_by_a_plan() -> None:
    board = OfflinePlanner().plan("a (castle:1.2) by the [sea] at ((night)). Then it is in the (snow:1.3)", shots=4, seconds=4, seed=0)
    prompts = [full_prompt(board, index) for index in range(4)]
    assert not any(read_emphasis(prompt).warnings for prompt in prompts)
    assert all("(castle:1.2) by the [sea] at ((night))" in prompt for prompt in prompts[:2])
    assert all("a castle is in the (snow:1.3)" in prompt for prompt in prompts[2:])
    assert board.bible.subject == "a castle"


@pytest.mark.parametrize("idea", ["a castle", "a girl in a forest", "a dragon over a castle"])
@pytest.mark.parametrize("seed", range(3))
def test_light_and_weather_stay_in_a_short_film_and_may_change_in_a_long_one(idea: str, seed: int) -> None:
    board = OfflinePlanner().plan(idea, shots=4, seconds=19.9, seed=seed)
    read = [read_labels(full_prompt(board, index)) for index in range(4)]
    assert len({(labels.time, labels.weather) for labels in read}) == 1
    assert all(before.extras <= after.extras for before, after in pairwise(read)), "what has entered stays"
    long = OfflinePlanner().plan(idea, shots=6, seconds=20.0, seed=seed)
    assert len({read_labels(full_prompt(long, index)).time for index in range(6)}) > 1


def test_a_change_of_light_takes_longer_than_other_morphs() -> None:
    seconds = [
        shot.transition.seconds for shot in plan("the sun goes down over the sea", shots=4).shots if isinstance(shot.transition, Morph)
    ]
    assert seconds == [0.9, 1.5, 0.9]


@pytest.mark.parametrize("idea", ["a girl walks by the sea", "a boat on a lake", "a dragon over a castle"])
def test_every_shot_shows_the_same_look(idea: str) -> None:
    board = plan(idea, seed=3)
    assert board.bible.look
    assert all(full_prompt(board, index).endswith(board.bible.look) for index in range(5))
    assert plan(idea, seed=3, shots=2).bible.look == board.bible.look, "idea and seed decide it"
    assert len({plan(idea, seed=seed).bible.look for seed in range(6)}) > 1


def test_what_the_negative_prompt_names_is_in_no_look() -> None:
    assert not any("red" in plan("a cottage", seed=seed, negative="red").bible.look for seed in range(8))
