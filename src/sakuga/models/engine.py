"""Engines: what runs a checkpoint's networks, torch or OpenVINO.

An engine is part of the machine, as its processor is, and no part of a frame's name: in fp32 a forward pass differs by rounding.
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from sakuga.models.openvino.programs import OpenVinoError, openvino_core, openvino_version, supports
from sakuga.story.options import ENGINE, Engine
from sakuga.timeline.spec import Precision

if TYPE_CHECKING:
    from sakuga.models.checkpoint import Checkpoint

VARIABLE = "SAKUGA_ENGINE"
"""The environment variable with the engine that is wanted; `--engine` sets it."""

WORTHWHILE_STEPS = 120
"""Denoising steps, of all frames together, from which compiling pays on the Sketchbook: six images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenEngine:
    """The engine that runs, and why it is not the one that was asked for."""

    name: Literal["torch", "openvino"]
    title: str
    """Its name in messages, such as "OpenVINO" and its version."""
    note: str = ""


def requested_engine() -> Engine:
    """Read $SAKUGA_ENGINE; raises SettingsError for an unknown one."""
    return cast(Engine, ENGINE.check(f"${VARIABLE}", os.environ.get(VARIABLE) or ENGINE.default))


def engine_for(requested: Engine, steps: int) -> Engine:
    """Return torch in place of "auto" for a render too short to pay for compiling.

    `steps` are those of all its frames, stored ones too, so that a render that goes on has the engine that it began with.
    """
    return "torch" if requested == "auto" and steps < WORTHWHILE_STEPS else requested


def choose_engine(requested: Engine, device: str, precision: Precision) -> ChosenEngine:
    """Decide which engine runs networks on a device.

    "auto" takes OpenVINO where it was measured to be faster: on a CPU with AVX-512, in fp32 and bf16. Never raises: where OpenVINO cannot
    be used, torch runs, and the note says why. A request of "auto" needs no note where torch is the better choice.
    """
    if requested == "torch":
        return _torch()
    if (reason := _unsuitable(device, precision)) is not None:
        return _torch(reason if requested == "openvino" else "")
    try:
        openvino_core()
        if not supports("bf16" if precision == "bf16" else "f32"):
            raise OpenVinoError("OpenVINO does not compute in bf16 on this processor")
    except OpenVinoError as error:
        return _torch(str(error))
    if requested == "auto" and not _has_avx512():
        return _torch("this processor has no AVX-512, and OpenVINO was not measured without (--engine openvino tries it)")
    return ChosenEngine(name="openvino", title=f"OpenVINO {openvino_version()}")


def use_engine(checkpoint: "Checkpoint", engine: ChosenEngine) -> "Checkpoint":
    """Let an engine run a checkpoint's networks; returns the checkpoint.

    In fp32 torch's packed layers run the VAE as fast.
    """
    if engine.name == "torch":
        return checkpoint
    from sakuga.models.denoiser import UNetDenoiser
    from sakuga.models.openvino.autoencoder import openvino_autoencoder
    from sakuga.models.openvino.motion import OpenVinoMotions, WindowDenoiser
    from sakuga.models.openvino.networks import OpenVinoControlNet, OpenVinoNetwork, OpenVinoUNet
    from sakuga.models.reference_attention import run_recorded

    notes = checkpoint.engine_notes
    checkpoint.custom_denoiser = UNetDenoiser(OpenVinoUNet("the UNet", checkpoint.unet, notes), checkpoint.info)
    windows = OpenVinoNetwork("the UNet of motion windows", checkpoint.unet, notes, any_rows=True)
    checkpoint.custom_window_denoiser = WindowDenoiser(windows, checkpoint.info)
    checkpoint.wrap_controlnet = lambda network: OpenVinoControlNet(network, notes)
    checkpoint.wrap_motion = OpenVinoMotions(notes)
    checkpoint.custom_recorder = OpenVinoNetwork("the reference's UNet", checkpoint.unet, notes, run_recorded)
    if str(checkpoint.dtype) == "torch.bfloat16":
        checkpoint.custom_autoencoder = openvino_autoencoder(checkpoint.vae, notes)
    return checkpoint


def _torch(reason: str = "") -> ChosenEngine:
    return ChosenEngine(name="torch", title="torch", note=f"{reason}: torch runs the networks" if reason else "")


def _unsuitable(device: str, precision: Precision) -> str | None:
    if device != "cpu":
        return f"OpenVINO runs on CPUs here, and the device is {device}"
    return "OpenVINO runs networks in fp32 or bf16, not in fp16" if precision == "fp16" else None


def _has_avx512() -> bool:
    import torch

    return torch.backends.cpu.get_cpu_capability() == "AVX512"
