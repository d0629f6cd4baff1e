"""What a frame or a motion window is generated from, as tensors."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from sakuga.finishing.color_match import match_color
from sakuga.finishing.image import Image
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.conditioning import encode_conditioning, noise_tensors
from sakuga.models.controlnets import Control
from sakuga.models.ip_adapter_files import ControlFiles, IpAdapterFiles
from sakuga.models.ip_adapters import ImagePrompt, open_ip_adapter
from sakuga.models.reference_attention import ReferenceImage
from sakuga.rendering.depth import depth_function
from sakuga.rendering.hints import hint_of
from sakuga.rendering.warp import fit_image, warp_image
from sakuga.timeline.spec import AppliedControl, Digest, Generated, MotionWindow, Warp

ReadImage: TypeAlias = Callable[[Digest], Image]
FindControlNet: TypeAlias = Callable[[Digest], ControlFiles]
Spec: TypeAlias = Generated | MotionWindow


def latent_shape(checkpoint: Checkpoint, spec: Spec) -> tuple[int, int, int]:
    """Return channels, height and width of a frame's latents."""
    factor = checkpoint.info.vae_scale_factor
    return checkpoint.info.latent_channels, spec.height // factor, spec.width // factor


def init_latents(checkpoint: Checkpoint, spec: Generated, read: ReadImage) -> Tensor:
    """Encode the initial image of a frame after its camera move."""
    assert spec.init is not None
    image = read(spec.init.frame)
    if spec.init.color_reference:
        image = match_color(image, read(spec.init.color_reference))
    return checkpoint.autoencoder.encode(_moved(checkpoint, spec, image, spec.init.warp))


def control_image(checkpoint: Checkpoint, spec: Spec, read: ReadImage) -> Tensor:
    """Compute the depth map for the ControlNet.

    It is taken after the camera move: (1, 3, height, width), 0 to 1, near is white.
    """
    assert spec.control is not None
    image = _moved(checkpoint, spec, read(spec.control.frame), spec.control.warp)
    depth = depth_function(checkpoint, spec.control.depth)(image)
    return torch.from_numpy(np.ascontiguousarray(depth, dtype=np.float32)).expand(1, 3, -1, -1)


def batch_controls(
    checkpoint: Checkpoint, rows: Sequence[Spec], read: ReadImage, find_controlnet: FindControlNet, repeat: int = 1
) -> list[Control]:
    """Return the ControlNets of a batch with the hints of its rows, each `repeat` times: the checkpoint's own first."""
    common, controls = rows[0], list[Control]()
    if common.control and common.control.weight:
        images = torch.cat([control_image(checkpoint, row, read) for row in rows])
        controls.append(Control(image=images.repeat(repeat, 1, 1, 1), weight=common.control.weight))
    for place, one in enumerate(common.controls):
        if isinstance(network := find_controlnet(one.network), IpAdapterFiles):
            continue
        hints = torch.cat([hint_image(checkpoint, row, row.controls[place], read) for row in rows]).repeat(repeat, 1, 1, 1)
        controls.append(Control(image=hints, weight=one.weight, network=network, start=one.start, end=one.end, guess=one.guess))
    return controls


def batch_image_prompts(
    checkpoint: Checkpoint, rows: Sequence[Spec], read: ReadImage, find_controlnet: FindControlNet, repeat: int = 1
) -> list[ImagePrompt]:
    """Return the IP-Adapters of a batch with the tokens of its rows' images, each `repeat` times."""
    prompts = list[ImagePrompt]()
    for place, one in enumerate(rows[0].controls):
        if isinstance(files := find_controlnet(one.network), IpAdapterFiles):
            adapter = open_ip_adapter(checkpoint, files)
            both = zip(*(adapter.embed_frame(row.controls[place].frame, read) for row in rows), strict=True)
            tokens, negative = (torch.cat(part).repeat(repeat, 1, 1) for part in both)
            prompts.append(ImagePrompt(adapter=adapter, tokens=tokens, negative=negative, weight=one.weight, start=one.start, end=one.end))
    return prompts


def hint_image(checkpoint: Checkpoint, spec: Spec, control: AppliedControl, read: ReadImage) -> Tensor:
    """Compute a ControlNet's hint at a frame's size, (1, 3, height, width) from 0 to 1."""
    image = _moved(checkpoint, spec, read(control.frame), control.warp)
    hint = np.ascontiguousarray(hint_of(image, control.hint, checkpoint), dtype=np.float32)
    return torch.from_numpy(hint).permute(2, 0, 1)[None].contiguous()


def reference_image(checkpoint: Checkpoint, spec: Spec, read: ReadImage) -> ReferenceImage:
    """Return the reference that a batch attends to."""
    assert spec.reference is not None
    latents = checkpoint.autoencoder.encode(fit_image(read(spec.reference.frame), spec.width, spec.height)).to(checkpoint.device)
    return ReferenceImage(
        latents=latents,
        noise=next(noise_tensors(spec.reference.noise, latent_shape(checkpoint, spec)))[None].to(latents),
        prompt_embeds=encode_conditioning(checkpoint, spec.reference.prompt, read).to(checkpoint.device, checkpoint.dtype),
        weight=spec.reference.weight,
    )


def _moved(checkpoint: Checkpoint, spec: Spec, image: Image, warp: Warp) -> Image:
    """Fit an image to a frame and move the camera."""
    depth = depth_function(checkpoint, warp.parallax.depth) if warp.parallax else None
    return warp_image(fit_image(image, spec.width, spec.height), warp, depth)
