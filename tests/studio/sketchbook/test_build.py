"""The built-in model through the studio: every metric has its sample size, and invalid requests are refused."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from sakuga import SakugaError, studio
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio import FilmSettings

ATTRIBUTES = ("time", "weather", "place", "subject", "portrait", "side")


def test_the_score_has_every_metric_with_sample_size_and_ceiling(tmp_path: Path) -> None:
    few = FilmSettings(steps=2)
    scoring = studio.score_sketchbook(n=16, images=32, sheet=tmp_path / "sheet.png", settings=few, store=tmp_path / "frames")
    metrics = scoring.result()
    for key in (
        *(f"fidelity.{name}" for name in ATTRIBUTES),
        "clip.retrieval_top1",
        "clip.one_attribute",
        "vae_psnr_db",
        "vae_psnr_db.comic",
        "upscaler_psnr_db",
        "fidelity.hair",
        "fidelity.dress",
        "aspects.192x128.place",
        "aspects.128x192.subject",
        "kid",
    ):
        assert f"n.{key}" in metrics
    assert {"ceiling.kid", *(f"ceiling.fidelity.{name}" for name in ATTRIBUTES)} <= set(metrics)
    assert all(0 <= metrics[f"fidelity.{name}"] <= 1 for name in ATTRIBUTES)
    assert metrics["vae_psnr_db"] > 25
    for key in ("labels_kept", "subject", "place", "time", "psnr_db"):
        assert {f"variation.{key}", f"n.variation.{key}", f"ceiling.variation.{key}"} <= set(metrics)
    assert metrics["ceiling.variation.labels_kept"] > 0.8
    assert metrics["variation.psnr_db"] < metrics["ceiling.variation.psnr_db"]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 8 * 128 + 9 * 2


def test_the_shipped_networks_match_the_card() -> None:
    facts = find_checkpoint().info
    assert (facts.native_size, facts.vae_scale_factor, facts.latent_channels) == (128, 8, 8)
    assert (facts.prediction_type, facts.zero_terminal_snr, facts.has_image_encoder) == ("v_prediction", True, True)


def test_shipped_weights_stay_within_their_budget() -> None:
    weights = find_checkpoint().folder
    assert sum(path.stat().st_size for path in (*weights.rglob("*.safetensors"), weights / "tokenizer" / "tokenizer.json")) <= 54_000_000


def test_no_config_names_the_folder_it_was_trained_in(tmp_path: Path) -> None:
    shipped = find_checkpoint().folder
    assert not [path for path in shipped.rglob("config.json") if "_name_or_path" in path.read_text(encoding="utf-8")]
    shutil.copytree(shipped, tmp_path / "made" / "weights")
    config = tmp_path / "made" / "weights" / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "_name_or_path": "/home/somebody"}))
    studio.export_sketchbook(tmp_path / "made", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "unet" / "config.json").read_text()) == json.loads((shipped / "unet" / "config.json").read_text())


@pytest.mark.parametrize(
    ("stage", "options", "sentence"),
    [
        ("vea", {}, "stages are vae, clip"),
        ("vae", {"workers": 0}, "workers: 0 is out of range"),
        ("vae", {"rate": 0.0}, "rate: 0.0 is out of range"),
        ("vae", {"rate": float("nan")}, "rate: nan is out of range"),
        ("vae", {"batch": -1}, "choose 1 or more"),
    ],
)
def test_invalid_training_requests_are_refused(stage: str, options: dict[str, int], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SakugaError, match=sentence):
        studio.train_sketchbook(stage, studio.TrainingOptions(work=tmp_path, **options))


def test_a_training_starts_from_existing_weights(tmp_path: Path) -> None:
    assert studio.parse_start("shipped") == find_checkpoint().folder
    assert studio.parse_start(str(tmp_path)) == tmp_path
    with pytest.raises(SakugaError, match="there is no folder nowhere of weights"):
        studio.parse_start("nowhere")


def test_unfinished_networks_are_not_exported(tmp_path: Path) -> None:
    with pytest.raises(SakugaError, match="train these first"):
        studio.export_sketchbook(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
