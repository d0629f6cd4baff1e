"""A control image places things, in the studio and on the command line; what is missing or wrong is refused in one sentence."""

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
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.depth import make_depth_estimator, make_depth_processor
from sakuga.story.film import from_toml
from sakuga.studio import ControlInput, FilmSettings


@pytest.fixture(scope="module")
def folder(tiny_v_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint with a ControlNet and a depth estimator, both of random weights."""
    copy = Path(shutil.copytree(tiny_v_folder, tmp_path_factory.mktemp("control") / "tiny"))
    torch.manual_seed(0)
    network = ControlNetModel.from_unet(load_checkpoint(find_checkpoint(str(copy))).unet, conditioning_embedding_out_channels=(8, 8, 16))
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


def draw(folder: Path, out: Path, control: ControlInput | None = None, **more: object) -> np.ndarray:
    settings = FilmSettings(model=str(folder), steps=2, size=(32, 32))
    made = studio.draw(["a castle"], out, settings=settings, control=control, store=out.parent / "frames", **more).result()
    return np.asarray(Image.open(made.paths[0]))


def test_a_image_of_any_size_leads_as_firmly_as_asked(folder: Path, layout: Path, tmp_path: Path) -> None:
    free = draw(folder, tmp_path / "free")
    firmly = draw(folder, tmp_path / "firmly", ControlInput(path=layout))
    assert not np.array_equal(free, firmly)
    assert np.array_equal(free, draw(folder, tmp_path / "not", ControlInput(path=layout, weight=0.0)))
    ways = {way: draw(folder, tmp_path / way, ControlInput(path=layout, depth=way)) for way in ("estimator", "luminance", "map")}
    assert np.array_equal(firmly, ways["estimator"])
    assert len({picture.tobytes() for picture in ways.values()}) == 3


def test_a_depth_map_of_16_bits_is_one_of_8(folder: Path, tmp_path: Path) -> None:
    near = np.random.default_rng(1).integers(0, 256, (32, 32), dtype=np.uint8)
    Image.fromarray(near).save(tmp_path / "eight.png")
    Image.fromarray(near.astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    made = [draw(folder, tmp_path / name, ControlInput(path=tmp_path / f"{name}.png", depth="map")) for name in ("eight", "sixteen")]
    assert np.array_equal(*made)


def test_a_rendering_starts_from_one_image_and_is_controlled_by_another_and_is_remade(folder: Path, layout: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.png"
    Image.fromarray(np.random.default_rng(2).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(start)
    control = ControlInput(path=layout, weight=0.7, depth="luminance")
    both = draw(folder, tmp_path / "both", control, init_image=start)
    assert not np.array_equal(both, draw(folder, tmp_path / "led", control))
    recipe = json.loads(read_recipe(tmp_path / "both" / "0001.png") or "")
    assert recipe["control"] == {"depth": "luminance", "weight": 0.7}
    assert len(recipe["given"]) == 2
    assert str(tmp_path) not in json.dumps(recipe)
    anew = studio.remake(
        tmp_path / "both" / "0001.png", tmp_path / "anew.png", model=str(folder), images=[layout, start], store=tmp_path / "empty"
    )
    assert anew.result().generated == 1
    assert np.array_equal(both, np.asarray(Image.open(tmp_path / "anew.png")))


def test_what_is_missing_is_refused_before_anything_is_generated(folder: Path, layout: Path, tiny_v_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no depth ControlNet \(a folder controlnet/\): leave the control image out"):
        draw(tiny_v_folder, tmp_path / "out", ControlInput(path=layout))
    blind = Path(shutil.copytree(folder, tmp_path / "blind"))
    shutil.rmtree(blind / "depth")
    with pytest.raises(InputError, match=r"has no depth estimator .* give --depth luminance"):
        draw(blind, tmp_path / "out", ControlInput(path=layout))
    assert not (tmp_path / "out").exists()
    assert draw(blind, tmp_path / "out", ControlInput(path=layout, depth="luminance")).shape == (32, 32, 3)


def test_bad_requests_are_refused_in_one_sentence(folder: Path, layout: Path, tmp_path: Path) -> None:
    text = tmp_path / "words.png"
    text.write_text("no picture")
    for control, message in (
        (ControlInput(path=text), "is not an image of a known format"),
        (ControlInput(path=tmp_path / "none.png"), "no such"),
    ):
        with pytest.raises(InputError, match=message):
            draw(folder, tmp_path / "out", control)
    with pytest.raises(InputError, match=r"control_weight: 3\.0 is out of range; choose 0 to 2"):
        ControlInput(path=layout, weight=3.0)
    with pytest.raises(InputError, match="depth: there is no 'guess'; choose estimator, luminance or map"):
        ControlInput(path=layout, depth="guess")


def test_a_damaged_or_foreign_controlnet_is_refused_in_one_sentence(folder: Path, layout: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    weights = copy / "controlnet" / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-500])
    with pytest.raises(CheckpointError, match=r"controlnet: the weights are truncated or damaged"):
        draw(copy, tmp_path / "out", ControlInput(path=layout, depth="luminance"))
    ControlNetModel(
        in_channels=8, block_out_channels=(16, 48), down_block_types=("DownBlock2D",) * 2, mid_block_type="UNetMidBlock2D",
        layers_per_block=1, cross_attention_dim=32, norm_num_groups=8, conditioning_embedding_out_channels=(8, 8, 16),
    ).save_pretrained(copy / "controlnet")  # fmt: skip
    with pytest.raises(CheckpointError, match=r"trained for another UNet \(block_out_channels"):
        draw(copy, tmp_path / "out", ControlInput(path=layout, depth="luminance"))


def test_the_command_line_takes_a_control_image(folder: Path, layout: Path, tmp_path: Path) -> None:
    words = ["draw", "a castle", "--model", str(folder), "--steps", "2", "--size", "32", "--store", str(tmp_path / "frames"), "-q"]
    led = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "led"), "--control", str(layout), "--depth", "map"])
    assert led.exit_code == 0, led.output
    assert (tmp_path / "led" / "0001.png").is_file()


def test_control_weight_keys_weigh_the_depth_of_each_frames_init_image(folder: Path, tmp_path: Path) -> None:
    text = """
    [film]
    fps = 4
    keyframe_rate = 4
    init_from = "previous"
    depth = "{depth}"
    [[shots]]
    prompt = "a castle"
    seconds = 1
    seed = 3
    control_weight = "{control}"
    camera = {{ pan = [0.2, 0], parallax = 0.8 }}
    """

    def rendered(control: str, depth: str) -> list[bytes]:
        film = from_toml(text.format(control=control, depth=depth))
        film = replace(film, settings=replace(film.settings, model=str(folder), steps=2, size=(32, 32)))
        clip = studio.render(film, tmp_path / "film.apng", store=tmp_path / "frames").result().clip
        with Image.open(clip) as shown:
            return [frame.convert("RGB").tobytes() for frame in ImageSequence.Iterator(shown)]

    free, led = rendered("0: 0", "estimator"), rendered("0: 0, 2: 0, 3: 1", "estimator")
    assert [one == other for one, other in zip(free, led, strict=True)] == [True, True, True, False]
    by_brightness = rendered("0: 0, 2: 0, 3: 1", "luminance")
    assert [one == other for one, other in zip(led, by_brightness, strict=True)] == [True, False, False, False]
