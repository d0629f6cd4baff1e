"""Frames of clips: cuts are found, the sharpest of each part of a second is taken, and no two alike."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image as PILImage

from sakuga.datasets.clip_frames import choose_frames, find_cuts, measure_frames, read_frames
from sakuga.datasets.clips import stream_clip
from sakuga.datasets.image_reading import ImageError
from sakuga.sketchbook import scene
from sakuga.timeline.clip import Image

RATE = 8


def write_video(file: Path, images: list[Image]) -> None:
    """Write an MP4 of 8 frames a second."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def write_animation(file: Path, images: list[Image]) -> None:
    first, *rest = map(PILImage.fromarray, images)
    first.save(file, save_all=True, append_images=rest, duration=1000 // RATE)


def shot(seed: int, count: int) -> list[Image]:
    """Render a scene of the Sketchbook's world that moves."""
    shown = scene.sample(seed)
    return [shown.at(place / RATE).image(128, 96) for place in range(count)]


def pan(seed: int, count: int, speed: int = 8) -> list[Image]:
    wide = scene.sample(seed, aspect=3.0).at(0.0).image(384, 96)
    return [np.ascontiguousarray(wide[:, speed * place : speed * place + 128]) for place in range(count)]


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp"])
def test_cuts_are_found_and_pans_and_fades_are_none(suffix: str, tmp_path: Path) -> None:
    fade = [np.uint8((1 - share) * shot(3, 1)[0] + share * shot(9, 1)[0]) for share in np.linspace(0, 1, 9)]
    images = [*shot(3, 8), *pan(2, 16), *fade, *shot(7, 6)]
    file = tmp_path / f"clip{suffix}"
    (write_video if suffix == ".mp4" else write_animation)(file, images)
    frames = list(measure_frames(file))
    assert len(frames) == len(images)
    assert find_cuts(frames) == [8, 24, 33]


def test_one_still_and_two_stills_have_no_cut_around_which_to_look(tmp_path: Path) -> None:
    for count in (1, 2):
        write_animation(tmp_path / f"{count}.webp", [shot(seed, 1)[0] for seed in (3, 7)][:count])
        frames = list(measure_frames(tmp_path / f"{count}.webp"))
        assert find_cuts(frames) == [1][: count - 1]
        assert choose_frames(frames, 1.0) == list(range(count))


def test_the_sharpest_frame_of_each_second_and_scene_is_taken(tmp_path: Path) -> None:
    images = [*pan(2, 16), *pan(5, 8)]
    sharp = {3, 13, 18}
    blurred = [image if place in sharp else cv2.GaussianBlur(image, (0, 0), 3) for place, image in enumerate(images)]
    write_video(tmp_path / "pan.mp4", blurred)
    frames = list(measure_frames(tmp_path / "pan.mp4"))
    assert choose_frames(frames, 1.0) == sorted(sharp)
    taken = list(read_frames(tmp_path / "pan.mp4", sharp))
    assert [second for second, _ in taken] == [Fraction(place, RATE) for place in sorted(sharp)]
    assert np.abs(taken[0][1].astype(int) - images[3]).mean() < 4


def test_what_stands_still_is_taken_once(tmp_path: Path) -> None:
    write_video(tmp_path / "still.mp4", shot(3, 1) * 40)
    assert len(choose_frames(list(measure_frames(tmp_path / "still.mp4")), 2.0)) == 1


def test_a_damaged_video_is_refused(tmp_path: Path) -> None:
    write_video(tmp_path / "whole.mp4", shot(3, 8))
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 3])
    (tmp_path / "text.mp4").write_text("no video")
    for name in ("cut.mp4", "text.mp4"):
        with pytest.raises(ImageError, match=name):
            list(stream_clip(tmp_path / name))
