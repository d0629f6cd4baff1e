"""Clips are read back as written: frames, times, colors, recipe; and the same clip gives the same bytes."""

import json
import os
import re
import subprocess
import sys
import tracemalloc
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from sakuga.cancellation import Cancelled, CancelScope
from sakuga.export import (
    ExportError,
    check_folder,
    check_frames,
    check_target,
    contact_sheet,
    read_recipe,
    stream_of,
    write,
    write_frames,
    write_stream,
)
from sakuga.export.limits import LIMITS
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given

RECIPE = json.dumps({"idea": "a cabin in the snow <&> 雪", "prompts": ["a tall lighthouse at dusk, gulls"] * 60}, ensure_ascii=False)
MOVING = [".gif", ".webp", ".apng", ".mp4", ".webm"]


def image(moment: float, width: int = 96, height: int = 64) -> np.ndarray:
    down, right = np.mgrid[0:height, 0:width] / height
    sky = np.stack([0.3 + 0.5 * down, 0.4 + 0.2 * down, 0.8 - 0.3 * down], axis=-1)
    sun = np.clip((0.2 - np.hypot(right - 0.4 - 0.5 * moment, down - 0.4)) * height / 4, 0, 1)[..., None]
    return np.rint((sky * (1 - sun) + sun * (0.95, 0.8, 0.5)) * 255).astype(np.uint8)


def clip(count: int = 18, rate: Fraction = Fraction(12), size: tuple[int, int] = (96, 64)) -> Clip:
    frames = tuple(Frame(image=image(index / count, *size), spec=Given(image=str(index))) for index in range(count))
    return Clip(frames=frames, rate=rate, recipe=RECIPE)


def images_in(path: Path) -> list[np.ndarray]:
    if path.suffix in (".mp4", ".webm"):
        with av.open(str(path)) as container:
            return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    images = []
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            images.append(np.asarray(image.convert("RGB")))
    return images


def lengths_in(path: Path) -> list[int]:
    """Milliseconds, of the formats that Pillow reads."""
    lengths = []
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            lengths.append(round(image.info["duration"]))
    return lengths


def psnr(made: np.ndarray, true: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((made.astype(float) - true) ** 2))))


@pytest.mark.parametrize("suffix", MOVING)
def test_every_frame_comes_back_in_its_colors(suffix: str, tmp_path: Path) -> None:
    written = write(clip(), tmp_path / f"clip{suffix}")
    back = images_in(written.path)
    assert (len(back), written.frames, written.seconds) == (18, 18, Fraction(3, 2))
    assert written.bytes == written.path.stat().st_size < 200_000
    assert min(psnr(image, frame.image) for image, frame in zip(back, clip().frames, strict=True)) > 33.0


@pytest.mark.parametrize("suffix", [*MOVING, ".png"])
def test_the_recipe_comes_back_and_bytes_repeat(suffix: str, tmp_path: Path) -> None:
    shown = clip(1 if suffix == ".png" else 4)
    first, second = (write(shown, tmp_path / f"{name}{suffix}").path for name in ("one", "two"))
    assert read_recipe(first) == RECIPE
    assert first.read_bytes() == second.read_bytes()
    bare = write(Clip(frames=shown.frames, rate=shown.rate), tmp_path / f"bare{suffix}")
    assert read_recipe(bare.path) is None


@pytest.mark.parametrize("suffix", MOVING)
def test_bytes_do_not_depend_on_uninitialized_memory(suffix: str, tmp_path: Path) -> None:
    """x264's macroblock tree reads uninitialized memory; the C library fills fresh memory differently each time."""
    script = "from pathlib import Path; from test_write import clip; from sakuga.export import write; write(clip(6), Path({!r}))"
    paths = [tmp_path / f"{filled}{suffix}" for filled in (1, 90, 255)]
    for path in paths:
        environment = {**os.environ, "MALLOC_PERTURB_": path.stem}
        subprocess.run([sys.executable, "-c", script.format(str(path))], check=True, env=environment, cwd=Path(__file__).parent)
    assert len({path.read_bytes() for path in paths}) == 1


