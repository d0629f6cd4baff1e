"""A linear start for the autoencoder.

From principal components of 8 x 8 patches. From random weights the first thousands of steps only find mean colors. Here every residual
block starts as the identity, the encoder is a tree of 2 x 2 principal components, and the decoder interpolates the mean color. Norms start
transparent, as two channels of a large constant, +C and -C, stand beside the signal, and pairs of +x and -x pass a SiLU unchanged, since
silu(x) - silu(-x) = x.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

COMPONENTS = (3, 12, 24, 40)
"""Components at full size, a half, a quarter and an eighth; each is below the channels of its level."""
CONSTANT = 8.0
EQUALIZATION = 0.5
"""Latents are divided by their deviation to this power: 1.0 makes all equal, 0.0 leaves them."""

Array = NDArray[np.float32]


def start_linear(vae: Any, images: NDArray[np.uint8]) -> None:
    """Set an autoencoder to the best linear code of images.

    It is an AutoencoderKL of four levels, images are (n, height, width, 3). Other channels stay random.
    """
    for module in vae.modules():
        if type(module).__name__ == "ResnetBlock2D":
            _clear(module.conv2)
    with torch.no_grad():
        code, mean = _set_encoder(vae, images.astype(np.float32) / 127.5 - 1.0)
        _set_decoder(vae, code, mean)


def _set_encoder(vae: Any, pixels: Array) -> tuple[Array, Array]:
    """Set the encoder.

    Returns the mean color of a patch as a linear map of latents, (3, latents), with offset (3,). Returns the mean color of a patch as a
    linear map of latents, (3, latents), with offset (3,).
    """
    encoder, latents = vae.encoder, vae.config.latent_channels
    _pass(encoder.conv_in, np.eye(3, dtype=np.float32))
    features, colour = pixels, np.eye(3, dtype=np.float32)
    for level in range(3):
        blocks = _blocks(features)
        basis = _components(blocks, COMPONENTS[level + 1])
        conv = encoder.down_blocks[level].downsamplers[0].conv
        _pass(conv, np.zeros((COMPONENTS[level + 1], COMPONENTS[level]), np.float32))
        taps = basis.reshape(COMPONENTS[level + 1], 2, 2, COMPONENTS[level]).transpose(0, 3, 1, 2)
        conv.weight[: COMPONENTS[level + 1], : COMPONENTS[level], :2, :2] = torch.from_numpy(taps.copy())
        _pass_on(encoder.down_blocks[level + 1].resnets[0], COMPONENTS[level + 1])
        features = blocks @ basis.T
        colour = colour @ _mean_of_blocks(basis, COMPONENTS[level])
    used = features.reshape(-1, COMPONENTS[3])[:, :latents]
    mean, loud = used.mean(axis=0), used.std(axis=0) ** EQUALIZATION
    _set_latents(encoder, vae.quant_conv, latents, mean, loud)
    return colour[:, :latents] * loud, colour[:, :latents] @ mean


def _set_latents(encoder: Any, quant: Any, latents: int, mean: Array, loud: Array) -> None:
    """Route the first components to the latents' means.

    Centered and equalized, with small variance.
    """
    shortcut, norm = encoder.down_blocks[3].resnets[0].conv_shortcut, encoder.conv_norm_out
    width = shortcut.out_channels // norm.num_groups
    _clear(encoder.conv_out)
    for latent in range(latents):
        place = width * (latent % norm.num_groups) + 2 * (latent // norm.num_groups)
        for sign, channel in ((1.0, place), (-1.0, place + 1)):
            shortcut.weight[channel] = 0.0
            shortcut.weight[channel, latent] = sign / float(loud[latent])
            shortcut.bias[channel] = -sign * float(mean[latent] / loud[latent])
            encoder.conv_out.weight[latent, channel, 1, 1] = sign
    _make_transparent(shortcut, norm, 2 * -(-latents // norm.num_groups))
    _clear(quant)
    quant.weight[:latents, :latents, 0, 0] = torch.eye(latents)
    quant.bias[latents:] = -6.0


def _set_decoder(vae: Any, code: Array, mean: Array) -> None:
    """Set the decoder to interpolate each patch's mean color.

    Latents pass along for later training.
    """
    decoder, latents = vae.decoder, vae.config.latent_channels
    passed = 3 + latents
    _clear(vae.post_quant_conv)
    vae.post_quant_conv.weight[:, :, 0, 0] = torch.eye(latents)
    _pass(decoder.conv_in, np.concatenate([code, np.eye(latents, dtype=np.float32)]))
    decoder.conv_in.bias[:3] = torch.from_numpy(mean)
    smooth = torch.tensor([0.25, 0.5, 0.25])
    for level in range(3):
        conv = decoder.up_blocks[level].upsamplers[0].conv
        _pass(conv, np.eye(passed, dtype=np.float32))
        for channel in range(passed):
            conv.weight[channel, channel] = smooth[:, None] * smooth
        if level < 2:
            _pass_on(decoder.up_blocks[level + 1].resnets[0], passed)
    shortcut, norm = decoder.up_blocks[3].resnets[0].conv_shortcut, decoder.conv_norm_out
    width = shortcut.out_channels // norm.num_groups
    _clear(decoder.conv_out)
    for colour in range(3):
        for sign, channel in ((1.0, width * colour), (-1.0, width * colour + 1)):
            shortcut.weight[channel] = 0.0
            shortcut.weight[channel, colour] = sign
            shortcut.bias[channel] = 0.0
            decoder.conv_out.weight[colour, channel, 1, 1] = sign
    _make_transparent(shortcut, norm, 2)


def _make_transparent(shortcut: Any, norm: Any, first: int) -> None:
    """Put +C and -C behind each group's first channels.

    Their scale is undone in the norm.
    """
    width = shortcut.out_channels // norm.num_groups
    for group in range(norm.num_groups):
        for sign, channel in ((1.0, width * group + first), (-1.0, width * group + first + 1)):
            shortcut.weight[channel] = 0.0
            shortcut.bias[channel] = sign * CONSTANT
    norm.weight.fill_(CONSTANT * (2 / width) ** 0.5)


def _blocks(features: Array) -> Array:
    """Gather 2 x 2 neighbours.

    From (n, h, w, c) to (n, h / 2, w / 2, 4 c), rows before columns.
    """
    n, height, width, channels = features.shape
    split = features.reshape(n, height // 2, 2, width // 2, 2, channels)
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(n, height // 2, width // 2, 4 * channels)


def _components(blocks: Array, count: int) -> Array:
    """Return the first principal directions.

    Shape (count, channels); uncentered, so that the mean passes too.
    """
    flat = blocks.reshape(-1, blocks.shape[-1]).astype(np.float64)
    _, directions = np.linalg.eigh(flat.T @ flat)
    basis: Array = np.ascontiguousarray(directions[:, ::-1][:, :count].T).astype(np.float32)
    return basis


def _mean_of_blocks(basis: Array, channels: int) -> Array:
    """Return block means as a linear map of components.

    Shape (channels, components).
    """
    mean: Array = basis.reshape(len(basis), 4, channels).mean(axis=1).T
    return mean


def _clear(conv: Any) -> None:
    nn.init.zeros_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)


def _pass(conv: Any, matrix: Array) -> None:
    """Set the first outputs to a matrix times the first inputs."""
    rows, columns = matrix.shape
    centre = conv.kernel_size[0] // 2
    conv.weight[:rows] = 0.0
    conv.weight[:rows, :columns, centre, centre] = torch.from_numpy(matrix)
    if conv.bias is not None:
        conv.bias[:rows] = 0.0


def _pass_on(block: Any, channels: int) -> None:
    """Pass the first channels through a widening block."""
    if block.conv_shortcut is not None:
        _pass(block.conv_shortcut, np.eye(channels, dtype=np.float32))
