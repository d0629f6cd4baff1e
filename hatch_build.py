"""Build hook: the wheel carries the studio's page, so that its users need no Node."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB, INDEX = "web", "src/sakuga/web/static/index.html"


class WebBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Bundle the page where `make web` has not done so."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run Vite once; without Node, warn that the studio will have no page."""
        root = Path(self.root)
        if version == "editable" or (root / INDEX).exists():
            return
        npm = shutil.which("npm")
        if npm is None or not (root / WEB).is_dir():
            self.app.display_warning("this build has no studio page, as there is no Node here: run `make web` first")
            return
        for arguments in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "build"]):
            subprocess.run([npm, *arguments], cwd=root / WEB, check=True)
