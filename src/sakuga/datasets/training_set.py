"""Training sets on disk: images, one metadata row each, and settings for all.

The folder has the layout of the `datasets` library's imagefolder: `metadata.jsonl` with one row per image, whose `file_name` is relative
to it, in `images/`. With held-out images there are two such folders, `train/` and `test/`, as other readers expect.
`set.toml` holds the settings for all images, `README.md` is the dataset card.
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
from sakuga.files import TextError, parse_json, read_utf8
from sakuga.models.checkpoint_files import file_digest
from sakuga.story.limits import MAX_TABLE_BYTES
from sakuga.text import lower_first
from sakuga.timeline.spec import Digest

ROWS, ABOUT, CARD, STRIP = "metadata.jsonl", "set.toml", "README.md", "strip.webp"
IMAGES, TRAIN, TEST = "images", "train", "test"
MAX_REPEATS = 1000
UNKNOWN = "unknown"
"""The source or licence of an image that names none."""

Composition = Literal["portrait", "figure", "landscape"]
"""A close-up face; a whole person; neither."""
COMPOSITIONS: tuple[Composition, ...] = get_args(Composition)


class SetError(InputError, ValueError):
    """A training set that cannot be read or written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An image with its caption and metadata."""

    file: str
    """Path below the set's folder, with forward slashes: "images/0001-castle.png"."""
    text: str
    """The caption, including the trigger word."""
    source: str = UNKNOWN
    """Where the image is from: an address, a file, a model, a person."""
    licence: str = UNKNOWN
    composition: Composition | None = None
    """None if unknown."""
    seed: int | None = None
    """The seed of a generated image."""
    held_out: bool = False
    """Whether it is never trained on, only used for evaluation."""
    repeats: int = 1
    """How often it is used in one epoch."""
    loss_weight: float = 1.0
    """Weight of its loss, from its concept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """A training set; its images stay on disk."""

    folder: Path
    name: str
    trigger: str
    """The trigger word that prompts need to activate the style; "" for none."""
    licence: str
    """The licence of images whose rows name none."""
    provenance: str
    """How the set was made, in a sentence or more."""
    examples: tuple[Example, ...]
    masks: bool = False
    """Whether the alpha channel of its images is their mask: where the loss counts."""

    @property
    def training(self) -> tuple[Example, ...]:
        """Return the examples to train on."""
        return tuple(example for example in self.examples if not example.held_out)

    @property
    def epoch(self) -> tuple[Example, ...]:
        """Return one epoch's training examples, with repeats."""
        return tuple(example for example in self.training for _ in range(example.repeats))

    @property
    def held_out(self) -> tuple[Example, ...]:
        """Return the held-out examples, for evaluation."""
        return tuple(example for example in self.examples if example.held_out)

    def path(self, example: Example) -> Path:
        """Return the path of an example's image."""
        return self.folder / example.file


def digest(training_set: TrainingSet) -> Digest:
    """Return the sha256 of all training inputs.

    Trigger word, rows in order, and image bytes.
    """
    total = hashlib.sha256(json.dumps(training_set.trigger).encode())
    for example in training_set.examples:
        total.update(f"{json.dumps(_digested(example))} {file_digest(training_set.path(example))}\n".encode())
    return total.hexdigest()


def _digested(example: Example) -> dict[str, Any]:
    values = asdict(example)
    return {key: value for key, value in values.items() if key != "loss_weight" or value != 1}


def read_set(folder: Path | str) -> TrainingSet:
    """Read a training set; opens no image.

    Raises SetError, with file, line and remedy, where a row or key is invalid, or an image is missing or named twice.
    """
    folder = Path(folder)
    if not (folder / ABOUT).is_file():
        problem = "is not a training set" if folder.is_dir() else "there is no such folder"
        raise SetError(f"{folder}: {problem} (no {ABOUT}): make one with `sakuga data build IMAGES -o SET`")
    about = _about(folder / ABOUT)
    examples = tuple(_examples(folder, about))
    if not examples:
        raise SetError(f"{folder}: no {ROWS} names an image: build the set again")
    _refuse_twice(folder, examples)
    return TrainingSet(
        folder=folder,
        name=about.name,
        trigger=about.trigger,
        licence=about.licence,
        provenance=about.provenance,
        examples=examples,
        masks=about.masks,
    )


