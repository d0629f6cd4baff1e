"""A checkpoint in memory: text, pictures and latents go through here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from torch import Tensor
from transformers import (
    CLIPImageProcessorPil,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionModelWithProjection,
)

from sakuga.diffusion.emphasis import weighted
from sakuga.models.checkpoint_files import CheckpointError, Facts, Source, has_vocabulary, weight_files
from sakuga.models.depth import load_depth
from sakuga.models.embeddings import Network
from sakuga.models.loading import opened
from sakuga.models.text_encoders import Reader, parts, read_texts, weights
from sakuga.models.tokenization import Tokens
from sakuga.story.emphasis import read_emphasis, without_emphasis
from sakuga.timeline.spec import Fit, Precision

TEXT_ENCODERS: dict[Network, Any] = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
VAES: dict[str, Any] = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
OPEN_CLIP_PADDING = "!"
DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlong:
    """A prompt of which the end is not read, as the checkpoint's text encoder takes no more."""

    prompt: str
    tokens: int
    limit: int
    unread: str

    def __str__(self) -> str:
        return f"the prompt has {self.tokens} tokens and the checkpoint reads {self.limit}: '{self.unread}' is not drawn"


@dataclass(slots=True, kw_only=True, eq=False)
class Checkpoint:
    """The networks of one checkpoint on one device; it changes nothing but its memory of prompts already encoded."""

    source: Source
    facts: Facts
    readers: tuple[Reader, ...]
    """Its text encoders: one, two of Stable Diffusion XL, or none where the checkpoint reads no words."""
    vae: Any
    unet: Any
    schedule: dict[str, Any]
    """The scheduler's config; `sampling` builds the sampler asked for from it."""
    image_encoder: Any = None
    image_processor: Any = None
    _texts: dict[str, Tensor] = field(default_factory=dict)
    _directions: dict[str, Tensor] = field(default_factory=dict)
    _opened: dict[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        return torch.device(self.unet.device)

    @property
    def dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.unet.dtype
        return dtype

    @property
    def tokenizer(self) -> Any:
        """The first tokenizer; None where the checkpoint reads no words, as is the text encoder."""
        return self.readers[0].tokenizer if self.readers else None

    @property
    def text_encoder(self) -> Any:
        return self.readers[0].encoder if self.readers else None

    @property
    def networks(self) -> dict[str, Any]:
        """What adapters may change, by the names that they use."""
        return {"unet": self.unet, **{reader.network: reader.encoder for reader in self.readers}}

    @property
    def controlnet(self) -> Any:
        """The depth ControlNet, opened when it is first asked for; raises CheckpointError where the checkpoint has none."""
        if "controlnet" not in self._opened:
            self._need("controlnet", "depth ControlNet", "draw without control")
            precision = next(name for name, dtype in DTYPES.items() if dtype == self.dtype)
            network = _network(ControlNetModel, self.source, "controlnet", str(self.device), precision)
            _refuse_unfit(network, self.unet, self.source)
            self._opened["controlnet"] = network
        return self._opened["controlnet"]

    @property
    def depth_estimator(self) -> Callable[[np.ndarray], np.ndarray]:
        """What reads a picture's depth, opened when it is first asked for; raises CheckpointError where the checkpoint has none."""
        if "depth" not in self._opened:
            self._need("depth", "depth estimator", "ask for luminance")
            self._opened["depth"] = load_depth(self.source.folder / "depth", str(self.device))
        estimator: Callable[[np.ndarray], np.ndarray] = self._opened["depth"]
        return estimator

    def _need(self, part: str, called: str, remedy: str) -> None:
        if part not in self.source.parts():
            raise CheckpointError(f"checkpoint '{self.source.name}' has no {called} (a folder {part}/): {remedy}")

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a prompt, begin and end marks included; brackets of emphasis are none."""
        return len(self._tokens(without_emphasis(text)).ids)

    def overlong(self, text: str) -> Overlong | None:
        """Tell what of a prompt is not read, if it goes over the token limit."""
        said = without_emphasis(text)
        tokens, limit = self._tokens(said), self.facts.token_limit
        if len(tokens.ids) <= limit:
            return None
        return Overlong(prompt=text, tokens=len(tokens.ids), limit=limit, unread=said[tokens.places[limit - 1][0] :].strip())

    @torch.inference_mode()
    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        """Encode prompts: (prompts, rows, channels), a row for each token up to the limit, and of two encoders one for the pooled text.

        Each is encoded alone and remembered, so that a prompt's embedding never depends on its company. Emphasised words weigh more.
        """
        for prompt in prompts:
            if prompt not in self._texts:
                self._texts[prompt] = self._encoded(prompt)
        return torch.cat([self._texts[prompt] for prompt in prompts])

    def forget_texts(self) -> None:
        """Encode prompts anew from here on: the text encoder has changed."""
        self._texts.clear()
        self._directions.clear()

    def _encoded(self, prompt: str) -> Tensor:
        self._need("text_encoder", "text encoder", "give it pictures")
        said, limit = read_emphasis(prompt), self.facts.token_limit
        encoded = read_texts(self.readers, [said.text], limit).to(self.dtype)
        if said.plain:
            return encoded
        return weighted(encoded, self.encode_text([""]), weights(self.readers, said, limit, self.facts.rows).to(encoded))

    def _tokens(self, text: str) -> Tokens:
        return self.readers[0].tokens(text)

    def parts(self, told: Tensor) -> tuple[Tensor, ...]:
        """Tell the rows of what was encoded, (n, rows, channels), apart: those of words, and where there is one that of the pooled text."""
        return parts(told, self.facts.pooled)

    def ask(self, network: Any, noisy: Tensor, timestep: Any, told: Tensor, origins: Tensor | None = None, **more: Any) -> Any:
        """Ask the UNet, or its ControlNet, about noisy latents; returns its answers as a tuple.

        `told` is (n, rows, channels) as encoded. `origins`, (n, 4), says of each picture how high and wide it was in pixels, and how far
        from its top and left it was cut (Podell et al. 2023, section 2.2); unless said, each is told as drawn whole. Most models are told
        no sizes.
        """
        words, *pooled = self.parts(told)
        if pooled and network.config.addition_embed_type:
            size = [side * self.facts.factor for side in noisy.shape[-2:]]
            shown = torch.tensor([*size, 0, 0] if origins is None else size, device=noisy.device).expand(len(noisy), -1)
            time_ids = torch.cat([shown, shown[:, :2]] if origins is None else [origins.to(shown), shown], dim=1)
            text = pooled[0][:, 0, : self.facts.pooled]
            more["added_cond_kwargs"] = {"text_embeds": text, "time_ids": time_ids}
        return network(noisy, timestep, encoder_hidden_states=words, return_dict=False, **more)

    @torch.inference_mode()
    def image_embedding(self, picture: np.ndarray, fit: Fit = "crop") -> Tensor:
        """Embed a picture as one token: (1, 1, channels); raises CheckpointError where the checkpoint sees no pictures.

        Of a picture that is no square its middle is seen, or all of it, continued at its edges; never a squashed whole.
        """
        if self.image_encoder is None:
            raise CheckpointError(f"checkpoint '{self.source.name}' has no image encoder: describe the picture in words")
        crops_itself = "shortest_edge" in self.image_processor.size
        seen = _padded_square(picture) if fit == "pad" else picture if crops_itself else _middle_square(picture)
        pixels = self.image_processor(images=seen, input_data_format="channels_last", return_tensors="pt").pixel_values.to(
            self.device, self.dtype
        )
        return torch.as_tensor(self.image_encoder(pixels).image_embeds)[:, None]

    @torch.inference_mode()
    def text_directions(self, texts: Sequence[str]) -> Tensor:
        """Embed texts in the space of `image_embedding`: (texts, channels); raises CheckpointError where words have no place in it."""
        if not texts:
            return torch.zeros(0, self.unet.config.cross_attention_dim, device=self.device, dtype=self.dtype)
        for text in texts:
            if text not in self._directions:
                self._directions[text] = self._direction(text)
        return torch.cat([self._directions[text] for text in texts])

    def _direction(self, text: str) -> Tensor:
        """Take CLIP's projection of the text; where the folder has none, the encoder's pooled output must be in the pictures' space."""
        self._need("text_encoder", "text encoder", "switch the guidance by texts off with 0 repeats")
        tokens = self._tokens(text)
        limit = min(len(tokens.ids), self.facts.token_limit)
        said = self.text_encoder(torch.tensor([tokens.fitted(limit, self.tokenizer.pad_token_id).ids], device=self.device))
        embedded = said.text_embeds if hasattr(said, "text_embeds") else said.pooler_output
        if self.image_encoder is None or embedded.shape[-1] != self.image_encoder.config.projection_dim:
            raise CheckpointError(
                f"checkpoint '{self.source.name}' cannot compare words with pictures: switch the guidance by texts off with 0 repeats"
            )
        return torch.as_tensor(embedded).to(self.dtype)

    def nothing(self) -> Tensor:
        """Return zeros, (1, rows, channels): what an image-conditioned drawing is led away from."""
        return torch.zeros(1, self.facts.rows, self.unet.config.cross_attention_dim, device=self.device, dtype=self.dtype)

    @torch.inference_mode()
    def encode_picture(self, picture: np.ndarray) -> Tensor:
        """Encode one picture, (height, width, 3) uint8 RGB, to the middle of its latent distribution: (1, channels, h, w)."""
        pixels = torch.from_numpy(picture).to(self.device, self.vae.dtype).permute(2, 0, 1)[None] / 127.5 - 1
        encoded = self.vae.encode(pixels)
        latents = encoded.latents if isinstance(self.vae, AutoencoderTiny) else encoded.latent_dist.mode()
        return torch.as_tensor(latents * self.vae.config.scaling_factor)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Decode latents to pictures, (frames, height, width, 3) float32 from 0 to 1; what is not a number stays so.

        One at a time: the decoder is where memory runs out, and a picture must not depend on its company.
        """
        scaled = latents.to(self.device, self.vae.dtype) / self.vae.config.scaling_factor
        decoded = torch.cat([self.vae.decode(one).sample for one in scaled.split(1)])
        return (decoded.float() / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()


def _middle_square(picture: np.ndarray) -> np.ndarray:
    side = min(picture.shape[:2])
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def _padded_square(picture: np.ndarray) -> np.ndarray:
    side = max(picture.shape[:2])
    fill = [((side - length) // 2, (side - length + 1) // 2) for length in picture.shape[:2]]
    return np.pad(picture, (*fill, (0, 0)), mode="edge")


def quantised(pictures: np.ndarray) -> np.ndarray:
    """Round pictures from 0..1 to uint8."""
    return (pictures * 255).round().astype(np.uint8)


def load(source: Source, device: str = "cpu", precision: Precision = "fp32") -> Checkpoint:
    """Load a checkpoint's networks.

    Raises CheckpointError where its files do not fit together.
    """
    seeing = source.facts.sees_pictures
    try:
        return Checkpoint(
            source=source,
            facts=source.facts,
            readers=tuple(_reader(source, network, device, precision) for network in TEXT_ENCODERS if network in source.parts()),
            vae=_vae(source, device, precision),
            unet=_network(UNet2DConditionModel, source, "unet", device, precision),
            schedule=source.config("scheduler"),
            image_encoder=_network(CLIPVisionModelWithProjection, source, "image_encoder", device, precision) if seeing else None,
            image_processor=CLIPImageProcessorPil.from_pretrained(source.folder / "feature_extractor") if seeing else None,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"checkpoint '{source.name}' cannot be loaded: {reason}") from error


def _refuse_unfit(controlnet: Any, unet: Any, source: Source) -> None:
    """Refuse a ControlNet whose words or residuals are not of its UNet's sizes."""
    for name in ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim", "addition_embed_type"):
        own, wanted = controlnet.config[name], unet.config[name]
        if own != wanted:
            raise CheckpointError(f"checkpoint '{source.name}': its ControlNet was made for another UNet ({name} {own} against {wanted})")


def _reader(source: Source, network: Network, device: str, precision: Precision) -> Reader:
    encoder = _network(TEXT_ENCODERS[network], source, network, device, precision)
    return Reader(network=network, tokenizer=_tokenizer(source, network), encoder=encoder)


def _tokenizer(source: Source, network: Network) -> Any:
    """Open a text encoder's tokenizer; one without a vocabulary has the first's, and fills up as OpenCLIP does."""
    folder = source.folder / network.replace("text_encoder", "tokenizer")
    if has_vocabulary(folder):
        return CLIPTokenizer.from_pretrained(folder)
    return CLIPTokenizer.from_pretrained(source.folder / "tokenizer", pad_token=OPEN_CLIP_PADDING)


def _vae(source: Source, device: str, precision: Precision) -> Any:
    """Open the autoencoder; that of Stable Diffusion XL in fp32 where its numbers are too great for fp16."""
    config = source.config("vae")
    whole = precision == "fp16" and source.facts.pooled and config.get("force_upcast", True)
    return _network(VAES[config["_class_name"]], source, "vae", device, "fp32" if whole else precision)


def _network(kind: Any, source: Source, part: str, device: str, precision: Precision) -> Any:
    folder = source.folder / part
    variant = "fp16" if ".fp16." in weight_files(folder, source.name)[0].name else None
    return opened(kind, folder, DTYPES[precision], variant).to(device)
