"""IP-Adapters: the images of diffusers' pipelines, in the layouts of Stable Diffusion 1.x and XL."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.ip_adapter_files import ImageProjection, IpAdapterFiles, find_ip_adapter
from sakuga.models.ip_adapters import ImagePrompt, open_ip_adapter
from sakuga.models.sampling import sample
from sakuga.models.schedulers import build_scheduler
from tests.models.ip_adapter_files import write_image_encoder, write_ip_adapter

STEPS = 4
KINDS: tuple[ImageProjection, ...] = ("linear", "full", "plus")
IMAGE = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=["tiny_folder", "tiny_xl_folder"])
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(request.getfixturevalue(request.param))))


@pytest.fixture(scope="module")
def folder(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder as published: adapters with their image encoder beside them."""
    root = tmp_path_factory.mktemp("adapters") / "models"
    write_image_encoder(root / "image_encoder")
    for kind in KINDS:
        write_ip_adapter(root / f"{kind}.safetensors", checkpoint.unet, kind)
    return root


def found(checkpoint: Checkpoint, folder: Path, kind: str) -> IpAdapterFiles:
    return find_ip_adapter(checkpoint.files, str(folder / f"{kind}.safetensors"))


def prompt_of(checkpoint: Checkpoint, files: IpAdapterFiles, **how: Any) -> ImagePrompt:
    adapter = open_ip_adapter(checkpoint, files)
    tokens, negative = adapter.embed(IMAGE)
    return ImagePrompt(adapter=adapter, tokens=tokens, negative=negative, **how)


def noise() -> torch.Tensor:
    return torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(3))


def ours(checkpoint: Checkpoint, prompts: list[ImagePrompt], guidance: float = 4.0) -> torch.Tensor:
    *_, last = sample(
        checkpoint,
        prompt_embeds=checkpoint.encode_prompts(["a castle"]),
        negative_prompt_embeds=checkpoint.encode_prompts(["rain"]),
        noise=iter([noise()]),
        sampler="ddim",
        steps=STEPS,
        guidance_scale=guidance,
        guidance_rescale=0.0,
        image_prompts=prompts,
    )
    return last.latents


def pipeline_of(checkpoint: Checkpoint, folder: Path, kinds: list[str], scales: list[float]) -> Any:
    """Return diffusers' pipeline around networks that are read anew, with its own IP-Adapters."""
    fresh = load_checkpoint(checkpoint.files)
    parts: dict[str, Any] = {
        "vae": fresh.vae,
        "text_encoder": fresh.text_encoder,
        "tokenizer": CLIPTokenizer.from_pretrained(fresh.files.folder / "tokenizer"),
        "unet": type(fresh.unet).from_pretrained(fresh.files.folder / "unet"),
        "scheduler": build_scheduler(fresh, "ddim", STEPS),
    }
    if fresh.info.pooled_channels:
        second = {
            "text_encoder_2": fresh.text_encoders[1].network,
            "tokenizer_2": CLIPTokenizer.from_pretrained(fresh.files.folder / "tokenizer_2"),
        }
        pipeline: Any = StableDiffusionXLPipeline(**parts, **second, add_watermarker=False)
    else:
        pipeline = StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    names = [f"{kind}.safetensors" for kind in kinds]
    pipeline.load_ip_adapter(str(folder.parent), subfolder=["models"] * len(names), weight_name=names, image_encoder_folder="image_encoder")
    pipeline.set_ip_adapter_scale(scales if len(scales) > 1 else scales[0])
    return pipeline


