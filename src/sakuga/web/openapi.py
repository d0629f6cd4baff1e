"""The API's schema as JSON: `python -m sakuga.web.openapi`."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sakuga.web.app import create_app


def schema() -> str:
    """Return the OpenAPI schema as text."""
    with TemporaryDirectory() as folder:
        return json.dumps(create_app(Path(folder)).openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