@pytest.mark.parametrize(("suffix", "lengths"), [(".gif", [80, 90, 80, 80, 90, 80]), (".webp", [83, 84, 83, 83, 84, 83])])
def test_rounding_is_spread_over_the_frames(suffix: str, lengths: list[int], tmp_path: Path) -> None:
    path = write(clip(18), tmp_path / f"clip{suffix}").path
    assert lengths_in(path)[:6] == lengths
    assert sum(lengths_in(path)) == 1500
    with Image.open(path) as image:
        assert image.info["loop"] == 0


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_a_hold_is_one_frame_of_its_full_length(suffix: str, tmp_path: Path) -> None:
    held = clip(3)
    held = Clip(frames=(held.frames[0],) * 6 + (held.frames[1],) * 3 + (held.frames[2],) * 3, rate=Fraction(12))
    assert lengths_in(write(held, tmp_path / f"held{suffix}").path) == [500, 250, 250]


@pytest.mark.parametrize("rate", [Fraction(12), Fraction(24000, 1001)])
def test_video_keeps_the_exact_rate_and_length(rate: Fraction, tmp_path: Path) -> None:
    with av.open(str(write(clip(10, rate), tmp_path / "clip.mp4").path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == rate
        assert stream.duration * stream.time_base == 10 / rate
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")


def test_mp4_starts_with_its_index(tmp_path: Path) -> None:
    data = write(clip(4), tmp_path / "clip.mp4").path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_odd_sizes_gain_a_repeated_edge(suffix: str, tmp_path: Path) -> None:
    odd = clip(3, size=(51, 33))
    written = write(odd, tmp_path / f"odd{suffix}")
    assert "52 x 34 pixels" in written.notes[-1]
    back = images_in(written.path)
    assert back[0].shape == (34, 52, 3)
    assert psnr(back[1][:33, :51], odd.frames[1].image) > 32.0


def test_few_colors_are_kept_exactly_in_a_gif(tmp_path: Path) -> None:
    few = [frame.image // 52 * 51 + 1 for frame in clip(6).frames]
    made = Clip(frames=tuple(Frame(image=each, spec=Given(image="")) for each in few), rate=Fraction(8))
    assert all(np.array_equal(back, true) for back, true in zip(images_in(write(made, tmp_path / "few.gif").path), few, strict=True))


def color_tables(data: bytes) -> list[bool]:
    """Whether each image of a GIF has its own palette."""
    at, own = 13 + (3 << ((data[10] & 7) + 1)), []
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            packed = data[at + 9]
            own.append(bool(packed & 0x80))
            at += 11 + ((3 << ((packed & 7) + 1)) if own[-1] else 0)
        else:
            at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    return own


def test_a_gif_has_one_palette(tmp_path: Path) -> None:
    assert color_tables(write(clip(6), tmp_path / "clip.gif").path.read_bytes()) == [False] * 6


def test_grainy_clips_stay_reasonably_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    base = clip(12, size=(128, 128))
    grainy = tuple(
        Frame(image=np.clip(frame.image + rng.normal(0, 2, frame.image.shape), 0, 255).astype(np.uint8), spec=frame.spec)
        for frame in base.frames
    )
    written = write(Clip(frames=grainy, rate=base.rate), tmp_path / "grainy.gif")
    assert written.bytes <= 1_500_000 * (12 / 72) * (128 / 256) ** 2


def test_refusals_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no known suffix: use one of \.gif, \.webp, \.mp4"):
        check_target(tmp_path / "clip.avi")
    (tmp_path / "folder.gif").mkdir()
    with pytest.raises(ExportError, match="is a folder"):
        check_target(tmp_path / "folder.gif")
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="is a file, not a folder"):
        check_target(tmp_path / "file" / "deep" / "clip.gif")
    with pytest.raises(ExportError, match="only one of 3 frames"):
        write(clip(3), tmp_path / "clip.png")
    with pytest.raises(ExportError, match="no frames"):
        write(Clip(frames=(), rate=Fraction(12)), tmp_path / "clip.gif")
    with pytest.raises(ExportError, match="frame 2 is 32x32, not 96x64"):
        write(Clip(frames=clip(1).frames + clip(1, size=(32, 32)).frames, rate=Fraction(12)), tmp_path / "clip.gif")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody may write in")
def test_an_unwritable_folder_is_refused_before_work() -> None:
    with pytest.raises(ExportError, match="cannot write in /proc"):
        check_target(Path("/proc/clip.gif"))
    with pytest.raises(ExportError, match="cannot write in /proc"):
        check_folder(Path("/proc/frames"))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = write(clip(2), tmp_path / "clip.mp4").path
    before = path.read_bytes()

    def failing() -> Iterator[np.ndarray]:
        yield clip(2).frames[0].image
        raise OSError("the disk is full")

    with pytest.raises(ExportError, match="the disk is full"):
        write_stream(replace(stream_of(clip(2)), images=failing()), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    assert write(clip(2), tmp_path / "new" / "deep" / "clip.webp").path.exists()


def test_frames_are_numbered_from_one(tmp_path: Path) -> None:
    paths = write_frames(clip(3), tmp_path / "frames")
    assert [path.name for path in paths] == ["0001.png", "0002.png", "0003.png"]
    assert np.array_equal(images_in(paths[2])[0], clip(3).frames[2].image)
    assert read_recipe(paths[0]) == RECIPE
    with pytest.raises(ExportError, match=r"0003\.png is no frame of this clip of 2"):
        write_frames(clip(2), tmp_path / "frames")


def test_frames_do_not_overwrite_other_images(tmp_path: Path) -> None:
    other = replace(clip(3), recipe='{"idea": "another"}')
    write_frames(clip(3), tmp_path / "frames")
    write_frames(clip(3), tmp_path / "frames")
    before = (tmp_path / "frames" / "0001.png").read_bytes()
    for foreign in (other, replace(other, recipe="")):
        with pytest.raises(ExportError, match=r"0001\.png is no frame of this clip of 3: empty the folder"):
            write(foreign, tmp_path / "frames")
    with pytest.raises(ExportError, match=r"0001\.png is no frame"):
        check_frames(tmp_path / "frames", 3, other.recipe)
    assert (tmp_path / "frames" / "0001.png").read_bytes() == before
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "0002.png").write_text("no image at all")
    with pytest.raises(ExportError, match=r"0002\.png is no frame"):
        write_frames(clip(3), tmp_path / "broken")


def test_a_contact_sheet_holds_every_frame_in_reading_order() -> None:
    sheet = contact_sheet(clip(5), columns=3, gap=4)
    assert sheet.shape == (2 * 68 + 4, 3 * 100 + 4, 3)
    assert np.array_equal(sheet[4:68, 204:300], clip(5).frames[2].image)
    assert np.array_equal(sheet[72:136, 104:200], clip(5).frames[4].image)
    assert (sheet[72:, 204:] == 255).all()


def test_a_file_that_is_no_clip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "poem.gif").write_text("no image at all")
    with pytest.raises(ExportError, match="no image or video"):
        read_recipe(tmp_path / "poem.gif")
    with pytest.raises(ExportError, match="there is no such file"):
        read_recipe(tmp_path / "absent.gif")
    with pytest.raises(ExportError, match="is a folder: give one image or clip"):
        read_recipe(tmp_path)


class CountedImages(Iterable[np.ndarray]):
    """Images that are made whenever they are read, and the most that were alive at once."""

    def __init__(self, count: int) -> None:
        self.count, self.most = count, 0
        self._made: list[weakref.ref[np.ndarray]] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        for place in range(self.count):
            made = image(place / self.count)
            self._made = [one for one in self._made if one() is not None] + [weakref.ref(made)]
            self.most = max(self.most, len(self._made))
            yield made


@pytest.mark.parametrize("name", [*(f"clip{suffix}" for suffix in MOVING), "clip.sheet.png", "clip.contact.png", "frames"])
def test_a_stream_gives_the_same_bytes_with_few_frames_in_memory(name: str, tmp_path: Path) -> None:
    images = CountedImages(48)
    stream = replace(stream_of(clip(48)), images=images)
    streamed, written = write_stream(stream, tmp_path / "a" / name), write(clip(48), tmp_path / "b" / name)
    assert bytes_in(streamed.path) == bytes_in(written.path)
    assert (streamed.bytes, streamed.frames, streamed.seconds) == (written.bytes, 48, written.seconds)
    assert images.most <= 4


@pytest.mark.parametrize("name", [*(f"clip{suffix}" for suffix in MOVING), "frames"])
def test_memory_does_not_grow_with_the_number_of_frames(name: str, tmp_path: Path) -> None:
    """Derived images count too: those that Python and NumPy hold, against the size of one image."""

    def peak(count: int) -> int:
        tracemalloc.start()
        write_stream(replace(stream_of(clip(1)), images=CountedImages(count), count=count), tmp_path / str(count) / name)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(4)
    assert peak(96) - peak(12) < 4 * image(0).nbytes


@pytest.mark.parametrize("most", [None, 8000])
def test_a_gif_under_a_limit_streams_too(most: int | None, tmp_path: Path) -> None:
    images = CountedImages(24)
    streamed = write_stream(replace(stream_of(clip(24)), images=images), tmp_path / "a.gif", most)
    assert streamed.path.read_bytes() == write(clip(24), tmp_path / "b.gif", most).path.read_bytes()
    assert images.most <= 4


def test_an_apng_has_the_bytes_that_pillow_gives(tmp_path: Path) -> None:
    shown = clip(9, size=(200, 150))
    held = Clip(frames=(shown.frames[0],) * 3 + shown.frames, rate=Fraction(24000, 1001), recipe=RECIPE)
    lengths = [timed.ticks for timed in LIMITS[".apng"].timed(stream_of(held))]
    first, *rest = (Image.fromarray(frame.image) for frame in shown.frames)
    text = PngImagePlugin.PngInfo()
    text.add_itxt("sakuga:recipe", RECIPE)
    first.save(tmp_path / "pillow.png", save_all=True, append_images=rest, duration=lengths, loop=0, pnginfo=text)
    assert write(held, tmp_path / "ours.apng").path.read_bytes() == (tmp_path / "pillow.png").read_bytes()


def bytes_in(path: Path) -> list[bytes]:
    return [file.read_bytes() for file in (sorted(path.iterdir()) if path.is_dir() else [path])]


@pytest.mark.parametrize(("frames", "count"), [(3, 4), (4, 3)])
def test_a_stream_of_another_length_is_refused_and_leaves_nothing(frames: int, count: int, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=f"{count} frames were announced"):
        write_stream(replace(stream_of(clip(frames)), count=count), tmp_path / "clip.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng", ".sheet.png"])
