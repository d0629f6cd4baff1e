"""The card of a training set: what is in it, whose it is, and how it looks."""

import json
from collections import Counter
from collections.abc import Iterable
from io import BytesIO

from PIL import Image

from sakuga.datasets.image_reading import read_picture
from sakuga.datasets.training_set import STRIP, TrainingSet

LICENCES = frozenset(
    ("apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0",
     "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0",
     "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "creativeml-openrail-m", "gpl-3.0", "mit", "openrail", "openrail++", "pddl", "unknown",
     "unlicense", "wtfpl")
)  # fmt: skip
"""Names that the Hugging Face hub knows; any other is "other" there."""
SHOWN, HEIGHT, GAP = 8, 128, 4
"""Pictures of the strip, how high they are, and the pixels between two."""
LISTED = 12


def card(made: TrainingSet) -> str:
    """Write the card of a set whose pictures are on the disk, as Markdown with the hub's head."""
    licences, sources = Counter(e.licence for e in made.examples), Counter(e.source for e in made.examples)
    compositions = Counter(e.composition for e in made.examples if e.composition)
    counts = f"{len(made.training)} to learn from"
    counts += f" ({len(made.epoch)} with repeats)" if len(made.epoch) != len(made.training) else ""
    counts += f" and {len(made.held_out)} held out" if made.held_out else ""
    trigger = f"`{made.trigger}`" if made.trigger else "none"
    shares = ", ".join(f"{count} {kind}" for kind, count in compositions.most_common())
    said = [
        f"# {_inline(made.name)}",
        f"![some of the pictures]({STRIP})",
        f"- **Pictures**: {len(made.examples)}, {counts}; {_sizes(made)}",
        f"- **Trigger word**: {trigger}",
        *([f"- **Composition**: {shares}"] if shares else []),
        f"- **Provenance**: {_inline(made.provenance) or 'nothing is known'}",
        "## Licences",
        _table("licence", licences),
        "## Sources",
        _table("source", sources) if len(sources) < max(2, len(made.examples)) else "Each picture has its own: its row says it.",
        'It is read by `datasets.load_dataset("imagefolder", data_dir=...)` and by `sakuga train`; every row of its\n'
        "`metadata.jsonl` names the picture, its caption (`text`), source and licence.",
    ]
    return _head(made, licences) + "\n\n".join(said).replace("\n\n- ", "\n- ") + "\n"


def strip(made: TrainingSet) -> bytes:
    """Draw up to eight pictures of a set, spread evenly over it, in a row; returns a WebP file."""
    count = min(SHOWN, len(made.examples))
    chosen = [made.examples[place * len(made.examples) // count] for place in range(count)]
    images = [_low(Image.fromarray(read_picture(made.path(example)).picture)) for example in chosen]
    row = Image.new("RGB", (sum(image.width + GAP for image in images) - GAP, HEIGHT), "white")
    left = 0
    for image in images:
        row.paste(image, (left, 0))
        left += image.width + GAP
    content = BytesIO()
    row.save(content, format="WEBP", quality=85)
    return content.getvalue()


def _low(image: Image.Image) -> Image.Image:
    """Bring a picture to the strip's height; of a very wide one the middle is shown."""
    width = max(1, round(image.width * HEIGHT / image.height))
    low = image.resize((width, HEIGHT), Image.Resampling.LANCZOS)
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
        with Image.open(made.path(example)) as image:
            sizes.append(image.size)
    least, most = min(sizes, key=_area), max(sizes, key=_area)
    return "{} x {} pixels".format(*least) + (" to {} x {}".format(*most) if least != most else "")


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _table(what: str, counts: Counter[str]) -> str:
    """Tell the commonest, and how many more there are."""
    lines: Iterable[str] = (f"| {_inline(name).replace('|', '/')} | {count} |" for name, count in counts.most_common(LISTED))
    rest = len(counts) - LISTED
    more = [f"| {rest} more | {sum(counts.values()) - sum(count for _, count in counts.most_common(LISTED))} |"] if rest > 0 else []
    return "\n".join([f"| {what} | pictures |", "|---|---|", *lines, *more])


def _inline(text: str) -> str:
    return " ".join(text.split())
