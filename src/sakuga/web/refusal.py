"""Refused requests."""

from sakuga import InputError


class Refused(InputError):
    """A request that cannot be served; the message is a sentence with the remedy.

    `code` is one of those of `ApiError`; `field` and `line` say where.
    """

    def __init__(self, message: str, code: str = "bad_input", field: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.code, self.field, self.line = code, field, line


def missing(what: str, name: str) -> Refused:
    """Return the refusal for a row that does not exist."""
    return Refused(f"there is no {what} {name}: it may have been deleted", "not_found")
