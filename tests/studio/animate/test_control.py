"""A picture leads a drawing, through the studio and from the command line; what is missing or wrong is told in one sentence."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel
from PIL import Image, ImageSequence
from typer.testing import CliRunner

from sakuga import InputError, studio
from sakuga.cli.app import app
from sakuga.export.recipe import read_recipe
from sakuga.models.checkpoint import load
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.depth import make_depth_estimator, make_depth_processor
from sakuga.story.film import from_toml
from sakuga.studio import ControlPicture, FilmSettings


@pytest.fixture(scope="module")
def folder(tiny_v_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint with a ControlNet and a depth estimator, both of random weights."""
    copy = Path(shutil.copytree(tiny_v_folder, tmp_path_factory.mktemp("control") / "tiny"))
    torch.manual_seed(0)
    network = ControlNetModel.from_unet(load(find_checkpoint(str(copy))).unet, conditioning_embedding_out_channels=(8, 8, 16))
    for outlet in (*network.controlnet_down_blocks, network.controlnet_mid_block, network.controlnet_cond_embedding.conv_out):
        torch.nn.init.normal_(outlet.weight, std=0.2)
    network.save_pretrained(copy / "controlnet")
    make_depth_estimator().save_pretrained(copy / "depth")
    make_depth_processor().save_pretrained(copy / "depth")
    return copy


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    path = tmp_path / "layout.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)).save(path)
    return path


def draw(folder: Path, out: Path, control: ControlPicture | None = None, **more: object) -> np.ndarray:
    settings = FilmSettings(model=str(folder), steps=2, size=(32, 32))
    made = studio.draw(["a castle"], out, settings=settings, control=control, store=out.parent / "frames", **more).result()
    return np.asarray(Image.open(made.pictures[0]))


def test_a_picture_of_any_size_leads_as_firmly_as_asked(folder: Path, layout: Path, tmp_path: Path) -> None:
    free = draw(folder, tmp_path / "free")
    firmly = draw(folder, tmp_path / "firmly", ControlPicture(path=layout))
    assert not np.array_equal(free, firmly)
    assert np.array_equal(free, draw(folder, tmp_path / "not", ControlPicture(path=layout, weight=0.0)))
    ways = {way: draw(folder, tmp_path / way, ControlPicture(path=layout, depth=way)) for way in ("estimate", "luminance", "given")}
    assert np.array_equal(firmly, ways["estimate"])
    assert len({picture.tobytes() for picture in ways.values()}) == 3


