"""IP-Adapters and ControlNets in every command that generates, and in its recipe."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel
from PIL import Image

from sakuga import InputError, SakugaError, studio
from sakuga.export.recipe import read_recipe
from sakuga.finishing.labelled_grid import GAP
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.story.film import from_toml
from sakuga.studio import FilmSettings
from tests.models.ip_adapter_files import write_image_encoder, write_ip_adapter

Make = Callable[..., Path]
"""Writes a clip or image with some ControlNets, to a file of a name; further arguments are those of the command."""


@pytest.fixture(scope="module")
def networks(tiny_moving_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an IP-Adapter, its image encoder in another folder, and a ControlNet."""
    root = tmp_path_factory.mktemp("networks")
    unet = load_checkpoint(find_checkpoint(str(tiny_moving_folder))).unet
    write_ip_adapter(root / "ip-adapter_tiny.safetensors", unet, "plus")
    write_image_encoder(root / "encoder")
    torch.manual_seed(0)
    network = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 8, 16))
    for outlet in (*network.controlnet_down_blocks, network.controlnet_mid_block, network.controlnet_cond_embedding.conv_out):
        torch.nn.init.normal_(outlet.weight, std=0.2)
    network.save_pretrained(root / "control")
    return root


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    for seed in (1, 2):
        pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((40, 32), Image.Resampling.BICUBIC).save(tmp_path / f"{seed}.png")
    return [tmp_path / "1.png", tmp_path / "2.png"]


FILM = """
[film]
size = 32
fps = 4.0
steps = 2
keyframe_rate = 2
motion = "{motion}"
[[shots]]
prompt = "a castle"
seconds = 1.0
seed = 1
"""


@pytest.fixture
def makers(tiny_moving_folder: Path, images: list[Path], tmp_path: Path) -> dict[str, Make]:
    def settings(given: tuple[str, ...], **more: object) -> FilmSettings:
        return FilmSettings(model=str(tiny_moving_folder), steps=2, size=(32, 32), controlnet=given or None, **more)  # type: ignore[arg-type]

    store = {"store": tmp_path / "frames"}

    def draw(name: str, *given: str) -> Path:
        return studio.draw(["a castle"], tmp_path / name, settings=settings(given), **store).result().paths[0]

    def morph(name: str, *given: str) -> Path:
        return studio.morph(["a castle", "the sea"], tmp_path / f"{name}.apng", frames=3, settings=settings(given), **store).result().clip

    def move(name: str, *given: str) -> Path:
        how = settings(given, fps=8)
        return studio.move(images[0], "snow", tmp_path / f"{name}.apng", seconds=0.75, settings=how, **store).result().clip

    def vary(name: str, *given: str) -> Path:
        how = {"variants": 1, "between": 1, "repeats": 0, "settings": settings(given), **store}
        return studio.vary(images[0], tmp_path / f"{name}.apng", **how).result().clip

    def film(motion: str) -> Make:
        def render(name: str, *given: str) -> Path:
            film = studio.override(
                from_toml(FILM.format(motion=motion)), FilmSettings(model=str(tiny_moving_folder), controlnet=given or None)
            )
            return studio.render(film, tmp_path / f"{name}.apng", **store).result().clip

        return render

    return {"draw": draw, "morph": morph, "move": move, "vary": vary, "animate": film("none"), "animate in motion": film("auto")}


VERBS = ("draw", "morph", "move", "vary", "animate", "animate in motion")


