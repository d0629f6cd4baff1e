"""Files of a style: LoRA, learned words, metadata and card.

Loads no network and no torch. Each file is parsed once per process, as long as its size and time of change stay the same.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from sakuga import InputError
from sakuga.files import read_utf8
from sakuga.models.checkpoint_files import file_digest
from sakuga.models.embeddings import embedding_keys, is_bundled, read_header
from sakuga.models.families import FamilyName, adapter_family, declared_family
from sakuga.models.layer_shapes import LayerShape, layer_shapes
from sakuga.models.lora_keys import other_kind, parse_key, unsupported_kind
from sakuga.models.style_metadata import DEFAULT_METADATA, StyleMetadata, frequent_tags, parse_metadata
from sakuga.models.yaml_texts import parse_yaml
from sakuga.timeline.spec import Digest

LORA_FILE = "pytorch_lora_weights.safetensors"
EMBEDDING_FILE = "learned_embeds.safetensors"
PEFT_FILE, PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"
"""The files of peft; its config holds the scales of the weights."""
NAMED = 12
"""Keys that a message names; of more it gives the number."""
STYLE_FILE = "style.toml"
CARD_FILE = "README.md"
MARK = "---"
"""The line before and after the YAML of a card."""
MAX_CARD = 1 << 20
"""Bytes of a card."""

Header = tuple[Mapping[str, tuple[int, ...]], Mapping[str, str]]
"""Tensor shapes by key, and metadata, of a safetensors file."""


class StyleError(InputError, ValueError):
    """A style cannot be found or read.

    The message says which, why, and which styles there are.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleContents:
    """Contents of a style's files, according to their headers."""

    learned_words: dict[str, int]
    """Learned words, with the number of tokens of each."""
    layers: dict[str, int]
    """Changed layers, with the rank of each; 0 where a change has none."""
    kinds: tuple[str, ...]
    """What the changes are called: LoRA, LoHa, ..."""
    family: FamilyName | None
    frequent_tags: tuple[str, ...]
    """The words that its training captions had most often, as kohya's metadata counts them."""
    unread: dict[str, str]
    """Why a key of its files cannot be read, or a layer lacks weights, by its name."""


@dataclass(frozen=True)
class Style:
    """A style's weight files and metadata."""

    name: str
    files: tuple[Path, ...]
    metadata: StyleMetadata = DEFAULT_METADATA
    folder: Path | None = None
    """Its own folder, with a card and more."""

    @cached_property
    def digest(self) -> Digest:
        """Return the sha256 of its weights.

        Trigger words are part of the prompts instead.
        """
        configs = [file.parent / PEFT_CONFIG for file in self.files if (file.parent / PEFT_CONFIG).is_file()]
        digests = [file_digest(file) for file in (*self.files, *configs)]
        return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()

    @cached_property
    def contents(self) -> StyleContents:
        """Read the headers of its files; raises StyleError."""
        words: dict[str, tuple[int, list[tuple[str, int]]]] = {}
        layers: dict[str, LayerShape] = {}
        tags: tuple[str, ...] = ()
        declared: FamilyName | None = None
        unread: dict[str, str] = {}
        for file in self.files:
            shapes, metadata = self._header(file)
            if other := other_kind(shapes):
                raise StyleError(f"style '{self.name}': {file} is {other}")
            declared = declared or declared_family(metadata)
            embeddings = embedding_keys(shapes, metadata, file.stem)
            for key, (trigger, encoder) in embeddings.items():
                rows, channels = shapes[key] if len(shapes[key]) == 2 else (1, *shapes[key])
                words.setdefault(trigger, (rows, []))[1].append((encoder, channels))
            rest = {key: shape for key, shape in shapes.items() if key not in embeddings}
            layers |= layer_shapes(rest)
            if not embeddings or any(map(is_bundled, shapes)):
                unread |= {key: _why_unread(key) for key in rest if parse_key(key) is None and not is_bundled(key)}
            tags = tags or frequent_tags(metadata)
        channels_read = {layer: shape.channels for layer, shape in layers.items()}
        family = adapter_family(channels_read, [part for _, parts in words.values() for part in parts], declared)
        return StyleContents(
            learned_words={name: rows for name, (rows, _) in words.items()},
            layers={layer: shape.rank for layer, shape in layers.items()},
            kinds=tuple(dict.fromkeys(shape.kind for shape in layers.values())),
            family=family,
            frequent_tags=tags,
            unread=unread | {layer: "lacks some of its weights" for layer, shape in layers.items() if not shape.is_whole},
        )

    def _header(self, file: Path) -> Header:
        try:
            state = file.stat()
            return _read_header(file, state.st_size, state.st_mtime_ns)
        except (OSError, ValueError) as error:
            raise StyleError(f"style '{self.name}': cannot read {file} ({error}); download or train it again") from None

    @property
    def trigger(self) -> str:
        """Return its trigger words, apart from learned words."""
        return self.metadata.trigger

    @property
    def prompt_trigger(self) -> str:
        """Return its trigger words, else its learned words."""
        return self.trigger or ", ".join(self.contents.learned_words)


