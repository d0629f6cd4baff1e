"""What runs on which family, from single files: each cell is an image or clip of diffusers' pipeline, within 1e-4."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AnimateDiffPipeline,
    AnimateDiffSDXLPipeline,
    ControlNetModel,
    MotionAdapter,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLControlNetPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from einops import rearrange
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from sakuga.models.adapters import read_adapter, write_adapter
from sakuga.models.applied_adapters import AppliedAdapter, applied_adapters
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.conditioning import encode_conditioning, encode_negative
from sakuga.models.controlnet_files import find_controlnet
from sakuga.models.controlnets import Control
from sakuga.models.ip_adapter_files import find_ip_adapter
from sakuga.models.ip_adapters import ImagePrompt, open_ip_adapter
from sakuga.models.motion import motion_modules
from sakuga.models.motion_denoiser import with_motion
from sakuga.models.motion_files import MotionFiles
from sakuga.models.sampling import sample
from sakuga.models.schedulers import build_scheduler
from sakuga.models.single_file.controlnet import controlnet_key
from sakuga.timeline.spec import Prompt
from tests.models.ip_adapter_files import write_image_encoder, write_ip_adapter
from tests.models.single_file.tiny_models import Family, single_file_weights, tiny_networks, write_single_file
from tests.models.test_lora_layouts import random_adapter

FAMILIES: tuple[Family, ...] = ("sd1", "sd2", "sdxl")
STEPS, FRAMES, SIZE = 4, 3, {"height": 32, "width": 32}
PROMPT, NEGATIVE = "a castle by the sea!", "grey"


@pytest.fixture(scope="module", params=FAMILIES)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAKUGA_HOME", str(folder / "home"))
        file = write_single_file(folder / "tiny.safetensors", single_file_weights(request.param, tiny_networks(request.param)))
        yield load_checkpoint(find_checkpoint(str(file), prediction="v_prediction" if request.param == "sd2" else None))


def is_xl(checkpoint: Checkpoint) -> bool:
    return bool(checkpoint.info.pooled_channels)


def theirs(checkpoint: Checkpoint, kinds: tuple[Any, Any], **more: Any) -> Any:
    """Return the pipeline of the family around networks that are read anew."""
    folder = checkpoint.files.folder
    parts: dict[str, Any] = {
        "vae": checkpoint.vae,
        "text_encoder": CLIPTextModel.from_pretrained(folder / "text_encoder"),
        "tokenizer": CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        "unet": UNet2DConditionModel.from_pretrained(folder / "unet"),
        "scheduler": build_scheduler(checkpoint, "ddim", STEPS),
        **more,
    }
    if is_xl(checkpoint):
        parts["text_encoder_2"] = CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2")
        parts["tokenizer_2"] = CLIPTokenizer.from_pretrained(folder / "tokenizer_2")
    elif "motion_adapter" not in more:
        parts |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipeline = kinds[is_xl(checkpoint)](**parts)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def generate(pipeline: Any, **settings: Any) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made: torch.Tensor = pipeline(
            prompt=PROMPT, negative_prompt=NEGATIVE, num_inference_steps=STEPS, guidance_scale=5.0, output_type="latent", return_dict=False,
            **settings,
        )[0]  # fmt: skip
    return made


def ours(checkpoint: Checkpoint, noise: torch.Tensor, frames: int = 1, **settings: Any) -> torch.Tensor:
    words = encode_conditioning(checkpoint, Prompt(prompt=PROMPT), None), encode_negative(checkpoint, Prompt(prompt=NEGATIVE), None)  # type: ignore[arg-type]
    embeds, negative = (one.expand(frames, -1, -1) for one in words)
    *_, last = sample(
        checkpoint, prompt_embeds=embeds, negative_prompt_embeds=negative, noise=iter([noise]), sampler="ddim", steps=STEPS,
        guidance_scale=5.0, guidance_rescale=0.0, **settings,
    )  # fmt: skip
    return last.latents


def random(*shape: int, seed: int = 4) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def text_to_image(checkpoint: Checkpoint, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    noise = random(1, 4, 16, 16)
    pipeline = theirs(checkpoint, (StableDiffusionPipeline, StableDiffusionXLPipeline))
    return ours(checkpoint, noise), generate(pipeline, latents=noise.clone(), **SIZE)


def image_to_image(checkpoint: Checkpoint, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    latents, noise = checkpoint.encode(image), random(1, 4, 16, 16)
    pipeline = theirs(checkpoint, (StableDiffusionImg2ImgPipeline, StableDiffusionXLImg2ImgPipeline))
    mode = SimpleNamespace(latents=latents / checkpoint.vae.config.scaling_factor)
    encode, pipeline.vae.encode = pipeline.vae.encode, lambda pixels: mode  # deterministic, as ours
    try:
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
        expected = generate(pipeline, image=pixels, strength=0.6, generator=torch.Generator().manual_seed(4))
    finally:
        pipeline.vae.encode = encode
    return ours(checkpoint, noise, init_latents=latents, strength=0.6), expected


def controlnet(checkpoint: Checkpoint, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(5)
    unet = UNet2DConditionModel.from_pretrained(checkpoint.files.folder / "unet")
    network = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 16)).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    save_file(
        {f"control_model.{controlnet_key(name, 2, 2)}": value for name, value in network.state_dict().items()}, folder / "c.safetensors"
    )
    hint, noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)), random(1, 4, 16, 16)
    pipeline = theirs(checkpoint, (StableDiffusionControlNetPipeline, StableDiffusionXLControlNetPipeline), controlnet=network)
    control = Control(image=hint, network=find_controlnet(checkpoint.files, str(folder / "c.safetensors")), weight=0.8)
    expected = generate(pipeline, image=hint, controlnet_conditioning_scale=0.8, latents=noise.clone(), **SIZE)
    return ours(checkpoint, noise, controls=[control]), expected


def animate_diff(checkpoint: Checkpoint, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(6)
    adapter = MotionAdapter(
        block_out_channels=(32, 64), motion_layers_per_block=2, motion_num_attention_heads=2, motion_norm_num_groups=32,
        use_motion_mid_block=True,
    )  # fmt: skip
    for module in motion_modules(adapter):
        torch.nn.init.normal_(module.proj_out.weight, std=0.2)
    adapter.save_pretrained(folder / "motion")
    pipeline = theirs(
        checkpoint, (AnimateDiffPipeline, AnimateDiffSDXLPipeline), motion_adapter=MotionAdapter.from_pretrained(folder / "motion")
    )
    if is_xl(checkpoint):
        pipeline.unet.add_embedding.load_state_dict(checkpoint.unet.add_embedding.state_dict())  # diffusers 0.42 leaves it random
    noise = random(FRAMES, 4, 16, 16)
    sizes = {"original_size": (32, 32), "target_size": (32, 32)} if is_xl(checkpoint) else {}
    frames = rearrange(noise, "frame c h w -> 1 c frame h w")
    expected = generate(pipeline, num_frames=FRAMES, latents=frames, **SIZE, **sizes)
    moving = with_motion(checkpoint, MotionFiles("random", folder / "motion"), frames=FRAMES)
    return ours(moving, noise, FRAMES), rearrange(expected, "1 c frame h w -> frame c h w")


def ip_adapter(checkpoint: Checkpoint, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    image, noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8), random(1, 4, 16, 16)
    file = write_ip_adapter(folder / "models" / "ip-adapter.safetensors", checkpoint.unet, "plus")
    write_image_encoder(folder / "models" / "image_encoder")
    pipeline = theirs(checkpoint, (StableDiffusionPipeline, StableDiffusionXLPipeline))
    pipeline.load_ip_adapter(str(folder), subfolder="models", weight_name=file.name)
    pipeline.set_ip_adapter_scale(0.7)
    expected = generate(pipeline, ip_adapter_image=Image.fromarray(image), latents=noise.clone(), **SIZE)
    adapter = open_ip_adapter(checkpoint, find_ip_adapter(checkpoint.files, str(file)))
    tokens, negative = adapter.embed(image)
    prompt = ImagePrompt(adapter=adapter, tokens=tokens, negative=negative, weight=0.7)
    return ours(checkpoint, noise, image_prompts=[prompt]), expected


def lora(checkpoint: Checkpoint, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    noise, file = random(1, 4, 16, 16), folder / "lora.safetensors"
    write_adapter(random_adapter({"unet": checkpoint.unet}), file, "diffusers", torch.float32)
    pipeline = theirs(checkpoint, (StableDiffusionPipeline, StableDiffusionXLPipeline))
    pipeline.load_lora_weights(str(folder), weight_name=file.name)
    with applied_adapters(checkpoint, [AppliedAdapter(adapter=read_adapter(file, "random"))]):
        made = ours(checkpoint, noise)
    return made, generate(pipeline, latents=noise.clone(), **SIZE)


FEATURES: dict[str, Callable[[Checkpoint, Path], tuple[torch.Tensor, torch.Tensor]]] = {
    "txt2img": text_to_image,
    "img2img": image_to_image,
    "ControlNet from a single file": controlnet,
    "IP-Adapter": ip_adapter,
    "LoRA": lora,
    "motion adapter (AnimateDiff)": animate_diff,
}
TITLES = {"sd1": "SD 1.x", "sd2": "SD 2.x", "sdxl": "SDXL"}


@pytest.mark.parametrize("feature", FEATURES)
def test_frames_equal_those_of_diffusers(checkpoint: Checkpoint, feature: str, tmp_path: Path) -> None:
    made, expected = FEATURES[feature](checkpoint, tmp_path)
    assert made.std() > 0.05
    torch.testing.assert_close(made, expected, atol=1e-4, rtol=1e-4)


def test_the_table_of_the_docs_is_what_is_tested() -> None:
    page = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
    head = " | ".join(TITLES[family] for family in FAMILIES)
    rows = [f"| {feature} | {' | '.join('yes' for _ in FAMILIES)} |" for feature in FEATURES]
    table = "\n".join([f"| from a single file | {head} |", "|---|---|---|---|", *rows])
    assert re.search(re.escape(table), page), f"docs/models.md needs this table:\n{table}"