def test_frames_that_can_be_read_once_are_no_clip_of_a_format_that_reads_twice(suffix: str, tmp_path: Path) -> None:
    once = replace(stream_of(clip(3)), images=iter(stream_of(clip(3)).images))
    with pytest.raises(ExportError, match="the frames can be read only once: write a video or a folder"):
        write_stream(once, tmp_path / f"clip{suffix}")
    assert not (tmp_path / f"clip{suffix}").exists()
    assert write_stream(replace(once, images=iter(stream_of(clip(3)).images)), tmp_path / "clip.mp4").frames == 3


@pytest.mark.parametrize("name", [*(f"clip{suffix}" for suffix in MOVING), "frames"])
def test_a_cancelled_write_ends_at_the_next_frame_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    scope = CancelScope()

    class Cancelling(CountedImages):
        def __iter__(self) -> Iterator[np.ndarray]:
            for place, made in enumerate(super().__iter__()):
                if place == 5:
                    scope.cancel()
                assert place <= 5
                yield made

    with scope, pytest.raises(Cancelled):
        write_stream(replace(stream_of(clip(12)), images=Cancelling(12)), tmp_path / name)
    assert not (tmp_path / name).is_file()
    assert not list(tmp_path.glob(".*"))


def test_a_stream_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no frames"):
        write_stream(replace(stream_of(clip(3)), images=(), count=0), tmp_path / "clip.mp4")


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("clip.webp", (16_384, 8), r"at most 16383 pixels wide or high, not 16384x8: choose a smaller size, or one of \.gif"),
        ("clip.gif", (8, 65_536), "at most 65535 pixels"),
        ("clip.mp4", (16_386, 8), "at most 16384 pixels"),
    ],
)
def test_a_size_that_a_format_cannot_hold_is_refused_before_work(name: str, size: tuple[int, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=message):
        check_frames(tmp_path / name, 3, size=size)


@pytest.mark.parametrize(("suffix", "rate", "shortest"), [(".gif", 60, 20), (".webp", 120, 11), (".apng", 120, 11)])
def test_times_that_players_slow_down_are_merged_with_a_note(suffix: str, rate: int, shortest: int, tmp_path: Path) -> None:
    written = write(clip(12, Fraction(rate)), tmp_path / f"clip{suffix}")
    assert min(lengths_in(written.path)) >= shortest
    assert abs(sum(lengths_in(written.path)) - 12_000 / rate) <= 10
    assert re.search(rf"^\d+ images are left out: a {suffix} cannot show an image for less than {shortest} ms$", written.notes[0])
    uneven = Clip(frames=(clip(2).frames[0],) * 9 + (clip(2).frames[1],) * 7, rate=Fraction(rate))
    assert write(uneven, tmp_path / f"uneven{suffix}").notes == ()
    assert write(clip(12), tmp_path / f"slow{suffix}").notes == ()
