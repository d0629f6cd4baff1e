"""The command `sakuga`, which `python -m sakuga` is, too."""

import atexit
import os
import sys

from sakuga.cli import main


def run() -> None:
    """Run the command line as a process of its own.

    At the end memory goes back to the system as a whole: to free all objects of torch one by one takes a fifth of a second.
    """
    codes: list[int] = []
    atexit.register(_leave, codes)  # before all others, so it runs after them
    try:
        main()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            codes.append(ended.code or 0)
        raise


def _leave(codes: list[int]) -> None:
    """End the process with its exit code; an error that is still to be told is left to the interpreter."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        return
    for code in codes:
        os._exit(code)


if __name__ == "__main__":
    run()
