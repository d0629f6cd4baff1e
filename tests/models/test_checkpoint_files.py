"""Properties and digests of checkpoint folders."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sakuga
from sakuga.models.checkpoint_files import EDITION, EDITION_KEY, CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_info_is_read_from_the_configs(tiny_folder: Path, tiny_v_folder: Path) -> None:
    facts = find_checkpoint(str(tiny_folder)).info
    assert (facts.native_size, facts.vae_scale_factor, facts.size_multiple, facts.latent_channels, facts.token_limit) == (32, 4, 8, 8, 77)
    assert (facts.prediction_type, facts.zero_terminal_snr, facts.has_image_encoder) == ("epsilon", False, False)
    facts = find_checkpoint(str(tiny_v_folder)).info
    assert (facts.prediction_type, facts.zero_terminal_snr, facts.has_image_encoder) == ("v_prediction", True, True)


def test_the_digest_depends_on_contents_and_not_on_the_path(tiny_folder: Path, copy: Path) -> None:
    before = find_checkpoint(str(tiny_folder)).digest
    assert find_checkpoint(str(copy)).digest == before
    (copy / "unet" / "notes.md").write_text("not loaded")
    assert find_checkpoint(str(copy)).digest == before
    edit(copy / "scheduler" / "scheduler_config.json", beta_end=0.02)
    assert find_checkpoint(str(copy)).digest != before


def test_one_changed_weight_changes_the_digest(copy: Path) -> None:
    before = find_checkpoint(str(copy)).digest
    weights = copy / "vae" / "diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    os.utime(weights, (1, 1))
    assert find_checkpoint(str(copy)).digest != before


def test_the_fp16_variant_is_used_if_it_is_the_only_one(copy: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    variant = weights.rename(weights.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert variant in find_checkpoint(str(copy)).loaded_files()


def test_pickles_are_refused(copy: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(CheckpointError, match="unet has only pickled weights"):
        find_checkpoint(str(copy))


@pytest.mark.parametrize("change", [{"in_channels": 9}, {"addition_embed_type": "text"}, {"time_cond_proj_dim": 256}])
def test_unsupported_models_are_refused_with_a_reason(copy: Path, change: dict[str, object]) -> None:
    edit(copy / "unet" / "config.json", **change)
    with pytest.raises(CheckpointError, match=r"is not supported: .*; use Stable Diffusion 1.x, 2.x or XL"):
        find_checkpoint(str(copy))


@pytest.mark.parametrize(
    ("part", "change", "reason"),
    [
        ("scheduler", {"prediction_type": "v-prediction"}, "its prediction_type is 'v-prediction', not epsilon, v_prediction or sample"),
        ("scheduler", {"beta_schedule": "exotic"}, "its beta_schedule is 'exotic'"),
        ("scheduler", {"_class_name": "FlowMatchEulerDiscreteScheduler"}, "flow matching"),
        ("scheduler", {"use_flow_sigmas": True}, "flow matching"),
        ("scheduler", {"timestep_spacing": "x"}, "its timestep_spacing is 'x', not linspace, leading or trailing"),
        ("scheduler", {"num_train_timesteps": 10**12}, "num_train_timesteps of its scheduler is 1000000000000, not from 1 to 100000"),
        ("scheduler", {"num_train_timesteps": 0}, "num_train_timesteps of its scheduler is 0"),
        ("scheduler", {"num_train_timesteps": 1.5}, "num_train_timesteps of its scheduler is 1.5"),
        ("scheduler", {"beta_start": "x"}, "beta_start of its scheduler is 'x', not a number above 0 and below 1"),
        ("scheduler", {"beta_end": 1}, "beta_end of its scheduler is 1"),
        ("scheduler", {"beta_end": float("nan")}, "beta_end of its scheduler is nan"),
        ("scheduler", {"trained_betas": [0.1] * 10}, "its trained_betas are no 1000 numbers above 0 and below 1"),
        ("scheduler", {"trained_betas": "x"}, "its trained_betas are no 1000 numbers"),
        ("unet", {"layers_per_block": 10**9}, "layers_per_block of its unet is 1000000000, not from 1 to 256"),
        ("unet", {"attention_head_dim": [8, 0]}, r"attention_head_dim of its unet is \[8, 0\]"),
        ("unet", {"transformer_layers_per_block": [[1, 10**6], 2]}, "transformer_layers_per_block of its unet is"),
        ("unet", {"cross_attention_dim": "x"}, "cross_attention_dim of its unet is 'x'"),
        ("unet", {"block_out_channels": [32] * 100_000}, "not a list of numbers"),
        ("vae", {"scaling_factor": 0}, "scaling_factor of its vae is 0, not a number above 0 and below 1000"),
        ("vae", {"block_out_channels": [128] * 40}, "not a list of numbers"),
        ("text_encoder", {"num_hidden_layers": 10**7}, "num_hidden_layers of its text_encoder is 10000000"),
        ("text_encoder", {"max_position_embeddings": 10**9}, "max_position_embeddings of its text_encoder is 1000000000"),
        ("unet", {"sample_size": None}, "sample_size in unet/config.json is None"),
        ("unet", {"sample_size": [8, 8]}, "sample_size in unet/config.json is"),
        ("unet", {"sample_size": 10**9}, "not a number from 1 to 512"),
        ("unet", {"block_out_channels": []}, "not a list of numbers"),
        ("unet", {"block_out_channels": "32"}, "not a list of numbers"),
        ("vae", {"shift_factor": 0.1159}, "its VAE shifts the latents by means"),
        ("vae", {"latent_channels": "4"}, "latent_channels in vae/config.json is '4'"),
    ],
)
def test_configs_of_what_cannot_be_drawn_are_refused(copy: Path, part: str, change: dict[str, object], reason: str) -> None:
    edit(copy / part / ("scheduler_config.json" if part == "scheduler" else "config.json"), **change)
    with pytest.raises(CheckpointError, match=f"is not supported: .*{reason}"):
        find_checkpoint(str(copy))


@pytest.mark.parametrize("content", [b"[" * 100_000, b"5", b"\xff\xfe{", b"{"])
def test_damaged_configs_are_told_in_a_sentence(copy: Path, content: bytes) -> None:
    (copy / "unet" / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"cannot read .*unet/config.json"):
        find_checkpoint(str(copy))


def test_a_config_with_a_byte_order_mark_is_read(copy: Path) -> None:
    config = copy / "unet" / "config.json"
    config.write_bytes(b"\xef\xbb\xbf" + config.read_bytes())
    assert find_checkpoint(str(copy)).info.native_size == 32


def test_a_newer_edition_is_refused(copy: Path) -> None:
    index = copy / "model_index.json"
    for edition, fine in ((EDITION, True), (EDITION + 1, False), ("next", False)):
        index.write_text(json.dumps({EDITION_KEY: edition}))
        if fine:
            find_checkpoint(str(copy))
        else:
            with pytest.raises(
                CheckpointError, match=rf"is of edition {edition}, but this sakuga reads editions up to {EDITION}: update sakuga"
            ):
                find_checkpoint(str(copy))
    index.write_text("{")
    with pytest.raises(CheckpointError, match=r"cannot read .*model_index.json"):
        find_checkpoint(str(copy))


def test_missing_checkpoints_are_refused_with_a_reason(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint 'nowhere'"):
        find_checkpoint("nowhere")
    with pytest.raises(CheckpointError, match="is no safetensors file"):
        find_checkpoint(str(copy / "unet" / "config.json"))
    with pytest.raises(CheckpointError, match="has no tokenizer, text_encoder, vae, unet, scheduler"):
        find_checkpoint(str(tmp_path))
    (copy / "vae" / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"cannot read .*config.json"):
        find_checkpoint(str(copy))


def test_an_uncached_hub_checkpoint_is_refused_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        CheckpointError, match=r"no checkpoint 'owner/model': there is no such folder, and download from the Hugging Face hub"
    ):
        find_checkpoint("owner/model")


def test_finding_a_checkpoint_loads_no_torch(tiny_folder: Path) -> None:
    code = (
        "import sys; from sakuga.models.checkpoint_lookup import find_checkpoint; "
        "find_checkpoint(sys.argv[1]).digest; print('torch' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(sakuga.__file__).parents[1])}
    run = subprocess.run([sys.executable, "-c", code, str(tiny_folder)], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() == "False"
