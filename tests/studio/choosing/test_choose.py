"""Images are chosen one by one, and the log of the decisions makes the same clip again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from sakuga import SakugaError, studio
from sakuga.studio import FilmSettings
from sakuga.studio.choosing.log import Discard, Pin, read
from sakuga.studio.choosing.replay import open_session
from sakuga.studio.choosing.session import Session


@pytest.fixture
def choose(tmp_path: Path, tiny_v_folder: Path, picture: Path) -> Callable[..., object]:
    def made(picks: str, name: str = "clip.apng", **given: object):
        settings = FilmSettings(model=str(tiny_v_folder), steps=2, size=(32, 32))
        how = {"variants": 2, "between": 2, "settings": settings, "store": tmp_path / "frames", "session": tmp_path / f"{name}.jsonl"}
        return studio.choose(picture, picks, tmp_path / name, **(how | given)).result()

    return made


def pixels(clip: Path) -> list[bytes]:
    with Image.open(clip) as shown:
        return [shown.seek(place) or shown.convert("RGB").tobytes() for place in range(shown.n_frames)]


def test_the_first_image_taken_each_time_is_the_clip_of_vary(
    choose: Callable[..., object], tmp_path: Path, tiny_v_folder: Path, picture: Path
) -> None:
    made = choose("1,1,1", variants=1, recipe=False, seed=5)
    settings = FilmSettings(model=str(tiny_v_folder), steps=2, size=(32, 32))
    how = {"variants": 3, "between": 2, "seed": 5, "settings": settings, "store": tmp_path / "other", "recipe": False}
    studio.vary(picture, tmp_path / "vary.apng", **how).result()
    assert made.clip.path.read_bytes() == (tmp_path / "vary.apng").read_bytes()
    assert made.clip.frames == 6


@pytest.mark.parametrize(
    "how",
    [{}, {"mode": "img2img", "strength": 0.5}, {"mode": "img2img", "prompt": "a hill"}, {"mode": "prompt", "prompt": "a castle"}],
)
def test_a_session_is_replayed_to_the_byte_in_an_empty_store(
    choose: Callable[..., object], tmp_path: Path, tiny_v_folder: Path, picture: Path, how: dict[str, object]
) -> None:
    made = choose("2,1,u,2", **how)
    known = {"model": str(tiny_v_folder), "store": tmp_path / "empty"}
    with pytest.raises(SakugaError, match="give it with --image"):
        studio.replay(made.session, tmp_path / "again.apng", **known).result()
    again = studio.replay(made.session, tmp_path / "again.apng", images=[picture], **known).result()
    assert again.frames == 4
    assert again.path.read_bytes() == made.clip.path.read_bytes()
    remade = studio.remake(made.clip.path, tmp_path / "remade.apng", images=[picture], **known).result()
    assert remade.path.read_bytes() == made.clip.path.read_bytes()


def test_another_image_taken_is_another_clip_with_the_same_beginning(choose: Callable[..., object]) -> None:
    first, other = (pixels(choose(picks, f"{picks}.apng").clip.path) for picks in ("1,1", "1,2"))
    assert first[:2] == other[:2]
    assert first[2] != other[2]
    assert first[3] != other[3]


def test_a_session_goes_on_where_it_was_left(choose: Callable[..., object], tmp_path: Path) -> None:
    whole = choose("2,1", "whole.apng")
    choose("2", "half.apng")
    half = choose("1", "half2.apng", session=tmp_path / "half.apng.jsonl")
    assert pixels(half.clip.path) == pixels(whole.clip.path)


def test_a_move_may_change_on_the_way(begin: Callable[..., Session], tmp_path: Path, tiny_v_folder: Path) -> None:
    from sakuga.studio.choosing.choose import export_session, rendering_of
    from sakuga.studio.choosing.log import Take
    from sakuga.studio.core.output import Output
    from sakuga.studio.core.work import Work
    from sakuga.timeline.choices import FromPrompt, ImageToImage, Variation

    session = begin()
    for move in (ImageToImage(strength=0.5), FromPrompt(prompt="a hill"), Variation()):
        session.decide(session.next_offer(session.tree.place.current, move))
        session.decide(Take(node=session.tree.shown[0].id))
    made = Work(export_session(session, Output(path=tmp_path / "clip.apng"), rendering_of(session))).result()
    assert made.frames == 6
    assert len(set(pixels(made.path))) == 6
    opened = open_session(session.path, model=str(tiny_v_folder), store=tmp_path / "frames")
    assert opened.tree == session.tree
    assert opened.chosen() == session.chosen()


def test_every_node_of_the_log_names_parent_seed_and_frame(choose: Callable[..., object]) -> None:
    made = choose("2,r,1")
    offers = made.tree.offers
    assert [offer.parent for offer in offers] == [0, 2, 2]
    assert len({choice.seed for offer in offers[1:] for choice in offer.choices}) == 4
    assert [node.frame for node in made.tree.nodes[1:]] == [frame for offer in offers for frame in offer.frames]
    assert read(made.session)[1][0] == offers[0]


def test_a_line_that_was_cut_off_is_left_out_and_written_over(begin: Callable[..., Session], tmp_path: Path, tiny_v_folder: Path) -> None:
    session = begin()
    session.decide(session.next_offer(0))
    with session.path.open("ab") as log:
        log.write(b'{"kind":"pin","no')
    opened = open_session(session.path, model=str(tiny_v_folder), store=tmp_path / "frames")
    assert opened.tree == session.tree
    opened.decide(Pin(node=1))
    assert read(session.path)[1][-1] == Pin(node=1)


def test_a_log_made_with_another_model_is_refused(begin: Callable[..., Session], tmp_path: Path, tiny_folder: Path) -> None:
    session = begin()
    with pytest.raises(SakugaError, match="made with another model"):
        open_session(session.path, model=str(tiny_folder), store=tmp_path / "frames")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"kind":"take","node":9}', "is not among the images shown"),
        ('{"kind":"jump","node":9}', "there is no node 9: this session has 0 to 2"),
        ('{"kind":"eat","node":1}', "line 3"),
        ('{"kind":"pin","node":1,"colour":1}', "line 3"),
        ('{"kind":"undo"}', "nothing to undo"),
    ],
)
def test_a_bad_line_is_refused_with_a_sentence(begin: Callable[..., Session], line: str, message: str) -> None:
    session = begin()
    session.decide(session.next_offer(0))
    with session.path.open("a") as log:
        log.write(line + "\n")
    with pytest.raises(SakugaError, match=message):
        studio.replay(session.path, "clip.gif")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"picks": "3"}, "Image 3 is not shown: there are 1 to 2"),
        ({"picks": "x"}, "'x' is no decision"),
        ({"picks": ""}, "nothing is chosen"),
        ({"picks": "1", "mode": "img2"}, "there is no 'img2'"),
        ({"picks": "1", "mode": "prompt"}, "there is no prompt"),
        ({"picks": "1", "prompt": "a castle"}, "leave the prompt out"),
        ({"picks": "1", "mode": "prompt", "prompt": "a castle <lora:ink:1>"}, "names no styles: leave <lora:...> and embedding:... out"),
        ({"picks": "1", "variants": 0}, "variants: 0 is out of range"),
        ({"picks": "@5"}, "there is no node 5"),
        ({"picks": "1,-1"}, "node 1 leads to the current one"),
    ],
)
def test_bad_requests_are_refused(choose: Callable[..., object], how: dict[str, object], message: str) -> None:
    with pytest.raises(SakugaError, match=message):
        choose(**how)


def test_a_model_without_image_encoder_follows_prompts_only(choose: Callable[..., object], tiny_folder: Path) -> None:
    settings = FilmSettings(model=str(tiny_folder), steps=2, size=(32, 32))
    with pytest.raises(SakugaError, match="no image encoder"):
        choose("1", settings=settings)
    assert choose("1,2", "prompt.apng", mode="prompt", prompt="a castle", settings=settings).clip.frames == 4


def test_discarded_images_are_not_shown(begin: Callable[..., Session]) -> None:
    session = begin()
    session.decide(session.next_offer(0))
    session.decide(Discard(node=1))
    assert [node.id for node in session.tree.shown] == [2]


def test_prompts_are_encoded_as_the_settings_say_and_replayed(
    choose: Callable[..., object], tiny_v_folder: Path, tmp_path: Path, picture: Path
) -> None:
    plain = FilmSettings(model=str(tiny_v_folder), steps=1, size=(32, 32))
    ways = {"plain": plain, "weighted": replace(plain, weighting="a1111"), "skipped": replace(plain, clip_skip=2)}
    how = {"mode": "prompt", "prompt": "a (castle:1.8)", "variants": 1}
    made = {name: choose("1", f"{name}.apng", settings=settings, **how) for name, settings in ways.items()}
    assert len({one.clip.path.read_bytes() for one in made.values()}) == len(ways)
    given = {"images": [picture], "model": str(tiny_v_folder), "store": tmp_path / "empty"}
    again = studio.replay(made["weighted"].session, tmp_path / "again.apng", **given).result()
    assert pixels(again.path) == pixels(made["weighted"].clip.path)


def test_every_setting_of_the_command_is_one_that_a_session_takes(choose: Callable[..., object], tiny_v_folder: Path) -> None:
    given = {"tiled_vae": True, "schedule": "trailing", "eta": 0.5, "sampler": "ddim", "clip_skip": 1, "weighting": "comfyui"}
    made = choose("1", settings=FilmSettings(model=str(tiny_v_folder), steps=2, size=(32, 32), **given), variants=1)
    assert made.clip.frames == 2
