"""A checkpoint in memory: networks, and encoding of prompts and images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sakuga.diffusion.emphasis import apply_emphasis, scale_emphasis
from sakuga.models.autoencoder import VaeAutoencoder
from sakuga.models.checkpoint_files import CheckpointError, CheckpointFiles, CheckpointInfo, weight_files
from sakuga.models.denoiser import UNetDenoiser, call_unet
from sakuga.models.diffusers_classes import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from sakuga.models.embeddings import ENCODER_NAMES, EncoderName
from sakuga.models.loading import load_network, load_text_encoder
from sakuga.models.memoization import memoize_constants
from sakuga.models.motion import MotionUNet, open_motion_adapter
from sakuga.models.motion_files import MotionFiles, check_motion_adapter
from sakuga.models.packing import pack_network
from sakuga.models.prompt_chunks import MARKS, chunk_tokens
from sakuga.models.protocols import Autoencoder, Denoiser
from sakuga.models.text_encoders import TextEncoder, emphasis_weights, encode_texts, encode_tokens, split_pooled, token_weights
from sakuga.models.tokenization import Tokens, load_prompt_tokenizer
from sakuga.story.emphasis import Emphasis, read_emphasis, without_emphasis
from sakuga.timeline.spec import Fit, Precision, Weighting

VAES: dict[str, Any] = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
PROMPTS = 256
"""Encoded prompts that stay in memory."""
DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


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
    custom_autoencoder: Autoencoder | None = None
    """Used in place of the VAE."""
    wrap_controlnet: Callable[[Any], Any] | None = None
    """Makes what is called in place of the ControlNet, such as a compiled one."""
    wrap_motion: Callable[[MotionUNet], Callable[[MotionUNet], Any]] | None = None
    """Makes, for a motion adapter, what returns a compiled motion UNet in place of one with more or fewer frames."""
    custom_recorder: Any = None
    """Used in place of `reference_attention.SelfAttentionRecorder`, such as a compiled one."""
    engine_notes: list[str] = field(default_factory=list)
    """Sentences of the engine for the user that nobody has read yet."""
    _prompt_cache: dict[str, Tensor] = field(default_factory=dict)
    _chunk_cache: dict[str, Tensor] = field(default_factory=dict)
    _text_cache: dict[str, Tensor] = field(default_factory=dict)
    _networks: dict[str, Any] = field(default_factory=dict)
    batch_invariance: dict[str, bool] = field(default_factory=dict)
    """What `batch_invariance` has proven about these networks."""

    @property
    def denoiser(self) -> Denoiser:
        """Return the network that predicts noise or velocity."""
        return self.custom_denoiser or UNetDenoiser(self.unet, self.info)

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
            network = _network(CLIPVisionModelWithProjection, self.files, "image_encoder", str(self.device), precision)
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
            self._require("controlnet", "depth ControlNet", "generate without control")
            precision = next(name for name, dtype in DTYPES.items() if dtype == self.dtype)
            network = _network(ControlNetModel, self.files, "controlnet", str(self.device), precision)
            _check_controlnet(network, self.unet, self.files)
            _make_fast(network)
            self._networks["controlnet"] = network
        return self._networks["controlnet"]

    @property
    def _running_controlnet(self) -> Any:
        if self.wrap_controlnet is None:
            return self.controlnet
        if "running controlnet" not in self._networks:
            self._networks["running controlnet"] = self.wrap_controlnet(self.controlnet)
        return self._networks["running controlnet"]

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
    def depth_estimator(self) -> Callable[[np.ndarray], np.ndarray]:
        """Load the depth estimator at first use.

        Raises CheckpointError where there is none.
        """
        if "depth" not in self._networks:
            self._require("depth", "depth estimator", "use depth from luminance")
            from sakuga.models.depth import load_depth_estimator

            self._networks["depth"] = load_depth_estimator(self.files.folder / "depth", str(self.device))
        estimator: Callable[[np.ndarray], np.ndarray] = self._networks["depth"]
        return estimator

    def _require(self, part: str, title: str, remedy: str) -> None:
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
        for prompt in prompts:
            if prompt not in self._prompt_cache:
                self._prompt_cache[prompt] = self._encode_prompt(prompt)
        encoded = torch.cat([self._prompt_cache[prompt] for prompt in prompts])
        while len(self._prompt_cache) > PROMPTS:
            del self._prompt_cache[next(iter(self._prompt_cache))]
        return encoded

    def clear_prompt_cache(self) -> None:
        """Forget encoded prompts, because a text encoder has changed."""
        self._prompt_cache.clear()
        self._chunk_cache.clear()
        self._text_cache.clear()

    def _encode_prompt(self, prompt: str) -> Tensor:
        self._require("text_encoder", "text encoder", "use a reference image in place of the prompt")
        emphasis, limit = read_emphasis(prompt), self.info.token_limit
        encoded = encode_texts(self.text_encoders, [emphasis.text], limit).to(self.dtype)
        if emphasis.plain:
            return encoded
        weights = emphasis_weights(self.text_encoders, emphasis, limit, self.info.sequence_length)
        return apply_emphasis(encoded, self.encode_prompts([""]), weights.to(encoded))

    @torch.inference_mode()
    def encode_chunks(self, prompt: str, weighting: Weighting) -> Tensor:
        """Encode a prompt of any length in chunks of 75 tokens, (1, chunks x rows, channels); a pooled text is that of the first chunk.

        A prompt of one chunk is encoded as by `encode_prompts`, but for another `weighting`.
        """
        key = f"{weighting} {prompt}"
        if key not in self._chunk_cache:
            self._require("text_encoder", "text encoder", "use a reference image in place of the prompt")
            while len(self._chunk_cache) >= PROMPTS:
                del self._chunk_cache[next(iter(self._chunk_cache))]
            self._chunk_cache[key] = self._encode_chunks(prompt, weighting)
        return self._chunk_cache[key]

    def _encode_chunks(self, prompt: str, weighting: Weighting) -> Tensor:
        emphasis, limit = read_emphasis(prompt), self.info.token_limit
        divided = [chunk_tokens(encoder.tokenize(emphasis.text), emphasis.text, limit - MARKS) for encoder in self.text_encoders]
        count = max(map(len, divided))
        empty = [encoder.tokenize("") for encoder in self.text_encoders]
        whole = [[*chunks, *[blank] * (count - len(chunks))] for chunks, blank in zip(divided, empty, strict=True)]
        encoded = [self._encode_chunk([chunks[place] for chunks in whole], emphasis, weighting) for place in range(count)]
        parts = [self.split_pooled(one) for one in encoded]
        return torch.cat([*(tokens for tokens, *_ in parts), *parts[0][1:]], dim=1)

    def _encode_chunk(self, tokens: Sequence[Tokens], emphasis: Emphasis, weighting: Weighting) -> Tensor:
        """Encode one chunk, given for each encoder."""
        limit = self.info.token_limit
        encoded = encode_tokens(self.text_encoders, [[one] for one in tokens], limit).to(self.dtype)
        weights = token_weights(self.text_encoders, emphasis, tokens, limit, self.info.sequence_length).to(encoded)
        if emphasis.plain:
            return encoded
        match weighting:
            case "comfyui":
                return apply_emphasis(encoded, self.encode_prompts([""]), weights)
            case "a1111":
                return self._scale_emphasis(encoded, weights)

    def _scale_emphasis(self, encoded: Tensor, weights: Tensor) -> Tensor:
        """Scale each encoder's channels on their own; the pooled text stays."""
        tokens, *pooled = self.split_pooled(encoded)
        widths = [encoder.network.config.hidden_size for encoder in self.text_encoders]
        shares = torch.split(weights[: tokens.shape[1]].expand(-1, tokens.shape[2]), widths, dim=1)
        scaled = [scale_emphasis(one, share) for one, share in zip(torch.split(tokens, widths, dim=2), shares, strict=True)]
        return torch.cat([torch.cat(scaled, dim=2), *pooled], dim=1)

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

    def control_residuals(
        self, latents: Tensor, timestep: Tensor | int, prompt_embeds: Tensor, control_image: Tensor, weight: float
    ) -> dict[str, Any]:
        """Return the ControlNet's residuals for `forward`, times `weight` (Zhang et al. 2023).

        `control_image` is (n, 3, height, width) from 0 to 1.
        """
        inputs: dict[str, Any] = {"controlnet_cond": control_image, "conditioning_scale": weight}
        down, middle = call_unet(self._running_controlnet, self.info, latents, timestep, prompt_embeds, **inputs)
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}

    @torch.inference_mode()
    def embed_image(self, image: np.ndarray, fit: Fit = "crop") -> Tensor:
        """Embed an image by CLIP as one token.

        Returns (1, 1, channels); raises CheckpointError without an image encoder. An oblong image is cropped to its centre square, or
        padded with its edge pixels; it is never squashed.
        """
        if self.image_encoder is None:
            raise CheckpointError(f"checkpoint '{self.files.name}' has no image encoder: describe the image in a prompt")
        crops_itself = "shortest_edge" in self.image_processor.size
        square = _pad_square(image) if fit == "pad" else image if crops_itself else _crop_square(image)
        pixels = self.image_processor(images=square, input_data_format="channels_last", return_tensors="pt").pixel_values.to(
            self.device, self.dtype
        )
        return torch.as_tensor(self.image_encoder(pixels).image_embeds)[:, None]

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embed texts in the space of `embed_image`.

        Returns (texts, channels); raises CheckpointError without a shared space.
        """
        if not texts:
            return torch.zeros(0, self.unet.config.cross_attention_dim, device=self.device, dtype=self.dtype)
        for text in texts:
            if text not in self._text_cache:
                self._text_cache[text] = self._embed_text(text)
        return torch.cat([self._text_cache[text] for text in texts])

    def _embed_text(self, text: str) -> Tensor:
        """Return CLIP's projected text.

        Without a projection, the pooled output must be in the image space.
        """
        remedy = "disable text guidance with 0 repeats"
        self._require("text_encoder", "text encoder", remedy)
        tokens = self._tokenize(text)
        limit = min(len(tokens.ids), self.info.token_limit)
        output = self.text_encoder(torch.tensor([tokens.resized(limit, self.tokenizer.pad_token_id).ids], device=self.device))
        embedded = output.text_embeds if hasattr(output, "text_embeds") else output.pooler_output
        if self.image_encoder is None or embedded.shape[-1] != self.image_encoder.config.projection_dim:
            raise CheckpointError(f"checkpoint '{self.files.name}' cannot compare texts with images: {remedy}")
        return torch.as_tensor(embedded).to(self.dtype)

    def zero_embeds(self) -> Tensor:
        """Return zeros as the unconditional embedding, (1, rows, channels)."""
        return torch.zeros(1, self.info.sequence_length, self.unet.config.cross_attention_dim, device=self.device, dtype=self.dtype)

    def encode(self, image: np.ndarray) -> Tensor:
        """Encode an image to latents, as `Autoencoder.encode` says."""
        return self.autoencoder.encode(image)

    def decode(self, latents: Tensor) -> np.ndarray:
        """Decode latents to images, as `Autoencoder.decode` says."""
        return self.autoencoder.decode(latents)


def _crop_square(image: np.ndarray) -> np.ndarray:
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def _pad_square(image: np.ndarray) -> np.ndarray:
    side = max(image.shape[:2])
    fill = [((side - length) // 2, (side - length + 1) // 2) for length in image.shape[:2]]
    return np.pad(image, (*fill, (0, 0)), mode="edge")


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Round images from 0..1 to uint8."""
    return (images * 255).round().astype(np.uint8)


