"""Locations of data on the disk."""

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """Return the data folder: $SAKUGA_HOME, or the platform's default."""
    return Path(os.environ.get("SAKUGA_HOME") or platformdirs.user_data_path("sakuga", appauthor=False)).expanduser()
