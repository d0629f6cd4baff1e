"""Networks are loaded once, for the engine that suits all renders that were announced."""

from pathlib import Path

import pytest

from sakuga.models.engine import WORTHWHILE_STEPS
from sakuga.rendering import resources
from sakuga.rendering.resources import LazyCheckpoint, Resources


@pytest.mark.parametrize(
    ("announced", "wanted"), [([], "auto"), ([1], "torch"), ([WORTHWHILE_STEPS, 1], "auto"), ([1, WORTHWHILE_STEPS], "auto")]
)
def test_the_engine_suits_the_longest_of_the_renders_that_were_announced(
    announced: list[int], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "choose_engine", lambda requested, *_: requested)
    plain = {"checkpoint": Path("none"), "checkpoint_name": "none", "checkpoint_digest": "none", "store": Path("none")}
    checkpoint = LazyCheckpoint(Resources(**plain, device="cpu", engine="auto"))  # type: ignore[arg-type]
    for steps in announced:
        checkpoint.expect(steps)
    assert checkpoint.engine == wanted
