"""Settings of training methods, each declared once with range, default and help."""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from sakuga.story.limits import MAX_CLASS_IMAGES, MAX_RANK, MAX_VECTORS
from sakuga.story.options import Choice, Text
from sakuga.training.plan_options import Amount, BlockRates, Count, Placeholder, Switch, Words

Algorithm = Literal["lora", "dora", "loha", "lokr"]
Prior = Literal["images", "predictions"]
FRAMES, MAX_FRAMES, MAX_FPS = 16, 32, 240
"""Frames that motion adapters denoise together, the most that any has positions for, and the most frames a second."""

Rank = Annotated[int, Count(help="Rank of the LoRA matrices (network dim)", default=8, most=MAX_RANK)]
Alpha = Annotated[float | None, Amount(help="Network alpha: the LoRA is scaled by alpha / rank", default_help="the rank", above=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """LoRA (Hu et al. 2022).

    Low-rank matrices beside layers of the UNet, and of the text encoder.
    """

    kind: Literal["lora"] = "lora"
    rank: Rank = 8
    alpha: Alpha = None
    targets: Annotated[
        tuple[str, ...],
        Words(
            help="Layers to train, with commas: attention, feed-forward, convolutions, or endings of layer names",
            default_help="attention; on small models convolutions too",
        ),
    ] = ("attention",)
    text_encoder: Annotated[bool, Switch(help="Train the text encoder too", default=False)] = False
    algorithm: Annotated[
        Algorithm,
        Choice(
            help="What is trained beside each layer: LoRA, or LyCORIS' LoHa or LoKr, or DoRA", choices=get_args(Algorithm), default="lora"
        ),
    ] = "lora"
    convolution_rank: Annotated[int | None, Count(help="Rank beside convolutions (conv dim)", default_help="the rank", most=MAX_RANK)] = (
        None
    )
    factor: Annotated[
        int, Amount(help="LoKr's factor: the side of its small matrix; 0 takes the most even split", default=0, most=MAX_RANK, whole=True)
    ] = 0
    rank_dropout: Annotated[float, Amount(help="Rank dropout: share of ranks that sit out a step; not for LoKr", default=0.0, most=0.9)] = (
        0.0
    )
    loraplus_ratio: Annotated[
        float, Amount(help="LoRA+: learning rate of the up matrices, as a multiple of that of the down matrices", default=1.0, above=True)
    ] = 1.0
    """Hayou et al. 2024."""
    block_rates: Annotated[
        str, BlockRates(help='Learning rates of blocks, as shares of the whole: "down=0.5,text=0.1"', default_help="1 everywhere")
    ] = ""
    preserve: Annotated[
        float,
        Amount(
            help="Weight of keeping the base model's predictions for the captions without the trigger word (prior preservation)",
            default=0.0,
        ),
    ] = 0.0
    """Li and Hoiem 2018."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextualInversion:
    """Textual Inversion (Gal et al. 2023).

    Trains the embedding of one word, nothing else.
    """

    kind: Literal["textual-inversion"] = "textual-inversion"
    word: Annotated[str, Placeholder(help="Placeholder token: the word that prompts will use", default_help="the set's trigger word")] = ""
    initial: Annotated[
        str, Text(help="Initializer words: what the images show, in words the model knows", default_help="the word itself")
    ] = ""
    vectors: Annotated[int, Count(help="Vectors (tokens) of the word", default=1, most=MAX_VECTORS)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DreamBooth:
    """DreamBooth (Ruiz et al. 2023).

    Trains one subject with prior preservation of its class.
    """

    kind: Literal["dreambooth"] = "dreambooth"
    adapter: Lora | None = Lora()
    """None trains the whole UNet."""
    name: TextualInversion | None = None
    """An embedding for the subject's name, trained beside the LoRA (Kumari et al. 2023)."""
    instance_prompt: Annotated[str, Text(help='One caption for all images, as "a zk balloon"', default_help="each image's own caption")] = (
        ""
    )
    class_prompt: Annotated[
        str, Text(help='Prompt of the subject\'s class for prior preservation, as "a balloon"', default_help="no prior preservation")
    ] = ""
    class_set: Annotated[str, Text(help="Training set of class images", default_help="generated from the class prompt")] = ""
    class_images: Annotated[int, Count(help="Class images to generate", default=50, most=MAX_CLASS_IMAGES)] = 50
    prior: Annotated[
        Prior | None,
        Choice(
            help="What prior preservation keeps: the class images, or the base model's predictions on them",
            choices=get_args(Prior),
            default_help="predictions on small models, else images",
        ),
    ] = None
    """Images after Ruiz et al. 2023; predictions after Li and Hoiem 2018."""
    prior_weight: Annotated[float, Amount(help="Weight of the prior preservation loss", default=1.0)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider:
    """Concept slider (Gandikota et al. 2024).

    Trains a LoRA along the difference of two texts, or of pairs of images: weight 1 is more of the first, weight -1 more of the second.
    """

    kind: Literal["slider"] = "slider"
    adapter: Lora = Lora()
    more: Annotated[str, Text(help='What there is more of at weight 1, as "at night"; added to the captions')] = ""
    less: Annotated[str, Text(help='What there is more of at weight -1, as "at noon"; added to the captions')] = ""
    less_set: Annotated[
        str,
        Text(
            help="In place of texts: training set whose images show less of it, each with the name of its pair in SET",
            default_help="texts, not pairs",
        ),
    ] = ""
    reach: Annotated[float, Amount(help="How far weight 1 goes, in differences of the two texts", default=1.0, above=True)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionLora:
    """MotionLoRA (Guo et al. 2024, section 4.3).

    Trains a LoRA on the temporal attention of a motion adapter, from clips that share a camera move or a way of moving.
    """

    kind: Literal["motion-lora"] = "motion-lora"
    rank: Rank = 8
    alpha: Alpha = None
    feed_forward: Annotated[bool, Switch(help="Train the feed-forward layers of the motion modules, too", default=False)] = False
    motion: Annotated[
        str, Text(help="Motion adapter to train beside: folder, file or owner/name of the hub", default_help="the model's own")
    ] = ""
    frames: Annotated[int, Count(help="Frames of a clip that are trained together", default=FRAMES, least=2, most=MAX_FRAMES)] = FRAMES
    fps: Annotated[float, Amount(help="Frames a second that clips are read at", default=8.0, above=True, most=MAX_FPS)] = 8.0
    given: Annotated[
        float | None,
        Amount(
            help="Share of clips whose first frame is given, as keyframes are when films are rendered",
            default_help="0.5 with the model's own adapter, else 0",
            most=1,
        ),
    ] = None
    both_ways: Annotated[
        bool, Switch(help="Learn each clip played backwards, too, at weight -1, which leaves the way that things move", default=False)
    ] = False


MethodSettings = Lora | TextualInversion | DreamBooth | Slider | MotionLora
