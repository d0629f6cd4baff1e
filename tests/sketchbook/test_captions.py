"""Captions state only what the image shows, and can be parsed back."""

import re
import time
from typing import get_args

import numpy as np
import pytest

from sakuga.sketchbook import labels as world
from sakuga.sketchbook.captions import Stated, caption, facts_in, facts_of, full_caption, known_words, read_labels
from sakuga.sketchbook.filler_words import EVERYDAY, NEUTRAL, QUALITY, STORY
from sakuga.sketchbook.labels import LOOKS, Labels, Portrait
from sakuga.sketchbook.words import JOINT, WORDING


def random_labels(rng: np.random.Generator) -> Labels:
    def choose(kind: object) -> str:
        return str(rng.choice(get_args(kind)))

    portrait = None
    if rng.random() < 0.25:
        kinds = {"person": world.Person, "hair": world.HairColor, "hair_length": world.HairLength}
        looks = {**kinds, "dress": world.DressColor, "expression": world.Expression}
        portrait = Portrait(**{name: choose(kind) for name, kind in looks.items()})  # type: ignore[arg-type]
    return Labels(
        time=choose(world.Time),  # type: ignore[arg-type]
        weather=choose(world.Weather),  # type: ignore[arg-type]
        place=choose(world.Place),  # type: ignore[arg-type]
        subject="none" if portrait else choose(world.Subject),  # type: ignore[arg-type]
        side=choose(world.Side),  # type: ignore[arg-type]
        extras=frozenset(extra for extra in get_args(world.Extra) if rng.random() < 0.25),
        portrait=portrait,
    )


def test_a_caption_states_only_what_the_image_shows() -> None:
    rng = np.random.default_rng(1)
    for index in range(2000):
        labels = random_labels(rng)
        look = LOOKS[index % len(LOOKS)]
        text = caption(labels, rng, look)
        stated = facts_in(text)
        allowed = {*facts_of(labels), ("look", look), ("close_up", "yes" if labels.portrait else "no")}
        assert set(stated) <= allowed, f"{text!r} states {set(stated) - allowed}"
        assert stated, text
        assert look == "flat" or read_labels(text).look == look, text
        assert set(re.findall(r"[\w']+", text.lower())) <= known_words(), text


def test_rain_snow_and_fog_are_nearly_always_stated_and_fine_weather_rarely() -> None:
    rng = np.random.default_rng(6)
    sampled = [random_labels(rng) for _ in range(2000)]
    stated = {
        weather: [
            ("weather", weather) in facts_in(caption(scene_labels, rng)) for scene_labels in sampled if scene_labels.weather == weather
        ]
        for weather in get_args(world.Weather)
    }
    assert all(np.mean(stated[weather]) > 0.95 for weather in ("rain", "snow", "fog"))
    assert np.mean(stated["clear"]) < 0.5


def test_a_full_caption_states_every_attribute() -> None:
    rng = np.random.default_rng(2)
    for generator in (None, rng):
        for _ in range(500):
            labels = random_labels(rng)
            text = full_caption(labels, generator, "pixel")
            missing = {*facts_of(labels), ("look", "pixel")} - set(facts_in(text))
            assert not missing, f"{text!r} lacks {missing}"
    assert full_caption(labels) == full_caption(labels)


def test_about_seven_facts_in_ten_are_stated_and_captions_differ() -> None:
    rng = np.random.default_rng(3)
    labels = Labels(time="dawn", weather="fog", place="lake", subject="boat", side="left", extras=frozenset({"birds"}))
    texts = [caption(labels, rng) for _ in range(1000)]
    read = [read_labels(text) for text in texts]
    assert 0.85 < np.mean([stated.subject == "boat" for stated in read]) < 0.95
    assert 0.63 < np.mean([stated.time == "dawn" for stated in read]) < 0.77
    assert 0.63 < np.mean([stated.place == "lake" for stated in read]) < 0.77
    assert len(set(texts)) > 980


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Snowy cabin in the woods", Stated(weather="snow", place="forest", subject="cabin")),
        ("A full moon glowing brightly", Stated(extras=frozenset({"moon"}))),
        ("Tall trees sway gently in the wind", Stated(place="forest")),
        ("Sunlight fades as the village comes into view", Stated(time="sunset", place="village")),
        ("a calm sea with a red boat", Stated(place="sea", subject="boat")),
        (
            "a portrait of a girl with red hair, smiling, blue sky background",
            Stated(close_up=True, person="girl", hair="red", expression="smiling", time="day", weather="clear"),
        ),
        (
            "a snowy cabin in the woods at dusk, birds over the valley",
            Stated(weather="snow", place="forest", subject="cabin", time="sunset", extras=frozenset({"birds"})),
        ),
        ("Lighthouses, moonlit sea, 8-bit pixel-art", Stated(subject="lighthouse", time="night", place="sea", look="pixel")),
        ("a castle to the right of the hills", Stated(subject="castle", side="right", place="hills")),
        ("the boatman's undersea daydream", Stated()),
    ],
)
def test_handwritten_sentences_are_understood(text: str, stated: Stated) -> None:
    assert read_labels(text) == stated


def test_filler_words_state_nothing() -> None:
    assert len(set(EVERYDAY)) >= 300
    assert {word: facts_in(word) for word in (*QUALITY, *STORY, *EVERYDAY, *NEUTRAL) if facts_in(word)} == {}


def test_every_value_of_every_attribute_has_words_and_each_states_it_alone() -> None:
    kinds = {"time": world.Time, "weather": world.Weather, "place": world.Place, "subject": world.Subject, "side": world.Side}
    kinds |= {"extras": world.Extra, "person": world.Person, "expression": world.Expression, "look": world.Look}
    assert set(WORDING) == {(name, value) for name, kind in kinds.items() for value in get_args(kind)} | {("action", "walking")}
    for fact, wording in WORDING.items():
        for phrase in (*wording.tags, *wording.after):
            assert set(facts_in(phrase)) == {fact}, phrase
    for phrase, facts in JOINT.items():
        assert set(facts_in(phrase)) == set(facts), phrase


def test_a_caption_is_quick() -> None:
    rng = np.random.default_rng(4)
    many = [random_labels(rng) for _ in range(300)]
    rounds = []
    for _ in range(5):
        begin = time.process_time()
        for labels in many:
            caption(labels, rng)
        rounds.append((time.process_time() - begin) / len(many))
    assert min(rounds) < 200e-6  # Five times what it takes, as tests run on busy machines.
