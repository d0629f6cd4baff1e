"""Pixel art, whole: images, folders and clips in; an image, a folder, a clip and a sprite sheet out."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import InputError, studio
from sakuga.datasets.clips import read_clip
from sakuga.export import write
from sakuga.studio import FilmSettings, PixelArt
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given


def pictures(count: int = 5, height: int = 48, width: int = 64) -> list[np.ndarray]:
    down = np.linspace(0, 1, height)[:, None, None]
    made = []
    for place in range(count):
        picture = np.broadcast_to(np.array((40, 70, 200)) * (1 - down) + np.array((250, 170, 90)) * down, (height, width, 3)).copy()
        picture[20:28, 8 * place : 8 * place + 8] = (220, 10, 30)
        made.append(picture.astype(np.uint8))
    return made


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    frames = tuple(Frame(image=picture, spec=Given(image="0" * 64)) for picture in pictures())
    write(Clip(frames=frames, rate=Fraction(10)), tmp_path / "in.apng")
    return tmp_path / "in.apng"


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng", ".mp4"])
def test_a_clip_stays_a_clip_with_its_times(clip: Path, tmp_path: Path, suffix: str) -> None:
    made = studio.pixelate(clip, tmp_path / f"out{suffix}", pixel=PixelArt(grid=4, colors=6)).result()
    assert (made.frames, made.cells, made.grid, made.scale, len(made.colors)) == (5, (16, 12), 4, 4, 6)
    read = read_clip(tmp_path / f"out{suffix}")
    assert read.seconds == (Fraction(1, 10),) * 5
    assert read.images[0].shape == (48, 64, 3)
    if suffix != ".mp4":
        colours = {bytes(colour).hex() for picture in read.images for colour in picture.reshape(-1, 3)}
        assert colours == set(made.colors), "written without loss"


def test_uneven_times_are_held(tmp_path: Path) -> None:
    first, *rest = map(Image.fromarray, pictures(3))
    first.save(tmp_path / "in.png", save_all=True, append_images=rest, duration=[100, 500, 200])
    studio.pixelate(tmp_path / "in.png", tmp_path / "out.gif", pixel=PixelArt(grid=4)).result()
    assert read_clip(tmp_path / "out.gif").seconds == (Fraction(1, 10), Fraction(1, 2), Fraction(1, 5))


def test_a_sprite_sheet_says_where_each_frame_lies(clip: Path, tmp_path: Path) -> None:
    made = studio.pixelate(clip, tmp_path / "out.gif", pixel=PixelArt(grid=4, palette="pico-8"), sheet=tmp_path / "hero.png").result()
    places = json.loads((tmp_path / "hero.json").read_text())
    assert [frame["duration"] for frame in places["frames"]] == [100] * 5
    assert places["meta"]["image"] == "hero.png"
    shown = read_clip(tmp_path / "out.gif").images
    with Image.open(tmp_path / "hero.png") as sheet:
        assert sheet.mode == "P"
        assert (sheet.width, sheet.height) == (places["meta"]["size"]["w"], places["meta"]["size"]["h"])
        for frame, picture in zip(places["frames"], shown, strict=True):
            place = frame["frame"]
            cut = sheet.crop((place["x"], place["y"], place["x"] + place["w"], place["y"] + place["h"])).convert("RGB")
            assert np.array_equal(np.asarray(cut), picture[::4, ::4])
    assert made.sheet == tmp_path / "hero.png"


def test_a_folder_becomes_a_folder_with_one_palette(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for place, picture in enumerate(pictures(3)):
        Image.fromarray(picture[:, : 64 - 8 * place]).save(tmp_path / "in" / f"{place}.png")
    (tmp_path / "in" / "notes.txt").write_text("none")
    made = studio.pixelate(tmp_path / "in", tmp_path / "out", pixel=PixelArt(grid=4, colors=5), scale=1).result()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "2.png"]
    colours = {bytes(c).hex() for path in (tmp_path / "out").iterdir() for c in np.asarray(Image.open(path)).reshape(-1, 3)}
    assert colours == set(made.colors)
    for there in ("in", "out"):
        before = (tmp_path / there / "1.png").read_bytes()
        with pytest.raises(InputError, match="exists and is not overwritten"):
            studio.pixelate(tmp_path / "in", tmp_path / there, pixel=PixelArt(grid=4, colors=2)).result()
        assert (tmp_path / there / "1.png").read_bytes() == before
    with pytest.raises(InputError, match="several sizes"):
        studio.pixelate(tmp_path / "in", tmp_path / "again", sheet=tmp_path / "sheet.png").result()
    assert not (tmp_path / "again").exists()


def test_a_clip_becomes_a_folder_and_a_image_a_image(clip: Path, tmp_path: Path) -> None:
    studio.pixelate(clip, tmp_path / "frames").result()
    assert len(list((tmp_path / "frames").glob("*.png"))) == 5
    studio.pixelate(tmp_path / "frames" / "0001.png", tmp_path / "one.png", pixel=PixelArt(palette="gameboy"), scale=2).result()
    with Image.open(tmp_path / "one.png") as image:
        assert image.size == (128, 96)


@pytest.mark.parametrize(
    ("pixel", "scale", "out", "message"),
    [
        (PixelArt(palette="snes"), None, "a.gif", "no palette 'snes'; choose gameboy"),
        (PixelArt(grid=49), None, "a.gif", "larger than the image"),
        (PixelArt(), 0, "a.gif", "scale: "),
        (PixelArt(), 10_000, "a.gif", "scale: "),
        (PixelArt(), None, "a.bmp", "no known suffix"),
        (PixelArt(), None, "a.png", "one of 5 frames"),
    ],
)
def test_what_cannot_be_done_is_refused(clip: Path, tmp_path: Path, pixel: PixelArt, scale: int | None, out: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        studio.pixelate(clip, tmp_path / out, pixel=pixel, scale=scale).result()
    assert not (tmp_path / out).exists()


@pytest.mark.parametrize(
    ("values", "message"), [({"colors": 1}, "2 to 255"), ({"colors": 8, "palette": "nes"}, "choose one"), ({"grid": 0}, "1 to")]
)
def test_pixel_art_that_cannot_be_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PixelArt(**values)


def test_no_images_and_no_clip_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.gif").write_text("a castle")
    for name, message in (("empty", "no images"), ("text.gif", "is not an image"), ("none.gif", "no such")):
        with pytest.raises(InputError, match=message):
            studio.pixelate(tmp_path / name, tmp_path / "out").result()


def test_a_film_can_be_finished_so(tmp_path: Path, tiny_v_folder: Path) -> None:
    settings = FilmSettings(model=str(tiny_v_folder), steps=1, size=(64, 64), pixel=PixelArt(grid=4, palette="gameboy"))
    store = tmp_path / "frames"
    made = studio.animate("the sea", tmp_path / "a.gif", shots=1, seconds=0.5, settings=settings, store=store).result()
    shown = read_clip(made.clip).images
    assert shown[0].shape == (64, 64, 3)
    assert np.array_equal(shown[0], shown[0][::4, ::4].repeat(4, 0).repeat(4, 1))
    again = studio.remake(made.clip, tmp_path / "b.gif", model=str(tiny_v_folder), store=store).result()
    assert again.generated == 0
    assert (tmp_path / "b.gif").read_bytes() == made.clip.read_bytes(), "the recipe says how it was finished"
    studio.write_film(made.film, tmp_path / "film.toml")
    assert studio.read_film(tmp_path / "film.toml").settings.pixel == settings.pixel
    (tmp_path / "film.toml").write_text((tmp_path / "film.toml").read_text().replace("gameboy", "snes"))
    with pytest.raises(InputError, match="snes"):
        studio.render(studio.read_film(tmp_path / "film.toml"), tmp_path / "c.gif", store=store).result()
