"""ControlNets from files: drawn, varied and animated with, kept in recipes, refused in one sentence."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel
from PIL import Image

from sakuga import InputError, studio
from sakuga.export.recipe import read_recipe
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.story.film import from_toml
from sakuga.studio import FilmSettings

FILM = """
[film]
size = 32
fps = 4.0
steps = 2
keyframe_rate = 2
[[film.controlnet]]
network = "{folder}"
hint = "canny"
weight = "0: 1, 3: 0.5"
[[shots]]
prompt = "a castle"
seconds = 1.0
seed = 1
[[shots]]
prompt = "the sea"
seconds = 1.0
seed = 2
transition = "cut"
controlnet = [{{ network = "{folder}", image = "{image}", end = 0.6 }}]
"""


@pytest.fixture(scope="module")
def network(tiny_v_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ControlNet of random weights in a folder of its own."""
    torch.manual_seed(0)
    unet = load_checkpoint(find_checkpoint(str(tiny_v_folder))).unet
    made = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 8, 16))
    for outlet in (*made.controlnet_down_blocks, made.controlnet_mid_block, made.controlnet_cond_embedding.conv_out):
        torch.nn.init.normal_(outlet.weight, std=0.2)
    made.save_pretrained(folder := tmp_path_factory.mktemp("networks") / "random")
    return folder


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "sketch.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
    return path


def draw(model: Path, out: Path, *controlnets: str, **more: object) -> np.ndarray:
    settings = FilmSettings(model=str(model), steps=4, size=(32, 32), controlnet=controlnets or None)
    made = studio.draw(["a castle"], out, settings=settings, store=out.parent / "frames", **more).result()
    return np.asarray(Image.open(made.paths[0]))


def test_weight_hint_and_steps_count_and_a_recipe_makes_the_image_again(
    tiny_v_folder: Path, network: Path, image: Path, tmp_path: Path
) -> None:
    ways = {
        "free": (),
        "image": (f"{network},image={image}",),
        "canny": (f"{network},image={image},hint=canny",),
        "scribble": (f"{network},image={image},hint=scribble",),
        "weak": (f"{network},image={image},weight=0.3",),
        "early": (f"{network},image={image},end=0.5",),
        "two": (f"{network},image={image}", f"{network},image={image},hint=lineart"),
    }
    made = {name: draw(tiny_v_folder, tmp_path / name, *given) for name, given in ways.items()}
    assert len({pixels.tobytes() for pixels in made.values()}) == len(ways)
    assert np.array_equal(made["free"], draw(tiny_v_folder, tmp_path / "off", f"{network},image={image},weight=0"))
    recipe = json.loads(read_recipe(tmp_path / "two" / "0001.png") or "")
    assert str(tmp_path) not in json.dumps(recipe)
    assert [one["hint"] for one in recipe["settings"]["controlnet"]] == ["image", "lineart"]
    with pytest.raises(InputError, match=r"ControlNets from outside, 'random@.*give the file or folder of each with --controlnet"):
        studio.remake(tmp_path / "two" / "0001.png", model=str(tiny_v_folder))
    remade = studio.remake(
        tmp_path / "two" / "0001.png", tmp_path / "again.png", model=str(tiny_v_folder), images=[image], controlnets=[str(network)],
        store=tmp_path / "empty",
    ).result()  # fmt: skip
    assert remade.generated == 1
    assert np.array_equal(made["two"], np.asarray(Image.open(tmp_path / "again.png")))


