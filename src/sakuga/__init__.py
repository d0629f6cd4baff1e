"""Stylised animation with diffusion models: an idea becomes a storyboard, frames and a clip."""

__version__ = "0.1.0"


class SakugaError(Exception):
    """An error with a message for users: what is wrong, where, and what to do.

    Commands end with `exit_code`.
    """

    exit_code = 1


class InputError(SakugaError):
    """Input that cannot be used."""

    exit_code = 2
