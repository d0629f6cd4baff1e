"""Training sets and their doctor."""

from collections.abc import Sequence
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from PIL import Image as PILImage

from sakuga import studio
from sakuga.datasets.buckets import Box
from sakuga.datasets.findings import RULES, Finding
from sakuga.datasets.image_reading import ImageError, image_size, read_image
from sakuga.datasets.training_set import COMPOSITIONS, Composition, SetError, read_set
from sakuga.datasets.training_set import TrainingSet as Images
from sakuga.datasets.verdict import verdict as judge
from sakuga.files import link_or_copy, write_text
from sakuga.studio.sets.editing import balance_in_place, change_example, crop_image, drop_image, edit_caption
from sakuga.studio.sets.inspection import InspectionResult
from sakuga.web.database import add_event
from sakuga.web.libraries import load_libraries
from sakuga.web.names import named_folder
from sakuga.web.recipes import file_of
from sakuga.web.refusal import Refused
from sakuga.web.routes.frames import IMAGES, Width
from sakuga.web.schemas import NewSet, SetBalance, SetDetails, SetImage, SetImageChange, TrainingSet
from sakuga.web.state import State, StudioState
from sakuga.web.thumbnails import webp

router = APIRouter(tags=["training"])


BUTTONS = {
    "composition": "choose what each shows below it",
    "balance": "press Balance by repeats",
    "unreadable": "take them out of the set with the bin at the image",
    "leak": "take one of each pair out of the set",
    "duplicate": "take one of each pair out with the bin at the image",
    "aspect": "cut them as you like with Crop at the image",
    "empty": "write one below each image",
}
"""What to do about what the doctor finds, on the page."""
LEAST_TO_SPLIT = 10
"""Images of a set below which none is held out."""
TOLD = 0.25
"""Seconds between two reports of how far the doctor is."""
COMPARED = 0.3
"""Time to compare the images of a set with each other and with words, in parts of the time to look at each."""


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
        found, built = Path(folder) / "found", Path(folder) / new.name
        found.mkdir()
        _collect(new, state, found)
        split = new.holdout > 0 and len(new.uploads) >= LEAST_TO_SPLIT
        studio.build_set(found, built if split else target, trigger=new.trigger, source="uploaded").result()
        if split:
            studio.split_set(built, target, holdout=new.holdout).result()
    with state.database.write() as connection:
        add_event(connection, "set", new.name)
    return _summary(new.name, read_set(target))


def _collect(new: NewSet, state: StudioState, folder: Path) -> None:
    """Link uploads and their captions into one folder, in order."""
    with state.database.read() as connection:
        for number, upload in enumerate(new.uploads, 1):
            path, _ = file_of(connection, state.data, upload)
            place = folder / f"{number:05}{path.suffix}"
            link_or_copy(path, place)
            if caption := new.captions.get(upload):
                write_text(place.with_suffix(".txt"), caption)


@router.get("/sets/{name}")
def read_one_set(name: str, state: State, inspect: bool = False) -> SetDetails:
    """Return a set's images and captions; `inspect` has the doctor look at them, and tells how far it is in events."""
    folder = named_folder(state.data.sets, name, "training set")
    return _details(name, read_set(folder), _inspected(state, name, folder) if inspect else None)


def _inspected(state: StudioState, name: str, folder: Path) -> InspectionResult:
    """Have the doctor look at a set, and tell every page how far it is."""
    load_libraries()
    work, began, told = studio.inspect_set(folder), monotonic(), -inf
    try:
        for step in work:
            if monotonic() - told >= TOLD:
                told = monotonic()
                left = (told - began) / max(1, step.done) * (step.total * (1 + COMPARED) - step.done)
                _tell_doctor(state, name, {"done": step.done, "total": step.total, "seconds_left": left})
        return work.result()
    finally:
        _tell_doctor(state, name, {"ended": True})


def _tell_doctor(state: StudioState, name: str, data: dict[str, Any]) -> None:
    with state.database.write() as connection:
        add_event(connection, "doctor", name, data)


def _details(name: str, images: Images, inspected: InspectionResult | None) -> SetDetails:
    found = inspected.inspection.findings if inspected else ()
    common = [rule for rule in RULES if _alone(found, rule) >= {example.file for example in images.examples}]  # the remarks name these
    single = [finding for finding in found if finding.rule not in common]
    guessed = inspected.inspection.compositions if inspected else {}
    shown = [
        _image(name, images, index, [finding.message for finding in single if example.file in finding.files], guessed.get(example.file))
        for index, example in enumerate(images.examples)
    ]
    remarks = [remark.text for remark in judge(inspected.inspection, BUTTONS)] if inspected else []
    general = [finding.message for finding in single if not finding.files]
    verdict = inspected.grade if inspected else ""
    return SetDetails(name=name, images=shown, verdict=verdict, findings=remarks + general, inspected=inspected is not None)


def _alone(findings: Sequence[Finding], rule: str) -> set[str]:
    """Return the files that each have a finding of a rule of their own."""
    return {finding.files[0] for finding in findings if finding.rule == rule and len(finding.files) == 1}


def _image(name: str, images: Images, index: int, findings: list[str], guessed: Composition | None = None) -> SetImage:
    example = images.examples[index]
    try:
        width, height = image_size(images.path(example))
    except ImageError as error:
        width, height, findings = 1, 1, [*findings, str(error)]
    return SetImage(
        index=index,
        file=example.file,
        url=f"/api/v1/sets/{name}/images/{index}",
        width=width,
        height=height,
        caption=example.text,
        composition=example.composition or guessed,
        repeats=example.repeats,
        held_out=example.held_out,
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
    image = PILImage.fromarray(read_image(images.path(images.examples[index])).image)
    return Response(webp(image, w or 1024), media_type="image/webp", headers={"cache-control": "no-cache"})


@router.patch("/sets/{name}/images/{index}")
def change_set_image(name: str, index: int, change: SetImageChange, state: State) -> SetImage:
    """Change an image's caption, crop, composition or repeats."""
    images = _at(state, name, index)
    file = images.examples[index].file
    if change.crop:
        crop_image(images.folder, file, Box(**change.crop.model_dump()))
    if change.caption is not None:
        edit_caption(images.folder, file, change.caption)
    changed = change_example(images.folder, file, composition=change.composition, repeats=change.repeats)
    with state.database.write() as connection:
        add_event(connection, "set", name)
    return _image(name, changed, index, [])


@router.post("/sets/{name}/balance")
def balance_one_set(name: str, balance: SetBalance, state: State) -> SetDetails:
    """Repeat images until portraits, figures and landscapes have their parts of an epoch."""
    folder = named_folder(state.data.sets, name, "training set")
    load_libraries()
    changed = balance_in_place(folder, {kind: getattr(balance, kind) for kind in COMPOSITIONS})
    with state.database.write() as connection:
        add_event(connection, "set", name)
    return _details(name, changed, None)


@router.delete("/sets/{name}/images/{index}")
def delete_set_image(name: str, index: int, state: State) -> SetDetails:
    """Take an image out of a set."""
    images = _at(state, name, index)
    changed = drop_image(images.folder, images.examples[index].file)
    with state.database.write() as connection:
        add_event(connection, "set", name)
    return _details(name, changed, None)
