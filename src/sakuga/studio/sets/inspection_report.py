"""Inspection results as JSON values and as text for a terminal."""

from typing import Any

import numpy as np

from sakuga.datasets.composition import LABEL_SOURCES
from sakuga.datasets.findings import RULES, Finding
from sakuga.datasets.training_set import COMPOSITIONS
from sakuga.studio.sets.inspection import InspectionResult
from sakuga.text import counted

SHOWN = 3
"""Findings of a rule, and files of a finding, that are listed."""


def inspection_values(result: InspectionResult) -> dict[str, Any]:
    """Return plain values.

    Numbers at dotted keys, findings as a list, the verdict as sentences.
    """
    inspection = result.inspection
    sides = [min(size) for size in inspection.sizes.values()] or [0]
    counts: dict[str, Any] = {
        "images": len(inspection.set.examples),
        "training": len(inspection.set.training),
        "held_out": len(inspection.set.held_out),
        "side.least": min(sides),
        "side.median": int(np.median(sides)),
        "side.most": max(sides),
    }
    counts |= {f"found.{rule.replace(' ', '_')}": inspection.count(rule) for rule in RULES}
    counts |= {f"share.{kind}": inspection.shares.get(kind, 0.0) for kind in COMPOSITIONS}
    counts |= {f"label_source.{name}": inspection.label_sources.get(name, 0) for name in LABEL_SOURCES}
    return {
        "set": str(inspection.set.folder),
        "grade": result.grade,
        **counts,
        "n.share": sum(e.file in inspection.compositions for e in inspection.set.training),
        "changed": inspection.changed,
        "verdict": [remark.text for remark in result.remarks],
        "findings": [{"rule": f.rule, "files": list(f.files), "message": f.message} for f in inspection.findings],
        "html": str(result.html) if result.html else None,
    }


def inspection_text(result: InspectionResult) -> str:
    """Return text for a terminal.

    Counts, each check with a few findings, and the verdict.
    """
    inspection = result.inspection
    made = inspection.set
    sizes = sorted(inspection.sizes.values(), key=lambda size: size[0] * size[1]) or [(0, 0)]
    split = f" ({len(made.training)} for training, {len(made.held_out)} held out)" if made.held_out else ""
    sources = ", ".join(f"{name} {count}" for name, count in inspection.label_sources.items())
    lines = [
        f"{made.name}: {counted(len(made.examples), 'image')}{split}, {_size_text(sizes[0])} to {_size_text(sizes[-1])}",
        _line("composition", ", ".join(f"{kind} {inspection.shares.get(kind, 0.0):.0%}" for kind in COMPOSITIONS)),
        _line("determined by", f"{sources}; {inspection.clip_note}"),
        *([_line("changed", "since it was written")] if inspection.changed else []),
    ]
    for rule, name in RULES.items():
        if found := [finding for finding in inspection.findings if finding.rule == rule]:
            lines.append(f"{name}: {inspection.count(rule)}")
            lines += [f"  {_finding_text(finding)}" for finding in found[:SHOWN]]
            lines += [f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "\n".join([*lines, "", f"verdict: {result.grade}", *(f"- {remark.text}" for remark in result.remarks)])


def _line(name: str, text: str) -> str:
    return f"{name:14} {text}"


def _finding_text(finding: Finding) -> str:
    files = ", ".join(finding.files[:SHOWN]) + (" ..." if len(finding.files) > SHOWN else "")
    return f"{files}: {finding.message}" if finding.files else finding.message


def _size_text(size: tuple[int, int]) -> str:
    return "{} x {}".format(*size)
