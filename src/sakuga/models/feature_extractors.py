"""Networks that look at pictures: CLIP, which reads words too, and others whose features compare sets of pictures."""

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
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointError
from sakuga.models.checkpoint_lookup import HUB_NAME, find_checkpoint, from_hub
from sakuga.models.classifier import load_classifier, squared
from sakuga.models.image_tensors import to_tensor
from sakuga.models.loading import opened, quiet
from sakuga.story.emphasis import without_emphasis

Picture = NDArray[np.uint8]
"""(height, width, 3) RGB, of any size."""
AT_ONCE = 32
CPU = torch.device("cpu")
KNOWN = "such as openai/clip-vit-base-patch32"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """A text and an image encoder with one space for both; pictures are seen by the middle square, as CLIP was trained."""

    name: str
    folder: Path
    tokenizer: Any
    longest: int
    """Tokens of a text, begin and end marks included."""
    say: Callable[[Tensor], Tensor]
    """Tokens (texts, tokens) to embeddings (texts, channels)."""
    see: Callable[[Tensor], Tensor]
    """Prepared pictures (pictures, 3, height, width) to embeddings (pictures, channels)."""
    maps: Callable[[Tensor], list[Tensor]]
    prepared: Callable[[Sequence[Picture]], Iterator[Tensor]]

    @torch.inference_mode()
    def pictures(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Embed pictures of any sizes: (pictures, channels)."""
        return _gathered(self.see(part) for part in self.prepared(pictures))

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts without their brackets of emphasis, each distinct one once: (texts, channels). What is over the limit is not read."""
        known = {text: self._embedded(text) for text in dict.fromkeys(texts)}
        return _gathered(known[text] for text in texts)

    def unread(self, texts: Sequence[str]) -> list[str]:
        """List the texts that are too long to be read whole."""
        return [
            text for text in dict.fromkeys(texts) if len(self.tokenizer(without_emphasis(text), verbose=False).input_ids) > self.longest
        ]

    def caution(self, drawn_by: Path | None) -> str:
        """Say so where this CLIP's text encoder is the one by which the pictures were drawn."""
        if drawn_by is None or drawn_by.resolve() != self.folder.resolve():
            return ""
        return f"{self.name}'s own text encoder also conditions these pictures, so this is no outside judge: " + (
            "the label classifier leads" if self.name == SKETCHBOOK else f"name another with --clip, {KNOWN}"
        )

    def _embedded(self, text: str) -> Tensor:
        tokens = self.tokenizer(without_emphasis(text), truncation=True, max_length=self.longest, return_tensors="pt")
        return self.say(tokens.input_ids)


def open_clip(name: str = SKETCHBOOK) -> Clip:
    """Open a CLIP: `sketchbook`, a checkpoint that has an image encoder, a CLIP folder in transformers' layout, or owner/name of the hub.

    Raises CheckpointError where there is none, or where its words and its pictures have no space in common.
    """
    folder = _folder(name)
    if (folder / "text_encoder").is_dir():
        return _clip_of_checkpoint(name, folder)
    if (kind := _config(folder).get("model_type")) != "clip":
        raise CheckpointError(f"{folder} is {kind or 'of no known kind'}, no CLIP: name one, {KNOWN}")
    model = opened(CLIPModel, folder, torch.float32)
    return Clip(
        name=name,
        folder=folder,
        tokenizer=_quietly(CLIPTokenizer, folder),
        longest=model.config.text_config.max_position_embeddings,
        say=lambda tokens: torch.as_tensor(model.text_projection(model.text_model(tokens).pooler_output)),
        see=lambda pixels: torch.as_tensor(model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)),
        maps=partial(_hidden, model.vision_model),
        prepared=partial(_prepared, _quietly(CLIPImageProcessorPil, folder)),
    )


def _clip_of_checkpoint(name: str, folder: Path) -> Clip:
    """Open the encoders of a checkpoint, whose texts' pooled output must be in the pictures' space, as there is no projection behind it."""
    if not (folder / "image_encoder").is_dir():
        raise CheckpointError(f"checkpoint '{name}' has no image encoder: name a CLIP model with --clip, {KNOWN}")
    texts = opened(CLIPTextModel, folder / "text_encoder", torch.float32)
    images = opened(CLIPVisionModelWithProjection, folder / "image_encoder", torch.float32)
    if texts.config.hidden_size != images.config.projection_dim:
        raise CheckpointError(f"checkpoint '{name}' cannot compare words with pictures: name a CLIP model with --clip, {KNOWN}")
    return Clip(
        name=name,
        folder=folder,
        tokenizer=_quietly(CLIPTokenizer, folder / "tokenizer"),
        longest=texts.config.max_position_embeddings,
        say=lambda tokens: torch.as_tensor(texts(tokens).pooler_output),
        see=lambda pixels: torch.as_tensor(images(pixel_values=pixels).image_embeds),
        maps=partial(_hidden, images),
        prepared=partial(_prepared, _quietly(CLIPImageProcessorPil, folder / "feature_extractor")),
    )


