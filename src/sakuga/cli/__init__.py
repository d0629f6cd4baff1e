"""The command `sakuga`; each command imports what it needs."""

import signal
import sys
from types import FrameType

from sakuga import SakugaError


class Interrupted(SakugaError):
    """Ctrl-C; finished frames are in the store."""

    exit_code = 130


def main() -> None:
    """Run the command line and exit.

    The code is 0 if done, 2 for bad input, 130 on Ctrl-C, 1 for anything else.
    """
    from sakuga.cli.app import app

    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except SakugaError as error:
        print(f"sakuga: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted("stopped; finished frames are kept, and the same command continues from there")
