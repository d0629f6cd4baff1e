"""OpenVINO starts no process of its own and sends nothing."""

import subprocess
import sys

SCRIPT = """
import os, sys
os.register_at_fork(before=lambda: sys.exit("a process was forked"))
from sakuga.models.openvino.programs import openvino_core, openvino_version
openvino_core()
print(openvino_version(), sum(name.startswith("openvino_telemetry.") for name in sys.modules))
"""


def test_no_usage_statistics_are_sent() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[1] == "0"