def check_readable(style: Style) -> None:
    """Refuse a style that cannot be read, with its keys; raises StyleError."""
    unread = style.contents.unread
    if unread:
        why = "; ".join(f"{key} {fault}" for key, fault in list(unread.items())[:NAMED])
        more = f"; `sakuga style show` names {len(unread) - NAMED} more" if len(unread) > NAMED else ""
        raise StyleError(f"style '{style.name}' cannot be used: {why}{more}")


def _why_unread(key: str) -> str:
    kind = unsupported_kind(key)
    return f"is {kind}, which is not supported" if kind else "is of no known layout"


def style_in_folder(name: str, folder: Path) -> Style:
    """Read the style of a folder.

    Raises StyleError where it has no weights.
    """
    files = find_weights(folder)
    if not files:
        raise StyleError(f"style '{name}': {folder} has no {LORA_FILE} or {EMBEDDING_FILE}, and no single .safetensors file")
    return Style(name, files, read_metadata(name, folder), folder)


def find_weights(folder: Path) -> tuple[Path, ...]:
    """List the weight files of a style's folder.

    They are those of diffusers, else of peft, else its only safetensors file.
    """
    named = tuple(folder / name for name in (LORA_FILE, EMBEDDING_FILE) if (folder / name).is_file())
    every = sorted(folder.glob("*.safetensors"))
    return named or ((folder / PEFT_FILE,) if (folder / PEFT_FILE).is_file() else tuple(every) if len(every) == 1 else ())


def read_metadata(name: str, folder: Path) -> StyleMetadata:
    """Read a folder's `style.toml`, else its card; raises StyleError.

    A card's `instance_prompt` is the trigger.
    """
    file = folder / STYLE_FILE
    if not file.is_file():
        return StyleMetadata(trigger=str(read_card(folder).get("instance_prompt") or ""))
    try:
        state = file.stat()
        return _read_metadata(file, state.st_size, state.st_mtime_ns)
    except (OSError, ValueError) as error:
        keys = "its keys are trigger, suffix, weight and finishing"
        raise StyleError(f"style '{name}': cannot read {file} ({error}); {keys}") from None


def read_card(folder: Path) -> Mapping[str, object]:
    """Read the YAML header of a model card.

    It has the base model and the trigger; empty without a card.
    """
    file = folder / CARD_FILE
    if not file.is_file():
        return {}
    state = file.stat()
    return _read_card(file, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1024)
def _read_header(file: Path, size: int, changed: int) -> Header:
    return read_header(file)


@lru_cache(maxsize=1024)
def _read_metadata(file: Path, size: int, changed: int) -> StyleMetadata:
    return parse_metadata(read_utf8(file))


@lru_cache(maxsize=1024)
def _read_card(file: Path, size: int, changed: int) -> Mapping[str, object]:
    try:
        mark, *lines = read_utf8(file, MAX_CARD).lstrip().splitlines()
        values = parse_yaml("\n".join(lines[: lines.index(MARK)])) if mark == MARK else {}
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
