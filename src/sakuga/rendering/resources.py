"""Resources of an executor: plain data, and what it opens."""

from collections import OrderedDict
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sakuga.finishing.image import Image, in_8_bits, rounded_like
from sakuga.finishing.inbetweens import Interpolation, interpolation_between
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.engine import ChosenEngine, choose_engine, engine_for, use_engine
from sakuga.models.ip_adapter_files import ControlFiles
from sakuga.models.motion_files import MotionFiles
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.machine_class import machine_class
from sakuga.rendering.store import open_store
from sakuga.rendering.warp import warp_image
from sakuga.story.options import Engine
from sakuga.timeline.spec import Digest, InBetweenMethod, Precision, Warp

if TYPE_CHECKING:
    from sakuga.models.adapters import Adapter
    from sakuga.models.checkpoint import Checkpoint


ADAPTERS = 8
"""Adapters that stay in memory for the next frame."""


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
    """A folder, or the URL of a store."""
    styles: tuple[tuple[Digest, StyleFiles], ...] = ()
    motion: tuple[tuple[Digest, MotionFiles], ...] = ()
    """Motion adapters."""
    controlnets: tuple[tuple[Digest, ControlFiles], ...] = ()
    """ControlNets beside the checkpoint's own, and IP-Adapters."""
    device: str = "auto"
    """"cpu", "cuda", or "auto": CUDA if there is any."""
    precision: Precision = "fp32"
    engine: Engine = "auto"


class WarmCheckpoints:
    """Keeps checkpoints loaded from one render to the next, inside `with`.

    The `most` that were used last stay. The scope is a context variable, as that of cancellation.
    """

    def __init__(self, most: int = 1) -> None:
        self._most = most
        self._loaded: OrderedDict[tuple[str, str, str, str], Checkpoint] = OrderedDict()
        self._token: Token[WarmCheckpoints | None] | None = None

    def __enter__(self) -> Self:
        self._token = _warm.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token
        _warm.reset(self._token)
        self._loaded.clear()

    def get(self, resources: Resources, device: str) -> "Checkpoint":
        """Return a checkpoint, loaded unless it is among those kept."""
        key = (resources.checkpoint_digest, resources.precision, device, resources.engine)
        if key not in self._loaded:
            while len(self._loaded) >= self._most:
                self._loaded.popitem(last=False)
            self._loaded[key] = _load(resources, device)
        self._loaded.move_to_end(key)
        return self._loaded[key]


_warm: ContextVar[WarmCheckpoints | None] = ContextVar("warm_checkpoints", default=None)


def _load(resources: Resources, device: str) -> "Checkpoint":
    from sakuga.models.checkpoint import load_checkpoint
    from sakuga.models.memory import keep_freed_memory

    keep_freed_memory()
    files = CheckpointFiles(name=resources.checkpoint_name, folder=resources.checkpoint)
    checkpoint = load_checkpoint(files, device, resources.precision)
    return use_engine(checkpoint, choose_engine(resources.engine, device, resources.precision))


class LazyCheckpoint:
    """A checkpoint that is loaded at first use and stays."""

    def __init__(self, resources: Resources) -> None:
        self._resources, self._steps = resources, 0

    @property
    def is_loaded(self) -> bool:
        return "networks" in self.__dict__

    @cached_property
    def networks(self) -> "Checkpoint":
        """Load the networks; raises CheckpointError."""
        warm, resources = _warm.get(), replace(self._resources, engine=self.requested_engine)
        return warm.get(resources, self.device) if warm else _load(resources, self.device)

    def expect(self, steps: int) -> None:
        """Choose the engine for renders of so many denoising steps, unless the networks are loaded or stay for the next render."""
        if not self.is_loaded and _warm.get() is None:
            self._steps = max(self._steps, steps)

    @property
    def engine(self) -> ChosenEngine:
        """The engine that runs the networks."""
        return choose_engine(self.requested_engine, self.device, self._resources.precision)

    @property
    def requested_engine(self) -> Engine:
        """The engine that is wanted, as renders of the length expected want it."""
        return engine_for(self._resources.engine, self._steps) if self._steps else self._resources.engine

    @cached_property
    def device(self) -> str:
        """The device that the networks run on, by torch's name."""
        import torch

        found = "cuda" if torch.cuda.is_available() else "cpu"
        return found if self._resources.device == "auto" else self._resources.device


