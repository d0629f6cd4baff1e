"""A checkpoint in memory: networks, and encoding of prompts and images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from sakuga.models.autoencoder import VaeAutoencoder
from sakuga.models.checkpoint_files import CheckpointError, CheckpointFiles, CheckpointInfo
from sakuga.models.clip_space import embed_image, embed_text
from sakuga.models.components import DTYPES as DTYPES
from sakuga.models.components import load_component, load_vae, make_fast, open_text_encoder
from sakuga.models.controlnet_files import ControlNetFiles
from sakuga.models.controlnets import check_controlnet, open_controlnet
from sakuga.models.denoiser import UNetDenoiser, call_unet
from sakuga.models.diffusers_classes import ControlNetModel, UNet2DConditionModel
from sakuga.models.embeddings import ENCODER_NAMES
from sakuga.models.fast_decoder import wants_fast_decoder
from sakuga.models.motion import MotionUNet, open_motion_adapter
from sakuga.models.motion_files import MotionFiles, check_motion_adapter
from sakuga.models.packing import pack_network
from sakuga.models.preview_decoder import open_preview_decoder
from sakuga.models.prompt_encoding import PromptEncoder
from sakuga.models.protocols import Autoencoder, Denoiser
from sakuga.models.text_encoders import TextEncoder, split_pooled
from sakuga.models.tokenization import Tokens
from sakuga.story.emphasis import without_emphasis
from sakuga.timeline.spec import Fit, Precision, Weighting

Loaded = TypeVar("Loaded")
PROMPTS = 256
"""Encoded prompts that stay in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncatedPrompt:
    """A prompt that is longer than the text encoder's token limit."""

    prompt: str
    tokens: int
    limit: int
    ignored: str

    def __str__(self) -> str:
        return f"the prompt has {self.tokens} tokens and the checkpoint reads {self.limit}: '{self.ignored}' is ignored; shorten it"


