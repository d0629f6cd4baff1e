"""The doctor's page: what was found in a training set, with its pictures, as one file of HTML."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from sakuga.datasets.findings import RULES, Finding, Inspection
from sakuga.datasets.training_set import COMPOSITIONS
from sakuga.datasets.verdict import Remark, grade
from sakuga.evaluation.report import Bar, Chart, Page, Picture, Prose, Range, Section, Strip, Table, Tile, bars, html

SHOWN = 24
"""Pictures of one kind on a page, and groups of duplicates."""
EACH = 8
"""Pictures shown of each composition."""
IN_WORDS = ("empty", "trigger", "trigger twice", "tokens", "repetition", "same caption", "common phrase", "writing")
"""Rules about captions: told in a table."""


def set_page(seen: Inspection, remarks: Sequence[Remark], pictures: Mapping[str, np.ndarray]) -> str:
    """Write the page; `pictures` are small copies by their files."""
    sections = [
        Section(title="Verdict", blocks=(_table(("", "what to know"), [(remark.grade, remark.text) for remark in remarks], words=2),)),
        _composition(seen, pictures),
        *_alike(seen, pictures),
        *_faults(seen, pictures),
        *_captions(seen),
        Section(title="Whose they are", blocks=(_counted("licence", [e.licence for e in seen.set.examples]),)),
    ]
    page = Page(
        title=f"Training set {seen.set.name}",
        lede=f"{grade(tuple(remarks)).capitalize()}. {remarks[0].text[0].upper()}{remarks[0].text[1:]}.",
        sections=tuple(sections),
        tiles=_tiles(seen),
        facts=_facts(seen),
    )
    return html(page)


def _tiles(seen: Inspection) -> tuple[Tile, ...]:
    shares = seen.shares
    touched = {file for finding in seen.findings if finding.rule != "licence" for file in finding.files}
    held = f"{len(seen.set.held_out)} held out" if seen.set.held_out else "none held out"
    return (
        Tile(name="pictures", value=str(len(seen.set.examples)), note=held),
        Tile(name="portraits", value=f"{shares.get('portrait', 0.0):.0%}", note=f"landscapes {shares.get('landscape', 0.0):.0%}"),
        Tile(name="near duplicates", value=str(seen.count("duplicate")), note="could be left out"),
        Tile(name="with a doubt", value=str(len(touched)), note="pictures or captions"),
    )


def _facts(seen: Inspection) -> tuple[tuple[str, str], ...]:
    told = ", ".join(f"{judge} {count}" for judge, count in seen.told_by.items())
    return (
        ("trigger word", seen.set.trigger or "none"),
        ("provenance", seen.set.provenance or "nothing is known"),
        ("trained at", f"{seen.size} pixels"),
        ("compositions told by", f"{told}; {seen.judge}"),
        ("since it was written", "changed" if seen.changed else "unchanged"),
    )


def _composition(seen: Inspection, pictures: Mapping[str, np.ndarray]) -> Section:
    shares = [Bar(name=kind, values=(Range(value=100 * seen.shares.get(kind, 0.0)),)) for kind in COMPOSITIONS]
    about = "shares of portraits, figures and landscapes in percent"
    chart = Chart(title="Shares in percent", drawing=bars(shares, ("share",), about), caption=f"{about}, of the pictures to learn from")
    rows = []
    for kind in COMPOSITIONS:
        files = [file for file, told in seen.compositions.items() if told == kind and file in pictures]
        chosen = [files[place * len(files) // min(EACH, len(files))] for place in range(min(EACH, len(files)))]
        if chosen:
            rows.append((f"{kind}: {len(files)}", tuple(_picture(file, pictures[file]) for file in chosen)))
    examples = Strip(title="Taken for", rows=tuple(rows), caption="up to eight of each, spread evenly over the set")
    return Section(title="Composition", blocks=(chart, examples) if rows else (chart,))


def _alike(seen: Inspection, pictures: Mapping[str, np.ndarray]) -> list[Section]:
    groups = [finding for finding in seen.findings if finding.rule == "duplicate"]
    if not groups:
        return []
    rows = tuple(("", tuple(_picture(file, pictures[file], seen) for file in group.files[:SHOWN])) for group in groups[:SHOWN])
    caption = f"{min(SHOWN, len(groups))} of {len(groups)} groups; mirrored pictures count as the same"
    return [Section(title="Near duplicates", blocks=(Strip(title="Alike", rows=rows, caption=caption),))]


def _faults(seen: Inspection, pictures: Mapping[str, np.ndarray]) -> list[Section]:
    blocks: list[Strip | Prose] = []
    for rule, called in RULES.items():
        found = [finding for finding in seen.findings if finding.rule == rule]
        if not found or rule in (*IN_WORDS, "duplicate", "licence"):
            continue
        shown = [finding for finding in found if finding.files and finding.files[0] in pictures][:SHOWN]
        if shown:
            row = tuple(_picture(finding.files[0], pictures[finding.files[0]], said=finding.message) for finding in shown)
            title = f"{called[0].upper()}{called[1:]}: {len(found)}"
            blocks.append(Strip(title=title, rows=(("", row),), caption=f"{len(shown)} of {len(found)}"))
        blocks += [Prose(text=f"{called}: {_said(finding)}") for finding in found if finding not in shown][:SHOWN]
    return [Section(title="Doubts about pictures", blocks=tuple(blocks))] if blocks else []


def _captions(seen: Inspection) -> list[Section]:
    found = [finding for finding in seen.findings if finding.rule in IN_WORDS]
    if not found:
        return []
    rows = [
        (RULES[finding.rule], ", ".join(finding.files[:3]) + (" ..." if len(finding.files) > 3 else ""), finding.message)
        for finding in found
    ]
    return [Section(title="Doubts about captions", blocks=(_table(("doubt", "pictures", "said"), rows[: 4 * SHOWN], words=3),))]


def _counted(what: str, values: Sequence[str]) -> Table:
    return _table((what, "pictures"), [(name, str(count)) for name, count in Counter(values).most_common(SHOWN)], words=1)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], words: int) -> Table:
    return Table(head=head, rows=tuple(rows), words=words)


def _picture(file: str, pixels: np.ndarray, seen: Inspection | None = None, said: str = "") -> Picture:
    size = "{} x {}".format(*seen.sizes[file]) if seen else said
    return Picture(pixels=pixels, about=file, below=f"{file.split('/')[-1]} {size}".strip())


def _said(finding: Finding) -> str:
    return f"{', '.join(finding.files)}: {finding.message}" if finding.files else finding.message
