"""Feature extractors: CLIP, and networks that compare image sets."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTextModel,
    CLIPTokenizer,
    CLIPVisionModelWithProjection,
)

from sakuga import InputError
from sakuga.files import read_utf8
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointError
from sakuga.models.checkpoint_lookup import download_from_hub, find_checkpoint
from sakuga.models.classifier import load_classifier, resize_square
from sakuga.models.hub_names import hub_repo
from sakuga.models.image_tensors import to_tensor
from sakuga.models.loading import load_network, quiet_libraries
from sakuga.paths import local_path
from sakuga.story.emphasis import without_emphasis

Image = NDArray[np.uint8]
"""(height, width, 3) RGB, of any size."""
Preprocess = Callable[[Sequence[Image]], Iterator[Tensor]]
"""Images of any sizes to batches of pixels, (images, 3, height, width)."""
BATCH_SIZE = 32
CPU = torch.device("cpu")
EXAMPLE = "such as openai/clip-vit-base-patch32"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipModel:
    """A text and an image encoder with one embedding space.

    Images are cropped to their centre square.
    """

    name: str
    folder: Path
    tokenizer: Any
    token_limit: int
    """Tokens of a text, begin and end marks included."""
    encode_text: Callable[[Tensor], Tensor]
    """Token numbers (texts, tokens) to embeddings (texts, channels)."""
    encode_image: Callable[[Tensor], Tensor]
    """Pixels (images, 3, height, width) to embeddings (images, channels)."""
    feature_maps: Callable[[Tensor], list[Tensor]]
    preprocess: Preprocess

    @torch.inference_mode()
    def embed_images(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Embed images of any sizes: (images, channels)."""
        return _concatenated(self.encode_image(pixels) for pixels in self.preprocess(images))

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts without emphasis: (texts, channels).

        They are truncated to the token limit; equal texts are encoded once.
        """
        known = {text: self._embed_text(text) for text in dict.fromkeys(texts)}
        return _concatenated(known[text] for text in texts)

    def truncated_texts(self, texts: Sequence[str]) -> list[str]:
        """List the texts that exceed the token limit."""
        return [
            text for text in dict.fromkeys(texts) if len(self.tokenizer(without_emphasis(text), verbose=False).input_ids) > self.token_limit
        ]

    def caveat(self, generator: Path | None) -> str:
        """Return a warning if this CLIP also conditioned the images.

        `generator` is the checkpoint folder that generated them.
        """
        if generator is None or generator.resolve() != self.folder.resolve():
            return ""
        return f"{self.name}'s own text encoder also conditions these images, so it is no independent metric: " + (
            "prefer the label classifier" if self.name == SKETCHBOOK else f"choose another with --clip, {EXAMPLE}"
        )

    def _embed_text(self, text: str) -> Tensor:
        tokens = self.tokenizer(without_emphasis(text), truncation=True, max_length=self.token_limit, return_tensors="pt")
        return self.encode_text(tokens.input_ids)


def load_clip(name: str = SKETCHBOOK) -> ClipModel:
    """Load a CLIP model by name.

    It is `sketchbook`, a checkpoint with an image encoder, a folder in transformers' layout, or owner/name of the hub. Raises
    CheckpointError where there is none, or where texts and images have no shared space.
    """
    folder = _folder(name)
    if (folder / "text_encoder").is_dir():
        return _clip_of_checkpoint(name, folder)
    if (kind := _config(folder).get("model_type")) != "clip":
        raise CheckpointError(f"{folder} is {kind or 'of unknown type'}, not CLIP: choose one, {EXAMPLE}")
    model = load_network(CLIPModel, folder, torch.float32)
    return ClipModel(
        name=name,
        folder=folder,
        tokenizer=_load_quietly(CLIPTokenizer, folder),
        token_limit=model.config.text_config.max_position_embeddings,
        encode_text=lambda tokens: torch.as_tensor(model.text_projection(model.text_model(tokens).pooler_output)),
        encode_image=lambda pixels: torch.as_tensor(model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)),
        feature_maps=partial(_hidden_states, model.vision_model),
        preprocess=partial(_process, _load_quietly(CLIPImageProcessorPil, folder)),
    )


def _clip_of_checkpoint(name: str, folder: Path) -> ClipModel:
    """Load a checkpoint's text and image encoder.

    Without a projection, the pooled text must be in the image space.
    """
    if not (folder / "image_encoder").is_dir():
        raise CheckpointError(f"checkpoint '{name}' has no image encoder: choose a CLIP model with --clip, {EXAMPLE}")
    texts = load_network(CLIPTextModel, folder / "text_encoder", torch.float32)
    images = load_network(CLIPVisionModelWithProjection, folder / "image_encoder", torch.float32)
    if texts.config.hidden_size != images.config.projection_dim:
        raise CheckpointError(f"checkpoint '{name}' cannot compare texts with images: choose a CLIP model with --clip, {EXAMPLE}")
    return ClipModel(
        name=name,
        folder=folder,
        tokenizer=_load_quietly(CLIPTokenizer, folder / "tokenizer"),
        token_limit=texts.config.max_position_embeddings,
        encode_text=lambda tokens: torch.as_tensor(texts(tokens).pooler_output),
        encode_image=lambda pixels: torch.as_tensor(images(pixel_values=pixels).image_embeds),
        feature_maps=partial(_hidden_states, images),
        preprocess=partial(_process, _load_quietly(CLIPImageProcessorPil, folder / "feature_extractor")),
    )


def _load_quietly(kind: Any, folder: Path) -> Any:
    with quiet_libraries():
        return kind.from_pretrained(folder, local_files_only=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureExtractor:
    """A vision network for image features.

    `feature_maps` returns one (images, channels, places) for each layer.
    """

    name: str
    preprocess: Preprocess
    encode_image: Callable[[Tensor], Tensor]
    feature_maps: Callable[[Tensor], list[Tensor]]

    @torch.inference_mode()
    def features(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Return the features of images, (images, features).

        They are for distances between sets; sizes may differ.
        """
        return _concatenated(self.encode_image(pixels) for pixels in self.preprocess(images)).astype(np.float64)

    @torch.inference_mode()
    def distance(self, first: Image, second: Image) -> float:
        """Return the perceptual distance of two images.

        Zhang et al. 2018, equation 1, with all weights 1 and the mean over layers. 0.0 for equal images, at most 4.0. Without weights
        fitted to human judgements it is not an LPIPS figure of the literature.
        """
        (pixels,) = self.preprocess([first, second])
        layers = [nn.functional.normalize(maps, dim=1) for maps in self.feature_maps(pixels)]
        return float(torch.stack([(maps[0] - maps[1]).square().sum(dim=0).mean() for maps in layers]).mean())


