"""The model card of the Sketchbook's weights."""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from string import Template

from sakuga.models.checkpoint_files import EDITION
from sakuga.training.sketchbook.classifier import ASPECTS
from sakuga.training.sketchbook.image_dataset import BASE, BASE_ASPECTS, CLIPS, EVERYTHING, HELD_OUT, IN_LOOK, LARGE, DatasetSpec
from sakuga.training.sketchbook.run_summary import RunTable

CARD, METRICS, TRAINING = "README.md", "score.json", "training.json"
"""The card, and the files beside it that its tables come from."""
PARTS = {
    "tokenizer": "byte-pair, 2,048 words",
    "text_encoder": "CLIPTextModel, width 256, 4 layers; its pooled output is CLIP's text embedding",
    "image_encoder": "CLIPVisionModelWithProjection, 128 px, patches of 16",
    "vae": "AutoencoderKL, factor 8, 8 latent channels, no attention",
    "unet": "UNet2DConditionModel, 128 channels at three levels, on 16 x 16 latents, heads of 64, v-prediction, zero terminal SNR",
    "scheduler": "DPM-Solver++ multistep, trailing steps",
    "classifier": "reads time, weather, place, subject, side, people and look from an image, for evaluation",
    "upscaler": "doubles an image: convolutions and pixel-shuffle beside a bicubic enlargement",
    "depth": "DPTForDepthEstimation, a hybrid of convolutions and a small transformer",
    "controlnet": "ControlNetModel, with depth as control",
    "motion_adapter": "MotionAdapter for clips of 16 frames at 8 per second",
    "few_step": "a LoRA distilled from the guided UNet: four steps, no guidance",
    "styles": "LoRAs, one for each look: {names}",
}
DATASETS: tuple[tuple[str, tuple[DatasetSpec, ...], str], ...] = (
    ("everything (half flat, half other looks, held-out subjects too)", (EVERYTHING,), "autoencoder, CLIP, classifier, depth"),
    ("everything at other aspect ratios, an eighth each", ASPECTS, "classifier"),
    ("base (97% flat)", (BASE,), "UNet, ControlNet, few-step adapter"),
    ("base at other aspect ratios, 5% each", BASE_ASPECTS, "the same"),
    ("everything, larger", (LARGE,), "upscaler"),
    ("one look", tuple(IN_LOOK.values())[:1], "each style, from the same scenes"),
    ("clips, 16 frames at 8 per second, flat", (CLIPS,), "motion adapter"),
    ("held out", (HELD_OUT,), "all metrics below, from here up"),
)
STAGES = {
    "vae": "autoencoder",
    "clip": "tokenizer, CLIP",
    "unet": "UNet",
    "sharpen": "UNet, sharpening",
    "controlnet": "ControlNet",
    "lcm": "few-step adapter",
    "motion": "motion adapter",
}
"""Stages with another name in the card than their run folder."""
PREFIXES = ("n.", "low.", "high.", "ceiling.")
"""Prefixes of a metric's sample size, interval and ceiling."""
TARGETS = {
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
"""What each metric aims at."""


def card(folder: Path, metrics: Mapping[str, float], training: RunTable) -> str:
    """Return the card of a folder of weights as Markdown.

    `metrics` are those of `sakuga sketchbook score --json`, in its order: each has a row, with its sample size and ceiling.
    """
    template = Template(Path(__file__).with_name("card.md").read_text(encoding="utf-8"))
    missing = [f"`{part}`" for part in PARTS if not (folder / part).is_dir()]
    return template.substitute(
        edition=EDITION,
        parts=_parts(folder),
        missing=f"Missing: {', '.join(missing)}.\n\n" if missing else "",
        datasets=_table(("dataset", "seeds from", "for"), [_dataset(*row) for row in DATASETS]),
        training=_table(("stage", "samples", "per step", "images", "minutes"), [_stage(*row) for row in training.items()]),
        n=f"{metrics.get('n.fidelity.portrait', 0):.0f}",
        images=f"{metrics.get('n.kid', 0):.0f}",
        metrics=_metrics(metrics),
    )


def write_card(folder: Path, metrics: Mapping[str, float], training: RunTable) -> None:
    """Write metrics, trainings and card into a folder of weights."""
    (folder / METRICS).write_text(json.dumps(dict(metrics), indent=1) + "\n", encoding="utf-8")
    (folder / TRAINING).write_text(json.dumps(training, indent=1) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card(folder, metrics, training), encoding="utf-8")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("|" + "|".join(f" {cell} ".replace("  ", " ").replace(" --- ", "---") for cell in line) + "|" for line in lines)


def _parts(folder: Path) -> str:
    names = ", ".join(f"`{path.name}`" for path in sorted((folder / "styles").glob("*")) if path.is_dir())
    there = [(part, what) for part, what in PARTS.items() if (folder / part).is_dir()]
    return _table(("part", "what", "parameters"), [(f"`{part}`", what.format(names=names), _size(folder / part)) for part, what in there])


def _size(folder: Path) -> str:
    """Return a component's number of parameters.

    Read from its files' headers.
    """
    total = sum(_numbers(path) for path in folder.rglob("*.safetensors"))
    return f"{total / 1e6:.2g} M" if total else ""


def _numbers(path: Path) -> int:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def _dataset(name: str, datasets: tuple[DatasetSpec, ...], use: str) -> tuple[str, ...]:
    sizes = ", ".join(f"{dataset.width}x{dataset.height}" for dataset in datasets)
    return f"{name}, {sizes}", ", ".join(f"{dataset.first_seed:,}" for dataset in datasets), use


def _stage(name: str, run: Mapping[str, float]) -> tuple[str, ...]:
    counts = (f"{run[key]:,.0f}" if key in run else "" for key in ("samples", "step", "pictures", "minutes"))
    return STAGES.get(name, name), *counts


def _metrics(metrics: Mapping[str, float]) -> str:
    rows = []
    for key, value in metrics.items():
        if key.startswith(PREFIXES):
            continue
        ceiling = f"{metrics[f'ceiling.{key}']:.3g}" if f"ceiling.{key}" in metrics else ""
        count = f"{metrics[f'n.{key}']:.0f}" if f"n.{key}" in metrics else ""
        ends = f"{metrics[f'low.{key}']:.3g} to {metrics[f'high.{key}']:.3g}" if f"low.{key}" in metrics else ""
        rows.append((f"`{key}`", f"{value:.3g}", ends, ceiling, count, TARGETS.get(key, "")))
    with_intervals = any(row[2] for row in rows)
    head = ("metric", "generated", "95% interval", "ceiling (the same on true renders)", "n", "target")
    return _table(head if with_intervals else _without(head), rows if with_intervals else map(_without, rows))


def _without(row: Sequence[str]) -> Sequence[str]:
    """Return a row without its interval.

    Older scores have none.
    """
    return (*row[:2], *row[3:])
