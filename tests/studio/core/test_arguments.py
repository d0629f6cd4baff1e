"""Arguments of verbs are checked by their annotations, and every verb refuses what it can before it returns a Work."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sakuga import InputError, studio
from sakuga.story.options import SEED, SettingsError
from sakuga.story.planner import Planner
from sakuga.studio import EvaluationRequest, FilmSettings, TrainSettings
from sakuga.studio.core.arguments import check_fields, checked

LONG = "a" * 256


@checked(seed=SEED)
def verb(
    *,
    file: Path | None = None,
    place: Path | str = "",
    prompts: str | Sequence[str] = "",
    changes: Mapping[str, str] | None = None,
    on: bool = False,
    share: float = 0.5,
    count: int = 1,
    size: tuple[int, int] = (1, 1),
    planner: Planner | None = None,
    seed: int = 0,
) -> Any:
    return {name: value for name, value in locals().items() if value is not None}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"file": 3}, "file: 3 is not a path"),
        ({"file": b"x"}, "file: b'x' is not a path"),
        ({"file": "a\0b"}, "is not readable: it holds a null character"),
        ({"place": None}, "place: None is not a text or a path"),
        ({"prompts": 3}, "prompts: 3 is not a text or a list"),
        ({"prompts": ["a", 3]}, "prompts: ['a', 3] is not a text"),
        ({"changes": "a=b"}, "changes: 'a=b' is not a mapping"),
        ({"changes": {"a": 3}}, "changes: {'a': 3} is not a text"),
        ({"on": "yes"}, "on: 'yes' is not True or False"),
        ({"share": True}, "share: True is not a number"),
        ({"count": 1.0}, "count: 1.0 is not a whole number"),
        ({"size": (1,)}, "size: (1,) is not a list of 2"),
        ({"planner": "gpt"}, "planner: 'gpt' is not a Planner"),
        ({"seed": -1}, "seed: -1 is out of range; choose 0 to 2^63 - 1"),
    ],
)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_argument(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        verb(**given)


def test_a_text_for_a_path_becomes_a_path_and_a_list_a_tuple() -> None:
    made = verb(file="a.png", place="b", prompts=["c"], share=1, size=[2, 3])
    assert (made["file"], made["place"], made["prompts"], made["share"], made["size"]) == (Path("a.png"), "b", ("c",), 1, (2, 3))


def test_fields_of_a_request_are_checked_alike() -> None:
    @dataclass(frozen=True)
    class Request:
        file: Path
        other: int

        def __post_init__(self) -> None:
            check_fields(self, "file")

    assert Request("a", "not checked").file == Path("a")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="file: 3 is not a path"):
        Request(3, 1)  # type: ignore[arg-type]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("no folder")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "image.png")
    return tmp_path


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: studio.draw("a cat", seed=2**63 - 1, images_per_prompt=2), "seed of the last image: 9223372036854775808 is out of range"),
        (lambda: studio.draw("a cat", store=Path("file")), "is a file, not a folder"),
        (lambda: studio.draw("half \ud800"), "holds bytes that are no text"),
        (lambda: studio.draw("a cat", Path(LONG)), "has 256 bytes, and 255 are the most"),
        (lambda: studio.draw("a cat", settings=FilmSettings(model=LONG)), "has 256 bytes"),
        (lambda: studio.draw("a cat", settings=FilmSettings(style=LONG)), "has 256 bytes"),
        (lambda: studio.vary(LONG), "has 256 bytes"),
        (lambda: studio.video(LONG, "v.gif"), "has 256 bytes"),
        (lambda: studio.build_set(LONG, "set"), "has 256 bytes"),
        (lambda: studio.evaluate(EvaluationRequest(subject=LONG)), "bytes, and 255 are the most"),
        (lambda: studio.animate("a castle", f"{LONG}.gif"), "has 260 bytes, and 255 are the most"),
        (lambda: studio.animate("a castle", store=Path("file/store")), "is a file, not a folder"),
        (lambda: studio.morph(["a", "b"], store=Path("file")), "is a file, not a folder"),
        (lambda: studio.vary("image.png", store=Path("file")), "is a file, not a folder"),
        (lambda: studio.vary("image.png", good="abc"), "good: 'abc' is not a list"),
        (lambda: studio.pixelate("image.png", "out.png", scale=0), "scale: 0 is out of range"),
        (lambda: studio.pixelate("image.png", "out.png", pixel=studio.PixelArt(grid=65)), "larger than the image"),
        (lambda: studio.distill_set(["a cat"], Path(LONG)), "has 256 bytes"),
        (lambda: studio.build_set("image.png", "file/set"), "is a file, not a folder"),
        (lambda: studio.evaluate(EvaluationRequest(subject="missing")), "no such folder, clip or style"),
        (lambda: studio.evaluate(EvaluationRequest(subject="comic", against="missing")), "no style 'missing'"),
        (lambda: studio.evaluate(EvaluationRequest(subject="comic", reference=Path("missing"))), "there is no such folder"),
        (lambda: studio.evaluate(EvaluationRequest(subject=3)), "subject: 3 is not a text"),
        (lambda: studio.check_style("comic", strip=Path("file/strip.png")), "is a file, not a folder"),
        (lambda: studio.check_style("comic", strip=Path("strip.xyz")), "strip.xyz is one image"),
        (lambda: studio.convert_style("comic", "file/comic.safetensors"), "is a file, not a folder"),
        (lambda: studio.train(TrainSettings(set="x", out="y", steps="9")), "steps: '9' is not a whole number"),
        (lambda: studio.clean_store(-1), "cannot hold -1 bytes"),
        (lambda: studio.show_store(Path("file")), "file is a file"),
    ],
)
def test_what_can_be_refused_is_refused_before_a_work_is_returned(here: Path, call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        call()


def test_the_last_seed_may_be_the_largest() -> None:
    studio.draw("a cat", seed=2**63 - 2, images_per_prompt=2, settings=FilmSettings(size=64)).close()
