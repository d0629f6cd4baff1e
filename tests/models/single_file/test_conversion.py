"""Single-file checkpoints: the same weights, configs, tokens and images as diffusers reads from them."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from diffusers.loaders import single_file_utils as theirs
from transformers import CLIPTokenizer

from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.conditioning import encode_conditioning, encode_negative
from sakuga.models.families import family_of
from sakuga.models.model_registry import RegisteredModel, write_models
from sakuga.models.sampling import sample
from sakuga.models.schedulers import build_scheduler
from sakuga.models.single_file.vocabulary import write_clip_tokenizer
from sakuga.timeline.spec import Prompt
from tests.models.single_file.tiny_models import (
    Family,
    moving_averages,
    single_file_weights,
    tiny_networks,
    tiny_scheduler,
    write_single_file,
)

FAMILIES: tuple[Family, ...] = ("sd1", "sd2", "sdxl")


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAKUGA_HOME", str(folder := tmp_path_factory.mktemp("home")))
        yield folder


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Family, dict[str, Any], Path]:
    """Return a family, its networks, and their single file."""
    family: Family = request.param
    networks = tiny_networks(family)
    file = write_single_file(tmp_path_factory.mktemp(family) / "tiny.safetensors", single_file_weights(family, networks))
    write_models({f"my {family}": RegisteredModel(path=str(file), prediction="v_prediction" if family == "sd2" else None)})
    return family, networks, file


def opened(family: Family) -> Checkpoint:
    return load_checkpoint(find_checkpoint(f"my {family}"))


def plain(network: Any) -> dict[str, torch.Tensor]:
    return {name.removeprefix("text_model."): value for name, value in network.state_dict().items()}


def test_every_weight_and_every_config_is_that_of_the_networks(pair: tuple[Family, dict[str, Any], Path]) -> None:
    family, networks, _ = pair
    checkpoint = opened(family)
    read = {"unet": checkpoint.unet, "vae": checkpoint.vae} | {one.name: one.network for one in checkpoint.text_encoders}
    assert read.keys() == networks.keys()
    for name, network in networks.items():
        mine, true = plain(read[name]), plain(network)
        assert mine.keys() == true.keys()
        assert all(torch.equal(mine[key], true[key]) for key in true)
    for name in ("unet", "vae"):
        config = {key: value for key, value in checkpoint.files.config(name).items() if key not in ("_class_name", "force_upcast")}
        assert {key: _listed(networks[name].config[key]) for key in config} == config


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def test_diffusers_reads_the_same_weights_from_the_file(pair: tuple[Family, dict[str, Any], Path]) -> None:
    from safetensors.torch import load_file

    family, networks, file = pair
    unet = theirs.convert_ldm_unet_checkpoint(load_file(file), networks["unet"].config)
    vae = theirs.convert_ldm_vae_checkpoint(load_file(file), networks["vae"].config)
    for name, converted in (("unet", unet), ("vae", vae)):
        true = networks[name].state_dict()
        assert converted.keys() == true.keys()
        assert all(torch.equal(converted[key], true[key]) for key in true)
    if family != "sd1":
        part = "text_encoder" if family == "sd2" else "text_encoder_2"
        prefix = "cond_stage_model.model." if family == "sd2" else "conditioner.embedders.1.model."
        text = theirs.convert_open_clip_checkpoint(networks[part], load_file(file), prefix=prefix)
        read = {name.removeprefix("text_model."): value for name, value in text.items()}
        assert all(torch.equal(read[key], value) for key, value in plain(networks[part]).items())


def test_images_equal_those_of_diffusers_pipelines(pair: tuple[Family, dict[str, Any], Path], tmp_path: Path) -> None:
    family, networks, _ = pair
    write_clip_tokenizer(tmp_path / "tokenizer", "<|endoftext|>")
    write_clip_tokenizer(tmp_path / "tokenizer_2", "!")
    tokenizer, second = CLIPTokenizer.from_pretrained(tmp_path / "tokenizer"), CLIPTokenizer.from_pretrained(tmp_path / "tokenizer_2")
    parts = {**networks, "tokenizer": second if family == "sd2" else tokenizer, "scheduler": tiny_scheduler(family)}
    if family == "sdxl":
        pipeline: Any = StableDiffusionXLPipeline(**parts, tokenizer_2=second, add_watermarker=False)
    else:
        pipeline = StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    checkpoint = opened(family)
    pipeline.scheduler = build_scheduler(checkpoint, "euler", 3)
    noise = torch.randn(1, 4, 16, 24, generator=torch.Generator().manual_seed(4))
    settings = {"num_inference_steps": 3, "guidance_scale": 5.0, "height": 32, "width": 48, "output_type": "np"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        expected = pipeline("a castle by the sea!", negative_prompt="grey", latents=noise, **settings).images
    words = {"prompt_embeds": encode_conditioning(checkpoint, Prompt(prompt="a castle by the sea!"), None)}  # type: ignore[arg-type]
    words["negative_prompt_embeds"] = encode_negative(checkpoint, Prompt(prompt="grey"), None)  # type: ignore[arg-type]
    *_, last = sample(checkpoint, noise=iter([noise]), sampler="euler", steps=3, guidance_scale=5.0, **words)
    np.testing.assert_allclose(checkpoint.decode(last.latents), expected, atol=1e-4)


def test_the_family_and_its_defaults_are_told(pair: tuple[Family, dict[str, Any], Path]) -> None:
    family, _, _ = pair
    files = find_checkpoint(f"my {family}")
    assert files.info.prediction_type == ("v_prediction" if family == "sd2" else "epsilon")
    assert files.info.native_size == {"sd1": 128, "sd2": 192, "sdxl": 256}[family]
    assert (family_of(files.info).name == "sdxl") == (family == "sdxl")


def test_clips_tokens_are_those_published_for_a_photo_of_a_cat(tmp_path: Path) -> None:
    write_clip_tokenizer(tmp_path / "tokenizer", "<|endoftext|>")
    tokenizer = CLIPTokenizer.from_pretrained(tmp_path / "tokenizer")
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert len(json.loads((tmp_path / "tokenizer" / "vocab.json").read_text())) == 49408


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_on_the_disk_and_moving_averages_are_read(dtype: torch.dtype, tmp_path: Path) -> None:
    networks = tiny_networks("sd1")
    file = write_single_file(tmp_path / "ema.safetensors", moving_averages(single_file_weights("sd1", networks)), dtype)
    checkpoint = load_checkpoint(find_checkpoint(str(file)))
    true = networks["unet"].state_dict()
    assert all(torch.equal(value, true[key].to(dtype).float()) for key, value in checkpoint.unet.state_dict().items())
    weights = checkpoint.files.folder / "unet" / "diffusion_pytorch_model.safetensors"
    assert weights.stat().st_size < 2.1 * sum(map(torch.numel, true.values()))


def test_a_file_is_converted_once_and_other_choices_are_another_checkpoint(tmp_path: Path) -> None:
    file = write_single_file(tmp_path / "one.safetensors", single_file_weights("sd1", tiny_networks("sd1")), torch.float16)
    first = find_checkpoint(str(file)).folder
    changed = (first / "unet" / "config.json").stat().st_mtime_ns
    assert find_checkpoint(str(file)).folder == first
    assert (first / "unet" / "config.json").stat().st_mtime_ns == changed
    write_models({"v": RegisteredModel(path=str(file), prediction="v_prediction", zero_snr=True)})
    other = find_checkpoint("v")
    assert other.folder != first
    assert other.info.prediction_type == "v_prediction"
    assert other.info.zero_terminal_snr


def test_another_vae_takes_the_place_of_the_files_own(tmp_path: Path) -> None:
    networks, other = tiny_networks("sd1"), tiny_networks("sd1", seed=5)["vae"]
    weights = single_file_weights("sd1", networks)
    pruned = {key: value for key, value in weights.items() if not key.startswith("first_stage_model.")}
    file = write_single_file(tmp_path / "pruned.safetensors", pruned, torch.float16)
    with pytest.raises(CheckpointError, match=r"has no VAE: give one with --vae FILE.safetensors"):
        find_checkpoint(str(file))
    vae = write_single_file(tmp_path / "vae.safetensors", other.state_dict())
    write_models({"mine": RegisteredModel(path=str(file), vae=str(vae))})
    read = load_checkpoint(find_checkpoint("mine")).vae.state_dict()
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in read.items())


def test_stable_diffusion_2_asks_for_its_prediction_type_and_xl_tells_it(tmp_path: Path) -> None:
    file = write_single_file(tmp_path / "two.safetensors", single_file_weights("sd2", tiny_networks("sd2")), torch.float16)
    with pytest.raises(CheckpointError, match=r"does not tell its prediction type: .* --prediction v_prediction"):
        find_checkpoint(str(file))
    marks = {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
    xl = write_single_file(tmp_path / "v.safetensors", single_file_weights("sdxl", tiny_networks("sdxl")) | marks, torch.float16)
    info = find_checkpoint(str(xl)).info
    assert (info.prediction_type, info.zero_terminal_snr) == ("v_prediction", True)
