"""Recipes inside clips: JSON from which a clip can be rendered again."""

from pathlib import Path

from PIL import Image as PILImage
from PIL import UnidentifiedImageError

from sakuga.export.image_files import recipe_in_image
from sakuga.export.target import ExportError
from sakuga.export.video import recipe_in_video


def read_recipe(path: Path) -> str | None:
    """Read a file's recipe, whatever its suffix.

    None if it has none.
    The text is untrusted: parse it as outside data. Raises ExportError where the file is no image or video.
    """
    try:
        return recipe_in_image(path)
    except UnidentifiedImageError:
        pass
    except PILImage.DecompressionBombError:
        raise ExportError(f"{path} is too large: it has more pixels than any image that is read") from None
    except FileNotFoundError:
        raise ExportError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise ExportError(f"{path} is a folder: give one image or clip") from None
    except (OSError, SyntaxError, ValueError) as error:  # SyntaxError is Pillow's word for a broken PNG
        raise ExportError(f"cannot read {path}: {error}") from error
    from av import FFmpegError

    try:
        return recipe_in_video(path)
    except (FFmpegError, UnicodeDecodeError) as error:
        raise ExportError(f"{path} is no image or video") from error
