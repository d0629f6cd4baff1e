"""Single frames of a clip are generated again, and nothing else changes."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import SakugaError, studio
from sakuga.export import read_recipe
from sakuga.story.film import from_document
from sakuga.studio import Cut, Expose, FilmSettings, Hold, Redo, Speed


@pytest.fixture
def known(tmp_path: Path, tiny_v_folder: Path) -> dict[str, object]:
    return {"model": str(tiny_v_folder), "store": tmp_path / "frames"}


@pytest.fixture
def film(tmp_path: Path, tiny_v_folder: Path, known: dict[str, object]) -> Path:
    """A clip of two shots of 6 frames, of which 1, 3, 5 and 6 of each are generated."""
    settings = {"model": str(tiny_v_folder), "steps": 2, "size": "32", "fps": 6, "keyframe_rate": 3, "between": "crossfade", "grain": 0.2}
    shots = [{"prompt": prompt, "seconds": 1.0, "seed": seed} for seed, prompt in enumerate(("a hill", "a castle"), 1)]
    board = from_document({"film": settings, "shots": shots}, "film")
    return studio.render(board, tmp_path / "clip.apng", store=tmp_path / "frames").result().clip


def frames(clip: Path) -> list[bytes]:
    """Return the pixels of each frame; one that is held is repeated."""
    with Image.open(clip) as shown:
        shortest = min(_duration(shown, place) for place in range(shown.n_frames))
        return [
            shown.seek(place) or shown.convert("RGB").tobytes()
            for place in range(shown.n_frames)
            for _ in range(round(_duration(shown, place) / shortest))
        ]


def _duration(shown: Image.Image, place: int) -> float:
    shown.seek(place)
    return float(shown.info["duration"])


def changed(before: Path, after: Path) -> list[int]:
    return [place for place, (one, other) in enumerate(zip(frames(before), frames(after), strict=True), 1) if one != other]


def test_one_frame_and_its_in_betweens_change_and_remake_repeats_it(
    film: Path, tmp_path: Path, tiny_v_folder: Path, known: dict[str, object]
) -> None:
    made = studio.edit_clip(film, tmp_path / "redone.apng", [Redo(frame=3, seed=77)], **known).result()
    assert made.generated == 1
    assert changed(film, made.path) == [2, 3, 4]
    (edit,) = json.loads(read_recipe(made.path) or "")["edits"]
    assert {key: value for key, value in edit.items() if value is not None} == {"frame": 3, "kind": "redo", "seed": 77}
    elsewhere = {"model": str(tiny_v_folder), "store": tmp_path / "empty"}
    again = studio.remake(made.path, tmp_path / "again.apng", **elsewhere).result()
    assert again.path.read_bytes() == made.path.read_bytes()


def test_an_in_between_is_redone_and_then_a_frame_beside_it(film: Path, tmp_path: Path, known: dict[str, object]) -> None:
    first = studio.edit_clip(film, tmp_path / "first.apng", [Redo(frame=2, seed=5, strength=0.8)], **known).result()
    assert changed(film, first.path) == [2]
    second = studio.edit_clip(first.path, tmp_path / "second.apng", [Redo(frame=3, seed=6)], **known).result()
    assert changed(first.path, second.path) == [3, 4]
    assert len(json.loads(read_recipe(second.path) or "")["edits"]) == 2


def test_takes_are_the_frames_that_the_clip_gets(film: Path, tmp_path: Path, known: dict[str, object]) -> None:
    made = studio.redo(film, 9, takes=2, seed=77, **known).result()
    assert [take.seed for take in made.takes] == [77, 78]
    assert len({name for take in made.takes for name in take.frames}) == 2
    edited = studio.edit_clip(film, tmp_path / "redone.apng", [Redo(frame=9, seed=78)], **known).result()
    assert edited.generated == 0
    shown = studio.clip_timeline(edited.path, **known).frames
    assert shown[8].digest == made.takes[1].frames[0]
    assert [frame.frame for frame in shown if frame.redone] == [9]
    paths = studio.write_takes(made, tmp_path / "takes")
    assert [path.name for path in paths] == ["seed-77.png", "seed-78.png"]


def test_the_timeline_has_every_frame_in_time(film: Path, known: dict[str, object]) -> None:
    timeline = studio.clip_timeline(film, **known)
    assert (timeline.rate, len(timeline.frames)) == (6, 12)
    assert [frame.frame for frame in timeline.frames if frame.kind == "generated"] == [1, 3, 5, 6, 7, 8, 9, 10, 11, 12]
    assert timeline.frames[7].start == Fraction(7, 6)
    assert len({frame.digest for frame in timeline.frames}) == 12


def test_frames_are_held_cut_and_sped_up(film: Path, tmp_path: Path, known: dict[str, object]) -> None:
    edits = [Cut(frame=11, last=12), Hold(frame=2, frames=2), Speed(factor=2)]
    made = studio.edit_clip(film, tmp_path / "retimed.apng", edits, **known).result()
    assert (made.frames, made.generated) == (12, 0)
    timeline = studio.clip_timeline(made.path, **known)
    assert timeline.rate == 12
    assert [frame.held for frame in timeline.frames[:5]] == [False, False, True, True, False]
    with Image.open(made.path) as shown:
        assert shown.info["duration"] == pytest.approx(1000 / 12, abs=1)
    twos = studio.edit_clip(film, tmp_path / "twos.apng", [Expose(frames=2)], **known).result()
    assert [frame.held for frame in studio.clip_timeline(twos.path, **known).frames] == [False, True] * 6


@pytest.mark.parametrize("kind", ["vary", "morph", "choose"])
def test_clips_of_every_kind_are_edited_and_remade(kind: str, tmp_path: Path, tiny_v_folder: Path, known: dict[str, object]) -> None:
    settings = FilmSettings(model=str(tiny_v_folder), steps=2, size=(32, 32))
    how = {"settings": settings, "store": tmp_path / "frames"}
    image, out = tmp_path / "start.png", tmp_path / "clip.apng"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(image)
    match kind:
        case "vary":
            studio.vary(image, out, variants=2, between=2, **how).result()
        case "morph":
            studio.morph(["a hill", "a castle"], out, frames=4, **how).result()
        case _:
            studio.choose(image, "1,2", out, variants=2, between=2, session=tmp_path / "session.jsonl", **how).result()
    made = studio.edit_clip(out, tmp_path / "redone.apng", [Redo(frame=2, seed=77)], **known).result()
    assert changed(out, made.path) == [2]
    elsewhere = {"model": str(tiny_v_folder), "store": tmp_path / "empty", "images": [] if kind == "morph" else [image]}
    again = studio.remake(made.path, tmp_path / "again.apng", **elsewhere).result()
    assert again.path.read_bytes() == made.path.read_bytes()
    assert [frame.redone for frame in studio.clip_timeline(made.path, **known).frames] == [False, True, False, False]


def test_a_clip_without_a_recipe_has_frames_that_cannot_be_edited(tmp_path: Path) -> None:
    images = [Image.new("RGB", (16, 16), colour) for colour in ("red", "green", "blue")]
    images[0].save(tmp_path / "other.gif", save_all=True, append_images=images[1:], duration=[100, 100, 300])
    timeline = studio.clip_timeline(tmp_path / "other.gif")
    assert [frame.held for frame in timeline.frames] == [False, False, False, True, True]
    assert timeline.rate == 10
    assert "carries no recipe" in timeline.reason
    with pytest.raises(SakugaError, match="carries no recipe"):
        studio.edit_clip(tmp_path / "other.gif", tmp_path / "out.gif", [Redo(frame=1, seed=1)])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"frame": 13}, "the clip has frames 1 to 12, and no frame 13"),
        ({"frame": 0}, "frame: 0 is out of range"),
        ({"frame": 4, "last": 3}, "no frames 4 to 3"),
        ({"frame": 1, "takes": 0}, "takes: 0"),
        ({"frame": 1, "strength": 2.0}, "strength: 2"),
    ],
)
def test_what_cannot_be_redone_is_refused_at_once(film: Path, known: dict[str, object], how: dict[str, object], message: str) -> None:
    with pytest.raises(SakugaError, match=message):
        studio.redo(film, how.pop("frame"), **how, **known)


def test_a_clip_of_another_model_is_edited_anyway(film: Path, tmp_path: Path, tiny_folder: Path) -> None:
    other = {"model": str(tiny_folder), "store": tmp_path / "frames"}
    with pytest.raises(SakugaError, match="--anyway generates with what is here"):
        studio.edit_clip(film, tmp_path / "held.apng", [Hold(frame=2, frames=3)], **other)
    held = studio.edit_clip(film, tmp_path / "held.apng", [Hold(frame=2, frames=3)], anyway=True, **other).result()
    assert held.frames == 15
    assert len(studio.redo(film, 1, takes=1, anyway=True, **other).result().takes) == 1


def test_an_image_has_no_frames_to_redo(tmp_path: Path, tiny_v_folder: Path, known: dict[str, object]) -> None:
    settings = FilmSettings(model=str(tiny_v_folder), steps=1, size=(32, 32))
    made = studio.draw("a hill", tmp_path / "images", settings=settings, store=tmp_path / "frames").result()
    with pytest.raises(SakugaError, match="is one image"):
        studio.edit_clip(made.paths[0], tmp_path / "out.gif", [Redo(frame=1, seed=1)], **known)


@pytest.mark.parametrize("texts", [("17",), ("a:b",), ("0:1",)])
def test_a_hold_names_a_frame_and_a_number(texts: tuple[str, ...]) -> None:
    with pytest.raises(SakugaError, match="names no frames"):
        studio.parse_retiming(texts, (), None, None)
    with pytest.raises(SakugaError, match="nothing to change"):
        studio.parse_retiming((), (), None, None)


def test_a_new_prompt_is_weighted_as_its_clip(tmp_path: Path, tiny_v_folder: Path, known: dict[str, object]) -> None:
    shots = [{"prompt": "a hill", "seconds": 0.5, "seed": 1}]
    settings = {"model": str(tiny_v_folder), "steps": 1, "size": "32", "fps": 4, "keyframe_rate": 4}
    boards = {way: from_document({"film": {**settings, "weighting": way}, "shots": shots}, "film") for way in ("comfyui", "a1111")}
    clips = {way: studio.render(board, tmp_path / f"{way}.apng", store=tmp_path / "frames").result().clip for way, board in boards.items()}
    assert frames(clips["a1111"]) == frames(clips["comfyui"])  # no word has a weight yet
    edit = Redo(frame=1, seed=1, prompt="a (hill:1.8)")
    redone = {way: studio.edit_clip(clip, tmp_path / f"{way}-redone.apng", [edit], **known).result().path for way, clip in clips.items()}
    assert changed(redone["comfyui"], redone["a1111"]) == [1]
    take = studio.redo(clips["a1111"], 1, takes=1, seed=1, prompt="a (hill:1.8)", **known).result()
    (name,) = take.takes[0].frames
    assert take.images[name].tobytes() == frames(redone["a1111"])[0]
