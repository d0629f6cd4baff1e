"""Files given with the wrong option are refused by what they are, before anything is loaded."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from sakuga import InputError, studio
from sakuga.story.settings import FilmSettings

KINDS = {
    "model.diffusion_model.input_blocks.0.0.weight": "is a checkpoint: use it with --model",
    "control_model.zero_convs.0.0.weight": "is a ControlNet: use it with --controlnet",
    "ip_adapter.1.to_k_ip.weight": "is an IP-Adapter: use it with --controlnet",
    "first_stage_model.encoder.conv_in.weight": "is a VAE: use it with --vae",
}


@pytest.mark.parametrize("key", KINDS)
def test_as_a_style(key: str, tmp_path: Path) -> None:
    save_file({key: torch.zeros(2, 2)}, file := tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=KINDS[key]):
        studio.draw("a castle", settings=FilmSettings(style=str(file)))


LORA = "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"
MISTAKES = [
    ("model", LORA, "", "is a LoRA or another adapter: use it with --style"),
    ("model", "ip_adapter.1.to_k_ip.weight", "", "is an IP-Adapter: use it with --controlnet"),
    ("upscaler", LORA, "", "is a LoRA, which is not supported"),
    ("upscaler", "ip_adapter.1.to_k_ip.weight", "", "is an IP-Adapter, which is not supported"),
    ("controlnet", "ip_adapter.1.to_k_ip.weight", ",hint=canny", "is an IP-Adapter: write hint=ip-adapter"),
    ("controlnet", LORA, ",hint=ip-adapter", "is no IP-Adapter"),
    ("controlnet", LORA, "", "is no ControlNet"),
]


@pytest.mark.parametrize("ending", [".safetensors", ".ckpt"])
@pytest.mark.parametrize(("option", "key", "parts", "message"), MISTAKES)
def test_a_file_given_with_another_option(ending: str, option: str, key: str, parts: str, message: str, tmp_path: Path) -> None:
    file, image = tmp_path / f"given{ending}", tmp_path / "image.png"
    Image.new("RGB", (8, 8)).save(image)
    save_file({key: torch.zeros(2, 2)}, file)
    if ending == ".ckpt":
        file.write_bytes(b"PK\x03\x04" + file.read_bytes())
        message = "pickle"
    value = f"{file}{parts},image={image}" if option == "controlnet" else str(file)
    with pytest.raises(InputError, match=message) as caught:
        studio.draw("a castle", settings=FilmSettings(**{option: value}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", ["prediction", "vae"])
def test_choices_of_single_files_on_a_folder(option: str, tiny_folder: Path) -> None:
    chosen = {"prediction": "epsilon"} if option == "prediction" else {"vae": "a.safetensors"}
    with pytest.raises(InputError, match=f"--{option} is for single files, and the model .* is none"):
        studio.draw("a castle", settings=FilmSettings(model=str(tiny_folder), **chosen))


def test_a_vae_that_is_not_there(tmp_path: Path) -> None:
    save_file({"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(2, 2)}, file := tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"there is no VAE file none\.safetensors"):
        studio.draw("a castle", settings=FilmSettings(model=str(file), vae="none.safetensors"))


def test_and_is_refused_before_a_motion_adapter_loads(tiny_moving_folder: Path, tmp_path: Path) -> None:
    from sakuga.story.film import from_toml

    film = from_toml('[film]\nsize = 32\n[[shots]]\nmotion = "auto"\nprompt = "a castle AND snow"\nseconds = 1.0\nseed = 1\n')
    film = studio.override(film, FilmSettings(model=str(tiny_moving_folder)))
    with pytest.raises(InputError, match="a motion adapter takes no prompts that AND composes; leave AND out, or set motion to none"):
        studio.render(film, tmp_path / "a.gif")
