"""Stylised animation with diffusion models: an idea becomes a storyboard, frames and a clip."""

__version__ = "0.1.0"


class SakugaError(Exception):
    """What went wrong, in one sentence that says where and what to do; the command ends with `exit_code`."""

    exit_code = 1


class InputError(SakugaError):
    """What was asked for cannot be done as it was asked."""

    exit_code = 2
