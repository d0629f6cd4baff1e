"""ControlNets and IP-Adapters of films and images: looked up, with the images that their hints are taken from."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from sakuga.datasets.image_reading import LoadedImage, read_image
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.controlnet_files import find_controlnet
from sakuga.models.ip_adapter_files import ControlFiles, find_ip_adapter
from sakuga.paths import local_path
from sakuga.rendering.store import FrameStore, given_spec
from sakuga.story.controls import ControlNet
from sakuga.story.film import Film
from sakuga.story.options import SettingsError
from sakuga.story.settings import OPTIONS
from sakuga.timeline.controls import PlannedControl
from sakuga.timeline.spec import Digest, Given, digest

PIXELS = re.compile("[0-9a-f]{64}")
"""An image by the digest of its pixels, as recipes name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundControlNets:
    """The ControlNets of a film or image for one checkpoint."""

    networks: tuple[ControlFiles, ...] = ()
    """Each once."""
    images: tuple[LoadedImage, ...] = ()
    """Images that hints are taken from, read from files."""
    given: tuple[Digest, ...] = ()
    """The names of all images that hints are taken from, each once."""
    notes: tuple[str, ...] = ()

    def keep_images(self, store: FrameStore) -> None:
        """Write the images to a store."""
        for loaded in self.images:
            store.write_given(loaded.image)


def planned_controls(controls: Sequence[ControlNet], files: CheckpointFiles) -> tuple[PlannedControl, ...]:
    """Return ControlNets as the timeline lays them out; raises CheckpointError, InputError."""
    return tuple(
        PlannedControl(
            network=_network(files, one).digest,
            hint=one.hint,
            image=given_image(one),
            weight=one.weight,
            start=one.start,
            end=one.end,
            guess=one.guess,
        )
        for one in controls
    )


def find_controlnets(controls: Iterable[ControlNet], files: CheckpointFiles) -> FoundControlNets:
    """Find networks and images, each once; raises CheckpointError, InputError, SettingsError without a depth estimator."""
    controls = tuple(dict.fromkeys(controls))
    if any(one.hint == "depth" for one in controls) and "depth" not in files.components():
        raise SettingsError(
            f"controlnet: {files.name!r} has no depth estimator (a folder depth/): give a depth map with hint=image, or hint=luminance"
        )
    paths = dict.fromkeys(one.image for one in controls if one.image and not _is_pixels(one.image))
    images = tuple(_read(path) for path in paths)
    return FoundControlNets(
        networks=tuple(dict.fromkeys(_network(files, one) for one in controls)),
        images=images,
        given=tuple(given_specs(controls)),
        notes=tuple(dict.fromkeys(note for loaded in images for note in (*loaded.notes, *_uniform(loaded)))),
    )


def film_controls(film: Film) -> tuple[tuple[ControlNet, ...], ...]:
    """Return the ControlNets of each shot: its own, else the film's."""
    common = film.settings.controlnet or ()
    return tuple(common if shot.controlnet is None else shot.controlnet for shot in film.storyboard.shots)


def given_image(control: ControlNet) -> Given | None:
    """Return the image that a hint is taken from; None is what a frame starts from. Raises InputError."""
    if control.image is None:
        return None
    return Given(image=control.image) if _is_pixels(control.image) else given_spec(_read(control.image).image)


def given_specs(controls: Iterable[ControlNet]) -> dict[Digest, Given]:
    """Return the images that hints are taken from by their names, for the specs of frames."""
    return {digest(image): image for one in controls if (image := given_image(one))}


def refuse_open_images(controls: Iterable[ControlNet], remedy: str) -> None:
    """Raise SettingsError for a ControlNet without an image, where frames start from none."""
    if open_one := next((one for one in controls if one.image is None), None):
        raise SettingsError(f"controlnet: {open_one.network!r} has no image for its hint: {remedy}")


def refuse_keyed_weights(controls: Iterable[ControlNet], what: str) -> None:
    """Raise SettingsError for a weight that changes over frames, where there is no time for it."""
    if keyed := next((one for one in controls if isinstance(one.weight, tuple)), None):
        raise SettingsError(f"controlnet: the weight of {keyed.network!r} changes over frames, which {what} does not take: give one number")


def shared_controls(controls: Iterable[ControlNet], files: CheckpointFiles) -> tuple[ControlNet, ...]:
    """Return ControlNets as recipes hold them: networks by name and digest, images by their pixels."""
    return tuple(
        replace(one, network=shared_network(one, files), image=image.image if (image := given_image(one)) else None, encoder=None)
        for one in controls
    )


def shared_network(control: ControlNet, files: CheckpointFiles) -> str:
    """Return a ControlNet's name without a path."""
    return f"{Path(control.network).stem}@{network_digest(control, files)[:8]}"


def network_digest(control: ControlNet, files: CheckpointFiles) -> Digest:
    """Return a ControlNet's digest."""
    return _network(files, control).digest


def relocated_controls(controls: Sequence[ControlNet], places: Mapping[str, str]) -> tuple[ControlNet, ...]:
    """Return ControlNets of a recipe with their networks at their places here, written as for --controlnet."""
    found = {one.network: given_control(places[one.network]) for one in controls if one.network in places}
    return tuple(replace(one, network=here.network, encoder=here.encoder) if (here := found.get(one.network)) else one for one in controls)


def given_control(text: str) -> ControlNet:
    """Read a ControlNet as --controlnet takes it; raises SettingsError."""
    read: tuple[ControlNet, ...] = OPTIONS["controlnet"].check("controlnet", text)
    return read[0]


def _is_pixels(image: str) -> bool:
    return PIXELS.fullmatch(image) is not None


def _uniform(loaded: LoadedImage) -> list[str]:
    return ["the image of a ControlNet is uniform, so it has no effect on the composition"] if np.ptp(loaded.image) == 0 else []


def _read(name: str) -> LoadedImage:
    path = local_path(name)
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    return _read_once(path, changed)


@lru_cache(maxsize=16)
def _read_once(path: Path, changed: int) -> LoadedImage:
    return read_image(path)


def _network(files: CheckpointFiles, control: ControlNet) -> ControlFiles:
    paths = [local_path(name) for name in (control.network, control.encoder) if name]
    changed = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in paths)
    return _network_once(files.folder, files.name, control.network, control.hint == "ip-adapter", control.encoder, changed)


@lru_cache(maxsize=64)
def _network_once(
    folder: Path, checkpoint: str, name: str, is_ip_adapter: bool, encoder: str | None, changed: tuple[int, ...]
) -> ControlFiles:
    files = CheckpointFiles(checkpoint, folder)
    return find_ip_adapter(files, name, encoder) if is_ip_adapter else find_controlnet(files, name)
