"""The report on two paired image sets."""

from collections.abc import Sequence

import numpy as np

from sakuga.evaluation.metric import Measurement, Metric, NotMeasured
from sakuga.evaluation.report import Bar, Chart, Page, PageImage, Section, Strip, Tile, bars, differences
from sakuga.evaluation.report.bars import signed
from sakuga.evaluation.report.metrics import bar, metrics_table, ranged, tile
from sakuga.finishing.resize import fit_within
from sakuga.studio.evaluation.comparison_table import ComparisonRow, comparison_table
from sakuga.studio.evaluation.image_set_metrics import ImagePairs, MeasuredImages, worst_first

IMAGE_SIZE, CASES = 192, 4
"""The longer side of a shown image in pixels, and the cases of each kind."""
NAMES = {
    "words.clip": "CLIP score to the prompt",
    "text.clip": "CLIP score to the text",
    "labels.all": "labels shown as stated",
    "labels.time": "time of day",
    "labels.weather": "weather",
    "labels.place": "place",
    "labels.subject": "subject",
    "labels.portrait": "portrait or not",
    "labels.side": "side",
    "style.similarity": "similarity to the references",
    "style.direction": "directional CLIP similarity",
    "diversity": "diversity of one prompt's images",
    "ssim": "SSIM",
    "psnr_db": "PSNR (dB)",
    "inception": "inception score of the subjects",
    "kid": "KID",
    "fd": "Frechet distance",
    "cmmd": "CMMD",
    "precision": "precision",
    "recall": "recall",
}
SIDES = {"base.": " (base)", "style.": " (style)", "more.": " (difference)", "first.": " (first)", "second.": " (second)"}
Metrics = dict[str, Measurement]
"""Measurements by key."""


def metric_names(metrics: Sequence[Measurement], sides: tuple[str, str] = ("base", "style")) -> dict[str, str]:
    """Return each metric's name for readers.

    `sides` names the two image sets.
    """
    return {metric.key: _with_side(_name(metric.key), sides) for metric in metrics}


def _with_side(name: str, sides: tuple[str, str]) -> str:
    for suffix, side in zip((SIDES["base."], SIDES["style."]), sides, strict=True):
        if name.endswith(suffix):
            return f"{name.removesuffix(suffix)} ({side})"
    return name


def _name(key: str) -> str:
    if key in NAMES:
        return NAMES[key]
    for prefix, suffix in SIDES.items():
        if key.startswith(prefix):
            return _name(key.removeprefix(prefix)) + suffix
    if key.startswith("look."):
        return f"read as {key.removeprefix('look.')}"
    head, _, rest = key.partition(".")
    return f"{NAMES.get(rest, rest)}, {head}" if rest else key


def comparison_page(
    title: str, lede: str, pairs: ImagePairs, metrics: Sequence[Measurement], facts: tuple[tuple[str, str], ...], caveat: str
) -> Page:
    """Build the report on two paired image sets.

    Such as a style and its base.
    """
    by_key = {metric.key: metric for metric in metrics}
    sides = (pairs.base.image_set.name, pairs.other.image_set.name)
    sections = (
        _gains(pairs, sides, _gain_name(by_key)),
        _scores(by_key, sides, caveat, seeded=_same_noise(pairs)),
        _losses(pairs, sides),
        _metrics(by_key, sides, _method(pairs)),
    )
    return Page(title=title, lede=lede, tiles=_tiles(by_key, sides[0]), sections=tuple(one for one in sections if one), facts=facts)


def _metrics(metrics: Metrics, sides: tuple[str, str], method: str) -> Section:
    """Build the tables of all metrics.

    One row for what both sides lack for one reason.
    """
    both = [key for key in _shared(metrics) if isinstance(metrics[f"base.{key}"], Metric) and isinstance(metrics[f"style.{key}"], Metric)]
    rows = [
        ComparisonRow(name=_name(key), sides=(metrics[f"base.{key}"], metrics[f"style.{key}"]), difference=metrics.get(f"more.{key}"))
        for key in both
    ]
    listed = {f"{side}.{key}" for key in both for side in ("base", "style", "more")}
    rest = [one for key, one in metrics.items() if key not in listed and not (key.startswith("style.") and _missing_alike(metrics, key))]
    names = metric_names(rest, sides) | {
        one.key: _name(one.key[5:]) for one in rest if one.key.startswith("base.") and _missing_alike(metrics, one.key)
    }
    tables = (comparison_table(rows, sides, method), *([metrics_table(rest, names, "")] if rest else []))
    return Section(title="All metrics", blocks=tables)


def _shared(metrics: Metrics) -> list[str]:
    """Return the keys that both sides have, measured or not."""
    return [key.removeprefix("base.") for key in metrics if key.startswith("base.") and f"style.{key.removeprefix('base.')}" in metrics]


def _missing_alike(metrics: Metrics, key: str) -> bool:
    """Check whether both sides lack it alike."""
    _, _, name = key.partition(".")
    one, other = (metrics.get(f"{side}.{name}") for side in ("base", "style"))
    return isinstance(one, NotMeasured) and isinstance(other, NotMeasured) and one.reason == other.reason


def _method(pairs: ImagePairs) -> str:
    prompts = len(dict.fromkeys(pairs.groups))
    noise = ", both of a pair from the same noise" if _same_noise(pairs) else ""
    return (
        f"{len(pairs.base.image_set)} pairs of images from {prompts} prompts{noise}. In brackets 95% intervals, by bootstrap over "
        "prompts (shares: Wilson's). A difference is clear at this n if its interval excludes 0."
    )


