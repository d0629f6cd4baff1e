"""Configs of other trainers become our settings, line by line."""

import contextlib
import json
import sys
from pathlib import Path

import pytest

from sakuga import InputError, studio
from sakuga.cli import main
from sakuga.training.method_settings import Lora
from sakuga.training.plan import TrainingPlan, options_of

KOHYA = """
[model]
pretrained_model_name_or_path = "sd15.safetensors"
v2 = false
[network]
network_module = "lycoris.kohya"
network_dim = 16
network_alpha = 8
network_args = ["algo=loha", "conv_dim=4", "preset=full"]
[train]
train_data_dir = "pictures"
output_dir = "runs"
output_name = "ink"
unet_lr = 1e-4
text_encoder_lr = 5e-5
lr_scheduler = "cosine_with_restarts"
lr_scheduler_num_cycles = 3
optimizer_type = "AdamW8bit"
max_train_steps = 2000
resolution = "512,768"
mixed_precision = "bf16"
shuffle_caption = true
keep_tokens = 1
min_snr_gamma = 5
clip_skip = 2
xformers = true
"""
ONETRAINER = {
    "training_method": "LORA", "model_type": "STABLE_DIFFUSION_XL_10_BASE", "base_model_name": "xl", "lora_rank": 32, "lora_alpha": 16.0,
    "peft_type": "LORA", "lora_decompose": True, "learning_rate": 3e-4, "learning_rate_scheduler": "CONSTANT", "epochs": 10,
    "optimizer": {"optimizer": "PRODIGY", "weight_decay": 0.01}, "loss_weight_fn": "MIN_SNR_GAMMA", "loss_weight_strength": 4,
    "min_noising_strength": 0.1, "unmasked_weight": 0.2, "train_dtype": "BFLOAT_16", "ema": "OFF", "ema_decay": 0.999,
}  # fmt: skip
AI_TOOLKIT = """
job: extension
config:
  name: ink
  process:
    - type: sd_trainer
      training_folder: output
      trigger_word: zk
      network: {type: lora, linear: 16, linear_alpha: 16}
      datasets:
        - folder_path: pictures
          caption_dropout_rate: 0.05
          resolution: [512, 768]
      train: {batch_size: 1, steps: 2000, lr: 1e-4, optimizer: adamw8bit, content_or_style: style, dtype: bf16}
      model: {name_or_path: runwayml/sd15, arch: ARCH}
"""


def test_kohya(tmp_path: Path) -> None:
    (tmp_path / "kohya.toml").write_text(KOHYA)
    made = studio.import_config(tmp_path / "kohya.toml")
    expected = {
        "model": "sd15.safetensors", "rank": 16, "alpha": 8.0, "algorithm": "loha", "convolution_rank": 4, "set": "pictures",
        "out": "runs/ink", "learning_rate": 1e-4, "text_encoder": True, "block_rates": "text=0.5", "schedule": "cosine-restarts",
        "cycles": 3, "optimizer": "adamw8bit", "steps": 2000, "size": 624, "precision": "bf16", "shuffle_tags": True, "keep_tags": 1,
        "min_snr_gamma": 5.0,
    }  # fmt: skip
    assert expected.items() <= made.settings.items()
    notes = {line.key: line.note for line in made.lines if not line.setting}
    assert notes["clip_skip"] == "no counterpart"
    assert notes["xformers"] == "of no effect"
    assert any(line.note == "preset has no counterpart" for line in made.lines)
    assert made.command.startswith("sakuga train lora pictures -o runs/ink --model sd15.safetensors")


def test_onetrainer(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(ONETRAINER))
    made = studio.import_config(tmp_path / "config.json")
    expected = {
        "rank": 32, "algorithm": "dora", "optimizer": "prodigy", "min_snr_gamma": 4.0, "min_timestep": 100, "unmasked_weight": 0.2,
        "precision": "bf16", "epochs": 10.0, "schedule": "constant", "weight_decay": 0.01,
    }  # fmt: skip
    assert expected.items() <= made.settings.items()
    assert "ema_decay" not in made.settings


def test_ai_toolkit(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(AI_TOOLKIT.replace(", arch: ARCH", ""))
    made = studio.import_config(tmp_path / "config.yaml")
    expected = {
        "rank": 16, "trigger": "zk", "set": "pictures", "out": "output/ink", "caption_dropout": 0.05, "steps": 2000,
        "timestep_sampling": "low-noise", "learning_rate": 1e-4, "size": 624,
    }  # fmt: skip
    assert expected.items() <= made.settings.items()


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("flux.yaml", AI_TOOLKIT.replace("ARCH", "flux"), "trains flux, which is not trained here"),
        ("sd3.json", json.dumps({**ONETRAINER, "model_type": "STABLE_DIFFUSION_3"}), "trains STABLE_DIFFUSION_3"),
        ("other.toml", "[tool]\nname = 'x'\n", "of no trainer that is known here"),
        ("broken.json", "{", "cannot be read"),
        ("notes.txt", "rank 8", "no config of another trainer"),
        ("empty.toml", "", "holds no settings"),
    ],
)
def test_other_files_and_families_are_refused(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=sentence):
        studio.import_config(tmp_path / name)


def test_values_of_an_unexpected_form_or_out_of_range_are_told(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text('network_dim = "many"\nmin_snr_gamma = -1\nseed = 3\noptimizer_type = "Lion"\n')
    made = studio.import_config(tmp_path / "odd.toml")
    notes = {line.key: line.note for line in made.lines}
    assert notes["network_dim"] == "of an unexpected form"
    assert "out of range" in notes["min_snr_gamma"]
    assert notes["optimizer_type"] == "there is no such optimizer here"
    assert made.settings == {"seed": 3}


def test_the_command_says_every_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kohya.toml").write_text(KOHYA)
    monkeypatch.setattr(sys, "argv", ["sakuga", "train", "import", str(tmp_path / "kohya.toml")])
    with contextlib.suppress(SystemExit):
        main()
    out = capsys.readouterr().out
    assert "  network_dim = 16: rank 16" in out
    assert "  clip_skip = 2: not taken (no counterpart)" in out
    assert out.rstrip().splitlines()[-1].startswith("sakuga train lora pictures -o runs/ink")


def test_every_setting_of_the_tables_exists(tmp_path: Path) -> None:
    known = {*options_of(TrainingPlan), *options_of(Lora), "set", "model", "out", "trigger", "epochs"}
    for name, text in (("a.toml", KOHYA), ("b.json", json.dumps(ONETRAINER)), ("c.yaml", AI_TOOLKIT.replace("ARCH", "sd1"))):
        (tmp_path / name).write_text(text)
        assert studio.import_config(tmp_path / name).settings.keys() <= known