@pytest.mark.parametrize(("kind", "verb"), [*(("ip-adapter", verb) for verb in VERBS), ("controlnet", "morph"), ("controlnet", "move")])
def test_an_image_controls_frames_and_a_recipe_makes_them_again(
    makers: dict[str, Make], networks: Path, images: list[Path], tmp_path: Path, tiny_moving_folder: Path, verb: str, kind: str
) -> None:
    adapter = f"{networks}/ip-adapter_tiny.safetensors,encoder={networks}/encoder"
    network = adapter if kind == "ip-adapter" else f"{networks}/control"
    make = makers[verb]
    ways = {"free": (), "one": (f"{network},image={images[1]}",), "other": (f"{network},image={images[0]}",)}
    ways |= {"weak": (f"{network},image={images[1]},weight=0.3",)}
    made = {name: make(name, *given).read_bytes() for name, given in ways.items()}
    assert len(set(made.values())) == len(ways)
    clip = make("one", *ways["one"]) if verb != "draw" else tmp_path / "one" / "0001.png"
    recipe = json.loads(read_recipe(clip) or "")
    assert str(networks) not in json.dumps(recipe)
    given = images if verb in ("move", "vary") else images[1:]
    how = {"model": str(tiny_moving_folder), "images": given, "controlnets": [network], "store": tmp_path / "empty"}
    again = studio.remake(clip, tmp_path / f"again{clip.suffix}", **how).result()  # type: ignore[arg-type]
    assert again.generated > 0
    assert again.path.read_bytes() == clip.read_bytes()


def test_the_image_that_a_frame_starts_from_is_the_prompt(networks: Path, images: list[Path], makers: dict[str, Make]) -> None:
    own = f"{networks}/ip-adapter_tiny.safetensors,encoder={networks}/encoder"
    assert makers["move"]("own", own).read_bytes() != makers["move"]("free").read_bytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "{root}/ip-adapter_tiny.safetensors,image={image}",
            "reads 24 channels of an image encoder, .*: name its folder or file with encoder=",
        ),
        ("{root}/ip-adapter_tiny.safetensors,image={image},hint=canny", "is an IP-Adapter: write hint=ip-adapter"),
        ("{root}/control/diffusion_pytorch_model.safetensors,image={image},hint=ip-adapter", "is no IP-Adapter"),
        ("{root}/ip-adapter_tiny.safetensors,image={image},guess=true", "guess mode is for ControlNets"),
        ("{root}/control,image={image},encoder={root}/encoder", "encoder is the image encoder of an IP-Adapter"),
        ("{root}/ip-adapter_tiny.safetensors,encoder={root}/encoder", "has no image for its hint: name one with image=FILE"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(
    makers: dict[str, Make], networks: Path, images: list[Path], given: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        makers["draw"]("refused", given.format(root=networks, image=images[0]))
    assert "\n" not in str(caught.value)


def test_a_morph_takes_no_weight_that_changes(makers: dict[str, Make], networks: Path, images: list[Path]) -> None:
    with pytest.raises(SakugaError, match="changes over frames, which a morph does not take"):
        makers["morph"]("keyed", f"{networks}/control,image={images[0]},weight=0: 1, 3: 0.5")


def test_a_move_takes_one(makers: dict[str, Make], networks: Path, images: list[Path]) -> None:
    keyed = makers["move"]("keyed", f"{networks}/control,image={images[1]},weight=0: 1, 3: 0.5")
    assert keyed.read_bytes() != makers["move"]("free").read_bytes()


def test_cells_of_a_grid_follow_an_image(
    makers: dict[str, Make], networks: Path, images: list[Path], tmp_path: Path, tiny_moving_folder: Path
) -> None:
    one = f"{networks}/ip-adapter_tiny.safetensors,encoder={networks}/encoder,image={images[1]}"
    drawn = np.asarray(Image.open(makers["draw"]("one", one)))
    settings = FilmSettings(model=str(tiny_moving_folder), size=(32, 32), controlnet=(one,))  # type: ignore[arg-type]
    how = {"settings": settings, "store": tmp_path / "frames"}
    made = studio.grid("a castle", ["steps=1,2"], tmp_path / "grid.png", **how).result()
    assert (made.generated, made.reused) == (1, 1)
    sheet = np.asarray(Image.open(tmp_path / "grid.png"))
    assert np.array_equal(sheet[-32 - GAP : -GAP, -32 - GAP : -GAP], drawn)