def load_checkpoint(files: CheckpointFiles, device: str = "cpu", precision: Precision = "fp32") -> Checkpoint:
    """Load a checkpoint's networks.

    Raises CheckpointError where its files do not fit together.
    """
    components = files.components()
    try:
        unet, vae = _network(UNet2DConditionModel, files, "unet", device, precision), _vae(files, device, precision)
        _make_fast(unet)
        pack_network(vae)
        return Checkpoint(
            files=files,
            info=files.info,
            text_encoders=tuple(_text_encoder(files, name, device, precision) for name in ENCODER_NAMES if name in components),
            vae=vae,
            unet=unet,
            scheduler_config=files.config("scheduler"),
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"cannot load checkpoint '{files.name}': {reason}") from error


def _make_fast(network: Any) -> None:
    """Prepare a UNet or ControlNet for sampling; training sees no difference."""
    pack_network(network)
    memoize_constants(network)


def _check_controlnet(controlnet: Any, unet: Any, files: CheckpointFiles) -> None:
    """Raise CheckpointError where a ControlNet's sizes are not those of its UNet."""
    for name in ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim", "addition_embed_type"):
        own, expected = controlnet.config[name], unet.config[name]
        if own != expected:
            raise CheckpointError(
                f"checkpoint '{files.name}': its ControlNet was trained for another UNet ({name} is {own}, not {expected}): replace it"
            )


def _text_encoder(files: CheckpointFiles, name: EncoderName, device: str, precision: Precision) -> TextEncoder:
    with torch.inference_mode(False):
        network = load_text_encoder(files, name, DTYPES[precision]).to(device)
    tokenizer = load_prompt_tokenizer(files.folder, name.replace("text_encoder", "tokenizer"))
    return TextEncoder(name=name, tokenizer=tokenizer, network=network)


def _vae(files: CheckpointFiles, device: str, precision: Precision) -> Any:
    """Load the VAE.

    That of Stable Diffusion XL stays in fp32 where its activations overflow fp16 (`force_upcast`).
    """
    config = files.config("vae")
    upcast = precision == "fp16" and files.info.pooled_channels and config.get("force_upcast", True)
    return _network(VAES[config["_class_name"]], files, "vae", device, "fp32" if upcast else precision)


def _network(kind: Any, files: CheckpointFiles, part: str, device: str, precision: Precision) -> Any:
    folder = files.folder / part
    variant = "fp16" if ".fp16." in weight_files(folder, files.name)[0].name else None
    with torch.inference_mode(False):  # also where a step loads the ControlNet: weights made in inference mode have no version
        return load_network(kind, folder, DTYPES[precision], variant).to(device)
