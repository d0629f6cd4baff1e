"""The dataset card: contents, licences and a strip of sample images."""

import json
from collections import Counter
from collections.abc import Iterable
from io import BytesIO

from PIL import Image as PILImage

from sakuga.datasets.image_reading import read_image
from sakuga.datasets.training_set import STRIP, TrainingSet

LICENCES = frozenset(
    ("apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0",
     "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0",
     "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "creativeml-openrail-m", "gpl-3.0", "mit", "openrail", "openrail++", "pddl", "unknown",
     "unlicense", "wtfpl")
)  # fmt: skip
"""Licence names of the Hugging Face hub; any other is "other" there."""
SHOWN, HEIGHT, GAP = 8, 128, 4
"""Images of the strip, their height and the gap between them in pixels."""
LISTED = 12
"""Rows of a table of the card."""


def card_text(made: TrainingSet) -> str:
    """Return the dataset card as Markdown with the hub's header."""
    licences, sources = Counter(e.licence for e in made.examples), Counter(e.source for e in made.examples)
    compositions = Counter(e.composition for e in made.examples if e.composition)
    counts = f"{len(made.training)} for training"
    counts += f" ({len(made.epoch)} with repeats)" if len(made.epoch) != len(made.training) else ""
    counts += f" and {len(made.held_out)} held out" if made.held_out else ""
    trigger = f"`{made.trigger}`" if made.trigger else "none"
    shares = ", ".join(f"{count} {kind}" for kind, count in compositions.most_common())
    parts = [
        f"# {_inline(made.name)}",
        f"![sample images]({STRIP})",
        f"- **Images**: {len(made.examples)}, {counts}; {_sizes(made)}",
        f"- **Trigger word**: {trigger}",
        *([f"- **Composition**: {shares}"] if shares else []),
        f"- **Provenance**: {_inline(made.provenance) or 'unknown'}",
        "## Licences",
        _table("licence", licences),
        "## Sources",
        _table("source", sources) if len(sources) < max(2, len(made.examples)) else "Each image has its own, named in its row.",
        'Load it with `datasets.load_dataset("imagefolder", data_dir=...)` or `sakuga train`; every row of `metadata.jsonl` has an\n'
        "image's file name, caption (`text`), source and licence.",
    ]
    return _head(made, licences) + "\n\n".join(parts).replace("\n\n- ", "\n- ") + "\n"


def preview_strip(made: TrainingSet) -> bytes:
    """Return a WebP of up to eight sample images."""
    count = min(SHOWN, len(made.examples))
    chosen = [made.examples[place * len(made.examples) // count] for place in range(count)]
    images = [_low(PILImage.fromarray(read_image(made.path(example)).image)) for example in chosen]
    row = PILImage.new("RGB", (sum(image.width + GAP for image in images) - GAP, HEIGHT), "white")
    left = 0
    for image in images:
        row.paste(image, (left, 0))
        left += image.width + GAP
    content = BytesIO()
    row.save(content, format="WEBP", quality=85)
    return content.getvalue()


def _low(image: PILImage.Image) -> PILImage.Image:
    """Resize an image to the strip's height.

    Very wide ones are cropped to their middle.
    """
    width = max(1, round(image.width * HEIGHT / image.height))
    low = image.resize((width, HEIGHT), PILImage.Resampling.LANCZOS)
    over = max(0, width - 3 * HEIGHT) // 2
    return low.crop((over, 0, width - over, HEIGHT))


def _head(made: TrainingSet, licences: Counter[str]) -> str:
    only = next(iter(licences)).lower() if len(licences) == 1 else "other"
    tags = [made.trigger] if made.trigger else []
    lines = [
        f"license: {only if only in LICENCES else 'other'}",
        f"pretty_name: {json.dumps(made.name)}",
        f"tags: {json.dumps(['sakuga', *tags])}",
        "task_categories: [text-to-image]",
    ]
    return "\n".join(["---", *lines, "---", "", ""])


def _sizes(made: TrainingSet) -> str:
    sizes: list[tuple[int, int]] = []
    for example in made.examples:
        with PILImage.open(made.path(example)) as image:
            sizes.append(image.size)
    least, most = min(sizes, key=_area), max(sizes, key=_area)
    return "{} x {} pixels".format(*least) + (" to {} x {}".format(*most) if least != most else "")


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _table(name: str, counts: Counter[str]) -> str:
    """List the most common values, and count the rest."""
    lines: Iterable[str] = (f"| {_inline(value).replace('|', '/')} | {count} |" for value, count in counts.most_common(LISTED))
    rest = len(counts) - LISTED
    more = [f"| {rest} more | {sum(counts.values()) - sum(count for _, count in counts.most_common(LISTED))} |"] if rest > 0 else []
    return "\n".join([f"| {name} | images |", "|---|---|", *lines, *more])


def _inline(text: str) -> str:
    return " ".join(text.split())
