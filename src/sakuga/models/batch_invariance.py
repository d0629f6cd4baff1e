"""Proof that frames are batch-invariant: on this machine, for these shapes, at these widths.

A frame is what the networks give it in a batch of its planned width. Where a narrower batch gives the same bits, a short batch needs no
padding. The proof runs the networks once at either width on random inputs; kernels are chosen by shape, so other values give the same
answer. Answers are kept in `$SAKUGA_HOME`, since a proof costs as much as a denoising step of a full batch.
"""

import hashlib
import json
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from sakuga.files import write_text
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.controlnets import Control, control_residuals
from sakuga.models.machine import machine
from sakuga.models.packing import is_packed
from sakuga.models.reference_attention import attending, record_self_attention
from sakuga.paths import home

PROOF = 2
"""Raise it when the networks are run in another way, so that kept answers no longer hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortBatch:
    """A batch of fewer frames than planned, and all that shapes its networks' inputs."""

    frames: int
    planned: int
    latents: tuple[int, int, int]
    """Channels, height and width of a frame's latents."""
    guided: bool
    """Whether each frame has two rows, unconditional and conditional."""
    control: bool
    """Whether the depth ControlNet runs, too."""
    reference: bool = False
    """Whether the frames attend to a reference."""


def is_batch_invariant(checkpoint: Checkpoint, batch: ShortBatch) -> bool:
    """Return whether a short batch gives the same bits as one of the planned width.

    False on a GPU, where kernels are chosen anew from time to time.
    """
    if batch.frames == batch.planned:
        return True
    if checkpoint.device.type != "cpu":
        return False
    path, key = home() / "batch-invariance.json", _key(checkpoint, batch)
    known = checkpoint.batch_invariance
    if key not in known:
        known.update(_read_answers(path))
    if key not in known:
        holds = prove(checkpoint, batch)
        key = _key(checkpoint, batch)  # the engine may have changed: its first forward pass can be refused
        known[key] = holds
        with suppress(OSError):  # a full or read-only disk costs time, nothing else
            write_text(path, json.dumps(_read_answers(path) | {key: known[key]}, indent=0))
    return known[key]


@torch.inference_mode()
def prove(checkpoint: Checkpoint, batch: ShortBatch) -> bool:
    """Run the networks at both widths, and compare the rows of the first frames."""
    halves = 2 if batch.guided else 1
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(halves, batch.planned, *shape, generator=generator).to(checkpoint.device, checkpoint.dtype)

    latents, embeds = random(*batch.latents), random(*checkpoint.zero_embeds().shape[1:])
    latents = latents[:1].expand_as(latents)  # under guidance both halves see the same
    images = random(3, *(side * checkpoint.info.vae_scale_factor for side in batch.latents[1:])) if batch.control else None

    reference = record_self_attention(checkpoint, latents[0, :1], 500, embeds[0, :1]) if batch.reference else {}

    def predict(frames: int) -> Tensor:
        inputs, text = latents[:, :frames].flatten(0, 1), embeds[:, :frames].flatten(0, 1)
        controls = [] if images is None else [Control(image=images[:, :frames].flatten(0, 1))]
        residuals = control_residuals(checkpoint, controls, inputs, torch.tensor(500), text)
        with attending(checkpoint.unet, reference, 0.5) if batch.reference else nullcontext():
            predicted = checkpoint.forward(inputs, 500, text, **residuals)
        return predicted.reshape(halves, frames, *batch.latents)[:, : batch.frames]

    return torch.equal(predict(batch.frames).nan_to_num(), predict(batch.planned).nan_to_num())  # broken weights prove nothing


def _read_answers(path: Path) -> dict[str, bool]:
    """Read the kept answers; a damaged file has none."""
    with suppress(OSError, ValueError):
        answers = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(answers, dict):
            return {key: value for key, value in answers.items() if isinstance(value, bool)}
    return {}


def _key(checkpoint: Checkpoint, batch: ShortBatch) -> str:
    """Digest everything that chooses kernels: machine, libraries, networks and shapes."""
    parts = ["unet", *(["controlnet"] if batch.control else [])]
    kind = (type(checkpoint.denoiser).__qualname__, checkpoint.engine, is_packed(checkpoint.unet), str(checkpoint.dtype))
    networks = (*kind, checkpoint.info.sequence_length, [checkpoint.files.config(part) for part in parts])
    return hashlib.sha256(json.dumps([PROOF, machine(), networks, asdict(batch)], sort_keys=True).encode()).hexdigest()