@dataclass(slots=True, kw_only=True, eq=False)
class Checkpoint:
    """The networks of a checkpoint on one device.

    Its only state is a cache: of encoded prompts, of networks loaded later, and of proofs about them.
    """

    files: CheckpointFiles
    info: CheckpointInfo
    text_encoders: tuple[TextEncoder, ...]
    """One, two for Stable Diffusion XL, none for image-variation checkpoints."""
    vae: Any
    unet: Any
    scheduler_config: dict[str, Any]
    custom_denoiser: Denoiser | None = None
    """Used in place of the UNet, such as a compiled network."""
    custom_window_denoiser: Denoiser | None = None
    """Used in place of the denoiser on the frames of motion windows, of which no two need to be equally long."""
    custom_autoencoder: Autoencoder | None = None
    """Used in place of the VAE."""
    wrap_controlnet: Callable[[Any], Any] | None = None
    """Makes what is called in place of the ControlNet, such as a compiled one."""
    wrap_motion: Callable[[MotionUNet], Callable[[MotionUNet], Any]] | None = None
    """Makes, for a motion adapter, what returns a compiled motion UNet in place of one of torch."""
    custom_recorder: Any = None
    """Used in place of `reference_attention.SelfAttentionRecorder`, such as a compiled one."""
    engine_notes: list[str] = field(default_factory=list)
    """Sentences of the engine for the user that nobody has read yet."""
    clip_skip: int = 1
    """Layer of the text encoders that is taken, counted from the usual one as in A1111; 2 is the layer before."""
    _prompt_cache: dict[tuple[int, str], Tensor] = field(default_factory=dict)
    _chunk_cache: dict[tuple[int, str, str], Tensor] = field(default_factory=dict)
    _text_cache: dict[str, Tensor] = field(default_factory=dict)
    _networks: dict[str, Any] = field(default_factory=dict)
    batch_invariance: dict[str, bool] = field(default_factory=dict)
    """What `batch_invariance` has proven about these networks."""

    @property
    def denoiser(self) -> Denoiser:
        """Return the network that predicts noise or velocity."""
        return self.custom_denoiser or UNetDenoiser(self.unet, self.info)

    @property
    def window_denoiser(self) -> Denoiser:
        """Return the image model as it runs on the frames of motion windows."""
        return self.custom_window_denoiser or self.denoiser

    @property
    def autoencoder(self) -> Autoencoder:
        """Return the network between images and latents."""
        return self.custom_autoencoder or VaeAutoencoder(self.vae)

    @property
    def engine(self) -> str:
        """Return what runs the denoiser, such as "torch" or "OpenVINO" with its version."""
        return str(getattr(self.denoiser, "engine", "torch"))

    @property
    def device(self) -> torch.device:
        return self.denoiser.device

    @property
    def dtype(self) -> torch.dtype:
        return self.denoiser.dtype

    @property
    def tokenizer(self) -> Any:
        """Return the first tokenizer; None without text encoders."""
        return self.text_encoders[0].tokenizer if self.text_encoders else None

    @property
    def text_encoder(self) -> Any:
        """Return the first text encoder's network; None without text encoders."""
        return self.text_encoders[0].network if self.text_encoders else None

    @property
    def networks(self) -> dict[str, Any]:
        """Return the networks that adapters may change, by component."""
        return {"unet": self.unet, **{encoder.name: encoder.network for encoder in self.text_encoders}}

    @property
    def image_encoder(self) -> Any:
        """Load CLIP's image encoder at first use; None where there is none."""
        if not self.files.info.has_image_encoder:
            return None
        if "image_encoder" not in self._networks:
            from transformers import CLIPVisionModelWithProjection

            precision = next(name for name, dtype in DTYPES.items() if dtype == self.dtype)
            network = load_component(CLIPVisionModelWithProjection, self.files, "image_encoder", str(self.device), precision)
            self._networks["image_encoder"] = network
        return self._networks["image_encoder"]

    @property
    def image_processor(self) -> Any:
        """Load the image encoder's preprocessing at first use."""
        if "feature_extractor" not in self._networks:
            from transformers import CLIPImageProcessorPil

            self._networks["feature_extractor"] = CLIPImageProcessorPil.from_pretrained(self.files.folder / "feature_extractor")
        return self._networks["feature_extractor"]

    @property
    def controlnet(self) -> Any:
        """Load the depth ControlNet at first use.

        Raises CheckpointError where there is none.
        """
        if "controlnet" not in self._networks:
            self.require("controlnet", "depth ControlNet", "generate without control")
            precision = next(name for name, dtype in DTYPES.items() if dtype == self.dtype)
            network = load_component(ControlNetModel, self.files, "controlnet", str(self.device), precision)
            check_controlnet(network, self.unet, f"checkpoint '{self.files.name}': its ControlNet")
            make_fast(network)
            self._networks["controlnet"] = network
        return self._networks["controlnet"]

    def keep(self, key: str, load: Callable[[], Loaded]) -> Loaded:
        """Return what belongs to these networks by its key, loaded at first use."""
        if key not in self._networks:
            self._networks[key] = load()
        kept: Loaded = self._networks[key]
        return kept

    def running_controlnet(self, files: ControlNetFiles | None = None) -> Any:
        """Return what is called as a ControlNet: the engine's, loaded at first use; None is the checkpoint's own, for depth.

        Raises CheckpointError where there is none, or where it is for another UNet.
        """
        network = self.controlnet if files is None else self._open_controlnet(files)
        if self.wrap_controlnet is None:
            return network
        key = f"running controlnet {files.digest if files else ''}"
        if key not in self._networks:
            self._networks[key] = self.wrap_controlnet(network)
        return self._networks[key]

    def _open_controlnet(self, files: ControlNetFiles) -> Any:
        key = f"controlnet {files.digest}"
        if key not in self._networks:
            with torch.inference_mode(False):
                network = open_controlnet(files, self.unet, self.dtype).to(self.device)
            make_fast(network)
            self._networks[key] = network
        return self._networks[key]

    def open_motion(self, adapter: MotionFiles) -> MotionUNet:
        """Put a motion adapter into the UNet, loading it at first use.

        Raises CheckpointError where it is for another UNet.
        """
        key = f"motion {adapter.digest}"
        if key not in self._networks:
            check_motion_adapter(adapter, self.files)
            with torch.inference_mode(False):
                network = open_motion_adapter(adapter.path, self.dtype).to(self.device)
            pack_network(network)
            self._networks[key] = network
        return MotionUNet(self.unet, self._networks[key], frames=adapter.info.context)

    @property
    def preview_decoder(self) -> Callable[[Tensor], np.ndarray]:
        """Return what decodes latents for live previews, as `decode`: a TAESD file or a linear map where the VAE's decoder is large."""
        if not wants_fast_decoder(self):
            return self.decode
        return self.keep("preview decoder", lambda: open_preview_decoder(self))

    @property
    def depth_estimator(self) -> Callable[[np.ndarray], np.ndarray]:
        """Load the depth estimator at first use.

        Raises CheckpointError where there is none.
        """
        if "depth" not in self._networks:
            self.require("depth", "depth estimator", "use depth from luminance")
            from sakuga.models.depth import load_depth_estimator

            self._networks["depth"] = load_depth_estimator(self.files.folder / "depth", str(self.device))
        estimator: Callable[[np.ndarray], np.ndarray] = self._networks["depth"]
        return estimator

    def require(self, part: str, title: str, remedy: str) -> None:
        """Refuse a checkpoint that lacks a part's folder; raises CheckpointError."""
        if part not in self.files.components():
            raise CheckpointError(f"checkpoint '{self.files.name}' has no {title} (folder {part}/): {remedy}")

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a prompt.

        Begin and end marks are included, emphasis brackets are not.
        """
        return len(self._tokenize(without_emphasis(text)).ids)

    def truncated_prompt(self, text: str) -> TruncatedPrompt | None:
        """Return which part of a prompt exceeds the token limit, if any."""
        plain = without_emphasis(text)
        tokens, limit = self._tokenize(plain), self.info.token_limit
        if len(tokens.ids) <= limit:
            return None
        return TruncatedPrompt(prompt=text, tokens=len(tokens.ids), limit=limit, ignored=plain[tokens.offsets[limit - 1][0] :].strip())

    @torch.inference_mode()
    def encode_prompts(self, prompts: Sequence[str]) -> Tensor:
        """Encode prompts to prompt embeddings.

        Returns (prompts, rows, channels): one row per token up to the limit, and for two encoders one for the pooled text. Each prompt is
        encoded alone and cached, so its embedding is batch-invariant. Emphasis is applied.
        """
        keys = [(self.clip_skip, prompt) for prompt in prompts]
        for key in keys:
            if key not in self._prompt_cache:
                self._prompt_cache[key] = self._encoder.encode(key[1])
        encoded = torch.cat([self._prompt_cache[key] for key in keys])
        while len(self._prompt_cache) > PROMPTS:
            del self._prompt_cache[next(iter(self._prompt_cache))]
        return encoded

    def clear_prompt_cache(self) -> None:
        """Forget encoded prompts, because a text encoder has changed."""
        self._prompt_cache.clear()
        self._chunk_cache.clear()
        self._text_cache.clear()

    @property
    def _encoder(self) -> PromptEncoder:
        self.require("text_encoder", "text encoder", "use a reference image in place of the prompt")
        return PromptEncoder(encoders=self.text_encoders, info=self.info, dtype=self.dtype, clip_skip=self.clip_skip)

    @torch.inference_mode()
    def encode_chunks(self, prompt: str, weighting: Weighting) -> Tensor:
        """Encode a prompt of any length in chunks of 75 tokens, (1, chunks x rows, channels); a pooled text is that of the first chunk.

        A prompt of one chunk is encoded as by `encode_prompts`, but for another `weighting`.
        """
        key = (self.clip_skip, weighting, prompt)
        if key not in self._chunk_cache:
            while len(self._chunk_cache) >= PROMPTS:
                del self._chunk_cache[next(iter(self._chunk_cache))]
            self._chunk_cache[key] = self._encoder.encode_chunks(prompt, weighting)
        return self._chunk_cache[key]

    def _tokenize(self, text: str) -> Tokens:
        return self.text_encoders[0].tokenize(text)

    def split_pooled(self, prompt_embeds: Tensor) -> tuple[Tensor, ...]:
        """Split prompt embeddings into token rows and pooled row.

        Only Stable Diffusion XL has the latter.
        """
        return split_pooled(prompt_embeds, self.info.pooled_channels)

    def forward(
        self, latents: Tensor, timestep: Tensor | int, prompt_embeds: Tensor, size_conditioning: Tensor | None = None, **residuals: Any
    ) -> Tensor:
        """Predict from noisy latents, as `Denoiser.forward` says."""
        return self.denoiser.forward(latents, timestep, prompt_embeds, size_conditioning, **residuals)

    def call_controlnet(
        self, network: Any, latents: Tensor, timestep: Tensor | int, prompt_embeds: Tensor, hints: Tensor, weight: float
    ) -> tuple[Sequence[Tensor], Tensor]:
        """Return a ControlNet's residuals of the way down and of the middle, times `weight`; hints are (n, 3, height, width), 0 to 1."""
        inputs: dict[str, Any] = {"controlnet_cond": hints, "conditioning_scale": weight}
        down, middle = call_unet(network, self.info, latents, timestep, prompt_embeds, **inputs)
        return down, middle

    @torch.inference_mode()
    def embed_image(self, image: np.ndarray, fit: Fit = "crop") -> Tensor:
        """Embed an image by CLIP as one token.

        Returns (1, 1, channels); raises CheckpointError without an image encoder. An oblong image is cropped to its centre square, or
        padded with its edge pixels; it is never squashed.
        """
        return embed_image(self, image, fit)

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embed texts in the space of `embed_image`.

        Returns (texts, channels); raises CheckpointError without a shared space.
        """
        if not texts:
            return torch.zeros(0, self.unet.config.cross_attention_dim, device=self.device, dtype=self.dtype)
        for text in texts:
            if text not in self._text_cache:
                self._text_cache[text] = embed_text(self, text)
        return torch.cat([self._text_cache[text] for text in texts])

    def zero_embeds(self) -> Tensor:
        """Return zeros as the unconditional embedding, (1, rows, channels)."""
        return torch.zeros(1, self.info.sequence_length, self.unet.config.cross_attention_dim, device=self.device, dtype=self.dtype)

    def encode(self, image: np.ndarray) -> Tensor:
        """Encode an image to latents, as `Autoencoder.encode` says."""
        return self.autoencoder.encode(image)

    def decode(self, latents: Tensor) -> np.ndarray:
        """Decode latents to images, as `Autoencoder.decode` says."""
        return self.autoencoder.decode(latents)


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Round images from 0..1 to uint8."""
    return (images * 255).round().astype(np.uint8)


def load_checkpoint(files: CheckpointFiles, device: str = "cpu", precision: Precision = "fp32") -> Checkpoint:
    """Load a checkpoint's networks.

    Raises CheckpointError where its files do not fit together.
    """
    components = files.components()
    try:
        unet = load_component(UNet2DConditionModel, files, "unet", device, precision)
        vae = load_vae(files, device, precision)
        make_fast(unet)
        pack_network(vae)
        return Checkpoint(
            files=files,
            info=files.info,
            text_encoders=tuple(open_text_encoder(files, name, device, precision) for name in ENCODER_NAMES if name in components),
            vae=vae,
            unet=unet,
            scheduler_config=files.config("scheduler"),
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"cannot load checkpoint '{files.name}': {reason}") from error