def test_a_depth_map_of_16_bits_is_one_of_8(folder: Path, tmp_path: Path) -> None:
    near = np.random.default_rng(1).integers(0, 256, (32, 32), dtype=np.uint8)
    Image.fromarray(near).save(tmp_path / "eight.png")
    Image.fromarray(near.astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    made = [draw(folder, tmp_path / name, ControlPicture(path=tmp_path / f"{name}.png", depth="given")) for name in ("eight", "sixteen")]
    assert np.array_equal(*made)


def test_a_drawing_starts_from_one_picture_and_is_led_by_another_and_is_remade(folder: Path, layout: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.png"
    Image.fromarray(np.random.default_rng(2).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(start)
    control = ControlPicture(path=layout, weight=0.7, depth="luminance")
    both = draw(folder, tmp_path / "both", control, start=start)
    assert not np.array_equal(both, draw(folder, tmp_path / "led", control))
    recipe = json.loads(read_recipe(tmp_path / "both" / "0001.png") or "")
    assert recipe["control"] == {"depth": "luminance", "weight": 0.7}
    assert len(recipe["given"]) == 2
    assert str(tmp_path) not in json.dumps(recipe)
    anew = studio.remake(
        tmp_path / "both" / "0001.png", tmp_path / "anew.png", model=str(folder), pictures=[layout, start], store=tmp_path / "empty"
    )
    assert anew.result().drawn == 1
    assert np.array_equal(both, np.asarray(Image.open(tmp_path / "anew.png")))


def test_what_is_missing_is_told_before_anything_is_drawn(folder: Path, layout: Path, tiny_v_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no depth ControlNet \(a folder controlnet/\): draw without a control picture"):
        draw(tiny_v_folder, tmp_path / "out", ControlPicture(path=layout))
    blind = Path(shutil.copytree(folder, tmp_path / "blind"))
    shutil.rmtree(blind / "depth")
    with pytest.raises(InputError, match=r"has no depth estimator .* say --depth luminance"):
        draw(blind, tmp_path / "out", ControlPicture(path=layout))
    assert not (tmp_path / "out").exists()
    assert draw(blind, tmp_path / "out", ControlPicture(path=layout, depth="luminance")).shape == (32, 32, 3)


def test_bad_requests_are_told_in_one_sentence(folder: Path, layout: Path, tmp_path: Path) -> None:
    text = tmp_path / "words.png"
    text.write_text("no picture")
    for control, said in (
        (ControlPicture(path=text), "is no picture of a known kind"),
        (ControlPicture(path=tmp_path / "none.png"), "there is no such picture"),
        (ControlPicture(path=layout, weight=3.0), "a control weight of 3 is out of range"),
        (ControlPicture(path=layout, depth="guess"), "there are estimate, luminance, given"),
    ):
        with pytest.raises(InputError, match=said):
            draw(folder, tmp_path / "out", control)


def test_a_damaged_or_foreign_controlnet_is_told_in_one_sentence(folder: Path, layout: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    weights = copy / "controlnet" / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-500])
    with pytest.raises(CheckpointError, match=r"controlnet: the weights are cut short or damaged"):
        draw(copy, tmp_path / "out", ControlPicture(path=layout, depth="luminance"))
    ControlNetModel(
        in_channels=8, block_out_channels=(16, 48), down_block_types=("DownBlock2D",) * 2, mid_block_type="UNetMidBlock2D",
        layers_per_block=1, cross_attention_dim=32, norm_num_groups=8, conditioning_embedding_out_channels=(8, 8, 16),
    ).save_pretrained(copy / "controlnet")  # fmt: skip
    with pytest.raises(CheckpointError, match=r"made for another UNet \(block_out_channels"):
        draw(copy, tmp_path / "out", ControlPicture(path=layout, depth="luminance"))


def test_the_command_line_leads_too(folder: Path, layout: Path, tmp_path: Path) -> None:
    words = ["draw", "a castle", "--model", str(folder), "--steps", "2", "--size", "32", "--store", str(tmp_path / "frames"), "-q"]
    led = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "led"), "--control", str(layout), "--depth", "given"])
    assert led.exit_code == 0, led.output
    assert (tmp_path / "led" / "0001.png").is_file()


def test_a_film_in_depth_is_led_by_what_each_frame_starts_from_as_firmly_as_its_keys_say(folder: Path, tmp_path: Path) -> None:
    said = """
    [film]
    fps = 4
    drawn_rate = 4
    follow = "chain"
    depth = "{depth}"
    [[shots]]
    prompt = "a castle"
    seconds = 1
    seed = 3
    control = "{control}"
    camera = {{ pan = [0.2, 0], parallax = 0.8 }}
    """

    def rendered(control: str, depth: str) -> list[bytes]:
        film = from_toml(said.format(control=control, depth=depth))
        film = replace(film, settings=replace(film.settings, model=str(folder), steps=2, size=(32, 32)))
        clip = studio.render(film, tmp_path / "film.apng", store=tmp_path / "frames").result().clip
        with Image.open(clip) as shown:
            return [frame.convert("RGB").tobytes() for frame in ImageSequence.Iterator(shown)]

    free, led = rendered("0: 0", "estimate"), rendered("0: 0, 2: 0, 3: 1", "estimate")
    assert [one == other for one, other in zip(free, led, strict=True)] == [True, True, True, False]
    by_brightness = rendered("0: 0, 2: 0, 3: 1", "luminance")
    assert [one == other for one, other in zip(led, by_brightness, strict=True)] == [True, False, False, False]
