"""Resources of an executor: plain data, and what it opens."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sakuga.finishing.image import Image
from sakuga.finishing.inbetweens import Interpolation, interpolation_between
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.store import FrameStore
from sakuga.timeline.spec import Digest, InBetweenMethod, Precision

if TYPE_CHECKING:
    from sakuga.models.adapters import Adapter
    from sakuga.models.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleFiles:
    """The weight files of one style."""

    name: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Everything an executor opens, as picklable paths and names."""

    checkpoint: Path
    """Folder in diffusers' layout."""
    checkpoint_name: str
    checkpoint_digest: Digest
    """Frames of another checkpoint are refused."""
    store: Path
    styles: tuple[tuple[Digest, StyleFiles], ...] = ()
    device: str = "auto"
    """"cpu", "cuda", or "auto": CUDA if there is any."""
    precision: Precision = "fp32"


class LazyCheckpoint:
    """A checkpoint that is loaded at first use and stays."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @property
    def is_loaded(self) -> bool:
        return "networks" in self.__dict__

    @cached_property
    def networks(self) -> "Checkpoint":
        """Load the networks; raises CheckpointError."""
        import torch

        from sakuga.models.checkpoint import load_checkpoint

        plain = self._resources
        found = "cuda" if torch.cuda.is_available() else "cpu"
        device = found if plain.device == "auto" else plain.device
        return load_checkpoint(CheckpointFiles(name=plain.checkpoint_name, folder=plain.checkpoint), device, plain.precision)


class LoadedResources:
    """Resources opened in this process, each when it is first needed."""

    def __init__(self, resources: Resources, checkpoint: LazyCheckpoint | None = None) -> None:
        self.resources = resources
        self.store = FrameStore(resources.store)
        self.lazy_checkpoint = checkpoint or LazyCheckpoint(resources)
        self._styles = dict(resources.styles)
        self._adapters: dict[Digest, Adapter] = {}

    @property
    def checkpoint(self) -> "Checkpoint":
        """The networks, loaded at first use."""
        return self.lazy_checkpoint.networks

    def reopened(self, store: Path | None = None, styles: tuple[tuple[Digest, StyleFiles], ...] | None = None) -> "LoadedResources":
        """Return the same networks with another store or other styles."""
        plain = self.resources
        plain = replace(plain, store=store or plain.store, styles=plain.styles if styles is None else styles)
        return LoadedResources(plain, self.lazy_checkpoint)

    def adapter(self, style: Digest) -> "Adapter":
        """Read the adapter of a style, once.

        Raises RenderError for an unknown style, AdapterError for a bad file.
        """
        from sakuga.models.adapters import read_style

        if style not in self._styles:
            raise RenderError(f"a frame needs style {style[:12]}, which is not among the styles given: name it with --style")
        if style not in self._adapters:
            self._adapters[style] = read_style(self._styles[style].files, self._styles[style].name)
        return self._adapters[style]

    def interpolation(self, first: Image, second: Image, method: InBetweenMethod) -> Interpolation:
        """Return a function from place, 0.0 to 1.0, to in-between.

        Only the latent method loads the networks.
        """
        return interpolation_between(first, second, method, self._latent)

    def _latent(self, first: Image, second: Image) -> Interpolation:
        from sakuga.models.latent_inbetweens import latent_interpolator

        return latent_interpolator(self.checkpoint, first, second)
