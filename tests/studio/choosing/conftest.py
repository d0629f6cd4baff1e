"""A choosing session on a tiny real Stable Diffusion with an image encoder."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga.story.settings import FilmSettings
from sakuga.studio.choosing.beginning import SessionRequest, begin_session, resolve_session
from sakuga.studio.choosing.choose import rendering_of
from sakuga.studio.choosing.live import Choosing
from sakuga.studio.choosing.session import Session
from sakuga.timeline.choices import Move, Variation
from sakuga.timeline.variations import GuidanceTexts, VariationChain


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "start.png")
    return tmp_path / "start.png"


@pytest.fixture
def begin(tmp_path: Path, tiny_v_folder: Path, picture: Path) -> Callable[..., Session]:
    """Begin a session; the log is `NAME.jsonl`."""

    def begun(name: str = "session", move: Move | None = None, *, variants: int = 2, steps: int = 2) -> Session:
        request = SessionRequest(
            image=picture,
            chain=VariationChain(texts=GuidanceTexts(good=("crisp",), bad=("blurred",)), seed=7, variants=variants, between=2),
            move=move or Variation(),
            default_texts=(False, False),
            settings=FilmSettings(model=str(tiny_v_folder), steps=steps, size=(32, 32)),
            store=tmp_path / "frames",
        )
        return begin_session(tmp_path / f"{name}.jsonl", *resolve_session(request), request.move)

    return begun


@pytest.fixture
def live(begin: Callable[..., Session]) -> Iterator[Callable[..., Choosing]]:
    """Open a new session live; it is closed after the test."""
    opened: list[Choosing] = []

    def choosing(session: Session | None = None, **how: object) -> Choosing:
        session = session or begin()
        opened.append(Choosing(session, rendering_of(session), **how).__enter__())
        return opened[-1]

    yield choosing
    for one in opened:
        one.close()
