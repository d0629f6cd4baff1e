"""Frames of the store, which never change."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import FileResponse, Response
from PIL import Image as PILImage

from sakuga.rendering.store import UNREADABLE
from sakuga.timeline.plain_data import to_plain
from sakuga.timeline.spec import FrameSpec, Generated, Given, MotionFrame, MotionKey, MotionWindow, Prompt, SeedNoise
from sakuga.web.refusal import missing
from sakuga.web.schemas import Digest, Frame
from sakuga.web.state import State, StudioState
from sakuga.web.thumbnails import thumbnail, thumbnail_width

api = APIRouter(tags=["frames"])
router = APIRouter(tags=["frames"])

IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}
IMAGES = {200: {"content": {"image/png": {}, "image/webp": {}}}, 304: {"description": "The client has it."}}
Width = Annotated[int | None, Query(ge=1, le=4096, description="Width of a thumbnail; rounded up to 64, 128, 256, 512 or 1024.")]


@router.get("/frames/{digest}", response_class=Response, responses=IMAGES)  # type: ignore[arg-type]
def frame_image(digest: Digest, state: State, w: Width = None, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Return a frame as PNG, or its thumbnail as WebP."""
    source = state.store.path(digest)
    if not source.is_file():
        raise missing("frame", digest[:12])
    return immutable_image(state, source, digest, w, if_none_match)


@api.get("/frames/{digest}")
def read_frame(digest: Digest, state: State) -> Frame:
    """Return what decides a frame."""
    if not state.store.has(digest):
        raise missing("frame", digest[:12])
    spec = state.store.spec(digest)
    with PILImage.open(state.store.path(digest)) as image:
        width, height = image.size
    prompt, seed = _prompt_and_seed(spec)
    return Frame(
        digest=digest,
        width=width,
        height=height,
        kind="given" if isinstance(spec, Given) else "generated",
        prompt=prompt,
        seed=seed,
        attempts=state.store.attempts(digest),
        spec=to_plain(spec),
    )


def _prompt_and_seed(spec: FrameSpec) -> tuple[str | None, int | None]:
    match spec:
        case Generated(conditioning=Prompt(prompt=prompt), noise=SeedNoise(seed=seed)):
            return prompt, seed
        case Generated(conditioning=Prompt(prompt=prompt)):
            return prompt, None
        case Generated(noise=SeedNoise(seed=seed)):
            return None, seed
        case MotionFrame(window=MotionWindow(keys=(MotionKey(conditioning=Prompt(prompt=prompt)), *_), seed=seed)):
            return prompt, seed
        case MotionFrame(window=window):
            return None, window.seed
        case _:
            return None, None


def immutable_image(state: StudioState, source: Path, name: str, w: int | None, if_none_match: str = "") -> Response:
    """Return an image that never changes under its name, or a thumbnail of it."""
    width = None if w is None else thumbnail_width(w)
    headers = {**IMMUTABLE, "etag": f'"{name}-{width}"'}
    if headers["etag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    if width is None:
        return FileResponse(source, headers=headers)
    try:
        small = thumbnail(source, state.data.thumbnails, name, width).read_bytes()
    except UNREADABLE:
        raise missing("image", name[:12]) from None
    return Response(small, media_type="image/webp", headers=headers)
