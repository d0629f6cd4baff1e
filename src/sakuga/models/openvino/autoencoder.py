"""The autoencoder of a checkpoint, run by OpenVINO."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from sakuga.models.autoencoder import VaeAutoencoder, encode_mode
from sakuga.models.openvino.networks import OpenVinoNetwork


@dataclass(frozen=True, slots=True, eq=False)
class OpenVinoAutoencoder(VaeAutoencoder):
    """An `Autoencoder` whose two halves are programs of their own."""

    encoder: OpenVinoNetwork
    decoder: OpenVinoNetwork

    def _encode(self, pixels: Tensor) -> Tensor:
        return self.encoder(pixels)[0]

    def _decode(self, latents: Tensor) -> Tensor:
        return self.decoder(latents)[0]


def openvino_autoencoder(vae: nn.Module, notes: list[str]) -> OpenVinoAutoencoder:
    """Wrap a VAE of diffusers."""
    encoder = OpenVinoNetwork("the VAE's encoder", vae, notes, encode_mode)
    return OpenVinoAutoencoder(vae, encoder, OpenVinoNetwork("the VAE's decoder", vae, notes, _decode))


def _decode(vae: Any, latents: Tensor) -> Tensor:
    decoded: Tensor = vae.decode(latents).sample
    return decoded