def theirs(pipeline: Any, guidance: float = 4.0, images: int = 1, **settings: Any) -> torch.Tensor:
    image = Image.fromarray(IMAGE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: torch.Tensor = pipeline(
            "a castle", negative_prompt="rain", ip_adapter_image=[image] * images if images > 1 else image, latents=noise(),
            output_type="latent", num_inference_steps=STEPS, guidance_scale=guidance, height=32, width=32, **settings,
        ).images  # fmt: skip
    return made


@pytest.mark.parametrize(("kind", "guidance"), [*((kind, 4.0) for kind in KINDS), ("linear", 1.0)])
def test_an_image_prompt_equals_diffusers(checkpoint: Checkpoint, folder: Path, kind: ImageProjection, guidance: float) -> None:
    expected = theirs(pipeline_of(checkpoint, folder, [kind], [0.7]), guidance)
    made = ours(checkpoint, [prompt_of(checkpoint, found(checkpoint, folder, kind), weight=0.7)], guidance)
    torch.testing.assert_close(made, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(made, ours(checkpoint, [], guidance), atol=1e-2)


def test_several_equal_diffusers(checkpoint: Checkpoint, folder: Path) -> None:
    kinds, scales = ["linear", "plus"], [0.5, 0.8]
    expected = theirs(pipeline_of(checkpoint, folder, kinds, scales), images=2)
    prompts = [prompt_of(checkpoint, found(checkpoint, folder, kind), weight=scale) for kind, scale in zip(kinds, scales, strict=True)]
    torch.testing.assert_close(ours(checkpoint, prompts), expected, atol=1e-4, rtol=1e-4)


def test_a_span_of_steps_equals_diffusers_switched_off_behind_it(checkpoint: Checkpoint, folder: Path) -> None:
    pipeline = pipeline_of(checkpoint, folder, ["linear"], [1.0])

    def switch_off(pipeline: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        if step == 1:
            pipeline.set_ip_adapter_scale(0.0)
        return values

    expected = theirs(pipeline, callback_on_step_end=switch_off)
    made = ours(checkpoint, [prompt_of(checkpoint, found(checkpoint, folder, "linear"), end=0.5)])
    torch.testing.assert_close(made, expected, atol=1e-4, rtol=1e-4)


def test_without_weight_and_afterwards_the_networks_are_as_before(checkpoint: Checkpoint, folder: Path) -> None:
    free, files = ours(checkpoint, []), found(checkpoint, folder, "plus")
    assert torch.equal(ours(checkpoint, [prompt_of(checkpoint, files, weight=0.0)]), free)
    ours(checkpoint, [prompt_of(checkpoint, files)])
    assert torch.equal(ours(checkpoint, []), free)


def refused(checkpoint: Checkpoint, path: Path, match: str, encoder: Path | None = None) -> None:
    with pytest.raises(CheckpointError, match=match) as caught:
        open_ip_adapter(checkpoint, find_ip_adapter(checkpoint.files, str(path), encoder and str(encoder)))
    assert "\n" not in str(caught.value)


def test_wrong_files_are_refused_in_one_sentence(checkpoint: Checkpoint, folder: Path, tmp_path: Path) -> None:
    whole = load_file(folder / "linear.safetensors")
    save_file({"lora_unet_down.lora_up.weight": torch.zeros(2, 2)}, lora := tmp_path / "lora.safetensors")
    refused(checkpoint, lora, "is no IP-Adapter: it has no weights image_proj and ip_adapter")
    face = {"image_proj.proj.0.weight": torch.zeros(2, 2), **{name: value for name, value in whole.items() if "proj.weight" not in name}}
    save_file(face, faceid := folder / "faceid.safetensors")
    refused(checkpoint, faceid, "is a FaceID adapter, which needs InsightFace")
    other = {name: value[:, :8].contiguous() if "_ip." in name else value for name, value in whole.items()}
    save_file(other, narrow := folder / "narrow.safetensors")
    refused(checkpoint, narrow, r"makes tokens of 8 channels, but checkpoint .* it is for another family")
    fewer = {name: value for name, value in whole.items() if not name.startswith("ip_adapter.1.")}
    save_file(fewer, short := folder / "short.safetensors")
    refused(checkpoint, short, "is for another UNet: it has")
    lacking = {name: value for name, value in whole.items() if name != "image_proj.norm.bias"}
    save_file(lacking, part := folder / "part.safetensors")
    refused(checkpoint, part, "its image projection is not whole .*norm.bias")
    save_file({**whole, "image_proj.proj.weight": torch.zeros(20)}, flat := folder / "flat.safetensors")
    refused(checkpoint, flat, "an image projection of an unknown layout")
    (cut := tmp_path / "cut.safetensors").write_bytes((folder / "linear.safetensors").read_bytes()[:-9])
    refused(checkpoint, cut, "IP-Adapter .*truncated")
    (pickle := tmp_path / "ip-adapter.bin").write_bytes(b"PK\x03\x04")
    refused(checkpoint, pickle, "is a pickle")
    refused(checkpoint, tmp_path / "none.safetensors", "no IP-Adapter")


def test_an_image_encoder_in_one_file_is_that_of_its_folder(checkpoint: Checkpoint, tmp_path: Path) -> None:
    folder = write_image_encoder(tmp_path / "encoder", hidden=768, heads=12)
    weights = {name: value.clone() for name, value in load_file(folder / "model.safetensors").items()}
    save_file(weights, single := tmp_path / "clip_vision.safetensors")
    adapter = write_ip_adapter(tmp_path / "ip.safetensors", checkpoint.unet, "plus", hidden=768)
    both = [find_ip_adapter(checkpoint.files, str(adapter), str(encoder)) for encoder in (folder, single)]
    made = [open_ip_adapter(checkpoint, one).embed(IMAGE)[0] for one in both]
    assert torch.equal(*made)
    del weights["vision_model.post_layernorm.weight"]
    save_file(weights, single)
    refused(checkpoint, adapter, "its weights are not whole", single)
    save_file({"a": torch.zeros(2)}, other := tmp_path / "other.safetensors")
    refused(checkpoint, adapter, "is no CLIP image encoder in transformers' layout: give its folder", other)


def test_the_image_encoder_is_told_by_its_channels(checkpoint: Checkpoint, folder: Path, tmp_path: Path) -> None:
    alone = write_ip_adapter(tmp_path / "alone.safetensors", checkpoint.unet, "linear")
    refused(checkpoint, alone, "needs an image encoder: name its folder or file with encoder=")
    refused(checkpoint, alone, "is no image encoder", tmp_path)
    other = write_image_encoder(tmp_path / "other", embedding=12)
    refused(checkpoint, alone, "reads 20 channels of an image encoder, and .* has 12", other)
    named = find_ip_adapter(checkpoint.files, str(alone), str(folder / "image_encoder"))
    assert named.digest == found(checkpoint, folder, "linear").digest
