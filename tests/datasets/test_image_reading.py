"""Each image format is read as it is displayed, or refused in one sentence."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from sakuga import InputError
from sakuga.datasets.image_reading import ImageError, read_image

COLOURS = np.zeros((6, 10, 3), np.uint8)
COLOURS[:, :4] = (220, 40, 30)
COLOURS[4:, 4:] = (20, 60, 200)
RED, BLUE, BLACK = (1, 1), (5, 9), (0, 9)
"""Places (row, column) in it."""


def saved(path: Path, image: Image.Image, **options: object) -> np.ndarray:
    image.save(path, **options)
    return read_image(path).image


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm", "webp", "gif", "jp2", "avif", "jpg"])
def test_every_common_format_is_read(tmp_path: Path, suffix: str) -> None:
    options = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}, "avif": {"quality": 100}}.get(suffix, {})
    large = Image.fromarray(COLOURS.repeat(8, 0).repeat(8, 1))
    read = saved(tmp_path / f"a.{suffix}", large, **options)
    assert read.shape == (48, 80, 3)
    assert np.abs(read.astype(int) - np.asarray(large)).mean() < 2.5


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    assert np.array_equal(saved(tmp_path / "a.jpg", Image.fromarray(COLOURS), format="PNG"), COLOURS)


@pytest.mark.parametrize(
    ("orientation", "turned"), [(3, lambda p: p[::-1, ::-1]), (6, lambda p: np.rot90(p, -1)), (8, lambda p: np.rot90(p))]
)
@pytest.mark.parametrize("mode", ["RGB", "I;16"])
def test_an_image_is_turned_upright(tmp_path: Path, orientation: int, turned: Callable[[np.ndarray], np.ndarray], mode: str) -> None:
    plain = COLOURS if mode == "RGB" else np.arange(60, dtype=np.uint16).reshape(6, 10) * 1000
    image = Image.fromarray(plain)
    exif = image.getexif()
    exif[0x0112] = orientation
    read = saved(tmp_path / "a.png", image, exif=exif)
    assert np.array_equal(read, turned(saved(tmp_path / "b.png", Image.fromarray(plain))))


def test_sixteen_bits_are_scaled_by_their_full_range(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 32896, 65535]], np.uint16)
    assert saved(tmp_path / "a.png", Image.fromarray(deep))[0, :, 0].tolist() == [0, 1, 128, 255]
    assert saved(tmp_path / "a.tiff", Image.fromarray(deep.astype(np.int32)))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_cmyk_keeps_its_colors(tmp_path: Path) -> None:
    large = Image.fromarray(COLOURS.repeat(8, 0).repeat(8, 1))
    read = saved(tmp_path / "a.jpg", large.convert("CMYK"), quality=95)
    assert np.abs(read.astype(int) - np.asarray(large)).mean() < 6


def test_transparent_parts_become_white_with_a_note(tmp_path: Path) -> None:
    alpha = np.dstack([COLOURS, np.full((6, 10), 255, np.uint8)])
    alpha[0, 9] = (0, 0, 0, 0)
    alpha[RED][3] = 128
    Image.fromarray(alpha).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert read.image[BLACK].tolist() == [255, 255, 255]
    assert read.image[RED].tolist() == [237, 147, 142]
    assert read.image[BLUE].tolist() == [20, 60, 200]
    assert read.notes == ("the transparent parts of a.png become white",)
    palette = Image.fromarray(COLOURS).quantize(4)
    clear = palette.getpixel((9, 0))
    assert saved(tmp_path / "p.png", palette, transparency=clear)[BLACK].tolist() == [255, 255, 255]
    alpha[..., 3] = 255
    Image.fromarray(alpha).save(tmp_path / "b.png")
    assert read_image(tmp_path / "b.png").notes == ()


def test_the_first_frame_of_an_animation_is_read_with_a_note(tmp_path: Path) -> None:
    first, second = Image.fromarray(COLOURS), Image.fromarray(COLOURS[:, ::-1].copy())
    for name in ("a.gif", "a.png", "a.webp"):
        first.save(tmp_path / name, save_all=True, append_images=[second, first], **({"lossless": True} if name == "a.webp" else {}))
        read = read_image(tmp_path / name)
        assert np.array_equal(read.image, COLOURS)
        assert read.notes == (f"{name} has 3 frames: the first is used",)


def test_colors_of_another_profile_are_converted_to_srgb(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    Image.fromarray(COLOURS).save(tmp_path / "lab.png", icc_profile=profile)
    read = read_image(tmp_path / "lab.png")
    assert np.array_equal(read.image, COLOURS)
    assert read.notes == ("the color profile of lab.png is invalid and ignored",)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(saved(tmp_path / "srgb.png", Image.fromarray(COLOURS), icc_profile=srgb), COLOURS)
    linear = _with_linear_curves(srgb)
    brighter = saved(tmp_path / "linear.png", Image.fromarray(COLOURS), icc_profile=linear)
    assert brighter[BLUE][1] > 120


def _with_linear_curves(profile: bytes) -> bytes:
    """The sRGB profile under another name, its curves straight."""
    content = bytearray(profile.replace("sRGB".encode("utf-16-be"), "line".encode("utf-16-be")).replace(b"sRGB", b"line"))
    for index in range(struct.unpack(">I", content[128:132])[0]):
        entry = 132 + 12 * index
        if content[entry : entry + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            offset = struct.unpack(">I", content[entry + 4 : entry + 8])[0]
            content[offset : offset + 12] = b"curv" + bytes(8)
            content[entry + 8 : entry + 12] = struct.pack(">I", 12)
    return bytes(content)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that claims many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def png(tmp_path: Path) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "complete.png")
    return (tmp_path / "complete.png").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda _: b"a castle at night\n", "not an image of a known format"),
        (lambda _: b"", "not an image of a known format"),
        (lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known format"),
        (lambda room: png(room)[:-3000], "truncated or damaged"),
        (lambda room: png(room)[:40], "not an image of a known format"),
        (lambda _: bomb(30_000, 30_000), "too large"),
        (lambda _: bomb(10_000, 10_000), "too large"),
        (lambda _: bomb(500, 500), "truncated or damaged"),
    ],
    ids=["text", "empty", "postscript", "cut short", "header alone", "30,000 x 30,000", "10,000 x 10,000", "no pixels"],
)
def test_a_damaged_file_is_refused_with_one_sentence(tmp_path: Path, content: Callable[[Path], bytes], message: str) -> None:
    (tmp_path / "a.png").write_bytes(content(tmp_path))
    refused(tmp_path / "a.png", message)


def test_a_folder_a_missing_file_and_a_device_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder")
    refused(tmp_path / "absent.png", "there is no such image")
    refused(Path("/dev/zero"), "there is no such image")


def test_numbers_without_a_range_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "a.tiff")
    refused(tmp_path / "a.tiff", "floating-point")
    Image.fromarray(np.full((4, 4), 70_000, np.int32)).save(tmp_path / "b.tiff")
    refused(tmp_path / "b.tiff", "32-bit")


def refused(path: Path, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        read_image(path)
    assert isinstance(caught.value, InputError)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
