"""Styles on the disk: a LoRA, learnt words or both, with what is to be said in the prompt; no network is loaded, and no torch."""

import difflib
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sakuga import InputError
from sakuga.models.checkpoint_files import Source, file_digest
from sakuga.models.embeddings import head_of, words_in
from sakuga.models.families import Family, family_of, family_said
from sakuga.models.lora_keys import place
from sakuga.models.style_metadata import UNSAID, About, read_about
from sakuga.timeline.spec import Digest

LORA = "pytorch_lora_weights.safetensors"
WORDS = "learned_embeds.safetensors"
PEFT, PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"
"""What peft writes; its configuration says by how much the weights count."""
ABOUT = "style.toml"
CARD = "README.md"
STYLES = "styles"
FEW_STEP = "few_step"
"""The folders of a checkpoint that hold its own styles, and the adapter that draws in few steps."""
HUB = "hub:"
PICKLES = (".pt", ".bin", ".ckpt", ".pth")


class StyleError(InputError, ValueError):
    """A style that cannot be found or read; the sentence says which, why, and what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a style's files hold, told by their heads."""

    words: dict[str, int]
    """Learnt words, with how many tokens each takes."""
    layers: dict[str, int]
    """Changed layers, with the rank of each."""
    family: Family | None


@dataclass(frozen=True)
class Style:
    """Files of weights, and what is said of them: the words that call them up in a prompt, and more."""

    name: str
    files: tuple[Path, ...]
    about: About = UNSAID
    folder: Path | None = None
    """The folder that is its own, with a card and more."""

    @cached_property
    def digest(self) -> Digest:
        """Name the style: sha256 of its weights, as its words are in the prompts."""
        configs = [file.parent / PEFT_CONFIG for file in self.files if (file.parent / PEFT_CONFIG).is_file()]
        digests = [file_digest(file) for file in (*self.files, *configs)]
        return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()

    @cached_property
    def contents(self) -> Contents:
        """Read the heads of its files; raises StyleError where one cannot be read."""
        words: dict[str, tuple[int, list[tuple[str, int]]]] = {}
        layers: dict[str, tuple[int, int]] = {}
        said: Family | None = None
        for file in self.files:
            try:
                shapes, metadata = head_of(file)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise StyleError(f"style '{self.name}': {file} cannot be read ({error}); fetch or train it again") from None
            said = said or family_said(metadata)
            found = words_in(shapes, metadata, file.stem)
            for key, (trigger, network) in found.items():
                rows, channels = shapes[key] if len(shapes[key]) == 2 else (1, *shapes[key])
                words.setdefault(trigger, (rows, []))[1].append((network, channels))
            placed = {key: at for key in shapes if not found and (at := place(key)) and at.part == "down"}
            layers |= {at.layer: (shapes[key][0], shapes[key][1]) for key, at in placed.items()}
        family = family_of(
            {layer: read for layer, (_, read) in layers.items()}, [part for _, parts in words.values() for part in parts], said
        )
        ranks, tokens = ({name: value[0] for name, value in pairs.items()} for pairs in (layers, words))
        return Contents(words=tokens, layers=ranks, family=family)

    @property
    def trigger(self) -> str:
        """The words that call it up, where they are not its learnt words."""
        return self.about.trigger

    @property
    def said(self) -> str:
        """What a prompt must say: its trigger, or else its learnt words."""
        return self.trigger or ", ".join(self.contents.words)


def own_styles(source: Source) -> dict[str, Style]:
    """List the styles that a checkpoint brings along, by name."""
    return styles_in(source.folder / STYLES)


def styles_in(folder: Path) -> dict[str, Style]:
    """List the styles of a folder of styles, by name: its folders and its files."""
    files = {file.stem: Style(file.stem, (file,)) for file in sorted(folder.glob("*.safetensors"))}
    folders = [below for below in sorted(folder.glob("*")) if below.is_dir() and below.name[0] != "." and weights_in(below)]
    return files | {below.name: _in_folder(below.name, below) for below in folders}


def few_step(source: Source) -> Style | None:
    """Find the adapter with which a checkpoint draws in few steps, if it brings one along."""
    file = source.folder / FEW_STEP / LORA
    return Style(FEW_STEP, (file,)) if file.is_file() else None


def find_style(name: str, source: Source, kept: Path | None = None) -> Style:
    """Find a style: one of the checkpoint's own or of the folder `kept` by its name, a folder, a safetensors file, or one of the hub.

    Raises StyleError where there is none, with what there is.
    """
    known = {**(styles_in(kept) if kept else {}), **own_styles(source)}
    if name in known:
        return known[name]
    if name.startswith(HUB):
        from sakuga.models.hub import hub_style

        return hub_style(name)
    path = Path(name).expanduser()
    if path.is_dir():
        return _in_folder(name, path)
    if path.is_file():
        return _of_file(name, path)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        raise StyleError(f"no style '{name}': did you mean '{near[0]}'?")
    own = own_styles(source)
    there = f"'{source.name}' has {', '.join(own)}" if own else f"'{source.name}' has none of its own"
    more = sorted(known.keys() - own.keys())
    there += f", and {kept} has {', '.join(more)}" if more else ""
    raise StyleError(f"no style '{name}': {there}; give one of these, a folder, a .safetensors file or {HUB}owner/name")


def weights_in(folder: Path) -> tuple[Path, ...]:
    """List the files that make a folder a style: those of diffusers, else of peft, else its only safetensors file."""
    usual = tuple(folder / name for name in (LORA, WORDS) if (folder / name).is_file())
    every = sorted(folder.glob("*.safetensors"))
    return usual or ((folder / PEFT,) if (folder / PEFT).is_file() else tuple(every) if len(every) == 1 else ())


def _of_file(name: str, path: Path) -> Style:
    if path.suffix in PICKLES:
        raise StyleError(f"style '{name}' is a pickle, which can run code: if you trust it, `sakuga style convert {name} --pickle -o NEW`")
    if path.suffix != ".safetensors":
        raise StyleError(f"style '{name}' is no safetensors file")
    return Style(name, (path,))


def _in_folder(name: str, folder: Path) -> Style:
    files = weights_in(folder)
    if not files:
        raise StyleError(f"style '{name}': the folder holds no {LORA} or {WORDS}, and no single .safetensors file")
    return Style(name, files, about_in(name, folder), folder)


def about_in(name: str, folder: Path) -> About:
    """Read what `style.toml` says, or else of the card its `instance_prompt`."""
    file = folder / ABOUT
    if not file.is_file():
        return About(trigger=str(card_of(folder).get("instance_prompt") or ""))
    try:
        return read_about(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        keys = "trigger, suffix, weight and finishing may stand there, or nothing"
        raise StyleError(f"style '{name}': {file} cannot be read ({error}); {keys}") from None


def card_of(folder: Path) -> dict[str, object]:
    """Read the head of a style's card, in which hubs say its base and what calls it up; empty where there is none."""
    file = folder / CARD
    if not file.is_file():
        return {}
    from huggingface_hub.repocard import metadata_load

    try:
        return dict(metadata_load(file) or {})
    except (OSError, ValueError):
        return {}
