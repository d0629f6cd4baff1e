"""The command as a process of its own."""

import os
import subprocess
import sys

import pytest

ENDS = """
import atexit, sys
import sakuga.__main__ as command

class Freed:
    def __del__(self): print("freed")

def main():
    global kept
    kept = Freed()
    print("said")
    atexit.register(print, "cleaned up")
    sys.exit({code})

command.main = main
command.run()
"""


@pytest.mark.parametrize(("code", "expected"), [("None", 0), ("0", 0), ("2", 2), ("130", 130)])
def test_a_command_ends_with_its_code_after_all_is_said_and_cleaned_up(code: str, expected: int) -> None:
    done = _python(ENDS.format(code=code))
    assert (done.returncode, done.stdout.split("\n")) == (expected, ["said", "cleaned up", ""]), "objects are not freed one by one"


def test_an_error_that_nobody_expected_is_told_by_the_interpreter() -> None:
    done = _python(ENDS.format(code="1 / 0"))
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_words_that_nobody_reads_are_told_by_the_exit_code() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    script = [sys.executable, "-c", ENDS.format(code="0")]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(script, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, env=buffered)
    os.close(writer)
    assert done.returncode == 120
    assert "BrokenPipeError" in done.stderr


def _python(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
