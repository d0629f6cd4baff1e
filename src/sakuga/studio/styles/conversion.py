"""Convert styles to another layout, and blend several into one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from sakuga.export import check_folder, check_name
from sakuga.files import write_text
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.embeddings import check_word
from sakuga.models.families import FAMILY_NAMES
from sakuga.models.style_files import CARD_FILE, EMBEDDING_FILE, LORA_FILE, STYLE_FILE, StyleError
from sakuga.models.style_metadata import Finishing, StyleMetadata, format_metadata
from sakuga.models.styles import PICKLE_SUFFIXES
from sakuga.paths import local_path
from sakuga.story.limits import MAX_RANK
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.style_lookup import resolve_style
from sakuga.studio.core.styles import find_style_use
from sakuga.timeline.spec import Precision

if TYPE_CHECKING:
    from sakuga.models.adapters import Adapter

StyleLayout = Literal["diffusers", "kohya"]
LAYOUTS: tuple[StyleLayout, ...] = get_args(StyleLayout)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenStyle:
    """The files of a written style."""

    files: tuple[Path, ...]
    layers: int
    ranks: tuple[int, ...]
    words: tuple[str, ...]
    error: float = 0.0
    """The relative error of a reduced rank; 0.0 is exact."""
    beyond: float = 0.0
    """The part of an extraction's error in weights that no LoRA changes."""


@checked()
def convert_style(
    name: str,
    out: Path | str,
    *,
    layout: str = "diffusers",
    precision: str = "fp16",
    pickle: bool = False,
    trigger: str | None = None,
    model: str = SKETCHBOOK,
) -> WrittenStyle:
    """Write a style in another layout.

    To a .safetensors file, or to a folder with its metadata.

    `pickle` reads a .pt, .bin or .ckpt without running its code. `trigger` replaces the trigger word. Raises StyleError and AdapterError.
    """
    check_format(layout, precision)
    adapter, metadata = read_named_style(name, model, pickle=pickle)
    if trigger and len(adapter.learned_words) > 1:
        raise StyleError(
            f"style '{name}' has {len(adapter.learned_words)} learned words: the one trigger word '{trigger}' cannot replace them"
        )
    if trigger and adapter.learned_words:
        _check_word(trigger)
        adapter = replace(adapter, learned_words=(replace(adapter.learned_words[0], trigger=trigger),))
    metadata = metadata if trigger is None or adapter.learned_words else replace(metadata, trigger=trigger)
    return write_style(adapter, Path(out), layout, precision, metadata, f"`{Path(name).name}`, converted")


def _check_word(word: str) -> None:
    """Refuse a learned word that could not be read later; raises StyleError."""
    try:
        check_word(word)
    except ValueError as error:
        raise StyleError(f"trigger: {error}") from None


def read_named_style(name: str, model: str, *, pickle: bool) -> tuple["Adapter", StyleMetadata]:
    """Read a style with its metadata; raises StyleError and AdapterError."""
    path = local_path(name)
    if pickle and path.suffix in PICKLE_SUFFIXES:
        if not path.is_file():
            raise StyleError(f"style '{name}': no such file")
        from sakuga.models.adapters import read_pickle

        return read_pickle(path, name), StyleMetadata()
    style = resolve_style(name, find_checkpoint(model))
    from sakuga.models.adapters import read_style

    return read_style(style.files, style.name), style.metadata


