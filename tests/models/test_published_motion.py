"""Published motion adapters: equal to diffusers' pipelines on tiny random networks, from folders and from single files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AnimateDiffControlNetPipeline,
    AnimateDiffPipeline,
    AnimateDiffSDXLPipeline,
    ControlNetModel,
    DDIMScheduler,
    EulerDiscreteScheduler,
    MotionAdapter,
    UNet2DConditionModel,
)
from einops import rearrange
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTokenizer

from sakuga import InputError
from sakuga.models.adapters import Adapter, AdapterError, read_adapter
from sakuga.models.applied_adapters import AppliedAdapter, applied_adapters, image_parts
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_files import CheckpointError, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.controlnets import Control
from sakuga.models.motion import motion_modules, open_motion_adapter, open_pickled_motion_adapter
from sakuga.models.motion_denoiser import with_motion
from sakuga.models.motion_files import MotionFiles, check_motion_adapter
from sakuga.models.motion_lookup import find_motion_adapter
from sakuga.models.sampling import sample
from tests.conftest import write_tiny_checkpoint, write_tiny_xl

FRAMES = 5
ALL_CLOSE: dict[str, float] = {"atol": 1e-4, "rtol": 0}


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def write_adapter(folder: Path, *, middle: bool = True) -> MotionFiles:
    torch.manual_seed(1)
    adapter = MotionAdapter(
        block_out_channels=(16, 32), motion_layers_per_block=1, motion_num_attention_heads=2, motion_norm_num_groups=8,
        use_motion_mid_block=middle,
    )  # fmt: skip
    for module in motion_modules(adapter):
        torch.nn.init.normal_(module.proj_out.weight, std=0.2)
    adapter.save_pretrained(folder)
    return MotionFiles(folder.name, folder)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> MotionFiles:
    return write_adapter(tmp_path_factory.mktemp("adapters") / "v2")


@pytest.fixture(scope="module")
def checkpoint(tiny_folder: Path) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(tiny_folder)))


def linear(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint with the noise schedule of the published adapters."""
    return replace(checkpoint, scheduler_config=checkpoint.scheduler_config | {"beta_schedule": "linear"})


def ours(checkpoint: Checkpoint, adapter: MotionFiles, sampler: Any = "ddim", **inputs: Any) -> Tensor:
    embeds = checkpoint.encode_prompts(["rain", "a castle"]).repeat_interleave(FRAMES, dim=0)
    *_, last = sample(
        with_motion(checkpoint, adapter, frames=FRAMES), prompt_embeds=embeds[FRAMES:], negative_prompt_embeds=embeds[:FRAMES],
        noise=iter([random(FRAMES, 8, 8, 8)]), sampler=sampler, steps=4, guidance_scale=5.0, **inputs,
    )  # fmt: skip
    return last.latents


def theirs(pipeline: Any, **inputs: Any) -> Tensor:
    pipeline.set_progress_bar_config(disable=True)
    noise = rearrange(random(FRAMES, 8, 8, 8), "frame c h w -> 1 c frame h w")
    made = pipeline(
        prompt="a castle", negative_prompt="rain", num_frames=FRAMES, height=32, width=32, num_inference_steps=4, guidance_scale=5.0,
        latents=noise, output_type="latent", return_dict=False, **inputs,
    )[0]  # fmt: skip
    return rearrange(made, "1 c frame h w -> frame c h w")


def parts(checkpoint: Checkpoint, adapter: MotionFiles) -> dict[str, Any]:
    """Open a checkpoint's networks anew, as a pipeline of diffusers takes them."""
    return {
        "unet": UNet2DConditionModel.from_pretrained(checkpoint.files.folder / "unet"),
        "motion_adapter": MotionAdapter.from_pretrained(adapter.path),
        "vae": checkpoint.vae,
        "text_encoder": checkpoint.text_encoder,
        "tokenizer": CLIPTokenizer.from_pretrained(checkpoint.files.folder / "tokenizer"),
    }


@pytest.mark.parametrize("middle", [True, False])
def test_a_clip_equals_that_of_diffusers(checkpoint: Checkpoint, tmp_path: Path, middle: bool) -> None:
    adapter, base = write_adapter(tmp_path / "adapter", middle=middle), linear(checkpoint)
    pipeline = AnimateDiffPipeline(**parts(base, adapter), scheduler=DDIMScheduler.from_config(base.scheduler_config))
    torch.testing.assert_close(ours(base, adapter), theirs(pipeline), **ALL_CLOSE)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_clip_of_stable_diffusion_xl_equals_that_of_diffusers(tmp_path: Path, adapter: MotionFiles) -> None:
    base = linear(load_checkpoint(find_checkpoint(str(write_tiny_xl(tmp_path / "xl")))))
    second = {
        "tokenizer_2": CLIPTokenizer.from_pretrained(base.files.folder / "tokenizer_2"),
        "text_encoder_2": base.text_encoders[1].network,
    }
    scheduler = EulerDiscreteScheduler.from_config(base.scheduler_config)
    pipeline = AnimateDiffSDXLPipeline(**parts(base, adapter), **second, scheduler=scheduler)
    pipeline.unet.add_embedding.load_state_dict(base.unet.add_embedding.state_dict())  # diffusers 0.42 leaves it random
    size = {"original_size": (32, 32), "target_size": (32, 32)}
    torch.testing.assert_close(ours(base, adapter, "euler"), theirs(pipeline, **size), **ALL_CLOSE)


