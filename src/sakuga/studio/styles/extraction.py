"""LoRAs from tuned checkpoints, resized styles, and checkpoints with styles merged in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sakuga.export import check_folder, check_name
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.families import family_of
from sakuga.models.style_files import StyleError
from sakuga.models.style_metadata import StyleMetadata
from sakuga.story.limits import MAX_RANK
from sakuga.story.options import Number
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.styles import find_style_use
from sakuga.studio.styles.conversion import WrittenStyle, check_format, read_named_style, write_style
from sakuga.timeline.spec import Precision

RANK = Number(help="Rank", default=32, least=1, most=MAX_RANK, whole=True)
KEEP = Number(help="Share of each layer's change to keep", least=0, most=1, above=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedModel:
    """A checkpoint with styles in its weights."""

    model: Path
    layers: int
    error: float
    """The rounding of the written weights, relative to the change."""


@checked(rank=RANK)
def extract_style(
    tuned: str,
    out: Path | str,
    *,
    base: str = SKETCHBOOK,
    rank: int = 32,
    trigger: str = "",
    layout: str = "diffusers",
    precision: str = "fp16",
) -> WrittenStyle:
    """Write the difference of a tuned checkpoint and its base as a LoRA, by SVD.

    The result's error is relative to the whole difference; `beyond` is the part of it in weights that no LoRA changes. Raises StyleError,
    and AdapterError where the models differ in their layers, or not at all.
    """
    check_format(layout, precision)
    sources = [find_checkpoint(name) for name in (base, tuned)]
    if sources[0].digest == sources[1].digest:
        raise StyleError(f"{tuned} and {base} are the same model: name the tuned one, and its base with --base")
    from sakuga.models.checkpoint import load_checkpoint
    from sakuga.models.extraction import extract_adapter

    models = [load_checkpoint(source) for source in sources]
    parts = [part for part in ("unet", "text_encoder", "text_encoder_2") if all(part in model.networks for model in models)]
    made = extract_adapter(Path(out).stem, [(part, models[0].networks[part], models[1].networks[part]) for part in parts], rank)
    adapter = replace(made.adapter, declared_family=family_of(sources[0].info).name)
    origin = f"`{Path(tuned).name}` less `{Path(base).name}`, rank {rank}, {made.error:.2%} off"
    written = write_style(adapter, Path(out), layout, precision, StyleMetadata(trigger=trigger), origin)
    return replace(written, error=made.error, beyond=made.beyond)


@checked(rank=RANK, keep=KEEP)
def resize_style(
    name: str,
    out: Path | str,
    *,
    rank: int | None = None,
    keep: float | None = None,
    layout: str = "diffusers",
    precision: str = "fp16",
    model: str = SKETCHBOOK,
) -> WrittenStyle:
    """Write a style with fewer ranks: to `rank`, or so that each layer keeps a share of its change.

    A LoHa or LoKr becomes a LoRA. The error is in the result. Raises StyleError and AdapterError.
    """
    check_format(layout, precision)
    if (rank is None) == (keep is None):
        raise StyleError("give a rank, or the share of each layer's change to keep, such as 0.95")
    adapter, metadata = read_named_style(name, model, pickle=False)
    from sakuga.models.extraction import resize_adapter

    made = resize_adapter(adapter, rank, keep)
    target = f"rank {rank}" if rank else f"{keep:.0%} of each layer"
    origin = f"`{Path(name).name}`, reduced to {target}, {made.error:.2%} off"
    return replace(write_style(made.adapter, Path(out), layout, precision, metadata, origin), error=made.error)


@checked()
def merge_styles(styles: Sequence[str], out: Path | str, *, model: str = SKETCHBOOK, precision: Precision = "fp16") -> MergedModel:
    """Write a checkpoint with styles in its weights, each times its weight, such as "comic:0.8".

    Raises StyleError, and AdapterError where a style does not match the model or has a learned word.
    """
    check_format("diffusers", precision)
    target = Path(out)
    check_name(target)
    if target.exists():
        raise StyleError(f"{target} exists already: choose another name, or delete it")
    check_folder(target.parent)
    source = find_checkpoint(model)
    uses = [find_style_use(text, source) for text in styles]
    from sakuga.models.adapters import read_style
    from sakuga.models.applied_adapters import AppliedAdapter, applied_adapters
    from sakuga.models.checkpoint import DTYPES, load_checkpoint
    from sakuga.models.checkpoint_writing import write_checkpoint

    adapters = [
        AppliedAdapter(adapter=read_style(use.style.files, use.style.name), weight=use.weight, block_weights=use.request.block_weights)
        for use in uses
    ]
    if words := [word.trigger for one in adapters for word in one.adapter.learned_words]:
        raise StyleError(f"the learned word {words[0]!r} cannot be merged into weights: load it beside the merged model")
    checkpoint = load_checkpoint(source)
    names = {layer for one in adapters for layer in one.adapter.layers}
    parts = sorted({name.split(".", 1)[0] for name in names})
    before = {part: _weights(checkpoint.networks[part]) for part in parts}
    with applied_adapters(checkpoint, adapters):
        error = _rounding(before, {part: _weights(checkpoint.networks[part]) for part in parts}, DTYPES[precision])
        write_checkpoint(source, {part: checkpoint.networks[part] for part in parts}, target, DTYPES[precision])
    return MergedModel(model=target, layers=len(names), error=error)


def _weights(network: object) -> dict[str, object]:
    return {name: weight.detach().float().clone() for name, weight in network.named_parameters()}  # type: ignore[attr-defined]


def _rounding(before: dict[str, dict[str, object]], after: dict[str, dict[str, object]], dtype: object) -> float:
    """Return how far the written weights are from the exact ones, relative to the change."""
    rounded = change = 0.0
    for part, weights in after.items():
        for name, weight in weights.items():
            rounded += float((weight.to(dtype).float() - weight).square().sum())  # type: ignore[attr-defined]
            change += float((weight - before[part][name]).square().sum())  # type: ignore[operator]
    return (rounded / change) ** 0.5 if change else 0.0
