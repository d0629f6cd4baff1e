"""The page itself: the built front end."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from sakuga.web.refusal import Refused

router = APIRouter(include_in_schema=False)

STATIC = Path(__file__).parents[1] / "static"
MISSING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>sakuga studio</title>
<h1>The studio's page is not built</h1>
<p>The server runs, and its API answers at <a href="/api/v1/status">/api/v1/status</a>. In a clone, build the page once:</p>
<pre>make studio</pre>
<p>A wheel of sakuga brings the page with it.</p></html>
"""


@router.get("/{path:path}")
def page(path: str) -> Response:
    """Return a file of the front end; every other address shows the page, which reads the address itself."""
    if path.startswith(("api/", "frames/")):
        raise Refused(f"there is no /{path}", "not_found")
    known = files().get(path)
    if known:
        named = path.startswith("assets/")
        return FileResponse(known, headers={"cache-control": "public, max-age=31536000, immutable" if named else "no-cache"})
    if path.startswith("assets/"):
        raise Refused(f"there is no /{path}", "not_found")
    index = files().get("index.html")
    return FileResponse(index, headers={"cache-control": "no-cache"}) if index else HTMLResponse(MISSING)


def files() -> dict[str, Path]:
    """Return the files of the front end by their addresses; no other file is ever read."""
    return {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()} if STATIC.is_dir() else {}
