"""New styles of old ones: converted to another layout, blended into one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.families import CALLED
from sakuga.models.style_metadata import About, Finishing, about_text
from sakuga.models.styles import ABOUT, CARD, LORA, PICKLES, WORDS, StyleError, find_style
from sakuga.studio.core.styles import find_wish, styles_folder
from sakuga.timeline.spec import Precision

StyleLayout = Literal["diffusers", "kohya"]
LAYOUTS: tuple[StyleLayout, ...] = get_args(StyleLayout)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
MOST_RANK = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeStyle:
    """Files of a style that were written."""

    files: tuple[Path, ...]
    layers: int
    ranks: tuple[int, ...]
    words: tuple[str, ...]
    error: float = 0.0
    """How far a blend of lower rank is from the exact sum, relative to it; 0.0 is exact."""


def convert_style(
    name: str,
    out: Path | str,
    *,
    layout: str = "diffusers",
    precision: str = "fp16",
    pickle: bool = False,
    trigger: str | None = None,
    model: str = SKETCHBOOK,
) -> MadeStyle:
    """Write a style in another layout: to a .safetensors file, or to a folder with its words beside.

    `pickle` reads a .pt, .bin or .ckpt, whose code is not run. `trigger` names its one learnt word anew, or says its trigger. Raises
    StyleError and AdapterError.
    """
    from sakuga.models.adapters import read_pickle, read_style

    _check(layout, precision)
    path = Path(name).expanduser()
    if pickle and path.suffix in PICKLES:
        if not path.is_file():
            raise StyleError(f"style '{name}': there is no such file")
        adapter, about = read_pickle(path, name), About()
    else:
        style = find_style(name, find_checkpoint(model), styles_folder())
        adapter, about = read_style(style.files, style.name), style.about
    if trigger and len(adapter.words) > 1:
        raise StyleError(f"style '{name}' teaches {len(adapter.words)} words: it cannot be called by the one word '{trigger}'")
    if trigger and adapter.words:
        adapter = replace(adapter, words=(replace(adapter.words[0], trigger=trigger),))
    about = about if trigger is None or adapter.words else replace(about, trigger=trigger)
    return _written(adapter, Path(out), layout, precision, about, f"`{Path(name).name}`, converted")


def blend_styles(
    wishes: Sequence[str],
    out: Path | str,
    *,
    rank: int | None = None,
    layout: str = "diffusers",
    precision: str = "fp32",
    model: str = SKETCHBOOK,
) -> MadeStyle:
    """Write the weighted sum of styles, "comic:0.6" and "pixel:0.4", as one: exact, or the nearest of a rank with its error told.

    Raises StyleError and AdapterError.
    """
    from sakuga.models.adapters import read_style
    from sakuga.models.applied_adapters import scaled
    from sakuga.models.blending import blended

    _check(layout, precision)
    if rank is not None and not 1 <= rank <= MOST_RANK:
        raise StyleError(f"rank {rank} cannot be: choose 1 to {MOST_RANK}")
    if len(wishes) < 2:
        raise StyleError("a blend needs two styles or more, each with its weight: comic:0.6 pixel:0.4")
    source = find_checkpoint(model)
    found = [find_wish(text, source) for text in wishes]
    parts = [(scaled(read_style(one.style.files, one.style.name), one.wish.scales), one.weight) for one in found]
    made = blended(Path(out).stem, parts, rank)
    about = _together([one.style.about for one in found if one.weight > 0])
    told = " + ".join(f"{one.weight:g} x `{Path(one.style.name).name}`" for one in found)
    whole = f"{told}, rank {rank}, {made.error:.2%} off" if rank else told
    return replace(_written(made.adapter, Path(out), layout, precision, about, whole), error=made.error)


def _together(abouts: Sequence[About]) -> About:
    """Say of a blend all that its parts are called by; it is finished as the first is that says how, and worn with weight 1."""
    words = (", ".join(dict.fromkeys(filter(None, said))) for said in zip(*((one.trigger, one.suffix) for one in abouts), strict=True))
    trigger, suffix = words if abouts else ("", "")
    finishing = next((one.finishing for one in abouts if one.finishing != Finishing()), Finishing())
    return About(trigger=trigger, suffix=suffix, finishing=finishing)


def _check(layout: str, precision: str) -> None:
    if layout not in LAYOUTS:
        raise StyleError(f"no layout {layout!r}: there are {', '.join(LAYOUTS)}")
    if precision not in PRECISIONS:
        raise StyleError(f"no precision {precision!r}: there are {', '.join(PRECISIONS)}")


def _written(adapter: Any, out: Path, layout: Any, precision: Any, about: About, told: str) -> MadeStyle:
    """Write a style to a file, or to a folder with what is to be said of it."""
    from sakuga.models.adapters import write_adapter, write_words
    from sakuga.models.checkpoint import DTYPES

    alone = out.suffix == ".safetensors"
    if out.exists() and (out.is_dir() if alone else not out.is_dir()):
        raise StyleError(f"{out} is there already, and is {'a folder' if alone else 'a file'}: give another name")
    if alone and adapter.layers and adapter.words:
        raise StyleError(f"a style with a LoRA and a word takes a folder: write to {out.with_suffix('')}")
    files = []
    if adapter.layers:
        files.append(out if alone else out / LORA)
        write_adapter(adapter, files[-1], layout, DTYPES[precision])
    if adapter.words:
        files.append(out if alone else out / WORDS)
        write_words(adapter, files[-1], layout)
    if not alone:
        (out / ABOUT).write_text(about_text(about), encoding="utf-8")
        (out / CARD).write_text(_card(adapter, out.name, about.trigger, told), encoding="utf-8")
    ranks = tuple(sorted({factors.rank for factors in adapter.layers.values()}))
    return MadeStyle(files=tuple(files), layers=len(adapter.layers), ranks=ranks, words=tuple(word.trigger for word in adapter.words))


def _card(adapter: Any, name: str, trigger: str, told: str) -> str:
    base = CALLED.get(adapter.family, "")
    head = [f"base_model: {base}"] if base else []
    head += ["tags: [lora, diffusers, text-to-image]"] if adapter.layers else ["tags: [textual_inversion, text-to-image]"]
    head += [f"instance_prompt: {trigger}"] if trigger else []
    return "\n".join(["---", *head, "---", f"# {name}", "", f"Made of {told}.", ""])
