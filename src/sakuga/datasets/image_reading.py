"""Reading images: any common format as upright sRGB, errors in one sentence."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, ImageCms, ImageOps, UnidentifiedImageError
from PIL import Image as PILImage

from sakuga import InputError
from sakuga.files import check_file
from sakuga.timeline.clip import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "QOI")
"""Formats that are read; those that run a program (EPS) or are known by name alone are left out."""
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")
SIDEWAYS = (5, 6, 7, 8)
"""Orientations of EXIF that exchange width and height."""
PAGES = ("MPO", "TIFF")
"""Formats whose further images are no animation; a camera's MPO holds its preview."""


class ImageError(InputError, ValueError):
    """An image that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedImage:
    """An image from a file, and notes."""

    image: Image
    notes: tuple[str, ...] = ()


def read_image(path: Path | str) -> LoadedImage:
    """Read an image as upright sRGB on white.

    The EXIF orientation is applied, 16-bit gray scaled to 8 bits, CMYK converted; of an animation the first frame is read.
    Raises ImageError.
    """
    path = Path(path)
    with open_image(path) as image:
        notes: list[str] = []
        if image.format not in PAGES and (count := getattr(image, "n_frames", 1)) > 1:
            notes.append(f"{path.name} has {count} frames: the first is used")
        return LoadedImage(image=decode_frame(image, path, notes), notes=tuple(notes))


def image_size(path: Path) -> tuple[int, int]:
    """Return the upright width and height of an image, by its head; raises ImageError."""
    with open_image(path) as image:
        known = image.format != "PNG" or "exif" in image.info  # else Pillow would decode the whole image to look for it
        turned = known and image.getexif().get(ExifTags.Base.Orientation) in SIDEWAYS
        return (image.height, image.width) if turned else image.size


def decode_frame(image: PILImage.Image, path: Path, notes: list[str]) -> Image:
    """Decode the current frame as `read_image` does.

    Notes on the conversion are appended to `notes`.
    """
    image.load()
    upright = _in_eight_bits(ImageOps.exif_transpose(image), path)
    return np.array(_on_white(_in_srgb(upright, path, notes), path, notes))


@contextmanager
def open_image(path: Path) -> Iterator[PILImage.Image]:
    """Open an image file; any error inside becomes an ImageError."""
    if path.is_dir():
        raise ImageError(f"{path} is a folder: give one image")
    if not path.is_file():
        raise ImageError(f"{path}: there is no such image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PILImage.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning)  # of unusual metadata, which is not used
            with open_head(path) as image:
                yield image
    except ImageError:
        raise
    except (PILImage.DecompressionBombError, PILImage.DecompressionBombWarning):
        raise ImageError(f"{path} is too large: the limit is {PILImage.MAX_IMAGE_PIXELS or 0:,} pixels") from None
    except UnidentifiedImageError:
        kinds = ", ".join(FORMATS)
        raise ImageError(f"{path} is not an image of a known format ({kinds})") from None
    except PermissionError:
        raise ImageError(f"{path} cannot be read: its permissions do not allow it") from None
    except Exception as error:  # Pillow's readers raise nearly anything on a damaged file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ImageError(f"{path} is truncated or damaged ({reason}): save it again") from error


def open_head(path: Path) -> PILImage.Image:
    """Open an image of a known format, of which Pillow reads the head; raises OSError, and nearly anything on a damaged file."""
    check_file(path)
    return PILImage.open(path, formats=FORMATS)


def _in_eight_bits(image: PILImage.Image, path: Path) -> PILImage.Image:
    """Scale 16-bit gray by its full range.

    Pillow would clip it at 255.
    """
    if image.mode == "F":
        raise ImageError(f"{path} holds floating-point values: save it with 8 or 16 bits")
    if image.mode not in SIXTEEN_BITS:
        return image
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(f"{path} holds 32-bit values: save it with 8 or 16 bits")
    scaled = PILImage.fromarray(((values + 128) // 257).astype(np.uint8))
    scaled.info |= {key: value for key, value in image.info.items() if key == "icc_profile"}
    return scaled


def _in_srgb(image: PILImage.Image, path: Path, notes: list[str]) -> PILImage.Image:
    """Convert from an embedded color profile to sRGB."""
    if not (embedded := image.info.get("icc_profile")):
        return image
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB") if image.mode in ("P", "PA", "1") else image
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(embedded))
        if "sRGB" in ImageCms.getProfileDescription(profile):
            return image
        mode = "RGBA" if plain.mode == "RGBA" else "RGB"
        changed = ImageCms.profileToProfile(plain, profile, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        notes.append(f"the color profile of {path.name} is invalid and ignored")
        return image
    return changed or image


def _on_white(image: PILImage.Image, path: Path, notes: list[str]) -> PILImage.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    covering = image.convert("RGBA")
    if np.asarray(covering.getchannel("A")).min() < 255:
        notes.append(f"the transparent parts of {path.name} become white")
    return PILImage.alpha_composite(PILImage.new("RGBA", covering.size, "white"), covering).convert("RGB")
