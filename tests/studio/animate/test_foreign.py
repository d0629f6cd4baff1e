"""Images of other programs are drawn again by their recipes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as PILImage
from PIL.PngImagePlugin import PngInfo

from sakuga import studio
from sakuga.story.film import read_film
from sakuga.story.settings import FilmSettings
from sakuga.studio.animate.foreign import read_foreign
from sakuga.studio.core.recipe import RecipeError
from tests.story.test_foreign_recipes import graph

INFOTEXT = "a castle\nNegative prompt: grey\nSteps: 2, Sampler: DDIM, CFG scale: 4, Seed: 5, Size: 128x128, Model: dream, Clip skip: 2"


def image_with(folder: Path, **texts: str) -> Path:
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    PILImage.new("RGB", (8, 8)).save(folder / "theirs.png", pnginfo=info)
    return folder / "theirs.png"


def test_an_image_of_a1111_is_drawn_by_its_settings(tmp_path: Path) -> None:
    image = image_with(tmp_path, parameters=INFOTEXT)
    made = studio.remake(image, tmp_path / "ours.png", model="sketchbook").result()
    settings = FilmSettings(negative="grey", steps=2, sampler="ddim", guidance=4.0, size=(128, 128), clip_skip=2)
    expected = studio.draw("a castle", seed=5, settings=settings).result().images[0]
    assert np.array_equal(np.asarray(PILImage.open(tmp_path / "ours.png")), expected)
    assert not any("Clip skip" in note for note in made.notes)
    assert studio.recipe_of(tmp_path / "ours.png").kind == "draw"
    changed = studio.remake(image, tmp_path / "other.png", model="sketchbook", changes={"seed": "6"})
    changed.result()
    assert not np.array_equal(np.asarray(PILImage.open(tmp_path / "other.png")), expected)


def test_an_image_of_a1111_becomes_a_film_of_one_shot(tmp_path: Path) -> None:
    image = image_with(tmp_path, parameters=INFOTEXT.replace("Clip skip", "Hires upscale"))
    film, notes = studio.foreign_film(image, tmp_path / "film.toml")
    assert read_film(tmp_path / "film.toml") == film
    (shot,) = film.storyboard.shots
    assert (shot.prompt, shot.seed, film.settings.sampler, film.settings.size) == ("a castle", 5, "ddim", (128, 128))
    assert notes[0] == "A1111's Hires upscale is not used: 2"
    PILImage.new("RGB", (8, 8)).save(tmp_path / "bare.png")
    with pytest.raises(RecipeError, match="has no recipe of A1111, ComfyUI or InvokeAI"):
        studio.foreign_film(tmp_path / "bare.png", tmp_path / "film.toml")


def test_a_clip_gives_its_film_back(tmp_path: Path, tiny_folder: Path) -> None:
    settings = FilmSettings(model=str(tiny_folder), size=(32, 32), steps=1)
    made = studio.animate("a castle", tmp_path / "clip.gif", shots=1, seconds=0.5, settings=settings, store=tmp_path / "frames").result()
    film, notes = studio.clip_film(made.clip, tmp_path / "film.toml", str(tiny_folder))
    assert read_film(tmp_path / "film.toml") == film
    assert film.storyboard.shots == made.film.storyboard.shots
    assert not notes
    again = studio.render(film, tmp_path / "again.gif", store=tmp_path / "frames").result()
    assert again.count.generated == 0
    assert (tmp_path / "again.gif").read_bytes() == made.clip.read_bytes()
    assert "give it with --model" in studio.clip_film(made.clip, tmp_path / "other.toml")[1][0]


def test_an_image_that_was_drawn_has_no_film(tmp_path: Path, tiny_folder: Path) -> None:
    image = tmp_path / "drawn.png"
    settings = FilmSettings(model=str(tiny_folder), size=(32, 32), steps=1)
    drawn = studio.draw("a castle", tmp_path / "images", settings=settings, store=tmp_path / "frames").result()
    drawn.paths[0].rename(image)
    with pytest.raises(RecipeError, match=r"made by `sakuga draw`, not of a film: `sakuga remake --set`"):
        studio.clip_film(image, tmp_path / "film.toml")


def test_a_model_that_is_not_known_and_other_keys_are_refused(tmp_path: Path) -> None:
    image = image_with(tmp_path, parameters=INFOTEXT)
    with pytest.raises(RecipeError, match=r"made in A1111 with 'dream', which is not registered: give it with --model"):
        studio.remake(image, tmp_path / "ours.png")
    with pytest.raises(RecipeError, match="'shots' is no key of it; there are prompt, negative"):
        studio.remake(image, tmp_path / "ours.png", model="sketchbook", changes={"shots": "1"})
    with pytest.raises(RecipeError, match=r"drawn as one .png"):
        studio.remake(image, tmp_path / "ours.webp", model="sketchbook")


def test_recipes_are_found_in_png_and_webp(tmp_path: Path) -> None:
    found = studio.foreign_recipe(image_with(tmp_path, prompt=json.dumps(graph()), workflow="{}"))
    assert found
    assert found.program == "ComfyUI"
    picture, exif = PILImage.new("RGB", (8, 8)), PILImage.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"UNICODE\0" + INFOTEXT.encode("utf-16-be")
    picture.save(tmp_path / "a.webp", exif=exif)
    found = studio.foreign_recipe(tmp_path / "a.webp")
    assert found
    assert (found.program, found.seed) == ("A1111", 5)
    tags = PILImage.Exif()
    tags[ExifTags.Base.Make] = "workflow:{}"
    tags[ExifTags.Base.Model] = f"prompt:{json.dumps(graph())}"
    picture.save(tmp_path / "b.webp", exif=tags)
    found = studio.foreign_recipe(tmp_path / "b.webp")
    assert found
    assert found.seed == 7
    assert studio.foreign_recipe(image_with(tmp_path, parameters="a text of my own")) is None
    (tmp_path / "c.png").write_bytes(b"no image")
    assert studio.foreign_recipe(tmp_path / "c.png") is None


def test_settings_are_written_as_a1111_does_and_read_back(tmp_path: Path) -> None:
    settings = FilmSettings(negative="grey", steps=2, size=(128, 128), style="comic:0.5")
    (path,) = studio.draw("a castle", tmp_path / "out", seed=7, settings=settings, a1111=True).result().paths
    text = PILImage.open(path).text["parameters"]  # type: ignore[attr-defined]
    assert text.startswith("a castle")
    assert "<lora:comic:0.5>" in text
    assert studio.foreign_recipe(path) is None  # its own recipe counts
    found = read_foreign(path)
    assert found
    assert (found.negative, found.steps, found.sampler, found.guidance, found.seed) == ("grey", 2, "dpm++", 4.0, 7)
    assert (found.size, found.model, dict(found.unread)) == ((128, 128), "sketchbook", {})
    assert studio.recipe_of(path).kind == "draw"
    (plain,) = studio.draw("a castle", tmp_path / "plain", seed=7, settings=settings).result().paths
    assert "parameters" not in PILImage.open(plain).text  # type: ignore[attr-defined]
