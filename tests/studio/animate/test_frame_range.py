"""Some frames of a film are those of the whole clip, whichever are rendered together."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from sakuga import InputError, studio
from sakuga.cli import main
from sakuga.export import ExportError, read_recipe
from sakuga.export.exr import linear, recipe_in_exr
from sakuga.story.film import Film
from sakuga.story.storyboard import Bible, Shot, Storyboard
from sakuga.studio import FilmSettings, PixelArt


@pytest.fixture(scope="module")
def film(tiny_v_folder: Path) -> Film:
    """Two shots of twelve frames and a morph between them."""
    shots = (Shot(prompt="a castle at sunset", seconds=1.0, seed=1), Shot(prompt="a castle at night", seconds=1.0, seed=2))
    settings = FilmSettings(model=str(tiny_v_folder), steps=2, size=(64, 64), grain=0.4)
    return Film(settings=settings, storyboard=Storyboard(idea="a castle", bible=Bible(), shots=shots))


@pytest.fixture(scope="module")
def whole(film: Film, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of the whole clip's frames, and its store."""
    folder = tmp_path_factory.mktemp("whole")
    studio.render(film, folder / "clip", store=folder / "frames").result()
    return folder / "clip", folder / "frames"


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_chunks_of_frames_are_those_of_the_whole_clip(film: Film, whole: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "shot.%04d.png"
    for frames in ("1009-1016", "1001-1008,1017-1024"):
        made = studio.render_frames(film, out, frames=frames, first_frame=1001, store=tmp_path / "frames").result()
        assert made.out == out
    for number in range(24):
        assert np.array_equal(pixels(tmp_path / f"shot.{1001 + number}.png"), pixels(whole[0] / f"{number + 1:04}.png")), number


def test_few_frames_generate_little(film: Film, whole: tuple[Path, Path], tmp_path: Path) -> None:
    made = studio.render_frames(film, tmp_path / "some", frames="1-12x6", store=tmp_path / "frames").result()
    assert made.numbers == (1, 7)
    assert sorted(path.name for path in (tmp_path / "some").iterdir()) == ["0001.png", "0007.png"]
    assert 0 < made.count.generated < len(list((whole[1]).glob("??/*.png")))
    assert made.timeline is None
    again = studio.render_frames(film, tmp_path / "some", frames="7", store=tmp_path / "frames").result()
    assert again.count.generated == 0


def halves(path: Path) -> np.ndarray:
    """Read an EXR by FFmpeg: (height, width, 3) half floats."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert frame.format.name == "gbrpf16le"
    planes = [np.frombuffer(plane, "<f2").reshape(plane.height, -1)[:, : plane.width] for plane in frame.planes]
    return np.stack([planes[2], planes[0], planes[1]], axis=-1)


def sixteen_bits(path: Path) -> np.ndarray:
    """Read a PNG by OpenCV: (height, width, 3) uint16."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert image.dtype == np.uint16
    return np.asarray(image[..., ::-1])


def test_sixteen_bits_round_to_eight_and_hold_what_lies_between(film: Film, whole: tuple[Path, Path], tmp_path: Path) -> None:
    studio.render_frames(film, tmp_path / "a.%04d.png", frames="3,12", bits=16, store=whole[1]).result()
    for number in (3, 12):
        path = tmp_path / f"a.{number:04}.png"
        deep, flat = sixteen_bits(path), pixels(whole[0] / f"{number:04}.png").astype(int)
        apart = abs(deep / 257 - flat)
        assert apart.mean() < 0.6
        assert (apart < 2).mean() > 0.95, "resampling in 8 bits clips what overshoots, here of noise"
        assert (deep % 257 != 0).mean() > 0.9
        assert b"sRGB" in path.read_bytes()
        assert read_recipe(path)


def test_a_whole_film_in_sixteen_bits_has_the_frames_of_a_range(film: Film, whole: tuple[Path, Path], tmp_path: Path) -> None:
    studio.render(film, tmp_path / "whole.%04d.png", bits=16, store=whole[1]).result()
    studio.render_frames(film, tmp_path / "part.%04d.png", frames="7", bits=16, store=whole[1]).result()
    assert np.array_equal(sixteen_bits(tmp_path / "whole.0007.png"), sixteen_bits(tmp_path / "part.0007.png"))


def test_exr_is_linear_and_read_by_another_program(film: Film, whole: tuple[Path, Path], tmp_path: Path) -> None:
    studio.render_frames(film, tmp_path / "a.####.exr", frames="3", store=whole[1]).result()
    studio.render_frames(film, tmp_path / "a.####.png", frames="3", bits=16, store=whole[1]).result()
    path = tmp_path / "a.0003.exr"
    assert np.array_equal(halves(path), linear(sixteen_bits(tmp_path / "a.0003.png")).astype(np.float16))
    recipe = recipe_in_exr(path.read_bytes())
    assert recipe
    assert '"kind"' in recipe


def test_an_otio_beside_names_the_images(film: Film, whole: tuple[Path, Path], tmp_path: Path) -> None:
    otio = pytest.importorskip("opentimelineio")
    made = studio.render_frames(film, tmp_path / "shot.%04d.png", frames="1001", first_frame=1001, store=whole[1]).result()
    assert made.timeline == tmp_path / "shot.otio"
    clips = list(otio.adapters.read_from_file(str(made.timeline)).find_clips())
    assert len(clips) == 2
    first, second = (clip.media_reference.target_url_for_image_number(int(clip.source_range.start_time.value)) for clip in clips)
    assert (first, second) == ("./shot.1001.png", "./shot.1013.png")


@pytest.mark.parametrize(
    ("out", "frames", "said"),
    [
        ("clip.mp4", "1-3", "is one file: write numbered frames"),
        ("shot.%04d.jpg", "1-3", "is no sequence"),
        ("%d.%d.png", "1-3", "is no sequence"),
        ("out", "20-30", "has frames 1 to 24, not 25"),
        ("out", "3-1", "lower number first"),
        ("out", "odd", "is no range of frames"),
        ("out", "1-5x0", "step of 1 or more"),
    ],
)
def test_what_cannot_be_rendered_is_refused_at_once(film: Film, tmp_path: Path, out: str, frames: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        studio.render_frames(film, tmp_path / out, frames=frames, store=tmp_path / "frames")


def test_pixel_art_and_foreign_files_are_refused(film: Film, tmp_path: Path) -> None:
    pixel = replace(film, settings=replace(film.settings, pixel=PixelArt(grid=16, colors=8)))
    with pytest.raises(InputError, match="one palette"):
        studio.render_frames(pixel, tmp_path / "out", frames="1")
    with pytest.raises(InputError, match="8 bits a channel: leave --bits out"):
        studio.render(pixel, tmp_path / "out", bits=16)
    with pytest.raises(InputError, match=r"clip\.mp4 cannot hold 16 bits"):
        studio.render(film, tmp_path / "clip.mp4", bits=16)
    Image.new("RGB", (8, 8)).save(tmp_path / "shot.0002.png")
    with pytest.raises(ExportError, match=r"shot\.0002\.png is no frame of a clip"):
        studio.render_frames(film, tmp_path / "shot.%04d.png", frames="1-3")


def test_the_command_takes_a_range(
    film: Film, whole: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    studio.write_film(film, tmp_path / "film.toml")
    monkeypatch.chdir(tmp_path)
    words = ["render", "film.toml", "-o", "s.%04d.png", "--frames", "101-103", "--first-frame", "101", "--store", str(whole[1]), "--json"]
    monkeypatch.setattr(sys, "argv", ["sakuga", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert '"frames": [101, 102, 103]' in capsys.readouterr().out
    assert {"s.0101.png", "s.0102.png", "s.0103.png", "s.otio"} <= set(os.listdir(tmp_path))
    assert read_recipe(tmp_path / "s.0101.png")
