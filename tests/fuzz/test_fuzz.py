"""No bytes from outside make a traceback, a hang, or a file.

`make fuzz` tries many changes of the corpus; the ordinary tests replay it, and try a few.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.fuzz.targets import TARGETS, let_in

CORPUS = Path(__file__).parent / "corpus"
TRIES = int(os.environ.get("SAKUGA_FUZZ", "20"))
SECONDS = 10
WORDS = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b"[" * 2000, b"{" * 2000, b"(" * 300, b"e99999999", b"9" * 400, b"-1", b"nan", b"null", b"\n", b"\r",
    b'"', b"'", b",", b":", b"../../x", b"\xed\xb3\xa9", b"\xc4\xb0", b"\xf0\x9f\x8f\xb0", b"</think>", b"```", b"\xff" * 8,
    b"\x7f\xff\xff\xff",
]  # fmt: skip
"""What readers stumble over."""


def seeds(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


@some.composite
def changed(draw: some.DrawFn, name: str) -> bytes:
    """A file of the corpus with a few spans deleted, repeated or replaced."""
    content = bytearray(draw(some.sampled_from(seeds(name))))
    for _ in range(draw(some.integers(0, 4))):
        start = draw(some.integers(0, len(content)))
        stop = min(len(content), start + draw(some.integers(0, 16)))
        match draw(some.sampled_from(("delete", "repeat", "word", "bytes"))):
            case "delete":
                del content[start:stop]
            case "repeat":
                content[start:start] = content[start:stop] * draw(some.integers(1, 4))
            case "word":
                content[start:stop] = draw(some.sampled_from(WORDS))
            case _:
                content[start:stop] = draw(some.binary(max_size=8))
    return bytes(content)


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_let_in_or_refused(name: str, tmp_path: Path) -> None:
    for content in seeds(name):
        let_in(name, content, tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_let_in_or_refused(name: str) -> None:
    @settings(max_examples=TRIES, deadline=SECONDS * 1000, suppress_health_check=list(HealthCheck), derandomize=TRIES < 100)
    @given(changed(name))
    def attempt(content: bytes) -> None:
        with TemporaryDirectory() as folder:
            let_in(name, content, Path(folder))

    attempt()
