"""A checkpoint in memory: text, pictures and latents go through here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPImageProcessorPil, CLIPTextModel, CLIPTokenizer, CLIPVisionModelWithProjection

from sakuga.diffusion.emphasis import weighted
from sakuga.models.depth import load_depth
from sakuga.models.opening import opened
from sakuga.models.sources import CheckpointError, Facts, Source, weight_files
from sakuga.models.tokens import Tokens, tokens_of
from sakuga.story.emphasis import read_emphasis, without_emphasis
from sakuga.timeline.spec import Fit, Precision

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
    tokenizer: Any
    """None where the checkpoint reads no words, as is the text encoder."""
    text_encoder: Any
    vae: Any
    unet: Any
    schedule: dict[str, Any]
    """The scheduler's config; `sampling` builds the sampler asked for from it."""
    image_encoder: Any = None
    image_processor: Any = None
    words: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Words that are worn, with their token numbers; `wearing` puts them here."""
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
        """Encode prompts: (prompts, token limit, channels).

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
        said = read_emphasis(prompt)
        tokens = self._tokens(said.text)
        fitted = tokens.fitted(self.facts.token_limit, self.tokenizer.pad_token_id)
        ids = torch.tensor([fitted.ids], device=self.device)
        seen = torch.arange(len(fitted.ids), device=self.device)[None] < len(tokens.ids)
        mask = seen.long() if getattr(self.text_encoder.config, "use_attention_mask", False) else None
        encoded = torch.as_tensor(self.text_encoder(ids, attention_mask=mask)[0]).to(self.dtype)
        if said.plain:
            return encoded
        weights = torch.tensor([said.weight(start, stop) for start, stop in fitted.places])
        return weighted(encoded, self.encode_text([""]), weights.to(encoded))

    def _tokens(self, text: str) -> Tokens:
        return tokens_of(self.tokenizer, text, self.words)

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
        """Return zeros, (1, token limit, channels): what an image-conditioned drawing is led away from."""
        return torch.zeros(1, self.facts.token_limit, self.unet.config.cross_attention_dim, device=self.device, dtype=self.dtype)

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
    parts = source.parts()
    seeing, reading = "image_encoder" in parts, "text_encoder" in parts
    try:
        return Checkpoint(
            source=source,
            facts=source.facts,
            tokenizer=CLIPTokenizer.from_pretrained(source.folder / "tokenizer") if reading else None,
            text_encoder=_network(CLIPTextModel, source, "text_encoder", device, precision) if reading else None,
            vae=_network(_vae_class(source), source, "vae", device, precision),
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
    for name in ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim"):
        own, wanted = controlnet.config[name], unet.config[name]
        if own != wanted:
            raise CheckpointError(f"checkpoint '{source.name}': its ControlNet was made for another UNet ({name} {own} against {wanted})")


def _vae_class(source: Source) -> Any:
    return {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}[source.config("vae")["_class_name"]]


def _network(kind: Any, source: Source, part: str, device: str, precision: Precision) -> Any:
    folder = source.folder / part
    variant = "fp16" if ".fp16." in weight_files(folder, source.name)[0].name else None
    return opened(kind, folder, DTYPES[precision], variant).to(device)