class LoadedResources:
    """Resources opened in this process, each when it is first needed."""

    def __init__(self, resources: Resources, checkpoint: LazyCheckpoint | None = None) -> None:
        self.resources = resources
        self.store = open_store(resources.store)
        self.lazy_checkpoint = checkpoint or LazyCheckpoint(resources)
        self._styles = dict(resources.styles)
        self._motion = dict(resources.motion)
        self._controlnets = dict(resources.controlnets)
        self._adapters: OrderedDict[Digest, Adapter] = OrderedDict()

    @property
    def checkpoint(self) -> "Checkpoint":
        """The networks, loaded at first use."""
        return self.lazy_checkpoint.networks

    @cached_property
    def machine(self) -> str:
        """The class of this machine, which is stored with its frames."""
        return machine_class(self.lazy_checkpoint.device, self.lazy_checkpoint.engine.title)

    def reopened(
        self,
        store: Path | None = None,
        styles: tuple[tuple[Digest, StyleFiles], ...] | None = None,
        motion: tuple[tuple[Digest, MotionFiles], ...] | None = None,
        controlnets: tuple[tuple[Digest, ControlFiles], ...] | None = None,
    ) -> "LoadedResources":
        """Return the same networks with another store, other styles, motion adapters or ControlNets."""
        plain = self.resources
        plain = replace(
            plain,
            store=store or plain.store,
            styles=plain.styles if styles is None else styles,
            motion=plain.motion if motion is None else motion,
            controlnets=plain.controlnets if controlnets is None else controlnets,
        )
        return LoadedResources(plain, self.lazy_checkpoint)

    def adapter(self, style: Digest) -> "Adapter":
        """Read the adapter of a style; the last few stay in memory.

        Raises RenderError for an unknown style, AdapterError for a bad file.
        """
        from sakuga.models.adapters import read_style

        if style not in self._styles:
            raise RenderError(f"a frame needs style {style[:12]}, which is not among the styles given: name it with --style")
        if style not in self._adapters:
            self._adapters[style] = read_style(self._styles[style].files, self._styles[style].name)
        self._adapters.move_to_end(style)
        while len(self._adapters) > ADAPTERS:
            self._adapters.popitem(last=False)
        return self._adapters[style]

    def motion(self, adapter: Digest) -> MotionFiles:
        """Return the files of a motion adapter; raises RenderError for an unknown one."""
        if adapter not in self._motion:
            raise RenderError(f"a frame needs motion adapter {adapter[:12]}, which is not the one given: name it with --motion")
        return self._motion[adapter]

    def controlnet(self, network: Digest) -> ControlFiles:
        """Return the files of a ControlNet or IP-Adapter; raises RenderError for an unknown one."""
        if network not in self._controlnets:
            raise RenderError(f"a frame needs ControlNet {network[:12]}, which is not among those given: name it with --controlnet")
        return self._controlnets[network]

    def interpolation(self, first: Image, second: Image, method: InBetweenMethod) -> Interpolation:
        """Return a function from place, 0.0 to 1.0, to in-between.

        Only the latent method loads the networks.
        """
        return interpolation_between(first, second, method, self._latent)

    def move(self, image: Image, warp: Warp) -> Image:
        """Show an image as a moved camera sees it; only parallax loads the networks, and rounds."""
        if warp.parallax is None:
            return rounded_like(image, warp_image(image, warp))
        from sakuga.rendering.depth import depth_function

        return rounded_like(image, warp_image(in_8_bits(image), warp, depth_function(self.checkpoint, warp.parallax.depth)))

    def _latent(self, first: Image, second: Image) -> Interpolation:
        from sakuga.models.latent_inbetweens import latent_interpolator

        return latent_interpolator(self.checkpoint, first, second)
