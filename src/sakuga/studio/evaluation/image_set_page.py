"""The report on a folder of images."""

from collections.abc import Sequence

import numpy as np

from sakuga.evaluation.metric import Measurement
from sakuga.evaluation.report import Block, Chart, Page, PageImage, Section, Strip, bars
from sakuga.evaluation.report.metrics import bar, metrics_table, tile
from sakuga.finishing.resize import fit_within
from sakuga.studio.evaluation.comparison_page import IMAGE_SIZE, metric_names
from sakuga.studio.evaluation.image_set_metrics import MeasuredImages, worst_first

CASES = 8
"""Best cases, and worst cases, that are shown."""
TILES = ("words.clip", "labels.all", "diversity", "kid", "cmmd")
INTERVALS = "Intervals are 95%: bootstrap over prompts, Wilson's for shares, jackknife for set distances."


def image_set_page(
    measured: MeasuredImages,
    metrics: Sequence[Measurement],
    facts: tuple[tuple[str, str], ...],
    against: MeasuredImages | None = None,
) -> Page:
    """Build the report, best and worst cases first."""
    names = metric_names(metrics)
    images = measured.image_set
    title = f"Images in {images.name}" + (f" against {against.image_set.name}" if against else "")
    lede = f"{len(images)} images, {len(images.with_prompt)} of them with a known prompt."
    if against:
        lede += f" Against {len(against.image_set)} others, compared as sets because they cannot be paired."
    blocks: list[Block] = [_labels(metrics, names)] if any(one.key.startswith("labels.") for one in metrics) else []
    sections = [*_cases(measured), Section(title="Metrics", blocks=(*blocks, metrics_table(metrics, names, INTERVALS)))]
    if against:
        first = _flow(against, range(len(against.image_set))[:CASES], "The first images")
        sections.insert(1, Section(title=f"From {against.image_set.name}", blocks=(first,)))
    tiles = tuple(tile(names[one.key], one) for one in metrics if one.key in TILES)
    return Page(title=title, lede=lede, tiles=tiles[:4], sections=tuple(sections), facts=facts)


def _labels(metrics: Sequence[Measurement], names: dict[str, str]) -> Chart:
    labels = [one for one in metrics if one.key.startswith(("labels.", "look."))]
    svg = bars([bar(names[one.key], (one,)) for one in labels], ("",), "labels")
    caption = "Share of images that show what their prompts state; 95% intervals."
    return Chart(title="What the label classifier reads", svg=svg, caption=caption)


def _cases(measured: MeasuredImages) -> list[Section]:
    scored = np.isfinite(measured.prompt_scores).any()
    score, name = (measured.prompt_scores, "CLIP score") if scored else (measured.labels, "share of labels shown")
    order = worst_first([float(value) for value in score])
    if len(order) < 2:
        first = range(len(measured.image_set))[: 2 * CASES]
        return [Section(title="Images", blocks=(_flow(measured, first, "The first images"),))]
    count = min(CASES, len(order) // 2)
    return [
        Section(title="Best cases", blocks=(_flow(measured, order[::-1][:count], f"Highest {name}"),)),
        Section(title="Worst cases", blocks=(_flow(measured, order[:count], f"Lowest {name}"),)),
    ]


def _flow(measured: MeasuredImages, indices: Sequence[int], title: str) -> Strip:
    images = tuple(_image(measured, index) for index in indices)
    return Strip(title=title, rows=(("", images),), caption=f"{len(images)} of {len(measured.image_set)} images.")


def _image(measured: MeasuredImages, index: int) -> PageImage:
    images, score = measured.image_set, measured.prompt_scores[index]
    name = f"{images.prompts[index]} ({images.names[index]})" if images.prompts[index] else images.names[index]
    caption = f"{name}, CLIP {score:.1f}" if np.isfinite(score) else name
    return PageImage(pixels=fit_within(images.images[index], IMAGE_SIZE), alt=name, caption=caption)
