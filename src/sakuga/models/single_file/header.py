"""The head of a single-file checkpoint: what it is, without reading its weights."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from safetensors import SafetensorError

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.lora_keys import is_adapter_key
from sakuga.models.single_file.keys import EMA, UNET, VAE, Place
from sakuga.models.tensor_files import open_tensors
from sakuga.story.settings import PredictionType as PredictionType

SingleFileFamily = Literal["sd1", "sd2", "sdxl"]
CLIP, OPEN_CLIP = "cond_stage_model.transformer.", "cond_stage_model.model."
XL_CLIP, XL_OPEN_CLIP = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."
REFINER_OPEN_CLIP = "conditioner.embedders.0.model."
V_PREDICTION, ZERO_SNR = "v_pred", "ztsnr"
"""Empty tensors by which files of Stable Diffusion XL tell that they predict velocity, and that their schedule ends in pure noise."""
SPEC_PREDICTION = "modelspec.prediction_type"
CHANNELS_IN = {9: "an inpainting model", 8: "an InstructPix2Pix model", 5: "a depth-conditioned model", 7: "an upscaling model"}
OTHER_LAYOUTS = {
    "double_blocks.": "a Flux model",
    "joint_blocks.": "a Stable Diffusion 3 model",
    "time_stack.": "a Stable Video Diffusion model",
    "motion_modules.": "a motion adapter: use it with --motion",
    "control_model.": "a ControlNet: use it with --controlnet",
    "controlnet_cond_embedding.": "a ControlNet: use it with --controlnet",
    "ip_adapter.": "an IP-Adapter: use it with --controlnet",
    "effnet_mapper.": "a Stable Cascade model",
    "adaln_single.": "a PixArt model",
    "embedder.model.visual.": "an unCLIP model",
}
"""Marks in keys of models that are not of these families."""
PICKLE_STARTS = {b"PK\x03\x04": "a pickle of torch", b"\x80\x02": "a pickle", b"<!DO": "a web page", b"<htm": "a web page"}


@dataclass(frozen=True)
class SingleFile:
    """Keys, shapes and metadata of a safetensors file."""

    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]

    def find(self, places: Iterable[Place]) -> Place | None:
        """Return the first place that the file has."""
        return next((place for place in places if place.key in self.shapes), None)

    def has(self, prefix: str) -> bool:
        """Return whether any key begins so."""
        return any(key.startswith(prefix) for key in self.shapes)

    def unet_shape(self, key: str) -> tuple[int, ...] | None:
        """Return the shape of a UNet's weight, or that of its moving average."""
        return self.shapes.get(UNET + key, self.shapes.get(f"{EMA}diffusion_model{key.replace('.', '')}"))

    @cached_property
    def family(self) -> SingleFileFamily:
        """Return the family by its text encoders; raises CheckpointError for any other layout."""
        self._refuse_other_layouts()
        if self.has(XL_CLIP) and self.has(XL_OPEN_CLIP):
            return "sdxl"
        if self.has(CLIP):
            return "sd1"
        if self.has(OPEN_CLIP):
            return "sd2"
        raise _refusal(self.path, "has no text encoder (a UNet alone): get the full checkpoint")

    @property
    def has_vae(self) -> bool:
        return self.has(VAE)

    @property
    def prediction(self) -> PredictionType | None:
        """Return the prediction type that the file tells, or its family has; None where that is open, as in Stable Diffusion 2.x."""
        declared = self.metadata.get(SPEC_PREDICTION, "").lower()
        if V_PREDICTION in self.shapes or declared in ("v", "v_prediction", "v-prediction"):
            return "v_prediction"
        return "epsilon" if declared == "epsilon" or self.family != "sd2" else None

    @property
    def zero_terminal_snr(self) -> bool:
        """Return whether the file tells that its noise schedule ends in pure noise."""
        return ZERO_SNR in self.shapes

    def _refuse_other_layouts(self) -> None:
        name = next((name for mark, name in OTHER_LAYOUTS.items() for key in self.shapes if mark in key), None)
        if name:
            raise _refusal(self.path, f"is {name}")
        adapters = sum(map(is_adapter_key, self.shapes))
        if adapters and adapters * 2 > len(self.shapes):
            raise _refusal(self.path, "is a LoRA or another adapter: use it with --style")
        if self.shapes.keys() & {"emb_params", "clip_l", "clip_g"}:
            raise _refusal(self.path, "is an embedding: use it with --style")
        if self.has(REFINER_OPEN_CLIP) and not self.has(XL_OPEN_CLIP):
            raise _refusal(self.path, "is an SDXL refiner, which works only after a base model: use the base model")
        entry = self.unet_shape("input_blocks.0.0.weight")
        if entry is None:
            raise _refusal(self.path, self._without_unet())
        if entry[1] in CHANNELS_IN:
            raise _refusal(self.path, f"is {CHANNELS_IN[entry[1]]}")
        if self.unet_shape("label_emb.0.0.weight") and not self.has(XL_CLIP) and (self.has(OPEN_CLIP) or self.has(CLIP)):
            raise _refusal(self.path, "is an unCLIP model")

    def _without_unet(self) -> str:
        if self.has("down_blocks."):
            return "is one network of a folder in diffusers' layout: give the whole folder"
        if self.has(VAE) or self.has("encoder.down") or self.has("decoder.up"):
            return "is a VAE alone: give it to a checkpoint with `sakuga model add CHECKPOINT --vae FILE`"
        if self.has("text_model.") or self.has("transformer.resblocks."):
            return "is a text encoder alone: get the full checkpoint"
        if any(key.startswith(("model.1.sub.", "body.", "layers.", "conv_first.", "block_1.", "params")) for key in self.shapes):
            return "is an upscaler or another image network: use it with --upscaler"
        return "has an unknown layout"


def read_single_file(path: Path) -> SingleFile:
    """Read the head of a safetensors file; raises CheckpointError where it is truncated or something else."""
    try:
        with open_tensors(path, "np") as opened:
            shapes = {key: tuple(opened.get_slice(key).get_shape()) for key in opened.keys()}  # noqa: SIM118
            return SingleFile(path, shapes, opened.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        start = _first_bytes(path)
        kind = next((kind for begin, kind in PICKLE_STARTS.items() if start.startswith(begin)), None)
        broken = f"is truncated or damaged ({error})" if path.suffix == ".safetensors" else "is no safetensors file"
        reason = f"is {kind}, and no safetensors file" if kind else broken
        raise _refusal(path, f"{reason}: download it again as .safetensors") from None


def _first_bytes(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as stream:
        return stream.read(4)


def _refusal(path: Path, reason: str) -> CheckpointError:
    supported = "" if ":" in reason else ", which is not supported: use Stable Diffusion 1.x, 2.x or XL"
    return CheckpointError(f"checkpoint '{path}' {reason}{supported}")