def load_feature_extractor(name: str = SKETCHBOOK) -> FeatureExtractor:
    """Load a feature extractor by name.

    It is `sketchbook` (its label classifier, 256 features), or a vision model in transformers' layout. A folder or owner/name of CLIP,
    DINO, DINOv2, ResNet, ViT and the like; features are pooled, those of CLIP projected. Raises CheckpointError where it cannot be loaded.
    """
    folder = _folder(name)
    if (folder / "classifier").is_dir():
        return _classifier_extractor(name, folder / "classifier")
    if (folder / "text_encoder").is_dir() or _config(folder).get("model_type") == "clip":
        clip = load_clip(name)
        return FeatureExtractor(name=name, preprocess=clip.preprocess, encode_image=clip.encode_image, feature_maps=clip.feature_maps)
    with quiet_libraries():
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    network = load_network(AutoModel, folder, torch.float32)
    network = network.vision_model if hasattr(config, "vision_config") else network
    return FeatureExtractor(
        name=name,
        preprocess=partial(_process, processor),
        encode_image=partial(_pool, network),
        feature_maps=partial(_hidden_states, network),
    )


def _classifier_extractor(name: str, folder: Path) -> FeatureExtractor:
    classifier = load_classifier(folder)

    def feature_maps(pixels: Tensor) -> list[Tensor]:
        maps: list[Tensor] = []
        for layer in classifier.body:
            pixels = layer(pixels)
            if isinstance(layer, nn.SiLU):
                maps.append(pixels.flatten(2))
        return maps

    def preprocess(images: Sequence[Image]) -> Iterator[Tensor]:
        for first in range(0, len(images), BATCH_SIZE):
            yield torch.cat([resize_square(to_tensor(one[None], CPU)) for one in images[first : first + BATCH_SIZE]])

    return FeatureExtractor(name=name, preprocess=preprocess, encode_image=classifier.features, feature_maps=feature_maps)


def _process(processor: Any, images: Sequence[Image]) -> Iterator[Tensor]:
    """Preprocess images and yield them in batches.

    Each is processed alone, as their sizes may differ.
    """
    for first in range(0, len(images), BATCH_SIZE):
        yield torch.cat([processor(images=one, return_tensors="pt").pixel_values for one in images[first : first + BATCH_SIZE]])


def _pool(network: Any, pixels: Tensor) -> Tensor:
    """Return a network's pooled output, else the mean over places."""
    output = network(pixel_values=pixels)
    pooled = getattr(output, "pooler_output", None)
    return torch.as_tensor(output.last_hidden_state.mean(dim=1) if pooled is None else pooled.flatten(1))


def _hidden_states(network: Any, pixels: Tensor) -> list[Tensor]:
    """Return the hidden states of all layers.

    They are (images, channels, places): tokens transposed, convolution maps flattened.
    """
    states = network(pixel_values=pixels, output_hidden_states=True).hidden_states
    return [state.flatten(2) if state.ndim == 4 else state.transpose(1, 2) for state in states]


def _concatenated(parts: Iterator[Tensor]) -> NDArray[np.float32]:
    found = [part.float().numpy() for part in parts]
    if not found:
        raise InputError("there are no images or texts to embed: give at least one")
    return np.concatenate(found)


def _folder(name: str) -> Path:
    """Find the folder of a network by name.

    A name is a folder, a checkpoint, or owner/name of the hub.
    """
    path = local_path(name)
    if (path / "config.json").is_file():
        return path.resolve()
    if not path.is_dir() and (repo := hub_repo(name)):
        return download_from_hub(repo, ["*.json", "*.txt", "model.safetensors"])
    return find_checkpoint(name).folder


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        return dict(json.loads(read_utf8(path))) if path.is_file() else {}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"cannot read {path} ({error}): download it again") from error
