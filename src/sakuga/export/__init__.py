"""Clips to files, and recipes back out of them."""

from sakuga.export.album import ImageFolder
from sakuga.export.recipe import read_recipe
from sakuga.export.sequence import holds_16_bits
from sakuga.export.sheet import contact_sheet, tile_images
from sakuga.export.sprites import check_sprite_sheet, write_sprite_sheet
from sakuga.export.target import ExportError, check_folder, check_name
from sakuga.export.timing import FrameStream, stream_of
from sakuga.export.write import Written, check_frames, check_target, write, write_frames, write_stream

__all__ = [
    "ExportError",
    "FrameStream",
    "ImageFolder",
    "Written",
    "check_folder",
    "check_frames",
    "check_name",
    "check_sprite_sheet",
    "check_target",
    "contact_sheet",
    "holds_16_bits",
    "read_recipe",
    "stream_of",
    "tile_images",
    "write",
    "write_frames",
    "write_sprite_sheet",
    "write_stream",
]