@checked()
def blend_styles(
    styles: Sequence[str],
    out: Path | str,
    *,
    rank: int | None = None,
    layout: str = "diffusers",
    precision: str = "fp32",
    model: str = SKETCHBOOK,
) -> WrittenStyle:
    """Write the weighted sum of styles as one style.

    Such as "comic:0.6" and "pixel:0.4".

    The sum is exact (concatenated ranks), or reduced to `rank` by SVD with the error in the result. Raises StyleError and AdapterError.
    """
    check_format(layout, precision)
    if rank is not None and not 1 <= rank <= MAX_RANK:
        raise StyleError(f"rank {rank} is out of range: use 1 to {MAX_RANK}")
    if len(styles) < 2:
        raise StyleError("a blend needs two or more styles, each with its weight: comic:0.6 pixel:0.4")
    source = find_checkpoint(model)
    found = [find_style_use(text, source) for text in styles]
    from sakuga.models.adapters import read_style
    from sakuga.models.applied_adapters import scale_blocks
    from sakuga.models.blending import blend_adapters

    parts = [(scale_blocks(read_style(one.style.files, one.style.name), one.request.block_weights), one.weight) for one in found]
    made = blend_adapters(Path(out).stem, parts, rank)
    metadata = _combine_metadata([one.style.metadata for one in found if one.weight > 0])
    origin = " + ".join(f"{one.weight:g} x `{Path(one.style.name).name}`" for one in found)
    description = f"{origin}, rank {rank}, {made.error:.2%} off" if rank else origin
    return replace(write_style(made.adapter, Path(out), layout, precision, metadata, description), error=made.error)


def _combine_metadata(parts: Sequence[StyleMetadata]) -> StyleMetadata:
    """Combine the metadata of styles.

    All trigger words, the first finishing, weight 1.
    """
    words = (", ".join(dict.fromkeys(filter(None, texts))) for texts in zip(*((one.trigger, one.suffix) for one in parts), strict=True))
    trigger, suffix = words if parts else ("", "")
    finishing = next((one.finishing for one in parts if one.finishing != Finishing()), Finishing())
    return StyleMetadata(trigger=trigger, suffix=suffix, finishing=finishing)


def check_format(layout: str, precision: str) -> None:
    """Refuse an unknown layout or precision; raises StyleError."""
    if layout not in LAYOUTS:
        raise StyleError(f"no layout {layout!r}: use {', '.join(LAYOUTS)}")
    if precision not in PRECISIONS:
        raise StyleError(f"no precision {precision!r}: use {', '.join(PRECISIONS)}")


def write_style(adapter: "Adapter", out: Path, layout: Any, precision: Any, metadata: StyleMetadata, origin: str) -> WrittenStyle:
    """Write a style to a file or folder.

    A folder gets metadata and a card too.
    """
    from sakuga.models.adapters import write_adapter, write_embeddings
    from sakuga.models.checkpoint import DTYPES

    single_file = out.suffix == ".safetensors"
    if out.exists() and (out.is_dir() if single_file else not out.is_dir()):
        raise StyleError(f"{out} exists and is {'a folder' if single_file else 'a file'}: use another name")
    if single_file and adapter.layers and adapter.learned_words:
        raise StyleError(f"a style with a LoRA and an embedding needs a folder: write to {out.with_suffix('')}")
    check_name(out)
    check_folder(out.parent if single_file else out)
    files = []
    if adapter.layers:
        files.append(out if single_file else out / LORA_FILE)
        write_adapter(adapter, files[-1], layout, DTYPES[precision])
    if adapter.learned_words:
        files.append(out if single_file else out / EMBEDDING_FILE)
        write_embeddings(adapter, files[-1], layout)
    if not single_file:
        write_text(out / STYLE_FILE, format_metadata(metadata))
        write_text(out / CARD_FILE, _card(adapter, out.name, metadata.trigger, origin))
    ranks = tuple(sorted({factors.rank for factors in adapter.layers.values()}))
    return WrittenStyle(
        files=tuple(files), layers=len(adapter.layers), ranks=ranks, words=tuple(word.trigger for word in adapter.learned_words)
    )


def _card(adapter: "Adapter", name: str, trigger: str, origin: str) -> str:
    base = FAMILY_NAMES[adapter.family] if adapter.family else ""
    head = [f"base_model: {base}"] if base else []
    head += ["tags: [lora, diffusers, text-to-image]"] if adapter.layers else ["tags: [textual_inversion, text-to-image]"]
    head += [f"instance_prompt: {trigger}"] if trigger else []
    return "\n".join(["---", *head, "---", f"# {name}", "", f"Made of {origin}.", ""])
