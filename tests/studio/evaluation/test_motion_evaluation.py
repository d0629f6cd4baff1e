"""Evaluation of a motion adapter, with tiny networks."""

import json
from pathlib import Path

import numpy as np
import pytest

from sakuga import InputError
from sakuga.evaluation.metric import Metric
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio import EvaluationRequest, FilmSettings, evaluate
from sakuga.studio.evaluation.motion_evaluation import held_out_scenes, plan_motion
from sakuga.studio.evaluation.motion_page import FRAME_SIZE, SHEET_FRAMES, contact_sheet
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.spec import MotionFrame, MotionWindow


def request(folder: Path, **options: object) -> EvaluationRequest:
    settings = FilmSettings(model=str(folder), steps=1, guidance=1.0)
    return EvaluationRequest(subject="motion", count=2, **{"settings": settings, **options})  # type: ignore[arg-type]


def windows(sheet: ExposureSheet) -> list[MotionWindow]:
    return [spec.window for spec in sheet.specs.values() if isinstance(spec, MotionFrame)]


def test_a_random_adapter_is_measured_against_true_motion(tiny_moving_folder: Path, tmp_path: Path) -> None:
    made = evaluate(request(tiny_moving_folder), tmp_path / "report", store=tmp_path / "frames").result()
    found = {metric.key: metric for metric in made.metrics}
    flicker, base = found["ratio.adapter.flicker"], found["ratio.base.flicker"]
    assert isinstance(flicker, Metric)
    assert isinstance(base, Metric)
    assert flicker.value > base.value, "a random adapter's frames have little in common"
    assert found["adapter.joint"].n == found["adapter.loop_gap"].n == 2  # type: ignore[union-attr]
    stored = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert stored["n.adapter.flicker"] == 2
    page = made.report.read_text()
    assert all(prompt in page for prompt in json.loads((tmp_path / "report" / "config.json").read_text())["prompts"])
    assert page.count('alt="contact sheet"') == page.count('alt="difference sheet"') == 2
    assert "asked: 0.7 to 1.4" in page


def test_a_stopped_evaluation_goes_on_from_its_stored_frames(tiny_moving_folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "frames"

    def stored() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in store.rglob("*.png")}

    work = evaluate(request(tiny_moving_folder), tmp_path / "report", store=store)
    while not stored():
        next(work)
    work.close()
    kept = stored()
    assert not (tmp_path / "report").exists()
    evaluate(request(tiny_moving_folder), tmp_path / "report", store=store).result()
    assert kept.items() < stored().items(), "no stored frame is written again"


def test_both_sides_are_generated_as_films_are() -> None:
    plan = plan_motion(EvaluationRequest(subject="motion", count=2), find_checkpoint())
    assert (plan.settings.steps, plan.base_settings.steps) == (15, 20)
    assert {window.steps for sheet in plan.moving.sheets for window in windows(sheet)} == {15}
    assert not any(windows(sheet) for sheet in plan.base.sheets)


def test_an_adapter_against_itself_differs_by_nothing(tiny_moving_folder: Path, tmp_path: Path) -> None:
    adapter = str(tiny_moving_folder / "motion_adapter")
    made = evaluate(request(tiny_moving_folder, against=adapter), tmp_path / "report", store=tmp_path / "frames").result()
    differences = {metric.key: metric.value for metric in made.metrics if metric.key.startswith("more.") and isinstance(metric, Metric)}
    assert len(differences) == 7
    assert set(differences.values()) == {0.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": "a castle"}, "leave --text out"),
        ({"settings": FilmSettings(size=(64, 64))}, "leave --size out"),
        ({"settings": FilmSettings(motion="none")}, "has no motion adapter to evaluate: name one with --motion"),
        ({"against": "no/such/folder/at/all"}, "no motion adapter 'no/such/folder/at/all'"),
        ({"subject": "castle.webp", "settings": FilmSettings(motion="none")}, "`sakuga evaluate motion`"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_generated(options: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(EvaluationRequest(**{"subject": "motion", "count": 2, **options}), tmp_path / "report")  # type: ignore[arg-type]


def test_a_model_without_an_adapter_is_refused(tiny_v_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no motion adapter to evaluate"):
        evaluate(request(tiny_v_folder), tmp_path / "report")


def test_scenes_have_captions_of_their_own_that_name_no_style() -> None:
    scenes = held_out_scenes(5)
    assert len({scene.seed for scene in scenes}) == 5
    assert scenes == held_out_scenes(6)[:5]


def test_a_contact_sheet_has_a_row_for_each_clip_and_its_differences_are_black_for_a_still() -> None:
    still = np.full((SHEET_FRAMES + 1, 128, 128, 3), 90, np.uint8)
    moving = still.copy()
    moving[1, :, 64:] += 10
    sheet = contact_sheet([still, moving], differences=True)
    assert sheet.shape == (2 * FRAME_SIZE, SHEET_FRAMES * FRAME_SIZE, 3)
    assert not sheet[:FRAME_SIZE].any()
    assert sheet[FRAME_SIZE:, :FRAME_SIZE].max() == 40
    assert contact_sheet([still]).min() == 90
