"""MotionLoRA training (Guo et al. 2024, section 4.3)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.files import write_atomic, write_text
from sakuga.models.adapters import Adapter, write_adapter
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.families import family_of
from sakuga.models.motion import MotionUNet, open_motion_adapter
from sakuga.models.motion_files import MotionFiles
from sakuga.models.style_files import LORA_FILE, STYLE_FILE
from sakuga.models.style_metadata import StyleMetadata, format_metadata
from sakuga.training.attachment import Attachment
from sakuga.training.caption_embeddings import CaptionEncoder
from sakuga.training.low_rank import ATTENTION, FEED_FORWARD, LowRank
from sakuga.training.method_settings import MotionLora


class MotionLoraMethod:
    """LoRA matrices beside the temporal attention of a motion adapter, and beside its feed-forward layers where asked.

    `checkpoint` has the motion UNet in place of the image UNet, which stays as it is, and the noise schedule of the adapter.
    """

    def __init__(self, checkpoint: Checkpoint, files: MotionFiles, method: MotionLora, *, seed: int, cache_captions: bool = True) -> None:
        self.settings = method
        adapter = open_motion_adapter(files.path, checkpoint.dtype).to(checkpoint.device).requires_grad_(False)
        unet: Any = MotionUNet(checkpoint.unet, adapter, method.frames)
        self.checkpoint = replace(checkpoint, unet=unet, scheduler_config=checkpoint.scheduler_config | files.info.schedule)
        generator = torch.Generator().manual_seed(seed % 2**63)
        layers = (*ATTENTION, *FEED_FORWARD) if method.feed_forward else ATTENTION
        self.low_rank = LowRank(adapter, layers, method.rank, alpha=method.alpha, generator=generator)
        self.networks: nn.Module = nn.ModuleDict({"motion_adapter": self.low_rank})
        self.encode_captions: Callable[[Sequence[str]], Tensor] = CaptionEncoder(checkpoint, cached=cache_captions)
        self._attachment = Attachment([self.low_rank])

    def base_weights(self) -> AbstractContextManager[None]:
        """Run the block with the motion adapter as it is."""
        return self._attachment.detached()

    def rate_shares(self) -> Mapping[str, float]:
        """Return no shares: all layers learn at one rate."""
        return {}

    def training_step(self, number: int) -> nullcontext[None]:
        """Run the block as a training step, in which nothing is drawn."""
        return nullcontext()

    @contextmanager
    def negative(self) -> Iterator[None]:
        """Run the block with the LoRA at weight -1."""
        self.low_rank.negate()
        try:
            yield
        finally:
            self.low_rank.use_all_ranks()

    def close(self) -> None:
        """Detach the LoRA, which restores the motion adapter."""
        self._attachment.close()

    def adapter(self, name: str) -> Adapter:
        """Return the trained LoRA as an adapter."""
        return replace(self.low_rank.adapter(name), declared_family=family_of(self.checkpoint.info).name)

    def write(self, folder: Path, name: str, trigger: str, metadata: Mapping[str, str] = MappingProxyType({})) -> None:
        """Write a LoRA in diffusers' layout, with its trigger word in `style.toml`."""
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / LORA_FILE, partial(write_adapter, self.adapter(name), metadata=metadata))
        write_text(folder / STYLE_FILE, format_metadata(StyleMetadata(trigger=trigger)))
