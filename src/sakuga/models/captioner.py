"""Models that say what a picture shows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import HUB_NAME, from_hub
from sakuga.models.loading import opened, quiet

KINDS = ("blip", "blip-2", "git", "vision-encoder-decoder")
"""What captions a picture with no word asked; models that want to be asked are served, and found by `--llm`."""
LONGEST = 60
"""Tokens of a caption."""


def open_captioner(name: str) -> Callable[[NDArray[np.uint8]], str]:
    """Open a captioning model: a folder in transformers' layout, or owner/name of the hub; safetensors only.

    What is returned takes an RGB picture (height, width, 3) and gives the likeliest caption, the same at every call.
    Raises CheckpointError where there is none, or where it is of a kind that does not caption by itself.
    """
    folder = Path(name).expanduser()
    if not (folder / "config.json").is_file():
        if folder.exists() or not HUB_NAME.fullmatch(name):
            raise CheckpointError(f"no captioning model '{name}': give a folder with config.json, such as a BLIP, or owner/name of the hub")
        folder = from_hub(name, ["*.json", "*.txt", "*.model", "*.safetensors"])
    with quiet():
        try:
            kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
            if kind not in KINDS:
                raise CheckpointError(
                    f"{name} is of the kind {kind}: {', '.join(KINDS)} caption by themselves; serve any other, and give --llm URL#NAME"
                )
            processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointError(f"{folder} cannot be opened as a captioning model: {str(error).splitlines()[0]}") from error
    network = opened(AutoModelForImageTextToText, folder, torch.float32)

    @torch.inference_mode()
    def describe(picture: NDArray[np.uint8]) -> str:
        pixels = processor(images=picture, return_tensors="pt").pixel_values
        with quiet():
            tokens = network.generate(pixel_values=pixels, max_new_tokens=LONGEST, do_sample=False, num_beams=1)
        return str(tokenizer.decode(tokens[0], skip_special_tokens=True)).strip()

    return describe
