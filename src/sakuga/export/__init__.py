"""Clips to files and back to their recipe."""

from sakuga.export.album import Album
from sakuga.export.recipe import read_recipe
from sakuga.export.sheet import contact_sheet, laid_out
from sakuga.export.sprites import check_sheet, write_sprites
from sakuga.export.target import ExportError, check_folder
from sakuga.export.write import Written, check_frames, check_target, write, write_frames

__all__ = [
    "Album",
    "ExportError",
    "Written",
    "check_folder",
    "check_frames",
    "check_sheet",
    "check_target",
    "contact_sheet",
    "laid_out",
    "read_recipe",
    "write",
    "write_frames",
    "write_sprites",
]