def _tiles(metrics: Metrics, base: str) -> tuple[Tile, ...]:
    looks = [key for key in metrics if key.startswith("style.look.")][:1]
    keys = [*looks, "more.style.similarity", "more.words.clip", "more.labels.all"]
    return tuple(_tile(key, metrics, base) for key in keys if key in metrics)[:4]


def _tile(key: str, metrics: Metrics, base: str) -> Tile:
    before = metrics.get("base." + key.removeprefix("style."))
    beside = f"{base} {before.value:.2g}" if isinstance(before, Metric) and key.startswith("style.") else ""
    difference = key.startswith("more.")
    name = _name(key.removeprefix("style.").removeprefix("more.")) + (": gain" if difference else "")
    return tile(name, metrics[key], difference=difference, beside=beside)


def _scores(metrics: Metrics, sides: tuple[str, str], caveat: str, *, seeded: bool) -> Section:
    shared = _shared(metrics)
    scores = [key for key in shared if key.endswith((".clip", "style.similarity"))]
    shares = [key for key in shared if key.startswith(("labels.", "look."))]
    charts = [
        *_levels("CLIP", scores, "100 x cosine", metrics, sides, caveat),
        *_levels("What the label classifier reads", shares, "Share of images", metrics, sides, ""),
        *_changes("in points of CLIP", scores, metrics, sides, seeded=seeded),
        *_changes("in shares", shares, metrics, sides, seeded=seeded),
    ]
    return Section(title="Scores", blocks=tuple(charts))


def _levels(title: str, keys: Sequence[str], unit: str, metrics: Metrics, sides: tuple[str, str], caveat: str) -> list[Chart]:
    if not keys:
        return []
    groups = [bar(_name(key), (metrics[f"base.{key}"], metrics[f"style.{key}"])) for key in keys]
    caption = f"{unit}; whiskers are 95% intervals, n {_n(metrics, keys)}. {caveat}".strip()
    return [Chart(title=f"{title}: {sides[0]} and {sides[1]}", svg=bars(groups, sides, title), caption=caption)]


def _changes(title: str, keys: Sequence[str], metrics: Metrics, sides: tuple[str, str], *, seeded: bool) -> list[Chart]:
    changed = [key for key in (one.removeprefix("more.") for one in metrics if one.startswith("more.")) if key in keys]
    if not changed:
        return []
    groups = [Bar(name=_name(key), values=(ranged(metrics[f"more.{key}"]),)) for key in changed]
    pairs = f"95% intervals, n {_n(metrics, changed, 'more.')} pairs"
    caption = f"{sides[1]} minus {sides[0]}, pair by pair with the same prompt and {'seed' if seeded else 'name'}; {pairs}."
    return [Chart(title=f"Differences, {title}", svg=differences(groups, ("",), title), caption=caption)]


def _n(metrics: Metrics, keys: Sequence[str], prefix: str = "base.") -> str:
    counts = sorted({one.n for key in keys if isinstance(one := metrics[f"{prefix}{key}"], Metric)})
    return f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(*counts)


def _gain_name(metrics: Metrics) -> str:
    return "gain in similarity to the references" if "more.style.similarity" in metrics else "CLIP distance of the two images"


def _gains(pairs: ImagePairs, sides: tuple[str, str], name: str) -> Section:
    order = worst_first([float(value) for value in pairs.gain])
    count = min(CASES, len(order) // 2)
    best, worst = order[::-1][:count] if count else order, order[:count]
    strips = [_strip(pairs, best, sides, "Strongest", f"Ordered by the {name}: the highest of {len(order)} pairs.", pairs.gain)]
    if worst:
        strips.append(_strip(pairs, worst, sides, "Weakest", f"The lowest of {len(order)} pairs.", pairs.gain))
    lede = f"Same prompt and {'seed' if _same_noise(pairs) else 'name'} in each row."
    return Section(title="Strongest and weakest effect", blocks=tuple(strips), lede=lede)


def _same_noise(pairs: ImagePairs) -> bool:
    """Check whether the pairs share their noise."""
    return all(name.startswith("seed ") for name in pairs.base.image_set.names)


def _losses(pairs: ImagePairs, sides: tuple[str, str]) -> Section | None:
    """Build the section of pairs whose prompt is followed less.

    None if there are none.
    """
    change = pairs.other.labels - pairs.base.labels
    name = "share of labels shown as stated"
    if not np.isfinite(change).any():
        change, name = pairs.other.prompt_scores - pairs.base.prompt_scores, "CLIP score to the prompt"
    lost = [index for index in worst_first([float(value) for value in change]) if change[index] < 0][:CASES]
    if not lost:
        return None
    strip = _strip(pairs, lost, sides, "Lost content", f"The pairs whose {name} falls most.", change)
    return Section(title="Where the prompt is followed less", blocks=(strip,))


def _strip(pairs: ImagePairs, indices: Sequence[int], sides: tuple[str, str], title: str, caption: str, values: np.ndarray) -> Strip:
    """Build a strip of pairs with prompts and values."""
    rows = []
    for index in indices:
        prompt, name = pairs.base.image_set.prompts[index], pairs.base.image_set.names[index]
        value = signed(float(values[index]))
        images = tuple(_image(one, index, f"{side}: {prompt or name}") for side, one in zip(sides, (pairs.base, pairs.other), strict=True))
        rows.append((f"{prompt} ({name}): {value}" if prompt else f"{name}: {value}", images))
    return Strip(title=title, columns=sides, rows=tuple(rows), caption=f"{caption} Below each image, its CLIP score to the prompt.")


def _image(measured: MeasuredImages, index: int, alt: str) -> PageImage:
    score = measured.prompt_scores[index]
    caption = f"CLIP {score:.1f}" if np.isfinite(score) else ""
    return PageImage(pixels=fit_within(measured.image_set.images[index], IMAGE_SIZE), alt=alt, caption=caption)