def row_values(made: TrainingSet) -> Iterator[dict[str, Any]]:
    """Yield the examples' rows as JSON values.

    `file_name` is relative to the row's file.
    All rows of a set have the same keys and types, as the `datasets` library requires: where one has a composition or a seed, the
    others have "" or -1; where one is repeated, all have `repeats`.
    """
    composed, seeded = (any(getattr(e, key) is not None for e in made.examples) for key in ("composition", "seed"))
    repeated = any(e.repeats != 1 for e in made.examples)
    for example in made.examples:
        path = PurePosixPath(example.file)
        name = path.relative_to(path.parts[0]) if path.parts[0] in (TRAIN, TEST) else path
        row: dict[str, Any] = {"file_name": str(name), "text": example.text, "source": example.source, "licence": example.licence}
        row |= {"composition": example.composition or ""} if composed else {}
        row |= {"seed": -1 if example.seed is None else example.seed} if seeded else {}
        yield row | ({"repeats": example.repeats} if repeated else {})


def _plain_path(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in text:
        raise ValueError("name a file below the row's folder, with forward slashes")
    return str(path)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Row(_Table):
    """A row of `metadata.jsonl`."""

    file_name: Annotated[str, AfterValidator(_plain_path)]
    text: str
    source: str | None = None
    licence: str | None = None
    composition: Literal[Composition, ""] = ""
    seed: int = Field(default=-1, ge=-1)
    repeats: int = Field(default=1, ge=1, le=MAX_REPEATS)


class _About(_Table):
    """The content of `set.toml`."""

    name: str
    trigger: str = ""
    licence: str = UNKNOWN
    provenance: str = ""
    masks: bool = False
    digest: str = ""
    """The set's digest when it was written."""


def written_digest(folder: Path) -> Digest:
    """Read the digest that a set had when written.

    Another one means that it was edited.
    """
    return _about(folder / ABOUT).digest


Model = TypeVar("Model", bound=_Table)


def _about(file: Path) -> _About:
    try:
        return _valid(_About, tomllib.loads(read_utf8(file)), str(file))
    except (OSError, ValueError, RecursionError) as error:
        raise SetError(f"{file} cannot be read ({error}): build the set again, or fix it") from None


def _examples(folder: Path, about: _About) -> Iterator[Example]:
    parts = [(part, part == TEST) for part in (TRAIN, TEST) if (folder / part / ROWS).is_file()]
    if parts and (folder / ROWS).is_file():
        raise SetError(f"{folder / ROWS} and {folder / parts[0][0] / ROWS} both name images: delete the wrong one")
    for part, held_out in parts or [("", False)]:
        for line, values in _lines(folder / part / ROWS):
            place = f"{folder / part / ROWS} line {line}"
            read = _valid(_Row, values, place)
            file = PurePosixPath(part) / read.file_name
            if not (folder / file).is_file():
                raise SetError(f"{place}: there is no image {read.file_name}: add it, or delete the row")
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
    """Yield the rows of a file with line numbers."""
    try:
        text = read_utf8(file, MAX_TABLE_BYTES)
    except FileNotFoundError:
        raise SetError(f"{file}: there is no such file: build the set again") from None
    except (OSError, TextError) as error:
        raise SetError(f"{file} cannot be read as UTF-8 text ({error})") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, parse_json(line)
            except ValueError as error:
                raise SetError(f"{file} line {number} is not JSON ({error}): write one object per line") from None


def _valid(model: type[Model], values: Any, place: str) -> Model:
    """Validate outside data; raises SetError with place, key and remedy."""
    try:
        return model.model_validate(values)
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
                sentence = f"{lower_first(error['msg'])}, not {error['input']!r}"
        raise SetError(f"{place}: {key}: {sentence}") from None


def _refuse_twice(folder: Path, examples: tuple[Example, ...]) -> None:
    names: set[str] = set()
    for example in examples:
        if example.file in names:
            raise SetError(f"{folder}: two rows name {example.file}: delete one")
        names.add(example.file)
