"""The built-in model through the studio: its figures have the names and the counts that were promised, and bad requests are refused."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from sakuga import SakugaError, studio
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio import FilmSettings

ATTRIBUTES = ("time", "weather", "place", "subject", "portrait", "side")


def test_the_score_has_every_figure_with_its_count_and_ceiling(tmp_path: Path) -> None:
    few = FilmSettings(steps=2)
    scoring = studio.score_sketchbook(n=16, pictures=32, sheet=tmp_path / "sheet.png", settings=few, store=tmp_path / "frames")
    figures = scoring.result()
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
        assert f"n.{key}" in figures
    assert {"ceiling.kid", *(f"ceiling.fidelity.{name}" for name in ATTRIBUTES)} <= set(figures)
    assert all(0 <= figures[f"fidelity.{name}"] <= 1 for name in ATTRIBUTES)
    assert figures["vae_psnr_db"] > 25
    for key in ("labels_kept", "subject", "place", "time", "psnr_db"):
        assert {f"variation.{key}", f"n.variation.{key}", f"ceiling.variation.{key}"} <= set(figures)
    assert figures["ceiling.variation.labels_kept"] > 0.8
    assert figures["variation.psnr_db"] < figures["ceiling.variation.psnr_db"]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 8 * 128 + 9 * 2


def test_the_shipped_networks_are_what_the_card_says() -> None:
    facts = find_checkpoint().facts
    assert (facts.native_size, facts.factor, facts.latent_channels) == (128, 8, 8)
    assert (facts.prediction, facts.zero_snr, facts.sees_pictures) == ("v_prediction", True, True)


def test_shipped_weights_stay_within_their_budget() -> None:
    weights = find_checkpoint().folder
    assert sum(path.stat().st_size for path in (*weights.rglob("*.safetensors"), weights / "tokenizer" / "tokenizer.json")) <= 44_000_000


def test_no_config_tells_where_its_network_was_made(tmp_path: Path) -> None:
    shipped = find_checkpoint().folder
    assert not [path for path in shipped.rglob("config.json") if "_name_or_path" in path.read_text(encoding="utf-8")]
    shutil.copytree(shipped, tmp_path / "made" / "weights")
    config = tmp_path / "made" / "weights" / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "_name_or_path": "/home/somebody"}))
    studio.export_sketchbook(tmp_path / "made", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "unet" / "config.json").read_text()) == json.loads((shipped / "unet" / "config.json").read_text())


@pytest.mark.parametrize(
    ("stage", "said", "sentence"),
    [("vea", {}, "there are vae, clip"), ("vae", {"workers": 0}, "workers 0 trains nothing"), ("vae", {"batch": -1}, "choose 1 or more")],
)
def test_a_training_that_cannot_be_is_refused(stage: str, said: dict[str, int], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SakugaError, match=sentence):
        studio.train_sketchbook(stage, studio.TrainingOptions(work=tmp_path, **said))


def test_a_training_begins_from_what_is_there(tmp_path: Path) -> None:
    assert studio.parse_start("shipped") == find_checkpoint().folder
    assert studio.parse_start(str(tmp_path)) == tmp_path
    with pytest.raises(SakugaError, match="there is no folder nowhere of weights"):
        studio.parse_start("nowhere")


def test_unfinished_networks_are_not_put_together(tmp_path: Path) -> None:
    with pytest.raises(SakugaError, match="train these first"):
        studio.export_sketchbook(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
