"""Folders and clips become clips: in natural order, of one size, with exact times and the recipe they had."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

from sakuga import SakugaError, studio
from sakuga.datasets.clips import read_clip
from sakuga.export import read_recipe
from sakuga.studio.animate.video import exact_rate, resample

RECIPE = '{"recipe": 2, "kind": "draw", "engine": 1, "checkpoint": "%s", "prompt": "a", "seed": 1, "settings": {}}' % ("0" * 64)


def save(path: Path, level: int, size: tuple[int, int] = (32, 24), **how: object) -> None:
    Image.fromarray(np.full((size[1], size[0], 3), level, np.uint8)).save(path, **how)


def make(source: Path, out: Path, **how: object) -> tuple[list[str], studio.Work]:
    work = studio.video(source, out, **how)
    return [step.note for step in work if step.note], work.result()


def levels(path: Path) -> list[int]:
    return [int(picture[0, 0, 0]) for picture in read_clip(path).images]


def test_a_folder_is_read_in_natural_order_and_the_rest_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "shots"
    folder.mkdir()
    for number, level in ((10, 200), (9, 100), (1, 0)):
        save(folder / f"frame {number}.png", level)
    (folder / "notes.txt").write_text("none")
    (folder / ".hidden.png").write_text("none")
    notes, made = make(folder, folder / "clip.gif", fps=8)
    assert levels(made.path) == [0, 100, 200]
    assert notes == ["left out, as they are no images: notes.txt"]
    assert made.seconds == Fraction(3, 8)
    assert make(folder, folder / "clip.gif", fps=8)[1].frames == 3


def test_images_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "1.png", 5, (24, 32))
    save(tmp_path / "2.jpg", 5, (32, 24), exif=exif)
    assert read_clip(make(tmp_path, tmp_path / "out.webp")[1].path).images[0].shape == (32, 24, 3)


def test_mixed_sizes_are_refused_or_brought_to_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "shots"
    folder.mkdir()
    save(folder / "1.png", 10)
    save(folder / "2.png", 200, (32, 48))
    with pytest.raises(SakugaError, match=r"2\.png is 32x48, and 1\.png is 32x24: --fit crop or --fit pad"):
        make(folder, tmp_path / "clip.apng")
    make(folder, tmp_path / "crop.apng", fit="crop")
    assert (read_clip(tmp_path / "crop.apng").images[1] == 200).all()
    make(folder, tmp_path / "pad.apng", fit="pad")
    padded = read_clip(tmp_path / "pad.apng").images[1]
    assert padded.shape == (24, 32, 3)
    assert (padded[:, 8:24] == 200).all()
    assert not padded[:, :8].any()
    assert not padded[:, 24:].any()


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: (folder / "notes.txt").write_text("x"), "holds no image"),
        (lambda folder: (folder / "1.png").write_text("x"), r"1\.png is not an image"),
        (lambda folder: folder.rmdir(), "there is no such"),
    ],
)
def test_what_is_no_folder_of_images_is_refused(tmp_path: Path, prepare, message: str) -> None:
    folder = tmp_path / "shots"
    folder.mkdir()
    prepare(folder)
    with pytest.raises(SakugaError, match=message) as caught:
        make(folder, tmp_path / "clip.mp4")
    assert caught.value.exit_code == 2
    assert not (tmp_path / "clip.mp4").exists()


def test_a_film_and_the_source_itself_are_refused(tmp_path: Path) -> None:
    clip = uneven(tmp_path / "clip.gif")
    before = clip.read_bytes()
    with pytest.raises(SakugaError, match="choose another name"):
        studio.video(clip, clip)
    with pytest.raises(SakugaError, match="choose another name"):
        studio.pixelate(clip, clip)
    assert clip.read_bytes() == before
    (tmp_path / "film.toml").touch()
    with pytest.raises(SakugaError, match="is a film: `sakuga render"):
        studio.video(tmp_path / "film.toml", tmp_path / "film.gif")


def starts(path: Path) -> list[Fraction]:
    """When each of three grey levels, far apart, is first seen."""
    read, shown = read_clip(path), levels(path)
    return [sum(read.seconds[:place]) for place, level in enumerate(shown) if place == 0 or level > shown[place - 1] + 40]


def uneven(path: Path, recipe: str = "") -> Path:
    first, *rest = (Image.fromarray(np.full((24, 32, 3), level, np.uint8)) for level in (0, 90, 180))
    first.save(path, save_all=True, append_images=rest, duration=[70, 140, 2000], loop=0, comment=recipe.encode())
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".apng", ".webp"])
def test_uneven_times_stay_exact_from_format_to_format(tmp_path: Path, suffix: str) -> None:
    _, made = make(uneven(tmp_path / "clip.gif", RECIPE), tmp_path / f"clip{suffix}")
    assert (made.seconds, made.frames) == (Fraction(221, 100), 3)
    back = read_clip(made.path)
    assert sum(back.seconds) == Fraction(221, 100)
    assert starts(made.path) == [0, Fraction(7, 100), Fraction(21, 100)]
    assert studio.recipe_of(made.path).values()["prompt"] == "a"
    make(made.path, tmp_path / "back.gif")
    assert starts(tmp_path / "back.gif") == [0, Fraction(7, 100), Fraction(21, 100)]
    assert sum(read_clip(tmp_path / "back.gif").seconds) == Fraction(221, 100)


def test_what_is_no_recipe_stays_behind_with_a_word(tmp_path: Path) -> None:
    notes, made = make(uneven(tmp_path / "clip.gif", "made with love"), tmp_path / "clip.webp")
    assert any("no recipe of sakuga; it is left out" in note for note in notes)
    assert read_recipe(made.path) is None
    _, made = make(uneven(tmp_path / "clip.gif", RECIPE), tmp_path / "clip.webp", recipe=False)
    assert read_recipe(made.path) is None


def test_another_rate_shows_a_clip_as_long(tmp_path: Path) -> None:
    _, made = make(uneven(tmp_path / "clip.gif"), tmp_path / "clip.mp4", fps=10)
    assert (made.frames, made.seconds) == (3, Fraction(22, 10))


def test_a_budget_is_reported(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    for place in range(8):
        Image.fromarray(chance.integers(0, 256, (48, 48, 3), dtype=np.uint8)).save(tmp_path / f"{place}.png")
    notes, made = make(tmp_path, tmp_path / "clip.gif", max_size=10_000)
    assert made.bytes <= 10_000
    assert any("to stay under 10 KB" in note for note in notes)


lengths = some.lists(some.fractions(min_value=Fraction(1, 100), max_value=10, max_denominator=200), min_size=1, max_size=12)


@settings(deadline=None, max_examples=40)
@given(seconds=lengths)
def test_a_measure_fits_every_length(seconds: list[Fraction]) -> None:
    rate, counts = exact_rate(seconds)
    assert min(counts) >= 1
    assert abs(sum(counts) / rate - sum(seconds)) <= Fraction(1, 1000)
    assert all(abs(count / rate - length) <= Fraction(1, 1000) for count, length in zip(counts, seconds, strict=True))


@settings(deadline=None, max_examples=40)
@given(seconds=lengths, rate=some.fractions(min_value=1, max_value=60, max_denominator=10))
def test_resampling_goes_forward_and_keeps_the_length(seconds: list[Fraction], rate: Fraction) -> None:
    shown = resample(seconds, rate)
    assert shown == sorted(shown)
    assert abs(len(shown) / rate - sum(seconds)) <= max(1 / rate, Fraction(1, 2) / rate)
    assert shown[0] >= 0
    assert shown[-1] < len(seconds)
