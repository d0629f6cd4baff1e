"""Images and texts in the space in which CLIP compares them."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.image_squares import crop_square, pad_square
from sakuga.timeline.spec import Fit

if TYPE_CHECKING:
    from sakuga.models.checkpoint import Checkpoint

REMEDY = "disable text guidance with 0 repeats"


def embed_image(checkpoint: "Checkpoint", image: np.ndarray, fit: Fit) -> Tensor:
    """Embed an image as one token, (1, 1, channels), as `Checkpoint.embed_image` says."""
    if checkpoint.image_encoder is None:
        raise CheckpointError(f"checkpoint '{checkpoint.files.name}' has no image encoder: describe the image in a prompt")
    processor = checkpoint.image_processor
    square = pad_square(image) if fit == "pad" else image if "shortest_edge" in processor.size else crop_square(image)
    pixels = processor(images=square, input_data_format="channels_last", return_tensors="pt").pixel_values
    return torch.as_tensor(checkpoint.image_encoder(pixels.to(checkpoint.device, checkpoint.dtype)).image_embeds)[:, None]


def embed_text(checkpoint: "Checkpoint", text: str) -> Tensor:
    """Embed a text by CLIP's projection, (1, channels).

    Without a projection, the pooled output must be in the image space. Raises CheckpointError where it is not.
    """
    checkpoint.require("text_encoder", "text encoder", REMEDY)
    tokens = checkpoint.text_encoders[0].tokenize(text)
    limit = min(len(tokens.ids), checkpoint.info.token_limit)
    ids = torch.tensor([tokens.resized(limit, checkpoint.tokenizer.pad_token_id).ids], device=checkpoint.device)
    output = checkpoint.text_encoder(ids)
    embedded = output.text_embeds if hasattr(output, "text_embeds") else output.pooler_output
    if checkpoint.image_encoder is None or embedded.shape[-1] != checkpoint.image_encoder.config.projection_dim:
        raise CheckpointError(f"checkpoint '{checkpoint.files.name}' cannot compare texts with images: {REMEDY}")
    return torch.as_tensor(embedded).to(checkpoint.dtype)
