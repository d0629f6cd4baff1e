"""The command `sakuga studio`."""

from typing import Annotated, Any

from sakuga import InputError
from sakuga.cli import options as opt

SERVER = "Server"
"""The panel of options about the server."""


def studio(
    port: Annotated[int, opt.described("Port; 0 takes any free one", "--port", default="8765", min=0, max=65535)] = 8765,
    host: Annotated[
        str, opt.described("Address to listen on; any but this machine's own asks for a token", "--host", default="127.0.0.1")
    ] = "127.0.0.1",
    open: Annotated[bool, opt.described("Open the page in the browser", "--open")] = False,
    quota: Annotated[str, opt.described("Disk space for frames, clips and uploads together", "--quota", default="20GB")] = "20GB",
    quiet: opt.Quiet = False,
) -> None:
    """Serve the studio: a web page where clips are planned, generated and chosen."""
    from sakuga.studio import parse_bytes

    start_server(port=port, host=host, quota=parse_bytes(quota), open_page="/" if open else None, quiet=quiet)


def start_server(*, quiet: bool = False, **settings: Any) -> None:
    """Serve until Ctrl-C; raises InputError where the extra is not installed."""
    try:
        from sakuga.web.serve import ServerSettings, serve
    except ModuleNotFoundError as error:
        if str(error.name).startswith("sakuga"):
            raise
        raise InputError(f"the studio needs {error.name}: pip install 'sakuga[studio]'") from None
    from sakuga.paths import home

    def announce(address: str) -> None:
        if not quiet:
            print(f"the studio is at {address} (Ctrl-C ends it; running jobs go on at the next start)", flush=True)

    serve(ServerSettings(home=home(), **settings), announce)
