"""Training sets and their doctor."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import APIRouter
from fastapi.responses import Response
from PIL import Image as PILImage

from sakuga import studio
from sakuga.datasets.training_set import SetError, read_set
from sakuga.datasets.training_set import TrainingSet as Images
from sakuga.files import write_text
from sakuga.studio.sets.editing import drop_image, edit_caption
from sakuga.studio.sets.inspection import InspectionResult
from sakuga.web.database import add_event
from sakuga.web.names import named_folder
from sakuga.web.recipes import file_of
from sakuga.web.refusal import Refused
from sakuga.web.routes.frames import IMAGES, Width
from sakuga.web.schemas import Caption, NewSet, SetDetails, SetImage, TrainingSet
from sakuga.web.state import State, StudioState
from sakuga.web.thumbnails import webp

router = APIRouter(tags=["training"])


@router.get("/sets")
def list_sets(state: State) -> list[TrainingSet]:
    """List the training sets of the studio."""
    found = list[TrainingSet]()
    for folder in sorted(state.data.sets.iterdir()):
        try:
            found.append(_summary(folder.name, read_set(folder)))
        except SetError:
            continue
    return found


def _summary(name: str, images: Images) -> TrainingSet:
    return TrainingSet(name=name, images=len(images.examples), cover=f"/api/v1/sets/{name}/images/0?w=256")


@router.post("/sets", status_code=201)
def create_set(new: NewSet, state: State) -> TrainingSet:
    """Build a training set of uploads and their captions."""
    target = state.data.sets / new.name
    if target.exists():
        raise Refused(f"there is a set {new.name!r} already: choose another name", "conflict", "name")
    with TemporaryDirectory(dir=state.data.studio) as folder:
        _collect(new, state, Path(folder))
        studio.build_set(folder, target, trigger=new.trigger, source="uploaded").result()
    with state.database.write() as connection:
        add_event(connection, "set", new.name)
    return _summary(new.name, read_set(target))


def _collect(new: NewSet, state: StudioState, folder: Path) -> None:
    """Link uploads and their captions into one folder, in order."""
    with state.database.read() as connection:
        for number, upload in enumerate(new.uploads, 1):
            path, _ = file_of(connection, state.data, upload)
            place = folder / f"{number:05}{path.suffix}"
            try:
                os.link(path, place)
            except OSError:
                shutil.copyfile(path, place)
            if caption := new.captions.get(upload):
                write_text(place.with_suffix(".txt"), caption)


@router.get("/sets/{name}")
def read_one_set(name: str, state: State, inspect: bool = False) -> SetDetails:
    """Return a set's images and captions; `inspect` has the doctor look at them."""
    folder = named_folder(state.data.sets, name, "training set")
    return _details(name, read_set(folder), studio.inspect_set(folder).result() if inspect else None)


def _details(name: str, images: Images, inspected: InspectionResult | None) -> SetDetails:
    findings = inspected.inspection.findings if inspected else ()
    shown = [
        _image(name, images, index, [finding.message for finding in findings if example.file in finding.files])
        for index, example in enumerate(images.examples)
    ]
    general = [finding.message for finding in findings if not finding.files]
    verdict = " ".join(remark.text for remark in inspected.remarks) if inspected else ""
    return SetDetails(name=name, images=shown, verdict=verdict, findings=general)


def _image(name: str, images: Images, index: int, findings: list[str]) -> SetImage:
    example = images.examples[index]
    with PILImage.open(images.path(example)) as image:
        width, height = image.size
    return SetImage(
        index=index,
        file=example.file,
        url=f"/api/v1/sets/{name}/images/{index}",
        width=width,
        height=height,
        caption=example.text,
        findings=findings,
    )


def _at(state: StudioState, name: str, index: int) -> Images:
    """Return a set that has an image of this index; raises Refused."""
    images = read_set(named_folder(state.data.sets, name, "training set"))
    if not 0 <= index < len(images.examples):
        raise Refused(f"{name} has images 0 to {len(images.examples) - 1}, and no {index}", "not_found")
    return images


@router.get("/sets/{name}/images/{index}", response_class=Response, responses=IMAGES)  # type: ignore[arg-type]
def set_image(name: str, index: int, state: State, w: Width = None) -> Response:
    """Return an image of a set, as WebP."""
    images = _at(state, name, index)
    with PILImage.open(images.path(images.examples[index])) as image:
        return Response(webp(image, w or 1024), media_type="image/webp", headers={"cache-control": "no-cache"})


@router.patch("/sets/{name}/images/{index}")
def change_caption(name: str, index: int, change: Caption, state: State) -> SetImage:
    """Give an image another caption."""
    images = _at(state, name, index)
    changed = edit_caption(images.folder, images.examples[index].file, change.caption)
    with state.database.write() as connection:
        add_event(connection, "set", name)
    return _image(name, changed, index, [])


@router.delete("/sets/{name}/images/{index}")
def delete_set_image(name: str, index: int, state: State) -> SetDetails:
    """Take an image out of a set."""
    images = _at(state, name, index)
    changed = drop_image(images.folder, images.examples[index].file)
    with state.database.write() as connection:
        add_event(connection, "set", name)
    return _details(name, changed, None)
