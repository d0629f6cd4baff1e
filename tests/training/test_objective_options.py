"""Losses, timesteps, noise and captions by their options; masks and loss weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga.datasets.training_set import Example
from sakuga.datasets.writing import write_set_steps
from sakuga.diffusion.noise import multires_noise
from sakuga.diffusion.objective import debiased_weights, pseudo_huber, timestep_shares
from sakuga.studio.core.work import Work
from sakuga.studio.training.resolution import TrainSettings
from sakuga.training.caption_changes import CaptionChanges
from sakuga.training.loop import Training
from tests.training.conftest import prepared


def batches(training: Training, count: int = 20) -> list[object]:
    training.method.close()
    return [training.objective.make_batch(training.streams[0], position) for position in range(count)]


def test_the_pseudo_huber_loss_is_squared_below_c_and_linear_above() -> None:
    small, large = torch.tensor([1e-3]), torch.tensor([1e3])
    torch.testing.assert_close(pseudo_huber(small, 1.0), small.square(), rtol=1e-3, atol=0)
    torch.testing.assert_close(pseudo_huber(large, 0.1), 0.2 * large, rtol=1e-3, atol=0)


def test_debiased_weights_fall_with_the_signal() -> None:
    signal = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0])
    for kind in ("epsilon", "v_prediction"):
        weights = debiased_weights(signal, kind)
        assert torch.isfinite(weights).all()
        assert (weights.diff() <= 0).all()
    assert float(debiased_weights(torch.tensor(0.5), "epsilon")) == pytest.approx(1)


@pytest.mark.parametrize(("name", "mean"), [("uniform", 0.5), ("logit-normal", 0.5), ("high-noise", 0.75), ("low-noise", 0.25)])
def test_timesteps_follow_their_distribution(name: str, mean: float) -> None:
    uniform = (np.arange(1000) + 0.5) / 1000
    shares = timestep_shares(uniform, name)
    assert (np.diff(shares) > 0).all()
    assert shares.mean() == pytest.approx(mean, abs=0.01)


def test_timesteps_stay_in_their_range(settings: TrainSettings) -> None:
    training = prepared(replace(settings, min_timestep=300, max_timestep=310))
    drawn = torch.cat([batch.timesteps for batch in batches(training)])  # type: ignore[attr-defined]
    assert (int(drawn.min()), int(drawn.max())) == (300, 309)


def test_multires_noise_is_coarser_and_keeps_its_deviation() -> None:
    plain = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    mixed = multires_noise(plain, 4, 0.5, torch.Generator().manual_seed(1))
    torch.testing.assert_close(mixed.std(dim=(1, 2, 3)), torch.ones(2))
    coarse = [torch.nn.functional.avg_pool2d(noise, 8).std() for noise in (plain, mixed)]
    assert coarse[1] > 1.5 * coarse[0]


def test_tags_are_shuffled_and_dropped_behind_the_first() -> None:
    rng, caption = np.random.default_rng(0), "zk, a, b, c, d"
    shuffled = {CaptionChanges(shuffle=True, keep=1).apply(caption, rng) for _ in range(50)}
    assert len(shuffled) > 10
    assert all(text.startswith("zk, ") and sorted(text) == sorted(caption) for text in shuffled)
    lengths = [len(CaptionChanges(keep=1, dropout=0.5).apply(caption, rng).split(", ")) for _ in range(400)]
    assert np.mean(lengths) == pytest.approx(3, abs=0.2)


def test_captions_are_empty_in_every_second_epoch(settings: TrainSettings) -> None:
    training = prepared(replace(settings, caption_dropout=0.0, caption_dropout_every=2, batch=1))
    texts = [batch.captions[0] for batch in batches(training, 20)]  # type: ignore[attr-defined]
    assert [bool(text) for text in texts] == [place // 5 % 2 == 0 for place in range(20)]


def masked_set(folder: Path) -> Path:
    """Six images whose left half counts."""
    rng = np.random.default_rng(0)
    mask = np.zeros((32, 32), np.uint8)
    mask[:, :16] = 255
    images = [
        (Example(file=f"{place}.png", text="a ball"), np.dstack([rng.integers(0, 256, (32, 32, 3)).astype(np.uint8), mask]))
        for place in range(6)
    ]
    Work(write_set_steps(folder, images, masks=True)).result()
    return folder


@pytest.mark.parametrize("cache", [True, False])
def test_the_loss_counts_within_the_mask_mirrored_with_its_image(settings: TrainSettings, tmp_path: Path, cache: bool) -> None:
    training = prepared(replace(settings, set=masked_set(tmp_path / "set"), flip=True, unmasked_weight=0.25, cache=cache, validate_every=0))
    found = [batch.cell_weights for batch in batches(training, 6)]  # type: ignore[attr-defined]
    rows = {tuple(row[0, 0].tolist()) for weights in found for row in weights}
    assert rows == {(1.0,) * 4 + (0.25,) * 4, (0.25,) * 4 + (1.0,) * 4}


def test_errors_outside_the_mask_do_not_count(settings: TrainSettings, tmp_path: Path) -> None:
    training = prepared(replace(settings, set=masked_set(tmp_path / "set"), unmasked_weight=0.0, validate_every=0))
    batch = training.objective.make_batch(training.streams[0], 0)
    embeds = training.method.encode_captions(batch.captions)
    with torch.no_grad():
        target = training.objective.predict(batch, embeds)
        moved = target.clone()
        moved[..., 4:] += 100
        assert float(training.objective.loss(batch, embeds, moved)) == 0
        moved[..., :4] += 1
        assert float(training.objective.errors(batch, embeds, moved).mean()) == pytest.approx(1, rel=1e-4)
    training.method.close()
