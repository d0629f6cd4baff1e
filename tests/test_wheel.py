"""An unpacked wheel animates with its own weights, outside the source tree."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_carries_the_weights_and_animates(tmp_path: Path) -> None:
    folder = Path(os.environ.get("SAKUGA_DIST", tmp_path))  # `make dist` tests its own wheel
    if folder == tmp_path:
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
        subprocess.run(build, check=True, capture_output=True)
    wheel = next(folder.glob("*.whl"))
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "SAKUGA_HOME": str(tmp_path / "home")}
    print_location = "import sakuga; print(sakuga.__file__)"
    shown = subprocess.run(
        [sys.executable, "-c", print_location], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith(str(tmp_path / "site"))
    animate = ["animate", "a castle at night", "--shots", "1", "--seconds", "0.5", "--steps", "2", "-o", "clip.gif"]
    subprocess.run([sys.executable, "-m", "sakuga", *animate], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert (tmp_path / "clip.gif").stat().st_size > 1000