def test_a_controlled_clip_equals_that_of_diffusers(tmp_path: Path, adapter: MotionFiles) -> None:
    folder = write_tiny_checkpoint(tmp_path / "controlled")
    torch.manual_seed(2)
    network = ControlNetModel.from_unet(
        UNet2DConditionModel.from_pretrained(folder / "unet"), conditioning_embedding_out_channels=(8, 8, 8)
    )  # fmt: skip
    for name, weight in network.named_parameters():
        if "controlnet" in name:
            torch.nn.init.normal_(weight, std=0.1)
    network.save_pretrained(folder / "controlnet")
    base = linear(load_checkpoint(find_checkpoint(str(folder))))
    grey = (torch.rand(FRAMES, 32, 32, generator=torch.Generator().manual_seed(3)) * 255).byte()
    images = [Image.fromarray(image.numpy()).convert("RGB") for image in grey]
    scheduler = DDIMScheduler.from_config(base.scheduler_config)
    pipeline = AnimateDiffControlNetPipeline(**parts(base, adapter), controlnet=network, scheduler=scheduler)
    control = (grey.float() / 255)[:, None].expand(-1, 3, -1, -1)
    made = ours(base, adapter, controls=[Control(image=control)])
    torch.testing.assert_close(made, theirs(pipeline, conditioning_frames=images), **ALL_CLOSE)
    assert not torch.allclose(made, ours(base, adapter), atol=1e-2)


LORA_LAYER = "down_blocks.1.motion_modules.0.transformer_blocks.0.attn1.to_q"


def write_motion_lora(file: Path) -> Adapter:
    lora = {"lora_A": random(2, 32, seed=4), "lora_B": random(32, 2, seed=5)}
    save_file({f"unet.{LORA_LAYER}.{name}.weight": value for name, value in lora.items()}, file)
    return read_adapter(file, "zoom-in")


def test_a_motion_lora_equals_that_of_diffusers(checkpoint: Checkpoint, adapter: MotionFiles, tmp_path: Path) -> None:
    lora, base = write_motion_lora(tmp_path / "zoom.safetensors"), linear(checkpoint)
    pipeline = AnimateDiffPipeline(**parts(base, adapter), scheduler=DDIMScheduler.from_config(base.scheduler_config))
    pipeline.load_lora_weights(tmp_path, weight_name="zoom.safetensors", adapter_name="zoom")
    before = ours(base, adapter)
    with applied_adapters(base, [(lora, 1.0)], base.open_motion(adapter)):
        made = ours(base, adapter)
    torch.testing.assert_close(made, theirs(pipeline), **ALL_CLOSE)
    assert not torch.allclose(made, before, atol=1e-2)
    assert torch.equal(ours(base, adapter), before)


def test_a_motion_lora_without_a_motion_adapter_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with (
        pytest.raises(AdapterError, match="'zoom-in' is a MotionLoRA"),
        applied_adapters(checkpoint, [(write_motion_lora(tmp_path / "zoom.safetensors"), 1.0)]),
    ):
        pass


def test_single_frames_of_a_film_in_motion_leave_motion_layers_out(tmp_path: Path) -> None:
    lora = write_motion_lora(tmp_path / "zoom.safetensors")
    image = replace(lora, layers={**lora.layers, "unet.mid_block.attentions.0.proj_in": next(iter(lora.layers.values()))})
    left = image_parts([AppliedAdapter(adapter=lora), AppliedAdapter(adapter=image, weight=0.5)])
    assert [(list(one.adapter.layers), one.weight) for one in left] == [(["unet.mid_block.attentions.0.proj_in"], 0.5)]


