"""Counts in words."""


def counted(count: int, one: str, more: str | None = None) -> str:
    """Say how many there are.

    >>> counted(1, "picture"), counted(0, "picture"), counted(1, "picture is", "pictures are")
    ('1 picture', '0 pictures', '1 picture is')
    """
    return f"{count} {one}" if count == 1 else f"{count} {more or one + 's'}"
