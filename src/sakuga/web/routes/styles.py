"""Styles: adapters that can be applied."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from sakuga import studio
from sakuga.studio.styles.library import StyleInfo
from sakuga.web.database import add_event
from sakuga.web.names import check_model, plain_name
from sakuga.web.refusal import Refused, missing
from sakuga.web.schemas import Blend, Style, StyleDetails
from sakuga.web.state import State

router = APIRouter(tags=["styles"])

Model = Annotated[str, Query(max_length=2000)]


@router.get("/styles")
def list_styles(state: State, model: Model = "sketchbook") -> list[Style]:
    """List the styles of a model, of the library and of registered folders, as far as they can be read."""
    check_model(model, state.data)
    return [Style(**_values(info)) for info in _known(model).values()]


@router.post("/styles/blend", status_code=201)
def blend_styles(blend: Blend, state: State) -> Style:
    """Store a blend of two styles in the library."""
    weights = [(blend.first, 1.0 - blend.at), (blend.second, blend.at)]
    known = _known("sketchbook")
    for name, _ in weights:
        if name not in known:
            raise missing("style", name)
    studio.blend_styles([f"{name}:{weight:g}" for name, weight in weights], Path(state.data.home / "styles" / blend.name))
    with state.database.write() as connection:
        add_event(connection, "style", blend.name)
    return Style(**_values(_known("sketchbook")[blend.name]))


@router.get("/styles/{name}")
def read_style(name: str, state: State, model: Model = "sketchbook") -> StyleDetails:
    """Return a style with its card."""
    check_model(model, state.data)
    info = _find(name, model)
    return StyleDetails(**_values(info), suffix=info.suffix, card=info.card, figures=dict(info.figures), finishing=dict(info.finishing))


@router.get("/styles/{name}/strip", response_class=FileResponse, responses={200: {"content": {"image/webp": {}}}})
def style_strip(name: str, state: State, model: Model = "sketchbook") -> FileResponse:
    """Return a style's sample images, in one strip."""
    check_model(model, state.data)
    strip = _find(name, model).strip
    if strip is None:
        raise Refused(f"style {name} has no sample images", "not_found")
    return FileResponse(strip, headers={"cache-control": "private, max-age=3600"})


def _known(model: str) -> dict[str, StyleInfo]:
    return {info.name: info for info in studio.list_styles(model=model) if info.is_readable}


def _find(name: str, model: str) -> StyleInfo:
    known = _known(model)
    if plain_name(name) not in known:
        raise Refused(f"there is no style {name!r}; there are {', '.join(known)}", "not_found")
    return known[name]


def _values(info: StyleInfo) -> dict[str, Any]:
    same = {key: getattr(info, key) for key in ("name", "place", "digest", "bytes", "trigger", "weight", "layers", "base")}
    return {**same, "thumbnail": f"/api/v1/styles/{info.name}/strip" if info.strip else None}
