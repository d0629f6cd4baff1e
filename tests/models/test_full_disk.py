"""What the disk refuses is an error of the system, whichever library writes."""

import errno
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys, torch, resource
from pathlib import Path
from sakuga.models.saving import save_file
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    save_file({"a": torch.zeros(10_000)}, Path(sys.argv[1]))
except OSError as error:
    print(error.errno, error.filename)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ") or not hasattr(resource, "RLIMIT_FSIZE"), reason="needs limits of file sizes")
def test_a_safetensors_file_that_does_not_fit_raises_the_systems_error(tmp_path: Path) -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path / "a.safetensors")], capture_output=True, text=True, check=True)
    assert told.stdout.split(maxsplit=1) == [str(errno.EFBIG), f"{tmp_path}\n"]
