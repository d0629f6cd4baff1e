"""Pictures in: any common format becomes plain RGB, upright and in sRGB; what cannot be read is told in one sentence."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from sakuga import InputError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "QOI")
"""What is opened. Formats that run a program (EPS) or know a file by nothing but its name are left out."""
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")
PAGES = ("MPO", "TIFF")
"""Formats whose further pictures are no animation; a camera's MPO holds its preview."""


class PictureError(InputError, ValueError):
    """A picture that cannot be read; the sentence names the file and says why."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutsidePicture:
    """A picture as it was given, and what had to be settled to read it, a sentence each."""

    picture: NDArray[np.uint8]  # (height, width, 3) RGB
    notes: tuple[str, ...] = ()


def read_picture(path: Path | str) -> OutsidePicture:
    """Read a picture file: turned upright by its EXIF orientation, its colours brought to sRGB, transparent parts laid on white.

    16-bit grey is scaled to 8 bits, CMYK converted, and of an animation the first frame taken. Raises PictureError.
    """
    path = Path(path)
    with opened(path) as image:
        notes: list[str] = []
        if image.format not in PAGES and (count := getattr(image, "n_frames", 1)) > 1:
            notes.append(f"{path.name} holds {count} frames: the first is taken")
        return OutsidePicture(picture=seen(image, path, notes), notes=tuple(notes))


def seen(image: Image.Image, path: Path, notes: list[str]) -> NDArray[np.uint8]:
    """Return the frame at which an opened picture stands, as `read_picture` does; what had to be settled is added to the notes."""
    image.load()
    upright = _in_eight_bits(ImageOps.exif_transpose(image), path)
    return np.array(_on_white(_in_srgb(upright, path, notes), path, notes))


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture file; whatever goes wrong within is told as a PictureError."""
    if path.is_dir():
        raise PictureError(f"{path} is a folder: give one picture")
    if not path.is_file():
        raise PictureError(f"{path}: there is no such picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning)  # of odd metadata, which is not what is asked for
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(f"{path} is too large: pictures of up to {Image.MAX_IMAGE_PIXELS or 0:,} pixels are read") from None
    except UnidentifiedImageError:
        kinds = ", ".join(FORMATS)
        raise PictureError(f"{path} is no picture of a known kind ({kinds})") from None
    except PermissionError:
        raise PictureError(f"{path} may not be read: allow it, or copy it") from None
    except Exception as error:  # Pillow's readers raise nearly anything on a damaged file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PictureError(f"{path} is cut short or damaged ({reason}): save it anew") from error


def _in_eight_bits(image: Image.Image, path: Path) -> Image.Image:
    """Scale 16-bit grey by its whole range; Pillow itself would cut it off at 255."""
    if image.mode == "F":
        raise PictureError(f"{path} holds floating-point values: save it with 8 or 16 bits")
    if image.mode not in SIXTEEN_BITS:
        return image
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise PictureError(f"{path} holds 32-bit values: save it with 8 or 16 bits")
    scaled = Image.fromarray(((values + 128) // 257).astype(np.uint8))
    scaled.info |= {key: value for key, value in image.info.items() if key == "icc_profile"}
    return scaled


def _in_srgb(image: Image.Image, path: Path, notes: list[str]) -> Image.Image:
    """Bring the colours of an embedded profile to sRGB: photographs of today's telephones are wider, and CMYK says nothing without."""
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
        notes.append(f"the colour profile of {path.name} does not fit it: its colours are taken as they are")
        return image
    return changed or image


def _on_white(image: Image.Image, path: Path, notes: list[str]) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    covering = image.convert("RGBA")
    if np.asarray(covering.getchannel("A")).min() < 255:
        notes.append(f"the transparent parts of {path.name} are laid on white")
    return Image.alpha_composite(Image.new("RGBA", covering.size, "white"), covering).convert("RGB")
