"""A training set on the disk: pictures, a row of words for each, and what is said of them all.

It is a folder in the form of the `datasets` library's imagefolder: `metadata.jsonl` with one row a picture, its `file_name` beside it in
`images/`. With pictures held out, the two parts are folders of that form themselves, `train/` and `test/`, as every reader of the field
keeps them apart. `set.toml` says what holds for all, `README.md` is the card.
"""

import difflib
import hashlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sakuga import InputError
from sakuga.models.checkpoint_files import file_digest
from sakuga.timeline.spec import Digest

ROWS, ABOUT, CARD, STRIP = "metadata.jsonl", "set.toml", "README.md", "strip.webp"
IMAGES, TRAIN, TEST = "images", "train", "test"
MOST_REPEATS = 1000
UNKNOWN = "unknown"
"""The source and licence of a picture of which nobody said any."""

Composition = Literal["portrait", "figure", "landscape"]
"""A face near by; somebody, seen whole; neither."""
COMPOSITIONS: tuple[Composition, ...] = get_args(Composition)


class SetError(InputError, ValueError):
    """A training set that cannot be read or written; the sentence names file, line and remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A picture and the words that it teaches."""

    file: str
    """Below the set's folder, with forward slashes: "images/0001-castle.png"."""
    text: str
    """The caption, with the trigger word in it."""
    source: str = UNKNOWN
    """Where the picture is from: an address, a file, a model, a person."""
    licence: str = UNKNOWN
    composition: Composition | None = None
    """None where nobody looked."""
    seed: int | None = None
    """Of a picture that was drawn."""
    held_out: bool = False
    """Never to be trained on: for measuring."""
    repeats: int = 1
    """How often it is seen in one epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """A training set; the pictures stay on the disk."""

    folder: Path
    name: str
    trigger: str
    """What a prompt must say to call up what was learnt; "" for nothing."""
    licence: str
    """Of pictures whose rows name none."""
    provenance: str
    """How the set was made, in a sentence or more."""
    examples: tuple[Example, ...]

    @property
    def training(self) -> tuple[Example, ...]:
        """The examples to learn from."""
        return tuple(example for example in self.examples if not example.held_out)

    @property
    def epoch(self) -> tuple[Example, ...]:
        """What one epoch of training shows, in order: the examples to learn from, each as often as it is repeated."""
        return tuple(example for example in self.training for _ in range(example.repeats))

    @property
    def held_out(self) -> tuple[Example, ...]:
        """The examples to measure by."""
        return tuple(example for example in self.examples if example.held_out)

    def path(self, example: Example) -> Path:
        """Tell where a picture lies."""
        return self.folder / example.file


def digest(training_set: TrainingSet) -> Digest:
    """Name what a training would see: sha256 over the trigger, the rows in their order, and the bytes of every picture."""
    total = hashlib.sha256(json.dumps(training_set.trigger).encode())
    for example in training_set.examples:
        total.update(f"{json.dumps(asdict(example))} {file_digest(training_set.path(example))}\n".encode())
    return total.hexdigest()


def read_set(folder: Path | str) -> TrainingSet:
    """Read a training set, as `write_set` wrote it or a person changed it since; no picture is opened.

    Raises SetError, with file, line and remedy, where a row or key cannot be read, a picture is missing, or one is named twice.
    """
    folder = Path(folder)
    if not (folder / ABOUT).is_file():
        there = "is no training set" if folder.is_dir() else "there is no such folder"
        raise SetError(f"{folder}: {there} (no {ABOUT}): make one with `sakuga data build PICTURES -o SET`")
    about = _about(folder / ABOUT)
    examples = tuple(_examples(folder, about))
    if not examples:
        raise SetError(f"{folder}: no {ROWS} names a picture there: build the set again")
    _refuse_twice(folder, examples)
    return TrainingSet(
        folder=folder, name=about.name, trigger=about.trigger, licence=about.licence, provenance=about.provenance, examples=examples
    )


def rows(made: TrainingSet) -> Iterator[dict[str, Any]]:
    """Write the examples as the values of their rows; `file_name` is told from beside the row.

    All rows of a set have the same keys of the same kinds, as the `datasets` library wants it: where one has a composition or a seed, the
    others say "" or -1; and where one is repeated, all say how often they are seen.
    """
    composed, seeded = (any(getattr(e, key) is not None for e in made.examples) for key in ("composition", "seed"))
    repeated = any(e.repeats != 1 for e in made.examples)
    for example in made.examples:
        lies = PurePosixPath(example.file)
        name = lies.relative_to(lies.parts[0]) if lies.parts[0] in (TRAIN, TEST) else lies
        said: dict[str, Any] = {"file_name": str(name), "text": example.text, "source": example.source, "licence": example.licence}
        said |= {"composition": example.composition or ""} if composed else {}
        said |= {"seed": -1 if example.seed is None else example.seed} if seeded else {}
        yield said | ({"repeats": example.repeats} if repeated else {})


def _plain_path(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in text:
        raise ValueError("name a file below the folder of the row, with forward slashes")
    return str(path)


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Row(_Said):
    """A row as it stands in its file."""

    file_name: Annotated[str, AfterValidator(_plain_path)]
    text: str
    source: str | None = None
    licence: str | None = None
    composition: Literal[Composition, ""] = ""
    seed: int = Field(default=-1, ge=-1)
    repeats: int = Field(default=1, ge=1, le=MOST_REPEATS)


class _About(_Said):
    """What `set.toml` says."""

    name: str
    trigger: str = ""
    licence: str = UNKNOWN
    provenance: str = ""
    digest: str = ""
    """The set's when it was written."""


