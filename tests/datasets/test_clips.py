"""Clips of every format are read with exact durations; other files are refused."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from sakuga import InputError
from sakuga.datasets import clips
from sakuga.datasets.clips import keep_first, read_clip
from sakuga.export import read_recipe, write
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given


def moving(count: int = 5, height: int = 32, width: int = 48) -> list[np.ndarray]:
    """A red bar that moves over blue."""
    images = []
    for index in range(count):
        image = np.full((height, width, 3), (30, 60, 160), np.uint8)
        image[:, 8 * index : 8 * index + 8] = (220, 40, 30)
        images.append(image)
    return images


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng", ".mp4", ".webm"])
def test_a_written_clip_is_read_with_its_durations(tmp_path: Path, suffix: str) -> None:
    frames = tuple(Frame(image=image, spec=Given(image="0" * 64)) for image in moving())
    write(Clip(frames=frames, rate=Fraction(10)), tmp_path / f"a{suffix}")
    read = read_clip(tmp_path / f"a{suffix}")
    assert read.seconds == (Fraction(1, 10),) * 5
    assert read.notes == ()
    far = [np.abs(got.astype(int) - frame.image).mean() for got, frame in zip(read.images, frames, strict=True)]
    assert max(far) < 4, "a video read with the wrong matrix is 5.8 off"


@pytest.mark.parametrize("suffix", [".gif", ".mp4", ".png"])
def test_durations_are_read_while_one_image_is_held(tmp_path: Path, suffix: str) -> None:
    frames = tuple(Frame(image=image, spec=Given(image="0" * 64)) for image in moving(1 if suffix == ".png" else 5))
    write(Clip(frames=frames, rate=Fraction(10)), tmp_path / f"a{suffix}")
    whole, first = read_clip(tmp_path / f"a{suffix}"), read_clip(tmp_path / f"a{suffix}", keep_first)
    assert first.seconds == whole.seconds
    (image,) = first.images
    assert np.array_equal(image, whole.images[0])


def test_uneven_durations_and_a_transparent_background_are_read(tmp_path: Path) -> None:
    images = [Image.fromarray(np.dstack((image, np.where(image[..., 0] > 99, 255, 0).astype(np.uint8)))) for image in moving(3)]
    images[0].save(tmp_path / "a.png", save_all=True, append_images=images[1:], duration=[40, 120, 1000], format="PNG")
    read = read_clip(tmp_path / "a.png")
    assert read.seconds == (Fraction(1, 25), Fraction(3, 25), Fraction(1))
    assert read.images[0][0, 20].tolist() == [255, 255, 255]
    assert len(read.notes) == 1


def test_frames_without_duration_get_a_default(tmp_path: Path) -> None:
    first, *rest = map(Image.fromarray, moving(3))
    first.save(tmp_path / "a.gif", save_all=True, append_images=rest, duration=0)
    read = read_clip(tmp_path / "a.gif")
    assert read.seconds == (Fraction(1, 10),) * 3
    assert "without a duration" in read.notes[0]


def test_an_apngs_fallback_image_is_no_frame(tmp_path: Path) -> None:
    first, *rest = map(Image.fromarray, moving(3))
    first.save(tmp_path / "a.png", save_all=True, append_images=rest, default_image=True, duration=100)
    assert len(read_clip(tmp_path / "a.png").images) == 2


def test_an_image_is_a_clip_of_one_frame(tmp_path: Path) -> None:
    Image.fromarray(moving(1)[0]).save(tmp_path / "a.png")
    read = read_clip(tmp_path / "a.png")
    assert (len(read.images), read.seconds) == (1, (Fraction(0),))


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    frames = tuple(Frame(image=image, spec=Given(image="0" * 64)) for image in moving())
    write(Clip(frames=frames, rate=Fraction(10)), tmp_path / "a.mp4")
    (tmp_path / "a.mp4").rename(tmp_path / "a.gif")
    assert len(read_clip(tmp_path / "a.gif").images) == 5


def test_a_video_is_turned_upright(tmp_path: Path) -> None:
    """As phones do, its track's matrix has a quarter turn to the right (ISO/IEC 14496-12, section 8.3.2)."""
    frames = tuple(Frame(image=image, spec=Given(image="0" * 64)) for image in moving(2))
    write(Clip(frames=frames, rate=Fraction(10)), tmp_path / "a.mp4")
    written = (tmp_path / "a.mp4").read_bytes()
    straight = np.array((1 << 16, 0, 0, 0, 1 << 16, 0), ">i4").tobytes()
    turned = np.array((0, 1 << 16, 0, -1 << 16, 0, 0), ">i4").tobytes()
    at = written.index(straight, written.index(b"tkhd"))
    (tmp_path / "turned.mp4").write_bytes(written[:at] + turned + written[at + len(straight) :])
    upright, read = read_clip(tmp_path / "a.mp4"), read_clip(tmp_path / "turned.mp4")
    assert np.array_equal(read.images[0], np.rot90(upright.images[0], -1))


def test_a_file_that_is_no_clip_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("a castle\n" * 400)
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{tmp_path}/complete.mp4'\n")
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{tmp_path}/complete.mp4\n")
    (tmp_path / "empty.gif").touch()
    frames = tuple(Frame(image=image, spec=Given(image="0" * 64)) for image in moving())
    for name in ("complete.mp4", "complete.webp"):
        write(Clip(frames=frames, rate=Fraction(10)), tmp_path / name)
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "complete.mp4").read_bytes()[:900])
    (tmp_path / "cut.webp").write_bytes((tmp_path / "complete.webp").read_bytes()[:200])
    for name in ("text.mp4", "list.mp4", "list.m3u8", "empty.gif", "cut.mp4", "cut.webp", "none.gif", "."):
        with pytest.raises(InputError) as caught:
            read_clip(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 2


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError):
        read_clip(tmp_path / "a.mp4")


def test_a_clip_that_memory_cannot_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = tuple(Frame(image=image, spec=Given(image="0" * 64)) for image in moving())
    monkeypatch.setattr(clips, "MAX_BYTES", 3 * 32 * 48 * 3)
    for name in ("a.mp4", "a.gif"):
        write(Clip(frames=frames, rate=Fraction(10)), tmp_path / name)
        with pytest.raises(InputError, match="48x32 at most 3 frames"):
            read_clip(tmp_path / name)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4"])
def test_a_clip_of_more_frames_than_any_may_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    frames = tuple(Frame(image=image, spec=Given(image="0" * 64)) for image in moving())
    write(Clip(frames=frames, rate=Fraction(10)), tmp_path / f"a{suffix}")
    monkeypatch.setattr(clips, "MAX_FRAMES", 4)
    with pytest.raises(InputError, match="at most 4 frames can be read"):
        read_clip(tmp_path / f"a{suffix}")


def test_a_playlist_that_names_other_files_is_no_clip_and_has_no_recipe(tmp_path: Path) -> None:
    frames = tuple(Frame(image=image, spec=Given(image="0" * 64)) for image in moving())
    write(Clip(frames=frames, rate=Fraction(10), recipe="{}"), tmp_path / "a.mp4")
    for name, text in (("a.m3u8", "#EXTM3U\n#EXTINF:1,\na.mp4\n#EXT-X-ENDLIST\n"), ("a.txt", "ffconcat version 1.0\nfile a.mp4\n")):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match="is not an image of a known format"):
            read_clip(tmp_path / name)
        with pytest.raises(InputError, match="is no image or video"):
            read_recipe(tmp_path / name)
