"""ControlNets: the images of diffusers' pipelines, from folders and single files of every family."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionXLControlNetPipeline
from diffusers.loaders import single_file_utils
from diffusers.models import MultiControlNetModel
from safetensors.torch import save_file
from transformers import CLIPTokenizer

from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.controlnet_files import ControlNetFiles, find_controlnet
from sakuga.models.controlnets import Control, control_residuals, open_controlnet
from sakuga.models.sampling import sample
from sakuga.models.schedulers import build_scheduler
from sakuga.models.single_file.controlnet import controlnet_key
from tests.models.single_file.tiny_models import Family, tiny_networks

STEPS = 4


def random_controlnet(unet: Any, seed: int, channels: tuple[int, ...]) -> ControlNetModel:
    torch.manual_seed(seed)
    network = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=channels)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    return network.eval()


@pytest.fixture(scope="module", params=["tiny_folder", "tiny_xl_folder"])
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(request.getfixturevalue(request.param))))


@pytest.fixture(scope="module")
def networks(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> list[ControlNetFiles]:
    """Return two ControlNets in folders."""
    root = tmp_path_factory.mktemp("controlnets")
    for name, seed in (("canny", 1), ("pose", 2)):
        random_controlnet(checkpoint.unet, seed, (8, 16, 16)).save_pretrained(root / name)
    return [find_controlnet(checkpoint.files, str(root / name)) for name in ("canny", "pose")]


def pipeline_of(checkpoint: Checkpoint, networks: list[ControlNetFiles]) -> Any:
    opened = [ControlNetModel.from_pretrained(one.path) for one in networks]
    parts = {
        "vae": checkpoint.vae,
        "text_encoder": checkpoint.text_encoder,
        "tokenizer": CLIPTokenizer.from_pretrained(checkpoint.files.folder / "tokenizer"),
        "unet": checkpoint.unet,
        "controlnet": MultiControlNetModel(opened) if len(opened) > 1 else opened[0],
        "scheduler": build_scheduler(checkpoint, "ddim", STEPS),
    }
    if checkpoint.info.pooled_channels:
        second = {
            "text_encoder_2": checkpoint.text_encoders[1].network,
            "tokenizer_2": CLIPTokenizer.from_pretrained(checkpoint.files.folder / "tokenizer_2"),
        }
        pipeline: Any = StableDiffusionXLControlNetPipeline(**parts, **second, add_watermarker=False)
    else:
        pipeline = StableDiffusionControlNetPipeline(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def noise() -> torch.Tensor:
    return torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(3))


def hint(seed: int) -> torch.Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def ours(checkpoint: Checkpoint, controls: list[Control], guidance: float = 4.0) -> torch.Tensor:
    *_, last = sample(
        checkpoint,
        prompt_embeds=checkpoint.encode_prompts(["a castle"]),
        negative_prompt_embeds=checkpoint.encode_prompts(["rain"]),
        noise=iter([noise()]),
        sampler="ddim",
        steps=STEPS,
        guidance_scale=guidance,
        guidance_rescale=0.0,
        controls=controls,
    )
    return last.latents


def theirs(pipeline: Any, guidance: float = 4.0, **settings: Any) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made: torch.Tensor = pipeline(
            "a castle", negative_prompt="rain", latents=noise(), output_type="latent", num_inference_steps=STEPS, guidance_scale=guidance,
            height=32, width=32, **settings,
        ).images  # fmt: skip
    return made


@pytest.mark.parametrize("guess", [False, True])
@pytest.mark.parametrize("guidance", [4.0, 1.0])
def test_several_with_their_own_steps_equal_diffusers(
    checkpoint: Checkpoint, networks: list[ControlNetFiles], guess: bool, guidance: float
) -> None:
    spans, weights = [(0.0, 0.5), (0.25, 1.0)], [0.6, 0.9]
    controls = [
        Control(image=hint(seed), weight=weight, network=network, start=start, end=end, guess=guess)
        for seed, (network, weight, (start, end)) in enumerate(zip(networks, weights, spans, strict=True))
    ]
    expected = theirs(
        pipeline_of(checkpoint, networks), guidance, image=[hint(0), hint(1)], controlnet_conditioning_scale=weights, guess_mode=guess,
        control_guidance_start=[start for start, _ in spans], control_guidance_end=[end for _, end in spans],
    )  # fmt: skip
    made = ours(checkpoint, controls, guidance)
    torch.testing.assert_close(made, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(made, ours(checkpoint, controls[:1], guidance), atol=1e-3)


def test_a_control_that_never_acts_changes_no_bit(checkpoint: Checkpoint, networks: list[ControlNetFiles]) -> None:
    free = ours(checkpoint, [])
    network = networks[0]
    for idle in (Control(image=hint(0), network=network, weight=0.0), Control(image=hint(0), network=network, start=0.3, end=0.4)):
        assert torch.equal(ours(checkpoint, [idle]), free)


def test_the_sum_does_not_depend_on_the_order(checkpoint: Checkpoint, networks: list[ControlNetFiles]) -> None:
    first, second = (Control(image=hint(seed), network=network) for seed, network in enumerate(networks))
    torch.testing.assert_close(ours(checkpoint, [first, second]), ours(checkpoint, [second, first]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_a_single_file_has_the_weights_of_its_folder(family: Family, tmp_path: Path) -> None:
    unet = tiny_networks(family)["unet"]
    true = random_controlnet(unet, 5, (8, 16)).state_dict()
    stability = {controlnet_key(name, 2, 2): value.clone() for name, value in true.items()}
    assert len(stability) == len(true)
    read = single_file_utils.convert_controlnet_checkpoint(
        {f"control_model.{key}": value for key, value in stability.items()}, {**unet.config}
    )
    files = {
        "prefixed": {f"control_model.{key}": value for key, value in stability.items()},
        "bare": stability,
        "diffusers": {name: value.half() for name, value in true.items()},
    }
    for name, weights in files.items():
        save_file(weights, tmp_path / f"{name}.safetensors")
        opened = open_controlnet(ControlNetFiles(name, tmp_path / f"{name}.safetensors"), unet, torch.float32).state_dict()
        assert opened.keys() == true.keys()
        wanted = {key: value.half().float() for key, value in true.items()} if name == "diffusers" else true
        assert all(torch.equal(opened[key], wanted[key]) for key in true)
    known = set(read) & set(true)
    assert len(known) > 0.9 * len(true)
    assert all(torch.equal(read[key].reshape(true[key].shape), true[key]) for key in known)


def test_a_single_file_gives_the_images_of_its_folder(checkpoint: Checkpoint, networks: list[ControlNetFiles], tmp_path: Path) -> None:
    weights = ControlNetModel.from_pretrained(networks[0].path).state_dict()
    save_file({name: value.clone() for name, value in weights.items()}, tmp_path / "canny.safetensors")
    single = find_controlnet(checkpoint.files, str(tmp_path / "canny.safetensors"))
    made = [ours(checkpoint, [Control(image=hint(0), network=network)]) for network in (networks[0], single)]
    assert torch.equal(*made)


def refused(checkpoint: Checkpoint, path: Path, match: str) -> None:
    with pytest.raises(CheckpointError, match=match):
        find_controlnet(checkpoint.files, str(path))


def test_what_is_no_controlnet_is_refused_by_name(checkpoint: Checkpoint, tmp_path: Path) -> None:
    kinds = {
        "lora_controlnet": "a Control-LoRA",
        "task_embedding": "a ControlNet Union",
        "ip_adapter.1.to_k_ip.weight": "an IP-Adapter",
        "adapter.body.0.weight": "a T2I-Adapter",
        "model.diffusion_model.input_blocks.0.0.weight": "a checkpoint: use it with --model",
        "lora_unet_down.lora_up.weight": "is no ControlNet",
    }
    for place, (key, match) in enumerate(kinds.items()):
        save_file({key: torch.zeros(2, 2)}, path := tmp_path / f"{place}.safetensors")
        refused(checkpoint, path, match)
    (cut := tmp_path / "cut.safetensors").write_bytes(b"\x20\0\0\0\0\0\0\0{")
    refused(checkpoint, cut, "ControlNet .* is truncated or damaged")
    (pickle := tmp_path / "control.pth").write_bytes(b"PK\x03\x04")
    refused(checkpoint, pickle, "is a pickle")
    refused(checkpoint, tmp_path / "none.safetensors", "no ControlNet")
    (tmp_path / "empty").mkdir()
    refused(checkpoint, tmp_path / "empty", "no config.json")


def test_one_of_another_family_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    other = random_controlnet(tiny_networks("sd2")["unet"], 1, (8, 16))
    other.save_pretrained(tmp_path / "other")
    refused(checkpoint, tmp_path / "other", "reads prompts of 64 channels")


def test_one_of_another_size_is_refused_when_it_is_opened(checkpoint: Checkpoint, networks: list[ControlNetFiles], tmp_path: Path) -> None:
    weights = ControlNetModel.from_pretrained(networks[0].path).state_dict()
    weights["conv_in.weight"] = torch.zeros(4, 8, 3, 3)
    save_file({name: value.clone() for name, value in weights.items()}, path := tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="another UNet"):
        checkpoint.running_controlnet(find_controlnet(checkpoint.files, str(path)))


def test_the_parts_of_a_batch_are_those_of_single_frames(checkpoint: Checkpoint, networks: list[ControlNetFiles]) -> None:
    rows = torch.cat([hint(0), hint(1)])
    control = Control(image=rows, network=networks[0], guess=True)
    embeds = checkpoint.encode_prompts(["rain", "rain", "a castle", "a castle"])
    latents = torch.cat([noise()] * 4)
    with torch.inference_mode():
        whole = control_residuals(checkpoint, [control], latents, torch.tensor(500), embeds)["mid_block_additional_residual"]
    assert np.count_nonzero(whole[:2]) == 0
    assert not torch.equal(whole[2], whole[3])