def written_digest(folder: Path) -> Digest:
    """Read the digest that a set had when it was written: where it is another now, somebody changed the set."""
    return _about(folder / ABOUT).digest


Model = TypeVar("Model", bound=_Said)


def _about(file: Path) -> _About:
    try:
        return _valid(_About, tomllib.loads(file.read_text(encoding="utf-8")), str(file))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetError(f"{file} cannot be read ({error}): build the set again, or mend it") from None


def _examples(folder: Path, about: _About) -> Iterator[Example]:
    parts = [(part, part == TEST) for part in (TRAIN, TEST) if (folder / part / ROWS).is_file()]
    if parts and (folder / ROWS).is_file():
        raise SetError(f"{folder / ROWS} and {folder / parts[0][0] / ROWS} both name pictures: delete the one that is not meant")
    for part, held_out in parts or [("", False)]:
        for line, said in _lines(folder / part / ROWS):
            place = f"{folder / part / ROWS} line {line}"
            read = _valid(_Row, said, place)
            file = PurePosixPath(part) / read.file_name
            if not (folder / file).is_file():
                raise SetError(f"{place}: there is no picture {read.file_name}: put it there, or delete the row")
            yield Example(
                file=str(file),
                text=read.text,
                source=read.source or UNKNOWN,
                licence=read.licence or about.licence,
                composition=read.composition or None,
                seed=None if read.seed < 0 else read.seed,
                held_out=held_out,
                repeats=read.repeats,
            )


def _lines(file: Path) -> Iterator[tuple[int, Any]]:
    """Give the rows of a file with their lines, counted from 1; empty ones are passed over."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SetError(f"{file}: there is no such file: build the set again") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SetError(f"{file} cannot be read as UTF-8 text ({error})") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise SetError(f"{file} line {number} is no JSON ({error}): write one object a line") from None


def _valid(model: type[Model], said: Any, place: str) -> Model:
    """Take outside data as a model; raises SetError with the place, the key and the remedy."""
    try:
        return model.model_validate(said)
    except ValidationError as caught:
        error = caught.errors()[0]
        key = ".".join(map(str, error["loc"])) or "the row"
        match error["type"]:
            case "extra_forbidden":
                near = difflib.get_close_matches(key, model.model_fields, n=1)
                sentence = f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; there are {', '.join(model.model_fields)}"
            case "missing":
                sentence = "is missing: add it"
            case "value_error":
                sentence = f"{error['input']!r} cannot be read: {error['ctx']['error']}"
            case _:
                sentence = f"{error['msg'][0].lower()}{error['msg'][1:]}, not {error['input']!r}"
        raise SetError(f"{place}: {key}: {sentence}") from None


def _refuse_twice(folder: Path, examples: tuple[Example, ...]) -> None:
    seen: set[str] = set()
    for example in examples:
        if example.file in seen:
            raise SetError(f"{folder}: two rows name {example.file}: delete one")
        seen.add(example.file)
