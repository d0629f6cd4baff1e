"""The command `sakuga`: parse, show, report. What is heavy is imported by the command that needs it."""

import signal
import sys
from types import FrameType

from sakuga import SakugaError


class Interrupted(SakugaError):
    """Ctrl-C: everything that was drawn is in the store."""

    exit_code = 130


def main() -> None:
    """Run the command line and exit: 0 done, 2 bad input, 1 anything else, 130 on Ctrl-C with all that was drawn kept."""
    from sakuga.cli.app import app

    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except SakugaError as error:
        print(f"sakuga: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted("stopped; what was drawn is kept, and the same command goes on from there")
