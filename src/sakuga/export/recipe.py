"""The recipe that a clip's file carries: JSON that can make it again."""

from pathlib import Path

import av
from PIL import UnidentifiedImageError

from sakuga.export.pictures import recipe_in_picture
from sakuga.export.target import ExportError
from sakuga.export.video import recipe_in_video


def read_recipe(path: Path) -> str | None:
    """Read a file's recipe, whatever its name: None if it carries none, ExportError if it is no picture or video.

    It is outside data: whoever uses it parses it as such.
    """
    try:
        return recipe_in_picture(path)
    except UnidentifiedImageError:
        pass
    except FileNotFoundError:
        raise ExportError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise ExportError(f"{path} is a folder: give one picture or clip") from None
    except (OSError, SyntaxError, ValueError) as error:  # SyntaxError is Pillow's word for a broken PNG
        raise ExportError(f"cannot read {path}: {error}") from error
    try:
        return recipe_in_video(path)
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise ExportError(f"{path} is no picture or video") from error
