"""What decodes latents for live previews of models with a large VAE."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.fast_decoder import fast_decode, fit_fast_decoder
from sakuga.models.tiny_decoder import open_tiny_decoder, tiny_decode, tiny_decoder_file

if TYPE_CHECKING:
    from sakuga.models.checkpoint import Checkpoint


def open_preview_decoder(checkpoint: "Checkpoint") -> Callable[[Tensor], np.ndarray]:
    """Return a TAESD file's decoder, else a linear map; a file that does not fit is noted for the user."""
    file = tiny_decoder_file(is_xl=checkpoint.info.pooled_channels > 0)
    factor = checkpoint.info.vae_scale_factor
    try:
        if file.is_file():
            network = open_tiny_decoder(file, checkpoint.vae.config.latent_channels, factor)
            return partial(tiny_decode, network=network)
    except CheckpointError as error:
        checkpoint.engine_notes.append(f"previews are decoded roughly: {error}")
    return partial(fast_decode, colors=fit_fast_decoder(checkpoint), factor=factor)
