"""Advice on rank and steps says what was measured, and where nothing was."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sakuga.studio.training.resolution import TrainSettings, resolve_training
from sakuga.training.advice import BATCH, KEPT, SIZES, advice, best_trial, nearest_size
from sakuga.training.method_settings import Lora, TextualInversion

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "benchmarks" / "results" / "set-sizes.json"


def test_the_table_of_sizes_is_that_of_the_benchmark() -> None:
    rows = json.loads(MEASURED.read_text())["rows"]
    assert {(row["images"], row["rank"], row["steps"], row["look"][0], row["lost"][0]) for row in rows} == {
        (one.images, one.rank, one.steps, one.shown, one.lost) for one in SIZES
    }
    assert all(row["passes"] == pytest.approx(row["steps"] * BATCH / row["images"], abs=0.05) for row in rows)


@pytest.mark.parametrize("images", [1, 8, 30, 100_000])
def test_the_best_training_of_the_nearest_size_shows_most_of_what_keeps_subjects(images: int) -> None:
    best, same = best_trial(images), [one for one in SIZES if one.images == nearest_size(images) and one.lost <= KEPT]
    assert best in same
    assert best.shown == max(one.shown for one in same)


def test_a_plan_is_told_in_passes_beside_what_is_advised(settings: TrainSettings) -> None:
    plan = resolve_training(replace(settings, steps=50, batch=4, gradient_accumulation=2)).plan
    told, best = advice(plan, 20), best_trial(20)
    assert told.startswith(
        "rank 2 and 50 steps are 20.0 passes over 20 images at rate 0.01; of 24 images on the Sketchbook (docs/train.md)"
    )
    assert f"rank {best.rank} and {best.steps} steps of 8 are best among ranks 4 to 16 and " in told
    assert f"steps: {best.shown:.0%} show the look, and {best.lost:.0%} of what prompts state is lost" in told
    assert "the nearest size to 5000 that was measured" in advice(plan, 5000)


def test_only_a_lora_is_advised_on(settings: TrainSettings) -> None:
    plan = resolve_training(settings).plan
    assert isinstance(plan.method, Lora)
    assert advice(replace(plan, method=TextualInversion(word="zk")), 20) == ""
