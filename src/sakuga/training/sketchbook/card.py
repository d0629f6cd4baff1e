"""The card of the Sketchbook's weights: words of ours, figures from the files beside them, the same card for the same files."""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from string import Template

from sakuga.models.checkpoint_files import EDITION
from sakuga.training.sketchbook.classifier import ASPECTS
from sakuga.training.sketchbook.pictures import BASE, BASE_ASPECTS, EVERYTHING, HELD_OUT, IN_LOOK, LARGE, Album
from sakuga.training.sketchbook.run_summary import Learnt

CARD, FIGURES, TRAINING = "README.md", "score.json", "training.json"
"""The card, and the files beside it that its figures come from."""
PARTS = {
    "tokenizer": "byte-pair, 2,048 words",
    "text_encoder": "CLIPTextModel, width 256, 4 layers; its pooled output is CLIP's text embedding",
    "image_encoder": "CLIPVisionModelWithProjection, 128 px, patches of 16",
    "vae": "AutoencoderKL, factor 8, 8 latent channels, no attention",
    "unet": "UNet2DConditionModel, 128 channels at three levels, on 16 x 16 latents, heads of 64, v-prediction, zero terminal SNR",
    "scheduler": "DPM-Solver++ multistep, trailing steps",
    "classifier": "reads time, weather, place, subject, side, people and look from a picture, for measuring",
    "upscaler": "doubles a picture: convolutions and pixel-shuffle beside a bicubic enlargement",
    "depth": "DPTForDepthEstimation, a hybrid of convolutions and a small transformer",
    "controlnet": "ControlNetModel: depth says where things are",
    "few_step": "a LoRA taught where the guided UNet's way ends: four steps, no guidance",
    "styles": "LoRAs, each a look: {names}",
}
ALBUMS: tuple[tuple[str, tuple[Album, ...], str], ...] = (
    ("everything (half flat, half other looks, held-back subjects too)", (EVERYTHING,), "autoencoder, CLIP, classifier, depth"),
    ("everything in other shapes, an eighth each", ASPECTS, "classifier"),
    ("base (97% flat)", (BASE,), "UNet, ControlNet, few-step adapter"),
    ("base in other shapes, 5% each", BASE_ASPECTS, "the same"),
    ("everything, larger", (LARGE,), "upscaler"),
    ("one look", tuple(IN_LOOK.values())[:1], "each style, from the same scenes"),
    ("held out", (HELD_OUT,), "every figure below, from here up"),
)
STAGES = {
    "vae": "autoencoder",
    "clip": "tokenizer, CLIP",
    "unet": "UNet",
    "controlnet": "ControlNet",
    "lcm": "few-step adapter",
}
"""Runs by the names that people know; the others are called as they are."""
BESIDE = ("n.", "low.", "high.", "ceiling.")
"""What stands before a figure's key for all but its value."""
ASKED = {
    "fidelity.time": "0.98",
    "fidelity.weather": "0.95",
    "fidelity.place": "0.95",
    "fidelity.subject": "0.93",
    "fidelity.portrait": "0.97",
    "fidelity.side": "0.90",
    "fidelity.hair": "0.90",
    "fidelity.dress": "0.90",
    "vae_psnr_db": "31",
    "clip.retrieval_top1": "0.70",
    "clip.one_attribute": "0.90",
    "variation.labels_kept": "0.8",
    "depth.rank_correlation": "0.90",
    "control.rank_correlation": "0.60",
    "few_step.speedup": "5",
    **{f"styles.{look}.accuracy": "0.9" for look in IN_LOOK},
    **{f"styles.{look}.subject_loss": "at most 0.05" for look in IN_LOOK},
}
"""What was set out for."""


def card(folder: Path, figures: Mapping[str, float], training: Learnt) -> str:
    """Write the card of a folder of weights.

    `figures` are those of `sakuga sketchbook score --json`, in its order: each has a row, with its count from "n." and its "ceiling.".
    """
    words = Template(Path(__file__).with_name("card.md").read_text(encoding="utf-8"))
    missing = [f"`{part}`" for part in PARTS if not (folder / part).is_dir()]
    return words.substitute(
        edition=EDITION,
        parts=_parts(folder),
        missing=f"Not there yet: {', '.join(missing)}.\n\n" if missing else "",
        albums=_table(("set", "seeds from", "for"), [_album(*row) for row in ALBUMS]),
        training=_table(("stage", "samples", "a step", "pictures", "minutes"), [_stage(*row) for row in training.items()]),
        n=f"{figures.get('n.fidelity.portrait', 0):.0f}",
        pictures=f"{figures.get('n.kid', 0):.0f}",
        figures=_figures(figures),
    )


def write_card(folder: Path, figures: Mapping[str, float], training: Learnt) -> None:
    """Write figures and trainings beside the weights of a folder, and its card from them."""
    (folder / FIGURES).write_text(json.dumps(dict(figures), indent=1) + "\n", encoding="utf-8")
    (folder / TRAINING).write_text(json.dumps(training, indent=1) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card(folder, figures, training), encoding="utf-8")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("|" + "|".join(f" {cell} ".replace("  ", " ").replace(" --- ", "---") for cell in line) + "|" for line in lines)


def _parts(folder: Path) -> str:
    names = ", ".join(f"`{path.name}`" for path in sorted((folder / "styles").glob("*")) if path.is_dir())
    there = [(part, what) for part, what in PARTS.items() if (folder / part).is_dir()]
    return _table(("part", "what", "parameters"), [(f"`{part}`", what.format(names=names), _size(folder / part)) for part, what in there])


def _size(folder: Path) -> str:
    """Say how many numbers a part's files of weights hold, by their headers."""
    total = sum(_numbers(path) for path in folder.rglob("*.safetensors"))
    return f"{total / 1e6:.2g} M" if total else ""


def _numbers(path: Path) -> int:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def _album(name: str, albums: tuple[Album, ...], use: str) -> tuple[str, ...]:
    sizes = ", ".join(f"{album.width}x{album.height}" for album in albums)
    return f"{name}, {sizes}", ", ".join(f"{album.first_seed:,}" for album in albums), use


def _stage(name: str, run: Mapping[str, float]) -> tuple[str, ...]:
    counts = (f"{run[key]:,.0f}" if key in run else "" for key in ("samples", "step", "pictures", "minutes"))
    return STAGES.get(name, name), *counts


def _figures(figures: Mapping[str, float]) -> str:
    rows = []
    for key, value in figures.items():
        if key.startswith(BESIDE):
            continue
        ceiling = f"{figures[f'ceiling.{key}']:.3g}" if f"ceiling.{key}" in figures else ""
        count = f"{figures[f'n.{key}']:.0f}" if f"n.{key}" in figures else ""
        ends = f"{figures[f'low.{key}']:.3g} to {figures[f'high.{key}']:.3g}" if f"low.{key}" in figures else ""
        rows.append((f"`{key}`", f"{value:.3g}", ends, ceiling, count, ASKED.get(key, "")))
    told = any(row[2] for row in rows)
    head = ("figure", "drawn", "95% interval", "ceiling (the same on true renders)", "n", "asked")
    return _table(head if told else _without(head), rows if told else map(_without, rows))


def _without(row: Sequence[str]) -> Sequence[str]:
    """Leave the intervals out, which older scores do not tell."""
    return (*row[:2], *row[3:])