def single_file(adapter: MotionAdapter) -> dict[str, Tensor]:
    """Return an adapter's tensors by AnimateDiff's names."""
    names = {
        ".motion_modules.0.": ".motion_modules.0.temporal_transformer.", ".motion_modules.1.": ".motion_modules.1.temporal_transformer.",
        ".attn1.": ".attention_blocks.0.", ".attn2.": ".attention_blocks.1.", ".norm1.": ".norms.0.", ".norm2.": ".norms.1.",
        ".norm3.": ".ff_norm.",
    }  # fmt: skip
    tensors: dict[str, Tensor] = {}
    for name, value in adapter.state_dict().items():
        if name.endswith("pos_embed.pe"):
            for block in ("0", "1"):
                theirs = name.replace(".pos_embed.pe", f".attention_blocks.{block}.pos_encoder.pe")
                tensors[theirs.replace(".transformer_blocks", ".temporal_transformer.transformer_blocks")] = value
            continue
        for diffusers, original in names.items():
            name = name.replace(diffusers, original)
        tensors[name] = value
    return tensors


@pytest.fixture(scope="module")
def modules() -> tuple[MotionAdapter, Mapping[str, Tensor]]:
    """An adapter with a middle block and 24 positions, and its tensors in a single file."""
    torch.manual_seed(6)
    adapter = MotionAdapter(block_out_channels=(32, 64), motion_layers_per_block=2, motion_max_seq_length=24)
    return adapter, {name: value.contiguous().clone() for name, value in single_file(adapter).items()}


def assert_equal(adapter: MotionAdapter, expected: MotionAdapter) -> None:
    config = {name: value for name, value in expected.config.items() if name[0] != "_"}
    sizes = {"motion_layers_per_block": [2, 2], "block_out_channels": [32, 64]}
    assert {name: value for name, value in adapter.config.items() if name[0] != "_"} == config | sizes
    weights = adapter.state_dict()
    assert weights.keys() == expected.state_dict().keys()
    assert all(torch.equal(value, weights[name]) for name, value in expected.state_dict().items())


def test_a_single_file_becomes_the_same_adapter(modules: tuple[MotionAdapter, dict[str, Tensor]], tmp_path: Path) -> None:
    save_file(modules[1], tmp_path / "mm.safetensors")
    assert_equal(open_motion_adapter(tmp_path / "mm.safetensors"), modules[0])
    info = MotionFiles("mm", tmp_path / "mm.safetensors").info
    assert (info.positions, info.block_out_channels, info.layers_per_block) == (24, (32, 64), (2, 2))


def test_a_pickle_is_refused_unless_converted(
    modules: tuple[MotionAdapter, dict[str, Tensor]], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    torch.save({"state_dict": {f"module.{name}": value for name, value in modules[1].items()}}, tmp_path / "mm.ckpt")
    with pytest.raises(CheckpointError, match="is a pickle, which can run code"):
        find_motion_adapter(checkpoint.files, str(tmp_path / "mm.ckpt"))
    assert_equal(open_pickled_motion_adapter(tmp_path / "mm.ckpt"), modules[0])


@pytest.mark.parametrize(("channels", "middle", "family"), [((320, 640, 1280, 1280), True, "sd1"), ((320, 640, 1280), False, "sdxl")])
def test_files_of_published_sizes_tell_their_family_and_schedule(
    channels: tuple[int, ...], middle: bool, family: str, tmp_path: Path
) -> None:
    with torch.device("meta"):
        adapter = MotionAdapter(block_out_channels=channels, use_motion_mid_block=middle)
    adapter.save_config(tmp_path)
    info = MotionFiles("published", tmp_path).info
    assert (info.family, info.schedule) == (family, {"beta_schedule": "linear"})
    sketchbook = find_checkpoint()
    sentence = r"motion adapter 'published' is for Stable Diffusion .*, but checkpoint 'sketchbook' is the Sketchbook"
    with pytest.raises(CheckpointError, match=sentence):
        check_motion_adapter(MotionFiles("published", tmp_path), sketchbook)


def test_the_adapters_of_the_sketchbook_keep_its_schedule() -> None:
    assert find_motion_adapter(find_checkpoint()).info.schedule == {}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (None, "has no motion adapter of its own: name one"),
        ("nowhere", "no motion adapter 'nowhere': give a MotionAdapter folder, a safetensors file, or owner/name"),
        ("empty", "the folder has no config.json"),
        ("other.safetensors", "it has no motion modules"),
        ("damaged.safetensors", "cannot read"),
    ],
)
def test_what_is_no_adapter_is_refused_in_a_sentence(
    name: str | None, sentence: str, checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    save_file({"mid_block.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(InputError, match=sentence):
        find_motion_adapter(CheckpointFiles("tiny", checkpoint.files.folder), name)


def test_a_file_with_half_of_its_weights_is_refused(modules: tuple[MotionAdapter, dict[str, Tensor]], tmp_path: Path) -> None:
    save_file({name: value for name, value in modules[1].items() if "ff.net" not in name}, tmp_path / "half.safetensors")
    with pytest.raises(CheckpointError, match="of its weights are missing or unknown"):
        open_motion_adapter(tmp_path / "half.safetensors")
