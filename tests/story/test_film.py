"""A film is read back as written, and errors name file, key and remedy."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakuga.story.film import Film, FilmError, from_toml, read_film, to_toml, write_film
from sakuga.story.keys import Key, is_keyed
from sakuga.story.limits import MAX_FILM_BYTES, MAX_PAN, MAX_SECONDS, MAX_ZOOM
from sakuga.story.rate import parse_rate
from sakuga.story.settings import FilmSettings
from sakuga.story.storyboard import Bible, Camera, Cut, Dissolve, Ease, InBetweenMethod, Morph, Shot, Storyboard, full_prompts

words = st.text(st.characters(codec="utf-8"), max_size=30)
styles = words.filter(lambda text: not is_keyed(text))
prompts = words.filter(lambda text: bool(text.strip()))
positive = st.floats(min_value=1e-6, max_value=MAX_ZOOM)
plain = st.floats(min_value=-MAX_PAN, max_value=MAX_PAN)
shots = st.builds(
    Shot,
    prompt=prompts,
    seconds=st.floats(min_value=1e-6, max_value=MAX_SECONDS / 3),
    seed=st.integers(0, 2**63 - 1),
    camera=st.builds(Camera, zoom=positive, pan=st.tuples(plain, plain), rotate=plain, parallax=st.floats(0, 1)),
    transition=st.just(Cut())
    | st.builds(Morph, seconds=positive, method=st.none() | st.sampled_from(get_args(InBetweenMethod)))
    | st.builds(Dissolve, seconds=positive),
    ease=st.sampled_from(get_args(Ease)),
    hold=st.just(0.0),
    negative=words,
    turns=st.just(()) | st.just((Key(frame=3, value="a castle, at night"), Key(frame=9, value="rain", ease="smooth"))),
    strength=st.none()
    | st.floats(min_value=1e-6, max_value=1.0)
    | st.just((Key(frame=0, value=0.5), Key(frame=24, value=0.7, ease="out"))),
    guidance=st.none() | st.floats(min_value=0, max_value=100),
    steps=st.none() | st.integers(1, 1000).map(float),
    control_weight=st.none() | st.just((Key(frame=0, value=1.0),)),
    style=st.none() | styles | st.just((Key(frame=0, value="comic:0.5, cel"), Key(frame=24, value="cel:2", ease="out"))),
    init_from=st.sampled_from([None, "keyframe", "previous"]),
    on=st.none() | st.integers(1, 12),
)
films = st.builds(
    Film,
    settings=st.builds(
        FilmSettings,
        fps=st.none() | st.floats(0.1, 240).map(parse_rate) | st.fractions(1, 240, max_denominator=1001).map(parse_rate),
        size=st.none() | st.tuples(st.integers(1024, 4096), st.integers(1024, 4096)),
        model=st.none() | words,
        style=st.none() | styles,
        steps=st.none() | st.integers(1, 1000),
        guidance=st.none() | st.floats(min_value=0, max_value=100),
        strength=st.none() | st.floats(min_value=0.01, max_value=1),
        control_weight=st.none() | st.floats(min_value=0, max_value=2),
        depth=st.sampled_from([None, "estimator", "luminance"]),
        init_from=st.sampled_from([None, "keyframe", "previous"]),
        shot_strength=st.none() | st.floats(min_value=0.01, max_value=1),
        noise_drift=st.none() | st.floats(min_value=0, max_value=10),
        keyframe_rate=st.none() | st.integers(1, 240),
        between=st.none() | st.sampled_from(get_args(InBetweenMethod)),
        on=st.none() | st.integers(1, 12),
        grain=st.none() | st.floats(0, 1),
        paper=st.none() | st.floats(0, 1),
    ),
    storyboard=st.builds(
        Storyboard,
        idea=words,
        bible=st.builds(Bible, subject=words, setting=words, palette=words, style=words),
        shots=st.lists(shots, min_size=1, max_size=3).map(tuple),
    ),
)

FILM = """
[film]
idea = "a castle"
size = "256x160"
[[shots]]
prompt = "a castle at dawn"
seconds = 2
seed = 7
transition = "dissolve 0.5"
[[shots]]
prompt = "a castle at night"
seconds = 1.5
seed = 8
camera = { zoom = 1.2, pan = [0.1, 0] }
"""


@settings(max_examples=60, deadline=None)
@given(films)
def test_a_written_film_is_read_back_equal(film: Film) -> None:
    assert from_toml(to_toml(film)) == film


def test_a_handwritten_film_is_read() -> None:
    film = from_toml(FILM)
    first, second = film.storyboard.shots
    assert film.settings == FilmSettings(size=(256, 160))
    assert (first.seconds, first.seed, first.transition) == (2.0, 7, Dissolve(seconds=0.5))
    assert second.camera == Camera(zoom=1.2, pan=(0.1, 0.0))
    assert second.transition == Morph()
    assert from_toml(FILM.replace('"256x160"', "256")).settings.size == (256, 256)


def test_keys_are_read_as_written() -> None:
    keyed = FILM.replace('"a castle at dawn"', '"0: a castle, 3 towers, at dawn, 12: a (castle:1.2) at noon"').replace(
        "seed = 7", 'seed = 7\nstrength = "0: 0.5, 24 smooth: 0.7"\nguidance = 6'
    )
    shot = from_toml(keyed).storyboard.shots[0]
    assert (shot.prompt, shot.turns) == ("a castle, 3 towers, at dawn", (Key(frame=12, value="a (castle:1.2) at noon"),))
    assert shot.strength == (Key(frame=0, value=0.5), Key(frame=24, value=0.7, ease="smooth"))
    assert shot.guidance == 6
    assert full_prompts(from_toml(keyed).storyboard, 0)[1] == "a (castle:1.2) at noon"


def test_a_plain_prompt_may_count() -> None:
    assert from_toml(FILM.replace("a castle at dawn", "3 castles: two are ruins")).storyboard.shots[0].turns == ()


def test_a_film_file_is_written_atomically_with_its_seeds(tmp_path: Path) -> None:
    path = tmp_path / "film.toml"
    write_film(from_toml(FILM), path)
    assert read_film(path) == from_toml(FILM)
    assert "seed = 7" in path.read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["film.toml"]
    with pytest.raises(FilmError, match="cannot be written"):
        write_film(from_toml(FILM), path / "film.toml")
    write_film(from_toml(FILM), tmp_path / "new" / "film.toml")
    assert read_film(tmp_path / "new" / "film.toml") == from_toml(FILM)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 7", "sede = 7", r"my\.toml: shot 1\.sede: unknown key; did you mean 'seed'\? \(and 1 more\)"),
        ("seed = 7", "seed = 7\nstrenght = 0.5", r"my\.toml: shot 1\.strenght: unknown key; did you mean 'strength'\?"),
        ("[film]", "[film]\nhold_on = 0.5", r"my\.toml: film\.hold_on: hold_on is called shot_strength"),
        ("seed = 7", 'seed = 7\nfollow = "chain"', r"shot 1\.follow: follow is called init_from"),
        ("[film]", "[film]\nsteps = 0", r"film\.steps: 0 cannot be read: 0 is out of range; choose 1 to 1000"),
        ("[film]", "[film]\nstpes = 3", r"film\.stpes: unknown key; did you mean 'steps'"),
        ("[film]", '[film]\nstyle = "0: cel, 9: comic"', r"film\.style: .* does not change over time"),
        ("[film]", "[film]\npixel = { colours = 3 }", r"film\.pixel: .* unknown key 'colours'; there are grid, colors"),
        ("zoom = 1.2", "zom = 1.2", r"shot 2\.camera\.zom: unknown key; did you mean 'zoom'"),
        ("[film]", "[films]", r"my\.toml: films: unknown key; did you mean 'film'"),
        ("seconds = 2", 'seconds = "2"', r"shot 1\.seconds: input should be a valid number, not '2'"),
        ("seconds = 2", "seconds = nan", r"shot 1\.seconds: input should be a finite number"),
        ("seconds = 2", "seconds = 0", r"my\.toml: shot 1 lasts 0 seconds"),
        ('"dissolve 0.5"', '"fade"', r"shot 1\.transition: 'fade' cannot be read: write \"cut\", \"morph 1\.0\""),
        ('"256x160"', "0", r"film\.size: 0 cannot be read: 0x0 is out of range; choose 16 to 4096"),
        ('"256x160"', "true", r"film\.size: True cannot be read: .* write width and height as"),
        ('"256x160"', '"big"', r"film\.size: 'big' cannot be read: .* write width and height as"),
        ('"a castle at dawn"', "", r"my\.toml: is not TOML"),
        ("[0.1, 0]", "[0.1]", r"shot 2\.camera\.pan"),
        (
            "seed = 7",
            'seed = 7\nstrength = "0: 0.5, 24 wobbly: 0.7"',
            r"shot 1\.strength: .*no ease 'wobbly': there are linear",
        ),
        ("seed = 7", 'seed = 7\nguidance = "0: 4, 24: 5, 12: 6"', r"shot 1\.guidance: .* frame 12 comes after frame 24"),
        ("seed = 7", 'seed = 7\nguidance = "0: 4, 0: 5"', r"frame 0 comes after frame 0"),
        ("seed = 7", 'seed = 7\nguidance = "6: 4"', r"the first on frame 0"),
        ("seed = 7", 'seed = 7\ncontrol_weight = "0: much"', r"'much' is not a number"),
        ("seed = 7", 'seed = 7\ncontrol_weight = "0: nan"', r"nan is not finite"),
        ("seed = 7", 'seed = 7\ncontrol_weight = "0: 1, 9:"', r"the key on frame 9 is empty"),
        ("seed = 7", "seed = 7\nsteps = [1]", r"shot 1\.steps: .* write a number, or keys"),
        ("seed = 7", 'seed = 7\nsteps = "0: 4, 9: 4.5"', r"shot 1 has 4\.5 steps; use whole numbers"),
        ("seed = 7", 'seed = 7\nstrength = "0: 0.5, 9: 1.5"', r"shot 1 has strength 1\.5; use above 0 to 1"),
        ("seed = 7", 'seed = 7\ninit_from = "me"', r"shot 1\.init_from"),
        ('"a castle at dawn"', '"0: dawn, 9 slowly: noon"', r"shot 1\.prompt: .* no ease 'slowly'"),
        ("zoom = 1.2", "zoom = 1.2, parallax = 2", r"shot 2 has camera parallax 2; use 0"),
    ],
)
def test_every_error_is_named(old: str, new: str, message: str) -> None:
    assert old in FILM
    with pytest.raises(FilmError, match=message):
        from_toml(FILM.replace(old, new), "my.toml")


def test_a_pan_is_written_in_one_line() -> None:
    film = from_toml(FILM, "my.toml")
    shot = replace(film.storyboard.shots[0], camera=Camera(pan=(-0.07, 1e-7)))
    film = replace(film, storyboard=replace(film.storyboard, shots=(shot,)))
    assert "pan = [-0.07, 1e-07]\n" in to_toml(film)
    assert from_toml(to_toml(film), "my.toml") == film


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="there is no such film"):
        read_film(tmp_path / "no.toml")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(FilmError, match="is not a text file; give a film"):
        read_film(tmp_path / "image.png")


def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "film.toml").write_bytes(b"\xef\xbb\xbf" + FILM.replace("\n", "\r\n").encode())
    assert read_film(tmp_path / "film.toml") == from_toml(FILM, "film.toml")


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (FILM.encode("utf-16"), "it is in UTF-16; save it as UTF-8"),
        ("[film]\nidea = 'caf\xe9'".encode("latin-1"), "it is not in UTF-8"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"9" * 10_000, "is not TOML"),
        (b"#" * (MAX_FILM_BYTES + 1), "has more than 16 MB"),
    ],
)
def test_a_film_that_is_no_readable_text_is_refused_in_a_sentence(tmp_path: Path, content: bytes, remedy: str) -> None:
    (tmp_path / "film.toml").write_bytes(content)
    with pytest.raises(FilmError, match=remedy):
        read_film(tmp_path / "film.toml")


@pytest.mark.parametrize(
    ("shot", "refusal"),
    [
        ("seconds = 1e12", "shot 1 lasts 1e.12 seconds; use at most 3600"),
        ("seconds = 5000", "not milliseconds"),
        ("seconds = 1\ncamera = { zoom = 1e300 }", "moves the camera too far"),
        ("seconds = 1\ntransition = 'morph 1e300'", "a transition of 1e.300 seconds"),
        ("seconds = 1\nguidance = '0: 1, 99999999999999999999: 2'", "put keys|cannot be read"),
    ],
)
def test_a_film_beyond_every_use_is_refused_when_it_is_read(shot: str, refusal: str) -> None:
    with pytest.raises(FilmError, match=refusal):
        from_toml(f"[[shots]]\nprompt = 'a castle'\nseed = 1\n{shot}\n", "film.toml")


def test_shots_that_are_too_long_together_are_refused() -> None:
    shot = "[[shots]]\nprompt = 'a castle'\nseed = 1\nseconds = 2000\n"
    with pytest.raises(FilmError, match="the film lasts 4000 seconds"):
        from_toml(shot * 2, "film.toml")


def test_the_number_of_further_errors_is_told_where_there_are_some() -> None:
    with pytest.raises(FilmError, match=r"colour: unknown key[^(]*$"):
        from_toml('[film]\ncolour = 1\n[[shots]]\nprompt = "a"\nseconds = 1.0\nseed = 1\n')
    with pytest.raises(FilmError, match=r"\(and 1 more\)$"):
        from_toml('[film]\ncolour = 1\nlook = 2\n[[shots]]\nprompt = "a"\nseconds = 1.0\nseed = 1\n')
