"""The command `sakuga`; each command imports what it needs."""

import gc
import signal
import sys
from types import FrameType

from sakuga import SakugaError

GARBAGE = (100_000, 50, 100)
"""Objects between garbage collections. Those of Python's default take a sixth of the time in which the libraries are imported."""


class Interrupted(SakugaError):
    """Ctrl-C; finished frames are in the store."""

    exit_code = 130


def main() -> None:
    """Run the command line and exit.

    The code is 0 if done, 2 for bad input, 130 on Ctrl-C, 1 for anything else.
    """
    from sakuga.cli.app import app

    gc.set_threshold(*GARBAGE)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except SakugaError as error:
        print(f"sakuga: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted("stopped; finished frames are kept, and the same command continues from there")
