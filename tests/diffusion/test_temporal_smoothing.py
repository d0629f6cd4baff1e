"""Smoothing over time takes away what alternates, and keeps what moves on."""

import torch

from sakuga.diffusion.temporal_smoothing import smooth_over_time, smooth_tint


def ramp(frames: int = 12) -> torch.Tensor:
    """One clip that gets brighter by 1.0 a frame."""
    return torch.arange(float(frames)).view(1, frames, 1, 1, 1).expand(-1, -1, 2, 4, 4)


def test_amount_0_changes_nothing_and_still_clips_stay() -> None:
    frames = torch.randn(2, 5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    still = frames[:, :1].expand_as(frames)
    assert torch.equal(smooth_over_time(frames, 0.0), frames)
    torch.testing.assert_close(smooth_tint(smooth_over_time(still, 1.0)), still)


def test_steady_motion_stays_except_at_the_ends() -> None:
    smoothed = smooth_over_time(ramp(), 1.0)
    torch.testing.assert_close(smoothed[:, 1:-1], ramp()[:, 1:-1])
    assert smoothed[0, [0, -1], 0, 0, 0].tolist() == [0.25, 10.75]


def test_what_alternates_goes_in_proportion_to_the_amount() -> None:
    flicker = ramp(8) % 2 - 0.5
    torch.testing.assert_close(smooth_over_time(flicker, 0.5, closed=True), flicker / 2)


def test_a_closed_clip_goes_round() -> None:
    frames = torch.randn(1, 6, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    for smooth in (lambda clip: smooth_over_time(clip, 0.7, closed=True), lambda clip: smooth_tint(clip, closed=True)):
        torch.testing.assert_close(smooth(frames.roll(2, dims=1)), smooth(frames).roll(2, dims=1))


def test_tint_stops_wavering_and_detail_stays() -> None:
    detail = torch.randn(1, 12, 2, 4, 4, generator=torch.Generator().manual_seed(2))
    detail = detail - detail.mean(dim=(-2, -1), keepdim=True)
    wavering = detail + (ramp() % 2)
    made = smooth_tint(wavering)
    means = made.mean(dim=(-2, -1))
    assert means.diff(dim=1).abs().max() < 0.1
    torch.testing.assert_close(made - means[..., None, None], detail)


def test_a_clip_takes_the_tint_of_its_given_frames() -> None:
    frames = torch.zeros(1, 9, 2, 4, 4)
    frames[:, 0], frames[:, 8] = 3.0, 7.0
    means = smooth_tint(frames, given=[0, 8]).mean(dim=(-2, -1))[0, :, 0]
    torch.testing.assert_close(means[[0, 8]], torch.tensor([3.0, 7.0]))
    assert means.diff().abs().max() < 0.9, "two given frames that differ are no jump"
    later = torch.zeros(1, 9, 2, 4, 4)
    later[:, 4], later[:, 8] = 3.0, 7.0
    torch.testing.assert_close(smooth_tint(later, given=[4, 8]).mean(dim=(-2, -1))[0, [4, 8], 0], torch.tensor([3.0, 7.0]))
    constant = smooth_tint(torch.cat([torch.full((1, 1, 2, 4, 4), 3.0), torch.zeros(1, 20, 2, 4, 4)], dim=1), given=[0])
    assert constant.mean(dim=(-2, -1)).diff(dim=1).abs().max() < 0.4


def test_between_given_frames_the_tint_is_corrected_in_proportion_and_beyond_them_as_at_the_nearest() -> None:
    frames = torch.randn(1, 9, 1, 2, 2, generator=torch.Generator().manual_seed(0)).cumsum(dim=1)

    def means(clip: torch.Tensor) -> torch.Tensor:
        return clip.mean(dim=(-2, -1)).flatten()

    correction = means(smooth_tint(frames, given=(2, 6))) - means(smooth_tint(frames))
    torch.testing.assert_close(correction[3:6], torch.lerp(correction[2], correction[6], torch.tensor([0.25, 0.5, 0.75])))
    torch.testing.assert_close(correction[[0, 1, 7, 8]], correction[[2, 2, 6, 6]])
    assert abs(float(correction[2] - correction[6])) > 0.01
