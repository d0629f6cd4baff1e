"""Films as rows hold them, read a shot at a time."""

from typing import Any

import pytest

from sakuga.story.film import FilmError, from_document, to_document
from sakuga.web.database import packed
from sakuga.web.film_reading import FilmText, head_of, read_film_text, read_shot_text
from sakuga.web.storyboards import shot_warnings

SHOTS: list[dict[str, Any]] = [
    {"prompt": "the girl runs", "seconds": 1.5, "seed": 3, "transition": "cut", "guidance": "0: 4, 24 smooth: 7"},
    {"prompt": "0: a castle, 12: a castle at night", "seconds": 2.0, "seed": 4, "camera": {"zoom": 1.2, "pan": [0.1, 0.0], "rotate": 0.0}},
    {"prompt": "a castle", "seconds": 2.0, "seed": 5, "transition": "dissolve 0.5", "negative": "rain", "on": 2},
]


def text(*shots: dict[str, Any], **settings: Any) -> FilmText:
    bible = {"subject": "the girl with red hair", "look": "blue dress", "style": "watercolor"}
    return FilmText(head=head_of({"idea": "a girl", "fps": "24", **settings}, bible), shots=tuple(packed(shot) for shot in shots))


def test_a_film_read_by_shots_is_that_read_as_a_whole() -> None:
    film = text(*SHOTS, steps=12)
    reading = read_film_text(film)
    whole = from_document(film.document, "film")
    assert reading.film == whole
    assert reading.document == to_document(whole)
    assert reading.shots[0].prompt.startswith("the girl with red hair runs")


def test_a_change_of_one_shot_reads_no_other() -> None:
    read_film_text(text(*SHOTS))
    before = read_shot_text.cache_info().misses
    read_film_text(text(SHOTS[0], SHOTS[1], SHOTS[2] | {"seed": 6}))
    assert read_shot_text.cache_info().misses == before + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": -1.0}, "shot 3 lasts -1 seconds"),
        ({"guidance": "0: x"}, "shot 3.guidance"),
        ({"transition": "wipe"}, "shot 3.transition"),
        ({"mood": "sad"}, "shot 3.mood: unknown key"),
        ({"seconds": 3599.0}, "the film lasts"),
    ],
)
def test_an_error_names_the_shot_in_the_film(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FilmError, match=message):
        read_film_text(text(*SHOTS[:2], SHOTS[2] | change))


def test_a_wrong_setting_and_a_film_without_shots_are_refused() -> None:
    with pytest.raises(FilmError, match=r"film\.steps"):
        read_film_text(text(*SHOTS, steps="many"))
    with pytest.raises(FilmError, match="at least one shot"):
        read_film_text(text())


@pytest.mark.parametrize(
    ("before", "transition", "still"),
    [("a castle AND a moon", "morph 1", True), ("a castle AND a moon", "cut", False), ("a castle", "morph 1", False)],
)
def test_a_shot_that_goes_on_from_a_composed_prompt_says_that_it_stays_still(before: str, transition: str, still: bool) -> None:
    shots = [SHOTS[2] | {"prompt": before, "transition": transition}, SHOTS[2] | {"prompt": "a castle at night"}]
    reading = read_film_text(text(*shots))
    notes, _ = shot_warnings(reading, (1,))
    assert ("motion" in {note.rule for note in notes[0]}) == still
    assert shot_warnings(reading, (0, 1))[0][1] == notes[0]
