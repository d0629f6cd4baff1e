"""The command `sakuga`; each command imports what it needs."""

import atexit
import errno
import gc
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn, TextIO

from sakuga import SakugaError
from sakuga.cancellation import STOP_SIGNALS, Interrupted, interrupted_by_signals
from sakuga.event_log import check_log, is_on, log_event
from sakuga.models.meta_kernels import defer_meta_kernels

GARBAGE = (100_000, 50, 100)
"""Objects between garbage collections. Those of Python's default take a sixth of the time in which the libraries are imported."""
INTERRUPTED = 130
"""The exit code on Ctrl-C, SIGTERM and SIGHUP."""
REMEDIES = {
    errno.ENOSPC: "the disk is full: make room, and the same command continues from there",
    errno.EDQUOT: "the disk quota is used up: make room, and the same command continues from there",
    errno.EROFS: "the disk is read only: choose another place, or set SAKUGA_HOME to a folder that can be written",
    errno.EACCES: "its permissions do not allow it: choose another place, or set SAKUGA_HOME to a folder of your own",
    errno.ENOTDIR: "a part of this path is a file, not a folder: choose another place, or another SAKUGA_HOME",
    errno.EFBIG: "the file would be larger than its file system or `ulimit -f` allows: choose another place",
    errno.EMFILE: "too many files are open: raise the limit with `ulimit -n`",
    errno.EIO: "the disk or its connection fails: check it, and the same command continues from there",
}
"""What to do about errors of the system that can happen anywhere."""

UNMAPPED = ("failed to map segment", "cannot allocate memory")
"""What the loader says of a library for which there is no memory."""


def main() -> None:
    """Run the command line and exit.

    The code is 0 if done, 2 for bad input, 130 on Ctrl-C, 1 for anything else.
    """
    gc.set_threshold(*GARBAGE)
    defer_meta_kernels()
    _escape_unsayable(sys.stdout)
    code: int | str | None = 0
    try:
        _check_folder()
        with interrupted_by_signals():
            check_log()
            log_event("command.started", words=sys.argv[1:])
            from sakuga.cli.app import app

            app()
    except Interrupted:
        code = _failed("stopped; finished frames are kept, and the same command continues from there", INTERRUPTED)
    except SakugaError as error:
        code = _failed(str(error), error.exit_code)
    except (MemoryError, ImportError) as error:
        if isinstance(error, ImportError) and not any(words in str(error) for words in UNMAPPED):
            raise
        code = _failed("memory ran out: choose a smaller --size or --batch, or close other programs", 1)
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        code = _failed(f"{where}{REMEDIES[error.errno]}", 1)
    except SystemExit as ended:
        code = ended.code
    _end(code)


def _check_folder() -> None:
    """Raise SakugaError where the folder that the command runs in was deleted."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise SakugaError("the folder in which you are was deleted: change to another") from None


def _escape_unsayable(stream: TextIO) -> None:
    """Let a stream escape what its encoding cannot say, as Python does on stderr."""
    with suppress(AttributeError, ValueError):  # a stream of another kind, or none
        stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]


def _failed(reason: str, code: int) -> int:
    with suppress(OSError):
        if is_on():
            log_event("command.failed", reason=reason, exit_code=code)
        else:
            print(f"sakuga: {reason}", file=sys.stderr)
    return code


def _end(code: int | str | None) -> NoReturn:
    """Exit; a signal that comes while libraries close ends the process at once, with this code."""

    def leave(*_: object) -> None:
        os._exit(code if isinstance(code, int) else 0)

    atexit.register(lambda: [signal.signal(number, leave) for number in STOP_SIGNALS])
    gc.freeze()  # the interpreter would look through all objects of the libraries once more, half a second for nothing
    sys.exit(code)
