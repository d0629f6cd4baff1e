"""The server itself, models and options."""

import os
import shutil
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_args

from fastapi import APIRouter, Request, Response

from sakuga import __version__
from sakuga.finishing.console_palettes import PALETTES
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.styles import few_step_adapter
from sakuga.story.grid import IMAGE_OPTIONS, PROMPT_AXIS, SEED_AXIS
from sakuga.story.keys import Ease
from sakuga.story.options import SECONDS, SEED, SHOTS, Choice, Number, Option, Rate, Size, Text
from sakuga.story.options import Switch as FilmSwitch
from sakuga.story.settings import OPTIONS, PIXEL_OPTIONS, PixelOption, StyleOption
from sakuga.training.plan import METHODS
from sakuga.training.plan_options import Switch, Words
from sakuga.web.names import FILES, model_names
from sakuga.web.refusal import Refused
from sakuga.web.routes.events import last_event
from sakuga.web.schemas import Format, Model, OptionInfo, Options, Status, Token
from sakuga.web.security import with_cookie
from sakuga.web.state import State
from sakuga.web.storage import used_bytes
from sakuga.web.training_tasks import method_options, train_options

router = APIRouter(tags=["studio"])

PROMPT = Text(help="Words of the prompt: each value takes the place of the first")


@router.get("/status")
def status(state: State) -> Status:
    """Return the server's version, device and disk use."""
    return Status(
        version=__version__,
        device=", ".join(state.lanes),
        threads=os.cpu_count() or 1,
        used_bytes=used_bytes(state.data),
        quota_bytes=state.quota,
        free_bytes=shutil.disk_usage(state.data.home).free,
        last_event=last_event(state),
    )


@router.post("/session", status_code=204, response_class=Response)
def open_session(given: Token, request: Request) -> Response:
    """Bring the token that the server printed; the answer sets the cookie."""
    access = request.app.state.access
    if not access.knows(given.token):
        request.scope["token_failed"]()
        raise Refused("the token is wrong: copy it from the terminal where `sakuga studio` runs", "unauthorized", "token")
    return with_cookie(Response(status_code=204), access) if access.token else Response(status_code=204)


@router.get("/models")
def list_models(state: State) -> list[Model]:
    """List the checkpoints that can be used by name."""
    return [model for name in model_names(state.data) if (model := _model(name))]


def _model(name: str) -> Model | None:
    try:
        files = find_checkpoint(name)
    except CheckpointError:
        return None
    info = files.info
    return Model(
        name=name,
        native_size=info.native_size,
        token_limit=info.token_limit,
        has_text_encoder=info.has_text_encoder,
        has_image_encoder=info.has_image_encoder,
        has_few_step=few_step_adapter(files) is not None,
        has_depth="depth" in files.components(),
    )


@router.get("/options")
@lru_cache
def list_options() -> Options:
    """Return every option with its help, default and range, as they are declared."""
    return Options(
        film=_described({name: option for name, option in OPTIONS.items() if name not in FILES}),
        pixel=_described(PIXEL_OPTIONS),
        plan=_described({"shots": SHOTS, "seconds": SECONDS, "seed": SEED}),
        training=_described(train_options()),
        grid=_described({**{name: OPTIONS[name] for name in IMAGE_OPTIONS if name not in FILES}, SEED_AXIS: SEED, PROMPT_AXIS: PROMPT}),
        methods={name: _described(method_options(name)) for name in METHODS},
        formats=list(get_args(Format)),
        transitions=["cut", "morph", "dissolve"],
        eases=list(get_args(Ease)),
        palettes=list(PALETTES),
    )


def _described(options: Mapping[str, Option]) -> list[OptionInfo]:
    return [_info(name, option) for name, option in options.items()]


def _info(name: str, option: Option) -> OptionInfo:
    number = option if isinstance(option, Number) else None
    return OptionInfo(
        name=name,
        kind=_kind(option),
        help=option.help,
        range=option.range,
        default=None if option.default is None else option.write(option.default),
        default_help=option.default_help,
        panel=option.panel,
        least=number.least if number else None,
        most=number.most if number else None,
        choices=list(option.choices) if isinstance(option, Choice) else [],
    )


def _kind(option: Option) -> Any:
    kinds: list[tuple[type, str]] = [
        (Choice, "choice"),
        (Rate, "rate"),
        (Size, "size"),
        (PixelOption, "pixel"),
        (StyleOption, "style"),
        (Switch, "switch"),
        (FilmSwitch, "switch"),
        (Words, "words"),
    ]
    if isinstance(option, Number):
        return "integer" if option.whole else "number"
    return next((name for cls, name in kinds if isinstance(option, cls)), "text")
