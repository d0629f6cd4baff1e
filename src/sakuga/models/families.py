"""Families of base models: recognition and defaults.

Loads no torch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sakuga.models.checkpoint_files import CheckpointFiles, CheckpointInfo

FamilyName = Literal["sketchbook", "sd1", "sd2", "sdxl"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionDefaults:
    """How a family's motion adapters are sampled; by default as those of AnimateDiff."""

    window: int | None = None
    """Frames denoised together; None takes as many as an adapter was trained on."""
    steps: int | None = None
    """Denoising steps of films that move; None takes as many as for images."""
    smoothing: float = 0.0
    """How much each frame is blended with its neighbours at each step."""
    smoothing_alone: float = 0.0
    """The same where the adapter denoises to the end, without the image model after it."""
    joint_guidance: float = 0.0
    """Share of guidance beyond 1.0 that is taken with unconditional frames of the image model; 0.0 takes those of the motion UNet."""
    denoising_end: float = 1.0
    """Share of the noise levels in which the adapter acts; in the rest the image model ends each frame."""
    keyframe_strength: float = 1.0
    """Below 1.0 a shot's first frame is the image model's, and given: adapters are trained with given frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDefaults:
    """Settings that suit a family where the user chooses none."""

    steps: int = 30
    guidance_scale: float = 7.5
    guidance_start: float = 0.0
    """Share of the noise levels, from the highest, that run without guidance."""
    enlarge: int = 1
    """Side of an output image, in native sizes."""
    reference_weight: float = 0.0
    """Weight of attention to the first shot's keyframe in films."""
    motion: MotionDefaults = MotionDefaults()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What recognizes a family of models, and its defaults.

    Native size, latent factor and channels are read from each checkpoint's own configs (`CheckpointInfo`).
    """

    name: FamilyName | None
    title: str
    cross_attention_dim: int = 0
    """Channels of the prompt embeddings that its UNet attends to."""
    token_channels: int = 0
    """Channels of a token's embedding in the text encoder that only this family has."""
    aliases: tuple[str, ...] = ()
    """Names in the metadata of kohya, of the model spec and of this package; the first match in table order counts."""
    defaults: ModelDefaults = ModelDefaults()


FAMILIES: tuple[Family, ...] = (
    Family(
        name="sketchbook",
        title="the Sketchbook",
        cross_attention_dim=256,
        token_channels=256,
        aliases=("sketchbook",),
        defaults=ModelDefaults(
            steps=20,
            guidance_scale=4.0,
            guidance_start=0.2,
            enlarge=2,
            reference_weight=4.0,
            motion=MotionDefaults(
                window=32, steps=15, smoothing=0.1, smoothing_alone=0.5, joint_guidance=0.15, denoising_end=0.87, keyframe_strength=0.2
            ),
        ),
    ),
    Family(
        name="sdxl",
        title="Stable Diffusion XL",
        cross_attention_dim=2048,
        token_channels=1280,
        aliases=("sdxl", "xl"),
        defaults=ModelDefaults(guidance_scale=5.0),
    ),
    Family(
        name="sd2",
        title="Stable Diffusion 2.x",
        cross_attention_dim=1024,
        token_channels=1024,
        aliases=("sd_v2", "stable-diffusion-v2", "sd2"),
    ),
    Family(
        name="sd1",
        title="Stable Diffusion 1.x",
        cross_attention_dim=768,
        token_channels=768,
        aliases=("sd_v1", "stable-diffusion-v1", "sd1"),
    ),
)
OTHER = Family(name=None, title="another model")
"""The family of checkpoints with sizes of their own."""
FAMILY_NAMES: dict[FamilyName, str] = {family.name: family.title for family in FAMILIES if family.name}
FAMILY_KEYS = ("modelspec.architecture", "ss_base_model_version", "sakuga.base")
"""Where the metadata of a safetensors file names its base model."""


def family_of(info: CheckpointInfo) -> Family:
    """Return a checkpoint's family by its sizes, else OTHER."""
    if info.pooled_channels:
        return _named("sdxl")
    return next((family for family in FAMILIES if family.cross_attention_dim == info.cross_attention_dim), OTHER)


def default_settings_of(files: CheckpointFiles) -> ModelDefaults:
    """Return a checkpoint's default settings.

    Those of the Sketchbook are for its own editions, not for every model of its sizes.
    """
    family = family_of(files.info)
    if family.name == "sketchbook" and not files.is_sketchbook:
        return OTHER.defaults
    return family.defaults


def declared_family(metadata: Mapping[str, Any]) -> FamilyName | None:
    """Return the family that a file's metadata names."""
    values = [str(metadata[key]).lower() for key in FAMILY_KEYS if key in metadata]
    found = (family.name for value in values for family in FAMILIES for alias in family.aliases if alias in value)
    return next(found, None)


def adapter_family(layers: Mapping[str, int], words: Iterable[tuple[str, int]], declared: FamilyName | None) -> FamilyName | None:
    """Return the family that an adapter was trained for.

    It is recognized by sizes, else as its file declares. `layers` maps each layer to its input channels, 0 if they are unknown; `words`
    are (text encoder, channels) of learned words.

    >>> adapter_family({"unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k": 768}, (), None)
    'sd1'
    """
    words = list(words)
    networks = {layer.split(".", 1)[0] for layer in layers} | {network for network, _ in words}
    if "text_encoder_2" in networks or any("transformer_blocks.1." in layer for layer in layers):
        return "sdxl"
    if attended := [channels for layer, channels in layers.items() if channels and layer.endswith(("attn2.to_k", "attn2.to_v"))]:
        return next((family.name for family in FAMILIES if family.cross_attention_dim == attended[0]), None)
    tokens = [channels for layer, channels in layers.items() if channels and layer.endswith("self_attn.q_proj")]
    tokens += [channels for _, channels in words]
    return declared or next((family.name for family in FAMILIES if tokens and family.token_channels == tokens[0]), None)


def _named(name: FamilyName) -> Family:
    return next(family for family in FAMILIES if family.name == name)
