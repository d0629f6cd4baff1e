"""The libraries of networks in the server's process."""

from threading import Lock

_importing = Lock()


def load_libraries() -> None:
    """Import what networks need, before threads use it.

    `models.deferred_imports` puts stand-ins for some libraries in place while it imports, and no other thread should meet those.
    """
    with _importing:
        import sakuga.models.diffusers_classes  # noqa: F401
