"""The report on a motion adapter."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sakuga.evaluation.metric import Measurement
from sakuga.evaluation.report import Page, PageImage, Section, Strip, Table, Tile
from sakuga.evaluation.report.metrics import metrics_table, tile
from sakuga.finishing.image import Image
from sakuga.finishing.resize import fit_within
from sakuga.studio.evaluation.comparison_table import value_text

if TYPE_CHECKING:
    from sakuga.models.image_tensors import Images

SHEETS, SHEET_FRAMES, FRAME_SIZE = 8, 8, 112
"""Clips that are shown, consecutive frames of each, and the longer side of a frame in pixels."""
AMPLIFIED = 4
"""How many times the differences of a difference sheet are enlarged."""
COLUMNS = {"true": "true", "autoencoder": "autoencoder", "base": "base", "adapter": "adapter", "more": "adapter - base"}
NAMES = {
    "flicker": "flicker",
    "motion": "motion",
    "step": "frame-to-frame change",
    "identity": "subject and person kept",
    "scene": "time, weather, place kept",
    "stated": "labels shown as stated",
    "distance": "video distance",
    "joint": "step at joints of contexts",
    "loop_gap": "loop gap",
}
TARGETS = {
    "ratio.adapter.flicker": ("flicker against true clips", "asked: at most 1.5"),
    "ratio.adapter.motion": ("motion against true clips", "asked: 0.7 to 1.4"),
    "adapter.identity": ("subject and person kept", "asked: at least 0.97"),
    "ratio.adapter.distance": ("video distance against the base", "asked: at most 0.5"),
    "adapter.joint": ("step at joints of contexts", "asked: at most 1.2"),
    "adapter.loop_gap": ("loop gap", "1 is invisible"),
}


def motion_page(
    title: str,
    lede: str,
    metrics: Sequence[Measurement],
    prompts: Sequence[str],
    clips: "Mapping[str, Sequence[Images]]",
    facts: tuple[tuple[str, str], ...],
) -> Page:
    """Build the report; `clips` are those of each row of a contact sheet, one for each prompt."""
    by_key = {metric.key: metric for metric in metrics}
    sections = (
        Section(title="Against true motion and without the adapter", blocks=(_table(by_key),)),
        Section(title="Frames", blocks=_sheets(prompts, clips)),
        Section(
            title="All metrics", blocks=(metrics_table(metrics, {}, "With 95% intervals; clips are resampled whole, and pairs together."),)
        ),
    )
    return Page(title=title, lede=lede, tiles=_tiles(by_key), sections=sections, facts=facts)


def _tiles(metrics: Mapping[str, Measurement]) -> tuple[Tile, ...]:
    return tuple(tile(name, metrics[key], beside=asked) for key, (name, asked) in TARGETS.items() if key in metrics)


def _table(metrics: Mapping[str, Measurement]) -> Table:
    rows = tuple((name, *(value_text(metrics.get(f"{side}.{key}")) for side in COLUMNS), _n(metrics, key)) for key, name in NAMES.items())
    caption = (
        "In brackets 95% intervals. The base is the same model with the same prompts and seeds, without the adapter or with the other one."
    )
    return Table(head=("metric", *COLUMNS.values(), "n"), rows=rows, caption=caption)


def _n(metrics: Mapping[str, Measurement], key: str) -> str:
    counts = (getattr(metrics.get(f"{side}.{key}"), "n", None) for side in ("adapter", "true"))
    return next((str(count) for count in counts if count is not None), "–")


def _sheets(prompts: Sequence[str], clips: "Mapping[str, Sequence[Images]]") -> tuple[Strip, Strip]:
    names = ", ".join(clips)
    shown = f"{SHEET_FRAMES} consecutive frames of each clip; rows from above: {names}."
    return (
        Strip(title="Contact sheets", rows=_rows(prompts, clips, differences=False), caption=shown),
        Strip(
            title="Difference sheets",
            rows=_rows(prompts, clips, differences=True),
            caption=f"The change from the frame before, {AMPLIFIED} times as strong. {shown}",
        ),
    )


def _rows(
    prompts: Sequence[str], clips: "Mapping[str, Sequence[Images]]", *, differences: bool
) -> tuple[tuple[str, tuple[PageImage, ...]], ...]:
    alt = "difference sheet" if differences else "contact sheet"
    return tuple(
        (prompt, (PageImage(pixels=contact_sheet([rows[index] for rows in clips.values()], differences=differences), alt=alt),))
        for index, prompt in enumerate(prompts[:SHEETS])
    )


def contact_sheet(rows: "Sequence[Images]", *, differences: bool = False) -> Image:
    """Return consecutive frames of clips, or their differences to the frame before; one clip to a row."""
    return np.concatenate([np.concatenate([fit_within(frame, FRAME_SIZE) for frame in _shown(clip, differences)], axis=1) for clip in rows])


def _shown(clip: "Images", differences: bool) -> "Images":
    if not differences:
        return clip[:SHEET_FRAMES]
    changed = np.abs(np.diff(clip[: SHEET_FRAMES + 1].astype(np.int16), axis=0)) * AMPLIFIED
    return changed.clip(0, 255).astype(np.uint8)
