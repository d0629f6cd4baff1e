"""IP-Adapters on disk: one safetensors file with an image encoder, and refusal of those of another model.

Loads no torch.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from sakuga.models.checkpoint_files import CheckpointError, CheckpointFiles, file_digest
from sakuga.models.controlnet_files import PICKLES, ControlNetFiles, family_title
from sakuga.models.image_encoder_files import ImageEncoderFiles
from sakuga.models.network_files import NetworkFiles
from sakuga.models.single_file.header import SingleFile, read_single_file
from sakuga.paths import local_path
from sakuga.timeline.spec import Digest

ImageProjection = Literal["linear", "full", "plus"]
"""How an image becomes tokens: one linear layer on CLIP's embedding, layers on all of CLIP's tokens, or a resampler of these."""
PROJECTION, ATTENTION = "image_proj.", "ip_adapter."
LAYER_KEY = re.compile(r"ip_adapter\.(\d+)\.to_k_ip\.weight")
ENCODER_FOLDERS = ("image_encoder", "../models/image_encoder", "../image_encoder")
"""Where published IP-Adapters have their image encoder, seen from the file."""
ENCODER_REMEDY = "name its folder or file with encoder=, or put the folder beside the adapter as image_encoder/"


@dataclass(frozen=True)
class IpAdapterFiles(NetworkFiles):
    """An IP-Adapter: a safetensors file, and the image encoder that it was trained with."""

    encoder: ImageEncoderFiles

    @cached_property
    def digest(self) -> Digest:
        """Return the sha256 over both networks."""
        return hashlib.sha256("".join(f"{file_digest(path)}\n" for path in (self.path, *self.encoder.weights)).encode()).hexdigest()

    @cached_property
    def head(self) -> SingleFile:
        """Read names and shapes of its weights; raises CheckpointError."""
        return _read_head(self.name, self.path)

    @property
    def projection(self) -> ImageProjection:
        """Tell the kind from the weights."""
        return _projection(self.head)


ControlFiles: TypeAlias = ControlNetFiles | IpAdapterFiles
"""The files of what controls a frame by an image."""


def find_ip_adapter(files: CheckpointFiles, name: str, encoder: str | None = None) -> IpAdapterFiles:
    """Find an IP-Adapter for a checkpoint.

    `name` is a file; `encoder` the folder or file of its image encoder in transformers' layout, by default the folder beside it or that in
    the checkpoint. Raises CheckpointError where either is missing, is something else, or is for another model.
    """
    path = local_path(name)
    if path.suffix in PICKLES and path.is_file():
        raise CheckpointError(f"IP-Adapter '{name}' is a pickle, which can run code: get it as .safetensors")
    if not path.is_file():
        raise CheckpointError(f"no IP-Adapter '{name}': give a .safetensors file")
    head = _read_head(name, path)
    _refuse_other_kinds(name, head)
    _refuse_other_models(name, head, files)
    return IpAdapterFiles(name, path.resolve(), _find_encoder(name, path.resolve(), head, files, encoder))


def _read_head(name: str, path: Path) -> SingleFile:
    try:
        return read_single_file(path)
    except CheckpointError as error:
        raise CheckpointError(str(error).replace("checkpoint", "IP-Adapter", 1)) from None


def _refuse_other_kinds(name: str, head: SingleFile) -> None:
    keys = head.shapes.keys()
    if not (head.has(PROJECTION) and any(LAYER_KEY.fullmatch(key) and len(shape) == 2 for key, shape in head.shapes.items())):
        raise CheckpointError(
            f"'{name}' is no IP-Adapter: it has no weights image_proj and ip_adapter; leave hint=ip-adapter out of others"
        )
    if head.has(f"{PROJECTION}perceiver_resampler.") or {f"{PROJECTION}norm.weight", f"{PROJECTION}proj.0.weight"} <= keys:
        raise CheckpointError(f"IP-Adapter '{name}' is a FaceID adapter, which needs InsightFace: use ip-adapter-plus-face or another")


def _refuse_other_models(name: str, head: SingleFile, files: CheckpointFiles) -> None:
    """Refuse an adapter whose tokens have another width than the checkpoint's prompts."""
    own = next(shape[1] for key, shape in head.shapes.items() if LAYER_KEY.fullmatch(key) and len(shape) == 2)
    expected = files.config("unet").get("cross_attention_dim")
    if own != expected:
        raise CheckpointError(
            f"IP-Adapter '{name}' makes tokens of {own} channels, but checkpoint '{files.name}' has {expected}: it is for another family "
            f"({family_title(own)}); use one for this kind of model"
        )


def _projection(head: SingleFile) -> ImageProjection:
    if f"{PROJECTION}proj.weight" in head.shapes:
        return "linear"
    return "full" if f"{PROJECTION}proj.3.weight" in head.shapes else "plus"


def _expected_channels(head: SingleFile) -> int:
    """Return the channels that an adapter reads of its image encoder."""
    key = {"linear": "proj.weight", "full": "proj.0.weight", "plus": "proj_in.weight"}[_projection(head)]
    shape = head.shapes.get(PROJECTION + key, ())
    if len(shape) != 2:
        raise CheckpointError(f"IP-Adapter '{head.path}' has an image projection of an unknown layout: use ip-adapter, -plus or -full-face")
    return shape[1]


def _find_encoder(name: str, path: Path, head: SingleFile, files: CheckpointFiles, encoder: str | None) -> ImageEncoderFiles:
    """Return the first image encoder whose channels are those that the adapter reads: of its embedding, or of its tokens."""
    expected, found = _expected_channels(head), list[str]()
    key = "projection_dim" if _projection(head) == "linear" else "hidden_size"
    for one in _encoders(path, files, encoder):
        if (channels := one.config.get(key)) == expected and one.weights:
            return ImageEncoderFiles(one.path.resolve())
        found.append(f"{one.path} has {channels}")
    if not found:
        raise CheckpointError(f"IP-Adapter '{name}' needs an image encoder: {ENCODER_REMEDY}")
    raise CheckpointError(f"IP-Adapter '{name}' reads {expected} channels of an image encoder, and {', '.join(found)}: {ENCODER_REMEDY}")


def _encoders(path: Path, files: CheckpointFiles, encoder: str | None) -> Iterator[ImageEncoderFiles]:
    if encoder is not None:
        named = local_path(encoder)
        if not (named.is_file() or (named / "config.json").is_file()):
            raise CheckpointError(f"'{encoder}' is no image encoder: give a folder in transformers' layout, or a .safetensors file of it")
        yield ImageEncoderFiles(named)
        return
    yield from (ImageEncoderFiles(folder) for one in ENCODER_FOLDERS if ((folder := path.parent / one) / "config.json").is_file())
    if files.info.has_image_encoder:
        yield ImageEncoderFiles(files.folder / "image_encoder")
