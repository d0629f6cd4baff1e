"""Captioning models."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import download_from_hub
from sakuga.models.hub_names import hub_repo
from sakuga.models.loading import load_network, quiet_libraries
from sakuga.paths import local_path

KINDS = ("blip", "blip-2", "git", "vision-encoder-decoder")
"""Model types that caption without a prompt; models that need one are used through `--llm`."""
MAX_TOKENS = 60
"""Tokens of a caption."""


def load_captioner(name: str) -> Callable[[NDArray[np.uint8]], str]:
    """Load a captioning model by name.

    It is a folder in transformers' layout, or owner/name of the hub, with safetensors. Returns a function from an RGB image (height, width,
    3) to its most likely caption. Raises CheckpointError where there is none, or where it needs a prompt.
    """
    folder = local_path(name)
    if not (folder / "config.json").is_file():
        repo = hub_repo(name)
        if folder.exists() or not repo:
            raise CheckpointError(f"no captioning model '{name}': give a folder with config.json, such as a BLIP, or owner/name of the hub")
        folder = download_from_hub(repo, ["*.json", "*.txt", "*.model", "*.safetensors"])
    with quiet_libraries():
        try:
            kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
            if kind not in KINDS:
                raise CheckpointError(
                    f"{name} is a {kind}, which cannot caption by itself: use {', '.join(KINDS)}, or serve it and give --llm URL#NAME"
                )
            processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointError(f"cannot load {folder} as a captioning model: {str(error).splitlines()[0]}") from error
    network = load_network(AutoModelForImageTextToText, folder, torch.float32)

    @torch.inference_mode()
    def describe(image: NDArray[np.uint8]) -> str:
        pixels = processor(images=image, return_tensors="pt").pixel_values
        with quiet_libraries():
            tokens = network.generate(pixel_values=pixels, max_new_tokens=MAX_TOKENS, do_sample=False, num_beams=1)
        return str(tokenizer.decode(tokens[0], skip_special_tokens=True)).strip()

    return describe
