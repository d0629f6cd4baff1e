"""Where sakuga keeps its data."""

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """Return the data folder: $SAKUGA_HOME, else the platform's own."""
    return Path(os.environ.get("SAKUGA_HOME") or platformdirs.user_data_path("sakuga", appauthor=False)).expanduser()