def _quietly(kind: Any, folder: Path) -> Any:
    with quiet():
        return kind.from_pretrained(folder, local_files_only=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Eye:
    """A network that looks at pictures of any sizes; `maps` are what its layers see, one by one, each (pictures, channels, places)."""

    name: str
    prepared: Callable[[Sequence[Picture]], Iterator[Tensor]]
    see: Callable[[Tensor], Tensor]
    maps: Callable[[Tensor], list[Tensor]]

    @torch.inference_mode()
    def features(self, pictures: Sequence[Picture]) -> NDArray[np.float64]:
        """Return what the network sees in each picture, (pictures, features), for distances between sets."""
        return _gathered(self.see(part) for part in self.prepared(pictures)).astype(np.float64)

    @torch.inference_mode()
    def distance(self, first: Picture, second: Picture) -> float:
        """Return the perceptual distance of two pictures (Zhang et al. 2018, equation 1 with all weights 1, as a mean over layers).

        Without weights learnt from people it is no LPIPS figure of the literature; it is 0.0 for the same picture and at most 4.0.
        """
        (pixels,) = self.prepared([first, second])
        layers = [nn.functional.normalize(seen, dim=1) for seen in self.maps(pixels)]
        return float(torch.stack([(seen[0] - seen[1]).square().sum(dim=0).mean() for seen in layers]).mean())


def open_eye(name: str = SKETCHBOOK) -> Eye:
    """Open what looks at pictures: `sketchbook` (its label classifier, 256 features), or any vision model in transformers' layout.

    A folder or owner/name of CLIP, DINO, DINOv2, ResNet, ViT and the like: their features are pooled, those of CLIP projected.
    Raises CheckpointError where it cannot be opened.
    """
    folder = _folder(name)
    if (folder / "classifier").is_dir():
        return _classifier_eye(name, folder / "classifier")
    if (folder / "text_encoder").is_dir() or _config(folder).get("model_type") == "clip":
        clip = open_clip(name)
        return Eye(name=name, prepared=clip.prepared, see=clip.see, maps=clip.maps)
    with quiet():
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    network = opened(AutoModel, folder, torch.float32)
    network = network.vision_model if hasattr(config, "vision_config") else network
    return Eye(name=name, prepared=partial(_prepared, processor), see=partial(_pooled, network), maps=partial(_hidden, network))


def _classifier_eye(name: str, folder: Path) -> Eye:
    classifier = load_classifier(folder)

    def maps(pixels: Tensor) -> list[Tensor]:
        seen: list[Tensor] = []
        for layer in classifier.body:
            pixels = layer(pixels)
            if isinstance(layer, nn.SiLU):
                seen.append(pixels.flatten(2))
        return seen

    def prepared(pictures: Sequence[Picture]) -> Iterator[Tensor]:
        for first in range(0, len(pictures), AT_ONCE):
            yield torch.cat([squared(to_tensor(one[None], CPU)) for one in pictures[first : first + AT_ONCE]])

    return Eye(name=name, prepared=prepared, see=classifier.features, maps=maps)


def _prepared(processor: Any, pictures: Sequence[Picture]) -> Iterator[Tensor]:
    """Bring pictures to what a network takes, each by itself, so that their sizes may differ; a batch at a time."""
    for first in range(0, len(pictures), AT_ONCE):
        yield torch.cat([processor(images=one, return_tensors="pt").pixel_values for one in pictures[first : first + AT_ONCE]])


def _pooled(network: Any, pixels: Tensor) -> Tensor:
    """Take a network's pooled output where it has one, else the mean over places."""
    seen = network(pixel_values=pixels)
    pooled = getattr(seen, "pooler_output", None)
    return torch.as_tensor(seen.last_hidden_state.mean(dim=1) if pooled is None else pooled.flatten(1))


def _hidden(network: Any, pixels: Tensor) -> list[Tensor]:
    """Return what all layers see, (pictures, channels, places): a transformer's tokens are turned, planes of convolutions flattened."""
    states = network(pixel_values=pixels, output_hidden_states=True).hidden_states
    return [state.flatten(2) if state.ndim == 4 else state.transpose(1, 2) for state in states]


def _gathered(parts: Iterator[Tensor]) -> NDArray[np.float32]:
    found = [part.float().numpy() for part in parts]
    if not found:
        raise InputError("there are no pictures or texts to look at: give at least one")
    return np.concatenate(found)


def _folder(name: str) -> Path:
    """Find a network by name: a folder, a checkpoint, or owner/name of the hub."""
    path = Path(name).expanduser()
    if (path / "config.json").is_file():
        return path.resolve()
    if HUB_NAME.fullmatch(name) and not path.is_dir():
        return from_hub(name, ["*.json", "*.txt", "model.safetensors"])
    return find_checkpoint(name).folder


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
    except ValueError as error:
        raise CheckpointError(f"{path} cannot be read ({error}): copy it anew") from error
