"""Components of a checkpoint's folder as networks."""

from typing import Any

import torch

from sakuga.models.checkpoint_files import CheckpointFiles, weight_files
from sakuga.models.diffusers_classes import AutoencoderKL, AutoencoderTiny
from sakuga.models.embeddings import EncoderName
from sakuga.models.loading import load_network, load_text_encoder
from sakuga.models.memoization import memoize_constants
from sakuga.models.packing import pack_network
from sakuga.models.text_encoders import TextEncoder
from sakuga.models.tokenization import load_prompt_tokenizer
from sakuga.timeline.spec import Precision

VAES: dict[str, Any] = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def load_component(kind: Any, files: CheckpointFiles, part: str, device: str, precision: Precision) -> Any:
    """Load the network of a component; raises CheckpointError."""
    folder = files.folder / part
    variant = "fp16" if ".fp16." in weight_files(folder, files.name)[0].name else None
    with torch.inference_mode(False):  # also where a step loads the ControlNet: weights made in inference mode have no version
        return load_network(kind, folder, DTYPES[precision], variant).to(device)


def load_vae(files: CheckpointFiles, device: str, precision: Precision) -> Any:
    """Load the VAE.

    That of Stable Diffusion XL stays in fp32 where its activations overflow fp16 (`force_upcast`).
    """
    config = files.config("vae")
    upcast = precision == "fp16" and files.info.pooled_channels and config.get("force_upcast", True)
    return load_component(VAES[config["_class_name"]], files, "vae", device, "fp32" if upcast else precision)


def open_text_encoder(files: CheckpointFiles, name: EncoderName, device: str, precision: Precision) -> TextEncoder:
    """Load a text encoder with its tokenizer."""
    with torch.inference_mode(False):
        network = load_text_encoder(files, name, DTYPES[precision]).to(device)
    tokenizer = load_prompt_tokenizer(files.folder, name.replace("text_encoder", "tokenizer"))
    return TextEncoder(name=name, tokenizer=tokenizer, network=network)


def make_fast(network: Any) -> None:
    """Prepare a UNet or ControlNet for sampling; training sees no difference."""
    pack_network(network)
    memoize_constants(network)
