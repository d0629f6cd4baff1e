"""What the doctor found, for scripts and for a terminal."""

from typing import Any

import numpy as np

from sakuga.datasets.composition import JUDGES
from sakuga.datasets.findings import RULES, Finding
from sakuga.datasets.training_set import COMPOSITIONS
from sakuga.studio.sets.inspection import Inspected
from sakuga.text import counted

NAMED = 3
"""Findings of a rule, and files of a finding, that are told one by one."""


def inspected_values(seen: Inspected) -> dict[str, Any]:
    """Return everything as plain values: numbers at their dotted keys, findings as a list, the verdict as sentences."""
    look = seen.inspection
    sides = [min(size) for size in look.sizes.values()] or [0]
    counts: dict[str, Any] = {
        "pictures": len(look.set.examples),
        "training": len(look.set.training),
        "held_out": len(look.set.held_out),
        "side.least": min(sides),
        "side.median": int(np.median(sides)),
        "side.most": max(sides),
    }
    counts |= {f"found.{rule.replace(' ', '_')}": look.count(rule) for rule in RULES}
    counts |= {f"share.{kind}": look.shares.get(kind, 0.0) for kind in COMPOSITIONS}
    counts |= {f"told_by.{judge}": look.told_by.get(judge, 0) for judge in JUDGES}
    return {
        "set": str(look.set.folder),
        "grade": seen.grade,
        **counts,
        "n.share": sum(e.file in look.compositions for e in look.set.training),
        "changed": look.changed,
        "verdict": [remark.text for remark in seen.remarks],
        "findings": [{"rule": f.rule, "files": list(f.files), "message": f.message} for f in look.findings],
        "html": str(seen.html) if seen.html else None,
    }


def inspected_words(seen: Inspected) -> str:
    """Tell what was found for a terminal: counts first, each rule with a few of its pictures, and the verdict last."""
    look = seen.inspection
    sizes = sorted(look.sizes.values(), key=lambda size: size[0] * size[1]) or [(0, 0)]
    held = f" ({len(look.set.training)} to learn from, {len(look.set.held_out)} held out)" if look.set.held_out else ""
    lines = [
        f"{look.set.name}: {counted(len(look.set.examples), 'picture')}{held}, {_sized(sizes[0])} to {_sized(sizes[-1])}",
        _line("composition", ", ".join(f"{kind} {look.shares.get(kind, 0.0):.0%}" for kind in COMPOSITIONS)),
        _line("told by", ", ".join(f"{judge} {count}" for judge, count in look.told_by.items()) + f"; {look.judge}"),
        *(["changed        since it was written"] if look.changed else []),
    ]
    for rule, called in RULES.items():
        if found := [finding for finding in look.findings if finding.rule == rule]:
            lines.append(f"{called}: {look.count(rule)}")
            lines += [f"  {_told(finding)}" for finding in found[:NAMED]]
            lines += [f"  and {len(found) - NAMED} more"] if len(found) > NAMED else []
    return "\n".join([*lines, "", f"verdict: {seen.grade}", *(f"- {remark.text}" for remark in seen.remarks)])


def _line(name: str, said: str) -> str:
    return f"{name:14} {said}"


def _told(finding: Finding) -> str:
    named = ", ".join(finding.files[:NAMED]) + (" ..." if len(finding.files) > NAMED else "")
    return f"{named}: {finding.message}" if finding.files else finding.message


def _sized(size: tuple[int, int]) -> str:
    return "{} x {}".format(*size)
