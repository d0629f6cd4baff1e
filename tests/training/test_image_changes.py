"""Crops follow faces, resolutions are trained together, colors jitter, and weights are swept on the sample sheet."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from sakuga import InputError
from sakuga.datasets.color_jitter import jitter_colors
from sakuga.datasets.training_set import Example, read_set
from sakuga.datasets.writing import write_set
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.training.resolution import TrainSettings, resolve_plan
from sakuga.training.plan_options import parse_numbers
from tests.training.conftest import prepared, trained
from tests.training.test_lycoris import assert_resumes


def test_each_image_is_trained_on_at_every_resolution(settings: TrainSettings, tmp_path: Path) -> None:
    several = replace(settings, extra_sizes="16, 24", buckets=False)
    training = prepared(several)
    encoded = training.streams[0].encoded
    assert [example.bucket for example in encoded.examples[:3]] == [(32, 32), (16, 16), (24, 24)]
    batches = [training.objective.make_batch(training.streams[0], place) for place in range(8)]
    assert {batch.clean.shape[-1] for batch in batches} == {8, 4, 6}
    training.method.close()
    source, training_set = find_checkpoint(several.model), read_set(several.set)
    plan = resolve_plan(replace(several, steps=None, epochs=2.0), source, training_set)
    assert plan.steps == 15, "two epochs of five images at three resolutions, two a step"
    assert_resumes(replace(several, out=tmp_path / "resumed"), tmp_path)


def test_a_crop_follows_the_focus(settings: TrainSettings, tmp_path: Path) -> None:
    image = np.full((32, 96, 3), 128, np.uint8)
    image[8:24, 72:88] = np.random.default_rng(0).integers(0, 256, (16, 16, 3))
    write_set(tmp_path / "wide", [(Example(file="images/0.png", text="dots"), image)])
    asked = replace(settings, set=tmp_path / "wide", buckets=False, validate_every=None, batch=1)
    origins = []
    for focus in ("centre", "face"):
        training = prepared(replace(asked, focus=focus, out=tmp_path / focus))
        origins.append(training.objective.make_batch(training.streams[0], 0).origins[0].tolist())
        training.method.close()
    assert origins == [[32, 96, 0, 32], [32, 96, 0, 64]]


def test_colors_differ_at_each_use_and_come_again_by_seed(settings: TrainSettings, tmp_path: Path) -> None:
    training = prepared(replace(settings, color_jitter=0.5, batch=5, buckets=False))
    encoded = training.streams[0].encoded
    drawn = [encoded.clean([0], [False], torch.Generator().manual_seed(seed)) for seed in (0, 1, 0)]
    training.method.close()
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.allclose(drawn[0], drawn[1], atol=0.01)
    assert_resumes(replace(settings, color_jitter=0.5, out=tmp_path / "resumed"), tmp_path)


def test_jitter_changes_what_it_says() -> None:
    image = np.random.default_rng(0).integers(60, 180, (16, 16, 3)).astype(np.uint8)
    assert np.array_equal(jitter_colors(image, 0.5, [0.5, 0.5, 0.5]), image)
    brighter = jitter_colors(image, 0.2, [1.0, 0.5, 0.5])
    assert brighter.mean() == pytest.approx(1.2 * image.mean(), rel=0.02)
    grey = jitter_colors(image, 1.0, [0.5, 0.5, 0.0])
    assert (np.ptp(grey, axis=2) == 0).all()


def test_a_sheet_shows_each_weight(settings: TrainSettings) -> None:
    run = trained(replace(settings, steps=2, sample_every=2, prompts=("a red ball",), sample_weights="0, 0.5, 1"))
    with PILImage.open(run.run / "samples" / "step-00000002-weights.png") as sheet:
        rows = np.split(np.asarray(sheet), 4)
    with PILImage.open(run.run / "samples" / "step-00000002.png") as sheet:
        plain = np.split(np.asarray(sheet), 2)
    assert np.array_equal(rows[0], rows[1]), "weight 0 is the base model"
    assert np.abs(rows[3].astype(int) - plain[1]).max() <= 1, "weight 1 is the trained model"
    assert not np.array_equal(rows[1], rows[3])


def test_lists_of_numbers_are_refused_by_their_range(settings: TrainSettings) -> None:
    assert parse_numbers(" 1,0.5") == (1.0, 0.5)
    for change, sentence in (
        ({"extra_sizes": "96;128"}, "extra sizes: '96;128' is no list of numbers"),
        ({"extra_sizes": "4"}, "extra sizes: 4 is out of range; choose 8 to"),
        ({"extra_sizes": "17"}, "size 17 is not a multiple of"),
        ({"sample_weights": "11"}, "sample weights: 11 is out of range; choose -10 to 10"),
        ({"focus": "feet"}, "focus: there is no 'feet'; choose face or centre"),
    ):
        with pytest.raises(InputError, match=sentence):
            trained(replace(settings, **change))  # type: ignore[arg-type]
