"""Uploads: images, clips and films that a person brings."""

import shutil
import sqlite3
import warnings
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Query, Request
from PIL import Image as PILImage
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from sakuga.datasets.clips import keep_first, read_clip
from sakuga.datasets.image_reading import ImageError
from sakuga.export import ExportError, read_recipe
from sakuga.story.film import to_document
from sakuga.timeline.spec import digest
from sakuga.web.database import add_event, new_id, now
from sakuga.web.film_lines import parse_film
from sakuga.web.names import check_film
from sakuga.web.recipes import document_of_text, upload_row
from sakuga.web.refusal import Refused
from sakuga.web.schemas import Id, Upload
from sakuga.web.state import State, StudioState
from sakuga.web.storage import check_room

router = APIRouter(tags=["uploads"])

MOST = 200 << 20
"""Bytes of an upload."""
MOST_PIXELS = 64_000_000
"""Pixels of an image."""
MOST_TEXT = 1 << 20
"""Bytes of a film.toml."""
BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/uploads")
def list_uploads(state: State) -> list[Upload]:
    """List uploads, the newest first."""
    with state.database.read() as connection:
        return [upload_of(row) for row in connection.execute("SELECT * FROM uploads ORDER BY created DESC LIMIT 1000")]


@router.get("/uploads/{upload}")
def read_upload(upload: Id, state: State) -> Upload:
    """Return an upload."""
    with state.database.read() as connection:
        return upload_of(upload_row(connection, upload))


@router.post("/uploads", status_code=201, openapi_extra=BODY)
async def create_upload(request: Request, state: State, name: Annotated[str, Query(max_length=255)] = "upload") -> Upload:
    """Store an image, a clip or a film.toml; the body is the file itself.

    What it is shows in its content; the name is only shown.
    """
    upload, draft = new_id(), state.data.uploads / f".{new_id()}.part"
    try:
        await _receive(request, draft, state)
        return await run_in_threadpool(_store, state, draft, upload, _shown(name))
    except ClientDisconnect:
        raise Refused("the upload was interrupted: send it again") from None
    finally:
        draft.unlink(missing_ok=True)


async def _receive(request: Request, draft: Path, state: StudioState) -> None:
    """Write the body to a file; raises Refused as soon as it is too large."""
    length = request.headers.get("content-length", "0")
    announced, size = int(length) if length.isdigit() else 0, 0
    _check_size(announced)
    await run_in_threadpool(check_room, state.data, announced, state.quota)
    with draft.open("wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            _check_size(size)
            file.write(chunk)
    if not size:
        raise Refused("the upload is empty: choose an image, a clip or a film.toml")
    if size < announced:
        raise Refused("the upload was interrupted: send it again")
    if not announced:
        await run_in_threadpool(check_room, state.data, size, state.quota)


def _check_size(size: int) -> None:
    if size > MOST:
        raise Refused(f"the file has more than {MOST >> 20} MB, the most that the studio takes: make it smaller", "too_large")


def _store(state: StudioState, draft: Path, upload: str, name: str) -> Upload:
    """Read what was sent, keep it, and return its row."""
    values = _film(state, draft, name) if _is_text(draft) else _image_or_clip(state, draft, name)
    values |= {"id": upload, "name": name, "file": f"{upload}.{values.pop('suffix')}", "bytes": draft.stat().st_size, "created": now()}
    shutil.move(draft, state.data.uploads / values["file"])
    with state.database.write() as connection:
        marks = ", ".join("?" for _ in values)
        connection.execute(f"INSERT INTO uploads ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
        add_event(connection, "upload", upload)
        return upload_of(upload_row(connection, upload))


def _is_text(draft: Path) -> bool:
    content = draft.read_bytes()[: MOST_TEXT + 1]
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return len(content) <= MOST_TEXT and "\0" not in text


def _film(state: StudioState, draft: Path, name: str) -> dict[str, Any]:
    text = draft.read_text(encoding="utf-8")
    if "[[shots]]" not in text:
        raise Refused(f"{name} is a text, and no film.toml: bring an image (PNG, JPEG, WebP, GIF), a clip (GIF, MP4, WebM) or a film.toml")
    check_film(to_document(parse_film(text)), state.data)
    return {"kind": "film", "suffix": "toml", "has_recipe": 1}


def _image_or_clip(state: StudioState, draft: Path, name: str) -> dict[str, Any]:
    """Decode a file as a whole: what cannot be read is refused."""
    _check_pixels(draft, name)
    try:
        clip = read_clip(draft, keep_first)
        recipe = read_recipe(draft)
    except (ImageError, ExportError) as error:
        raise Refused(str(error).replace(str(draft), name).replace(draft.name, name)) from None
    first = clip.images[0]
    height, width = first.shape[:2]
    return {
        "kind": "image" if len(clip.seconds) == 1 else "clip",
        "suffix": _suffix(draft),
        "width": width,
        "height": height,
        "frames": len(clip.seconds),
        "frame": digest(state.store.write_given(first)),
        "has_recipe": int(bool(document_of_text(recipe))),
    }


def _check_pixels(draft: Path, name: str) -> None:
    """Refuse a huge image by its header, before it is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with PILImage.open(draft) as image:
                pixels = image.width * image.height
    except PILImage.DecompressionBombError:
        pixels = MOST_PIXELS + 1
    except Exception:  # Pillow's readers raise nearly anything on what is none of theirs; a video is read below
        return
    if pixels > MOST_PIXELS:
        raise Refused(
            f"{name} has more than {MOST_PIXELS // 10**6} million pixels, the most that the studio takes: make it smaller", "too_large"
        )


def _suffix(draft: Path) -> str:
    """Return the suffix of what a file holds, not of what it is called."""
    try:
        with PILImage.open(draft) as image:
            return {"JPEG": "jpg", "TIFF": "tif", "MPO": "jpg"}.get(image.format or "", (image.format or "img").lower())
    except Exception:  # as above
        with draft.open("rb") as file:
            head = file.read(4)
        return "webm" if head == b"\x1aE\xdf\xa3" else "mp4"


def _shown(name: str) -> str:
    """Return a name to show, without folders and control characters."""
    last = unquote(name).replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:120].strip() or "upload"


@router.delete("/uploads/{upload}", status_code=204)
def delete_upload(upload: Id, state: State) -> None:
    """Delete an upload; frames that were made from it stay."""
    with state.database.write() as connection:
        row = upload_row(connection, upload)
        connection.execute("DELETE FROM uploads WHERE id = ?", (upload,))
        add_event(connection, "upload", upload, {"deleted": True})
    (state.data.uploads / row["file"]).unlink(missing_ok=True)


def upload_of(row: sqlite3.Row) -> Upload:
    """Read a row."""
    return Upload.model_validate({key: row[key] for key in row.keys() if key != "file"})  # noqa: SIM118
