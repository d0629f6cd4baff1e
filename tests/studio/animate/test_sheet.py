"""The exposure sheet says exactly what a render will show, and both of its forms say the same."""

import csv
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from sakuga import SakugaError, studio
from sakuga.story.film import Film
from sakuga.story.settings import FilmSettings
from sakuga.story.storyboard import Bible, Camera, Cut, Dissolve, Shot, Storyboard
from sakuga.timeline.exposure import timecode


@pytest.fixture
def film(tiny_v_folder: Path) -> Film:
    camera = Camera(zoom=1.2)
    shots = (
        Shot(prompt="a castle at dawn", seconds=1.0, seed=1, camera=camera, transition=Cut(), hold=0.25),
        Shot(prompt='a castle, at "night"', seconds=1.5, seed=2, camera=camera, transition=Dissolve(seconds=0.5), on=2),
        Shot(prompt="the sea", seconds=0.5, seed=3),
    )
    settings = FilmSettings(model=str(tiny_v_folder), size=(64, 64), steps=2, fps=Fraction(24000, 1001))
    return Film(settings=settings, storyboard=Storyboard(idea="a castle", bible=Bible(), shots=shots))


def test_the_csv_names_every_frame_with_its_exact_time(film: Film, tmp_path: Path) -> None:
    made = studio.sheet(film, tmp_path / "sheet.csv").result()
    with (tmp_path / "sheet.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == made.frames == round(3 * Fraction(24000, 1001))
    assert [Fraction(row["seconds"]) for row in rows] == [Fraction(1001 * place, 24000) for place in range(len(rows))]
    assert [row["shot"] for row in rows] == ["1"] * 24 + ["2"] * 36 + ["3"] * 12
    assert {row["kind"] for row in rows[18:24]} == {"hold"}
    assert [row["kind"] == "hold" for row in rows[24:60]] == [False, True] * 18
    assert rows[30]["prompt"] == 'a castle, at "night"'
    assert (rows[0]["timecode"], rows[24]["timecode"]) == ("00:00:00:00", "00:00:01:00")


@pytest.mark.parametrize("motion", ["none", "auto"])
def test_a_render_shows_what_the_sheet_says(film: Film, tmp_path: Path, tiny_moving_folder: Path, motion: str) -> None:
    film = replace(film, settings=replace(film.settings, fps=Fraction(4), model=str(tiny_moving_folder), motion=motion))
    made = studio.sheet(film, tmp_path / "sheet.csv").result()
    with (tmp_path / "sheet.csv").open(newline="", encoding="utf-8") as file:
        drawn = {row["digest"] for row in csv.DictReader(file) if row["kind"] == "generated"}
    rendered = studio.render(film, tmp_path / "film.gif", store=tmp_path / "frames").result()
    assert rendered.frames == made.frames
    assert drawn <= {path.stem for path in (tmp_path / "frames").glob("??/*.png")}
    assert len(drawn) == made.generated


def test_opentimelineio_reads_the_same_times_and_images(film: Film, tmp_path: Path) -> None:
    otio = pytest.importorskip("opentimelineio")
    made = studio.sheet(film, tmp_path / "film.otio").result()
    timeline = otio.adapters.read_from_file(str(tmp_path / "film.otio"))
    rate = Fraction(timeline.metadata["sakuga"]["rate"])
    assert rate == Fraction(24000, 1001)
    clips = list(timeline.find_clips())
    assert [clip.source_range.duration.value for clip in clips] == [24, 36, 12]
    assert [clip.range_in_parent().start_time.value for clip in clips] == [0, 24, 60]
    assert [clip.source_range.start_time.value for clip in clips] == [0, 24, 60]
    assert {Fraction(clip.source_range.duration.rate).limit_denominator(1001) for clip in clips} == {rate}
    assert timeline.duration().value == made.frames
    assert [sum(int(held["frames"]) for held in clip.metadata["sakuga"]["frames"]) for clip in clips] == [24, 36, 12]
    assert clips[1].metadata["sakuga"]["seed"] == 2
    assert {int(held["frames"]) for held in clips[1].metadata["sakuga"]["frames"]} == {2}


def test_other_files_are_refused(film: Film, tmp_path: Path) -> None:
    with pytest.raises(SakugaError, match=r"\.csv or \.otio") as caught:
        studio.sheet(film, tmp_path / "sheet.xls").result()
    assert caught.value.exit_code == 2


def test_timecodes_count_whole_frames() -> None:
    assert timecode(12 * 3661 + 5, Fraction(12)) == "01:01:01:05"
    assert timecode(29, Fraction(30000, 1001)) == "00:00:00:29"
    assert timecode(30, Fraction(30000, 1001)) == "00:00:01:00"
