"""New choosing sessions: an image, and how the next ones are made."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, assert_never, cast, get_args
from uuid import uuid4

from sakuga import InputError
from sakuga.datasets.image_reading import LoadedImage
from sakuga.models.checkpoint_lookup import find_model
from sakuga.paths import home
from sakuga.rendering.store import open_store
from sakuga.sketchbook.words import BAD, GOOD
from sakuga.story.options import SEED, Number, Text
from sakuga.story.options import Choice as Choices
from sakuga.story.prompt_styles import without_styles
from sakuga.story.settings import FilmSettings
from sakuga.studio.animate.vary import FIT, MODE, NUMBERS, ResolvedChain, VaryRequest, resolve_chain
from sakuga.studio.choosing.recipe import check_move
from sakuga.studio.choosing.session import Session
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.output import Output
from sakuga.studio.core.styles import StyleFinder
from sakuga.timeline.choices import FromPrompt, ImageToImage, Move, Variation
from sakuga.timeline.spec import Fit
from sakuga.timeline.variations import GuidanceTexts, Mode, VariationChain

MoveKind = Literal["variation", "img2img", "prompt"]
MOVE = Choices(help="How each image is made from the one before", default="variation", choices=get_args(MoveKind))
OFFERED = Number(help="Images to choose from", default=4, least=1, most=16, whole=True)
STRENGTH = Number(help="Denoising strength of img2img", default=0.6, least=0, most=1, above=True)
PROMPT = Text(help="Prompt of img2img and prompt")
SESSIONS = "sessions"
"""The folder of sessions in the data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """An image to begin a session with, and how."""

    image: Path
    chain: VariationChain
    move: Move
    default_texts: tuple[bool, bool] = (True, True)
    settings: FilmSettings
    store: Path | None = None


@checked(
    variants=OFFERED,
    mode=MOVE,
    strength=STRENGTH,
    seed=SEED,
    in_betweens=MODE,
    fit=FIT,
    **{name: NUMBERS[name] for name in ("between", "noise_shift", "positive", "negative", "repeats")},
)
def session_request(
    image: Path | str,
    *,
    variants: int = 4,
    mode: str = "variation",
    prompt: str = "",
    strength: float = 0.6,
    between: int = 8,
    in_betweens: str = "lerp",
    noise_shift: float = 0.4,
    fit: str = "crop",
    good: Sequence[str] | None = None,
    bad: Sequence[str] | None = None,
    positive: float = 30.0,
    negative: float = 30.0,
    repeats: int = 10,
    seed: int = 0,
    settings: FilmSettings | None = None,
    store: Path | None = None,
) -> SessionRequest:
    """Return the request of a new session; raises SettingsError, InputError."""
    return SessionRequest(
        image=Path(image),
        chain=VariationChain(
            texts=GuidanceTexts(
                good=GOOD if good is None else tuple(good),
                bad=BAD if bad is None else tuple(bad),
                positive=positive,
                negative=negative,
                repeats=repeats,
            ),
            seed=seed,
            variants=variants,
            between=between,
            noise_shift=noise_shift,
            mode=cast(Mode, in_betweens),
            fit=cast(Fit, fit),
        ),
        move=parse_move(mode, prompt, strength),
        default_texts=(good is None, bad is None),
        settings=settings or FilmSettings(),
        store=store,
    )


def parse_move(kind: str, prompt: str = "", strength: float = 0.6) -> Move:
    """Return a move by its name; raises InputError."""
    text = PROMPT.check("prompt", prompt).strip()
    if text != without_styles(text):
        raise InputError("the prompt of a session names no styles: leave <lora:...> and embedding:... out, and give --style NAME")
    match cast(MoveKind, MOVE.check("mode", kind)):
        case "variation":
            if text:
                raise InputError("a variation follows the image and no prompt: leave the prompt out, or choose --mode img2img or prompt")
            return Variation()
        case "img2img":
            return ImageToImage(strength=STRENGTH.check("strength", strength), prompt=text)
        case "prompt":
            if not text:
                raise InputError("there is no prompt: describe the images with --prompt")
            return FromPrompt(prompt=text)
        case other:
            assert_never(other)


def new_session_path() -> Path:
    """Return the path of a new session in the data folder."""
    return home() / SESSIONS / f"{uuid4().hex[:12]}.jsonl"


def resolve_session(request: SessionRequest) -> tuple[ResolvedChain, LoadedImage]:
    """Resolve a new session and read its image; raises InputError."""
    if request.settings.controlnet:
        raise InputError("choosing images has no use for controlnet: leave it out, or use it with `sakuga vary`")
    files = find_model(request.settings, text_encoder_optional=True)
    check_move(request.move, files)
    sampler = request.settings.sampler or ("lcm" if StyleFinder(files).few_step else None)
    return resolve_chain(
        VaryRequest(
            image=request.image,
            output=Output(path=Path("clip.gif")),
            chain=request.chain,
            default_texts=request.default_texts,
            settings=replace(request.settings, sampler=sampler),
            store=request.store,
            image_encoder_optional=True,
        )
    )


def begin_session(path: Path, resolved: ResolvedChain, loaded: LoadedImage, move: Move) -> Session:
    """Write the first image to the store and begin a log; raises SakugaError."""
    store = open_store(resolved.store)
    return Session.create(path, store.write_given(loaded.image), resolved, move)
