"""Clips become images of a training set."""

from pathlib import Path

import pytest
from PIL import Image as PILImage

from sakuga import InputError
from sakuga.datasets.training_set import SetError, read_set
from sakuga.studio.sets.building import build_set
from tests.datasets.test_clip_frames import pan, write_animation, write_video


def test_clips_give_frames_with_the_captions_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    write_video(folder / "boat.mp4", [*pan(2, 16), *pan(5, 16)])
    (folder / "boat.txt").write_text("a boat at sea")
    write_animation(folder / "loop.gif", pan(7, 12))
    PILImage.fromarray(pan(8, 1)[0]).save(folder / "still.png")
    work = build_set(folder, tmp_path / "set", trigger="zk", fps=1.0)
    notes = [step.note for step in work if step.note]
    assert notes[:2] == ["boat.mp4: took 4 frames of 32, in 2 scenes", "loop.gif: took 2 frames of 12, in 1 scene"]
    examples = read_set(tmp_path / "set").examples
    assert [example.text for example in examples] == ["zk", *["a boat at sea, zk"] * 4, "zk", "zk"]
    assert examples[1].source.startswith("boat.mp4 at 0.")
    without = build_set(folder, tmp_path / "videos alone").result()
    assert without.images == 1 + 4 + 1, "of an animation the first frame"
    alone = build_set(folder / "loop.gif", tmp_path / "alone", fps=4.0).result()
    assert alone.images == 6


def test_a_video_without_frames_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"\0" * 100)
    with pytest.raises(SetError, match=r"broken.mp4: no frame of this clip can be read: save it again"):
        build_set(tmp_path, tmp_path / "set")
    with pytest.raises(InputError, match="fps"):
        build_set(tmp_path, tmp_path / "set", fps=0)
    assert not (tmp_path / "set").exists()