def test_a_film_has_its_own_and_a_shot_others(tiny_v_folder: Path, network: Path, image: Path, tmp_path: Path) -> None:
    film = from_toml(FILM.format(folder=network, image=image))
    assert [isinstance(one.weight, tuple) for one in film.settings.controlnet or ()] == [True]
    own = studio.override(film, FilmSettings(model=str(tiny_v_folder)))
    made = studio.render(own, tmp_path / "a.gif", store=tmp_path / "frames").result()
    recipe = json.loads(read_recipe(made.clip) or "")
    assert len(recipe["given"]) == 1
    assert len(recipe["controlnets"]) == 1
    assert str(tmp_path) not in json.dumps(recipe)
    remade = studio.remake(
        made.clip, tmp_path / "b.gif", model=str(tiny_v_folder), images=[image], controlnets=[str(network)], store=tmp_path / "empty"
    ).result()
    assert 0 < remade.generated <= made.count.generated  # the timing of its morph is known
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_a_film_comes_back_from_its_file(network: Path, image: Path) -> None:
    from sakuga.story.film import to_toml

    film = from_toml(FILM.format(folder=network, image=image))
    assert from_toml(to_toml(film)) == film


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{network}", "has no image for its hint: name one with image=FILE"),
        ("{network},image=none.png", "no such"),
        ("{network},image={image},weight=3", "weight 3 is out of range; choose 0 to 2"),
        ("{network},image={image},start=0.7,end=0.5", "start=0.7 is not before end=0.5"),
        ("{network},image={image},hint=stick", "there is no hint 'stick'; choose image, canny"),
        ("{network},imge={image}", "unknown part 'imge'"),
        ("{network},image={image},hint=depth", "has no depth estimator"),
        ("none.safetensors,image={image}", "no ControlNet 'none.safetensors'"),
        ("", "a ControlNet has no network"),
    ],
)
def test_bad_requests_are_refused_in_one_sentence(
    tiny_v_folder: Path, network: Path, image: Path, tmp_path: Path, given: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        draw(tiny_v_folder, tmp_path / "out", given.format(network=network, image=image))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_second_pass_is_larger_and_a_reference_is_seen(tiny_v_folder: Path, image: Path, tmp_path: Path) -> None:
    plain = draw(tiny_v_folder, tmp_path / "plain")
    large = draw(tiny_v_folder, tmp_path / "large", hires=studio.hires_pass("2x", 0.5))
    assert large.shape == (64, 64, 3)
    alike = draw(tiny_v_folder, tmp_path / "alike", reference=studio.reference_input(image))
    assert not np.array_equal(plain, alike)
    for name, given, pixels in (("large", [], large), ("alike", [image], alike)):
        again = studio.remake(
            tmp_path / name / "0001.png", tmp_path / f"{name}.png", model=str(tiny_v_folder), images=given, store=tmp_path / f"{name}-empty"
        ).result()
        assert again.generated == (2 if name == "large" else 1)
        assert np.array_equal(np.asarray(Image.open(tmp_path / f"{name}.png")), pixels)


def test_images_beyond_the_native_size_are_decoded_in_tiles(tiny_v_folder: Path, tmp_path: Path) -> None:
    settings = {"model": str(tiny_v_folder), "steps": 2, "size": (32, 32)}
    made = {}
    for tiled in (False, True):
        out = tmp_path / str(tiled)
        how = {"hires": studio.hires_pass("2x", 0.5), "store": tmp_path / "frames", "settings": FilmSettings(**settings, tiled_vae=tiled)}
        studio.draw(["a castle"], out, **how).result()
        made[tiled] = np.asarray(Image.open(out / "0001.png")).astype(int)
    assert 0 < np.abs(made[True] - made[False]).mean() < 40
    again = studio.remake(tmp_path / "True" / "0001.png", tmp_path / "again.png", model=str(tiny_v_folder), store=tmp_path / "new").result()
    assert np.array_equal(np.asarray(Image.open(again.path)), made[True])


@pytest.mark.parametrize(
    ("scale", "strength", "message"),
    [("big", None, "no scale; write 2x"), ("9x", None, "out of range"), (None, 0.5, "needs a second pass"), ("2x", 2.0, "out of range")],
)
def test_a_bad_second_pass_is_refused(scale: str | None, strength: float | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        studio.hires_pass(scale, strength)


def test_without_depth_a_hint_of_brightness_works(tiny_v_folder: Path, network: Path, image: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(network, tmp_path / "depth-of-mine")
    assert draw(tiny_v_folder, tmp_path / "out", f"{copy},hint=luminance,image={image}").shape == (32, 32, 3)
