"""A still comes alive: the image is the first frame, to the bit, and a recipe moves it again."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import MotionAdapter
from PIL import Image
from safetensors.torch import save_file

from sakuga import SakugaError, studio
from sakuga.export import read_recipe
from sakuga.models.adapters import Adapter, LoraLayer, write_adapter
from sakuga.studio import FilmSettings, MovedImage
from tests.models.test_published_motion import single_file


def write_image(file: Path, seed: int, size: tuple[int, int] = (32, 32)) -> Path:
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(file)
    return file


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_image(tmp_path / "first.png", 1)


@pytest.fixture
def move(tmp_path: Path, tiny_moving_folder: Path, image: Path) -> Callable[..., MovedImage]:
    def moved(name: str = "clip.apng", **given: object) -> MovedImage:
        settings = {"model": str(tiny_moving_folder), "steps": 2, "fps": 8, "size": (32, 32)} | dict(given.pop("settings", {}))  # type: ignore[call-overload]
        how = {"seconds": 1.0, "settings": FilmSettings(**settings), "store": tmp_path / "frames"} | given
        return studio.move(image, "snow falls", tmp_path / name, **how).result()  # type: ignore[arg-type]

    return moved


def frames(clip: Path) -> list[np.ndarray]:
    with Image.open(clip) as opened:
        shown = []
        for number in range(opened.n_frames):
            opened.seek(number)
            shown.append(np.array(opened.convert("RGB")))
    return shown


def read(file: Path) -> np.ndarray:
    return np.array(Image.open(file).convert("RGB"))


def test_the_image_is_the_first_frame_and_the_others_move(move: Callable[..., MovedImage], image: Path) -> None:
    made = move()
    shown = frames(made.clip)
    assert (made.frames, made.count.generated) == (8, 7)
    assert np.array_equal(shown[0], read(image))
    assert all(not np.array_equal(one, other) for one, other in pairwise(shown))


def test_the_same_move_is_generated_once(move: Callable[..., MovedImage]) -> None:
    made, again = move(), move("again.apng")
    assert (again.count.generated, again.count.reused) == (0, 7)
    assert made.clip.read_bytes() == again.clip.read_bytes()


def test_a_tag_in_the_prompt_is_the_option(
    image: Path, tiny_moving_folder: Path, tmp_path: Path, move: Callable[..., MovedImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    lora = LoraLayer(down=torch.ones(2, 32), up=torch.ones(32, 2), scale=0.2)
    write_adapter(Adapter(name="ink", layers={layer: lora}), tmp_path / "loras" / "ink.safetensors")
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))
    studio.add_style_folder(tmp_path / "loras")
    settings = FilmSettings(model=str(tiny_moving_folder), steps=2, fps=Fraction(8), size=(32, 32))
    tagged = studio.move(image, "snow falls <lora:ink:0.7>", tmp_path / "tag.apng", seconds=1.0, settings=settings).result()
    optional = studio.move(image, "snow falls", tmp_path / "option.apng", seconds=1.0, settings=replace(settings, style="ink:0.7")).result()
    assert np.array_equal(frames(tagged.clip), frames(optional.clip))
    assert not np.array_equal(frames(tagged.clip), frames(move().clip))


def test_a_last_image_ends_the_clip(move: Callable[..., MovedImage], image: Path, tmp_path: Path) -> None:
    last = write_image(tmp_path / "last.png", 2)
    shown = frames(move(last=last).clip)
    assert np.array_equal(shown[0], read(image))
    assert np.array_equal(shown[-1], read(last))


def test_a_loop_leads_back_and_passes_the_last_image_halfway(move: Callable[..., MovedImage], image: Path, tmp_path: Path) -> None:
    last = write_image(tmp_path / "last.png", 2)
    shown = frames(move("loop.apng", loop=True, last=last).clip)
    assert len(shown) == 8
    assert np.array_equal(shown[0], read(image))
    assert np.array_equal(shown[4], read(last))
    assert not np.array_equal(shown[-1], frames(move("open.apng").clip)[-1])


def test_frames_between_those_of_the_adapter_are_interpolated(move: Callable[..., MovedImage]) -> None:
    made = move(settings={"fps": 16})
    assert (made.frames, made.count.generated) == (16, 8)


def test_a_long_clip_goes_on_from_its_last_frames(move: Callable[..., MovedImage]) -> None:
    made = move(seconds=9, settings={"steps": 1})
    assert (made.frames, made.count.generated) == (72, 71)


def test_a_picture_of_another_shape_is_fitted(tmp_path: Path, tiny_moving_folder: Path) -> None:
    wide = write_image(tmp_path / "wide.png", 3, (90, 60))
    settings = FilmSettings(model=str(tiny_moving_folder), steps=1, fps=8)
    made = studio.move(wide, "snow falls", tmp_path / "clip.gif", seconds=1, settings=settings, store=tmp_path / "frames").result()
    with Image.open(made.clip) as clip:
        width, height = clip.size
    assert width / height == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize("keyframe", [0.2, 1.0])
def test_with_a_strength_the_image_fades_to_how_the_prompt_generates_it_again(
    move: Callable[..., MovedImage], image: Path, tmp_path: Path, tiny_moving_folder: Path, keyframe: float
) -> None:
    made = move(seconds=1.5, settings={"strength": 0.5, "motion_keyframe": keyframe})
    first, *others = frames(made.clip)
    assert np.array_equal(first, read(image))
    assert all(not np.array_equal(one, other) for one, other in pairwise(others))
    assert not np.array_equal(others[-1], frames(move("plain.apng", seconds=1.5).clip)[-1])
    again = studio.remake(made.clip, tmp_path / "again.apng", model=str(tiny_moving_folder), images=[image], store=tmp_path / "other")
    assert again.result().path.read_bytes() == made.clip.read_bytes()


def test_a_loop_with_a_strength_shows_what_moves_alone(move: Callable[..., MovedImage], image: Path) -> None:
    made = move(loop=True, settings={"strength": 0.5})
    assert made.frames == 8
    assert not np.array_equal(frames(made.clip)[0], read(image))


def test_a_recipe_moves_the_image_again(move: Callable[..., MovedImage], image: Path, tmp_path: Path, tiny_moving_folder: Path) -> None:
    made = move()
    recipe = json.loads(read_recipe(made.clip) or "")
    assert (recipe["kind"], recipe["prompt"], len(recipe["given"]), recipe["settings"]["motion"]) == ("move", "snow falls", 1, "auto")
    assert recipe["settings"]["motion_end"] == 1.0
    again = studio.remake(made.clip, tmp_path / "again.apng", model=str(tiny_moving_folder), images=[image], store=tmp_path / "other")
    assert again.result().path.read_bytes() == made.clip.read_bytes()


def test_the_recipe_names_an_adapter_from_outside_without_its_place(
    move: Callable[..., MovedImage], image: Path, tmp_path: Path, tiny_moving_folder: Path
) -> None:
    outside = Path(shutil.copytree(tiny_moving_folder / "motion_adapter", tmp_path / "wind"))
    made = move(settings={"motion": str(outside), "steps": 1})
    assert str(tmp_path) not in (read_recipe(made.clip) or "")
    given = {"model": str(tiny_moving_folder), "images": [image], "store": tmp_path / "other"}
    with pytest.raises(SakugaError, match="moves by an adapter from outside, 'wind@"):
        studio.remake(made.clip, tmp_path / "again.apng", **given)
    again = studio.remake(made.clip, tmp_path / "again.apng", motion=[str(outside)], **given).result()
    assert again.path.read_bytes() == made.clip.read_bytes()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"settings": {"motion": "none"}}, "an image moves by a motion adapter, and .* has none with motion 'none'"),
        ({"settings": {"shot_strength": 0.5}}, "a moved image has no use for shot_strength"),
        ({"settings": {"strength": 0.5}, "last": Path("last.png")}, "a last image is shown as it is: leave one of them out"),
        ({"settings": {"motion_scale": 0}}, "at motion_scale 0 nothing moves"),
        ({"settings": {"motion_window": 40}}, "has positions for 32 frames, not 40"),
        ({"seconds": 0.1}, "less than two frames"),
        ({"seconds": 30, "loop": True}, "has 64 frames at most"),
        ({"seconds": -1}, "seconds"),
        ({"last": Path("nowhere.png")}, "nowhere.png"),
    ],
)
def test_what_cannot_be_moved_is_refused_before_anything_is_generated(
    move: Callable[..., MovedImage], given: dict[str, object], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "last.png", 2)
    with pytest.raises(SakugaError, match=sentence):
        move(**given)
    assert not (tmp_path / "frames").exists()


def test_a_checkpoint_without_an_adapter_is_refused(image: Path, tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SakugaError, match="an image moves by a motion adapter, and"):
        studio.move(image, "snow falls", tmp_path / "clip.gif", settings=FilmSettings(model=str(tiny_folder)))


def test_a_motion_module_becomes_a_folder(tmp_path: Path) -> None:
    network = MotionAdapter(block_out_channels=(32, 64), motion_layers_per_block=1)
    tensors = {name: value.contiguous().clone() for name, value in single_file(network).items()}
    save_file(tensors, tmp_path / "mm.safetensors")
    torch.save(tensors, tmp_path / "mm.ckpt")
    made = studio.convert_motion(tmp_path / "mm.safetensors", tmp_path / "adapter")
    assert (made.positions, made.made_for) == (32, "")
    opened = MotionAdapter.from_pretrained(tmp_path / "adapter", dtype=torch.float16).state_dict()
    assert all(torch.equal(value.half(), opened[name]) for name, value in network.state_dict().items())
    with pytest.raises(SakugaError, match="is a pickle, which can run code"):
        studio.convert_motion(tmp_path / "mm.ckpt", tmp_path / "other")
    assert studio.convert_motion(tmp_path / "mm.ckpt", tmp_path / "other", pickle=True).positions == 32
    with pytest.raises(SakugaError, match="exists and is not empty"):
        studio.convert_motion(tmp_path / "mm.safetensors", tmp_path / "other")
