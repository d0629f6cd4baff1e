"""Models by name: registered where they lie, listed, converted at first use, removed, downloaded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sakuga import studio
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from tests.models.single_file.tiny_models import single_file_weights, tiny_networks, write_single_file
from tests.models.test_hub import serving


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return single_file_weights("sd1", tiny_networks("sd1"))


def test_a_registered_file_is_converted_at_first_use_and_removed_without_itself(
    weights: dict[str, torch.Tensor], tmp_path: Path, home: Path
) -> None:
    file = write_single_file(tmp_path / "My Model v1.safetensors", weights, torch.float16)
    assert studio.add_model(file).names == ("My Model v1",)
    assert not any((home / "checkpoints").glob("*/unet"))
    shown = studio.show_model("My Model v1")
    assert (shown.family, shown.prediction, shown.fault) == ("Stable Diffusion 1.x", "epsilon", "")
    folder = find_checkpoint("My Model v1").folder
    assert folder.parent == home / "checkpoints"
    studio.remove_model("My Model v1")
    assert not folder.exists()
    assert file.is_file()
    with pytest.raises(CheckpointError, match="no registered model"):
        studio.remove_model("My Model v1")


def test_names_that_are_taken_and_files_that_are_no_checkpoint_are_refused(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    file = write_single_file(tmp_path / "one.safetensors", weights, torch.float16)
    studio.add_model(file)
    with pytest.raises(CheckpointError, match="there is a model 'one' already"):
        studio.add_model(file)
    studio.add_model(file, overwrite=True, prediction="v_prediction")
    assert studio.show_model("one").prediction == "v_prediction"
    with pytest.raises(CheckpointError, match="'sketchbook' cannot be a model's name"):
        studio.add_model(file, "sketchbook")
    save_file({"lora_unet_conv_in.lora_down.weight": torch.zeros(1, 1)}, tmp_path / "ink.safetensors")
    with pytest.raises(CheckpointError, match="is a LoRA or another adapter: use it with --style"):
        studio.add_model(tmp_path / "ink.safetensors")
    file.unlink()
    with pytest.raises(CheckpointError, match=r"the model's file .*one.safetensors is gone"):
        find_checkpoint("one")


def test_checkpoints_of_a1111_are_registered_with_their_vae_and_prediction_type(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    folder = tmp_path / "webui" / "models" / "Stable-diffusion"
    (folder / "sub").mkdir(parents=True)
    write_single_file(folder / "one.safetensors", weights, torch.float16)
    vae = {key: value for key, value in weights.items() if key.startswith("first_stage_model.")}
    write_single_file(folder / "one.vae.safetensors", vae, torch.float16)
    second = write_single_file(folder / "sub" / "two.safetensors", weights, torch.float16)
    second.with_suffix(".yaml").write_text("model:\n  params:\n    parameterization: v\n")
    (folder / "broken.safetensors").write_bytes(b"PK\x03\x04")
    (folder / "old.ckpt").write_bytes(b"PK\x03\x04")
    (folder / "gone.safetensors").symlink_to("nowhere")
    (folder / "loop.safetensors").symlink_to("loop.safetensors")
    made = studio.add_webui_models(tmp_path / "webui")
    assert made.names == ("one", "two")
    assert [Path(path).name for path in made.refused] == ["broken.safetensors", "old.ckpt"]
    assert all("is a pickle of torch" in reason for reason in made.refused.values())
    assert studio.show_model("two").prediction == "v_prediction"
    assert studio.add_webui_models(tmp_path / "webui").names == ("one", "two")


def test_a_model_of_the_catalogue_that_is_not_here_is_one_sentence_with_the_command(tmp_path: Path) -> None:
    environment = {**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
    settings = 'studio.FilmSettings(model="sdxl")'
    lines = f'from sakuga import studio\nprint(studio.show_model("sdxl"))\nstudio.draw("a castle", out="x", settings={settings})'
    run = subprocess.run([sys.executable, "-c", lines], env=environment, capture_output=True, text=True)
    assert "CreativeML Open RAIL++-M" in run.stdout
    assert "the model 'sdxl' is not on this machine: run `sakuga model fetch sdxl` (about 13.9 GB)" in run.stderr


def test_a_file_that_a_power_cut_left_empty_in_the_cache_is_downloaded_again(tmp_path: Path) -> None:
    files = {"README.md": b"# LCM", "pytorch_lora_weights.safetensors": b"weights"}
    with serving({"latent-consistency/lcm-lora-sdv1-5": files}) as address:
        environment = {**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": address}
        fetch = [sys.executable, "-m", "sakuga", "model", "fetch", "lcm-sd1", "--json"]
        folder = Path(json.loads(subprocess.run(fetch, env=environment, capture_output=True, text=True, check=True).stdout)["path"])
        os.truncate(folder / "pytorch_lora_weights.safetensors", 0)
        subprocess.run(fetch, env=environment, capture_output=True, check=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


def test_fetching_downloads_a_model_as_a_whole_and_only_once(tmp_path: Path) -> None:
    files = {"README.md": b"# LCM", "pytorch_lora_weights.safetensors": b"weights", "image.png": b"not wanted"}
    with serving({"latent-consistency/lcm-lora-sdv1-5": files}) as address:
        environment = {**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": address}
        fetch = [sys.executable, "-m", "sakuga", "model", "fetch", "lcm-sd1", "--json"]
        run = subprocess.run(fetch, env=environment, capture_output=True, text=True)
        missing = subprocess.run([*fetch[:-2], "sdxl"], env=environment, capture_output=True, text=True)
    shown = json.loads(run.stdout)
    assert shown["here"]
    assert shown["usage"] == "--style hub:latent-consistency/lcm-lora-sdv1-5"
    assert sorted(path.name for path in Path(shown["path"]).iterdir()) == ["README.md", "pytorch_lora_weights.safetensors"]
    assert missing.returncode == 2
    assert "cannot be downloaded" in missing.stderr
