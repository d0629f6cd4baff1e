"""Inspection results as one HTML page with images."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sakuga.datasets.findings import RULES, Finding, Inspection
from sakuga.datasets.training_set import COMPOSITIONS
from sakuga.datasets.verdict import Remark, grade
from sakuga.evaluation.report import Bar, Chart, Page, PageImage, Paragraph, Range, Section, Strip, Table, Tile, bars, html
from sakuga.text import upper_first
from sakuga.timeline.clip import Image

SHOWN = 24
"""Images per check, and groups of duplicates, on a page."""
EACH = 8
"""Images shown of each composition."""
CAPTION_RULES = ("empty", "trigger", "trigger twice", "tokens", "repetition", "same caption", "common phrase", "writing")
"""Checks of captions, shown in a table."""


def inspection_page(inspection: Inspection, remarks: Sequence[Remark], images: Mapping[str, Image]) -> str:
    """Return the page's HTML; `images` are small copies by file."""
    sections = [
        Section(title="Verdict", blocks=(_table(("", "remark"), [(remark.grade, remark.text) for remark in remarks], words=2),)),
        _composition(inspection, images),
        *_duplicates(inspection, images),
        *_image_problems(inspection, images),
        *_caption_problems(inspection),
        Section(title="Licences", blocks=(_count_table("licence", [e.licence for e in inspection.set.examples]),)),
    ]
    page = Page(
        title=f"Training set {inspection.set.name}",
        lede=f"{grade(tuple(remarks)).capitalize()}. {upper_first(remarks[0].text)}.",
        sections=tuple(sections),
        tiles=_tiles(inspection),
        facts=_facts(inspection),
    )
    return html(page)


def _tiles(inspection: Inspection) -> tuple[Tile, ...]:
    shares = inspection.shares
    affected = {file for finding in inspection.findings if finding.rule != "licence" for file in finding.files}
    split = f"{len(inspection.set.held_out)} held out" if inspection.set.held_out else "none held out"
    return (
        Tile(name="images", value=str(len(inspection.set.examples)), note=split),
        Tile(name="portraits", value=f"{shares.get('portrait', 0.0):.0%}", note=f"landscapes {shares.get('landscape', 0.0):.0%}"),
        Tile(name="near duplicates", value=str(inspection.count("duplicate")), note="could be left out"),
        Tile(name="with findings", value=str(len(affected)), note="images or captions"),
    )


def _facts(inspection: Inspection) -> tuple[tuple[str, str], ...]:
    sources = ", ".join(f"{name} {count}" for name, count in inspection.label_sources.items())
    return (
        ("trigger word", inspection.set.trigger or "none"),
        ("provenance", inspection.set.provenance or "unknown"),
        ("training resolution", f"{inspection.size} pixels"),
        ("compositions from", f"{sources}; {inspection.clip_note}"),
        ("since it was written", "changed" if inspection.changed else "unchanged"),
    )


def _composition(inspection: Inspection, images: Mapping[str, Image]) -> Section:
    shares = [Bar(name=kind, values=(Range(value=100 * inspection.shares.get(kind, 0.0)),)) for kind in COMPOSITIONS]
    about = "shares of portraits, figures and landscapes in percent"
    chart = Chart(title="Shares in percent", svg=bars(shares, ("share",), about), caption=f"{about}, of the training images")
    rows = []
    for kind in COMPOSITIONS:
        files = [file for file, label in inspection.compositions.items() if label == kind and file in images]
        chosen = [files[place * len(files) // min(EACH, len(files))] for place in range(min(EACH, len(files)))]
        if chosen:
            rows.append((f"{kind}: {len(files)}", tuple(_page_image(file, images[file]) for file in chosen)))
    examples = Strip(title="Classified as", rows=tuple(rows), caption="up to eight of each, spread evenly over the set")
    return Section(title="Composition", blocks=(chart, examples) if rows else (chart,))


def _duplicates(inspection: Inspection, images: Mapping[str, Image]) -> list[Section]:
    groups = [finding for finding in inspection.findings if finding.rule == "duplicate"]
    if not groups:
        return []
    rows = tuple(("", tuple(_page_image(file, images[file], inspection) for file in group.files[:SHOWN])) for group in groups[:SHOWN])
    caption = f"{min(SHOWN, len(groups))} of {len(groups)} groups; mirrored images count as the same"
    return [Section(title="Near duplicates", blocks=(Strip(title="Alike", rows=rows, caption=caption),))]


def _image_problems(inspection: Inspection, images: Mapping[str, Image]) -> list[Section]:
    blocks: list[Strip | Paragraph] = []
    for rule, name in RULES.items():
        found = [finding for finding in inspection.findings if finding.rule == rule]
        if not found or rule in (*CAPTION_RULES, "duplicate", "licence"):
            continue
        shown = [finding for finding in found if finding.files and finding.files[0] in images][:SHOWN]
        if shown:
            row = tuple(_page_image(finding.files[0], images[finding.files[0]], note=finding.message) for finding in shown)
            title = f"{upper_first(name)}: {len(found)}"
            blocks.append(Strip(title=title, rows=(("", row),), caption=f"{len(shown)} of {len(found)}"))
        blocks += [Paragraph(text=f"{name}: {_finding_text(finding)}") for finding in found if finding not in shown][:SHOWN]
    return [Section(title="Image findings", blocks=tuple(blocks))] if blocks else []


def _caption_problems(inspection: Inspection) -> list[Section]:
    found = [finding for finding in inspection.findings if finding.rule in CAPTION_RULES]
    if not found:
        return []
    rows = [
        (RULES[finding.rule], ", ".join(finding.files[:3]) + (" ..." if len(finding.files) > 3 else ""), finding.message)
        for finding in found
    ]
    return [Section(title="Caption findings", blocks=(_table(("check", "images", "finding"), rows[: 4 * SHOWN], words=3),))]


def _count_table(heading: str, values: Sequence[str]) -> Table:
    return _table((heading, "images"), [(name, str(count)) for name, count in Counter(values).most_common(SHOWN)], words=1)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], words: int) -> Table:
    return Table(head=head, rows=tuple(rows), words=words)


def _page_image(file: str, image: Image, inspection: Inspection | None = None, note: str = "") -> PageImage:
    text = "{} x {}".format(*inspection.sizes[file]) if inspection else note
    return PageImage(pixels=image, alt=file, caption=f"{file.split('/')[-1]} {text}".strip())


def _finding_text(finding: Finding) -> str:
    return f"{', '.join(finding.files)}: {finding.message}" if finding.files else finding.message
