"""The verdict on a training set, in words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sakuga.datasets.findings import Inspection
from sakuga.text import counted

Grade = Literal["ready", "doubtful", "not ready"]
FEW, ENOUGH = 10, 50
"""Pictures below which no style is learnt, and from which on one is learnt well."""
LANDSCAPES, PORTRAITS = 0.7, 0.2
"""So many landscapes, with no more portraits, leave faces unlearnt: seen at 90% of 50, and cured by 100 portraits to 50 landscapes."""
ONLY_PORTRAITS, FEW_PLACES = 0.9, 0.1
SOME, MUCH = 0.05, 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One sentence of a verdict, and how grave it is."""

    grade: Grade
    text: str


def verdict(seen: Inspection) -> tuple[Remark, ...]:
    """Say what to expect of a training on this set, the gravest first; always at least one sentence."""
    told = [remark for look in (_amount, _composition, _pictures, _captions, _rights) for remark in look(seen)]
    order: tuple[Grade, ...] = ("not ready", "doubtful", "ready")
    return tuple(sorted(told, key=lambda remark: order.index(remark.grade)))


def grade(remarks: tuple[Remark, ...]) -> Grade:
    """Return the gravest."""
    return remarks[0].grade


def _amount(seen: Inspection) -> list[Remark]:
    count = len(seen.set.training)
    if count < FEW:
        return [Remark(grade="not ready", text=f"{_pictured(count)} to learn from: a style takes {ENOUGH} or more, a subject 4 to 20")]
    if count < ENOUGH:
        return [
            Remark(
                grade="doubtful", text=f"{_pictured(count)} to learn from: from {ENOUGH} on a style is learnt, below it soon repeats them"
            )
        ]
    return [Remark(grade="ready", text=f"{_pictured(count)} to learn from: enough for a style")]


def _composition(seen: Inspection) -> list[Remark]:
    shares = seen.shares
    untold = len(seen.set.examples) - len(seen.compositions)
    if untold > len(seen.set.examples) / 2:
        return [
            Remark(grade="doubtful", text=f"what {untold} of the pictures are of could not be told: write `composition` into their rows")
        ]
    portraits, figures, landscapes = (shares.get(kind, 0.0) for kind in ("portrait", "figure", "landscape"))
    if landscapes >= LANDSCAPES and portraits <= PORTRAITS:
        said = (
            f"{landscapes:.0%} landscapes and {portraits:.0%} portraits: faces will not take the style; add portraits, up to two for each"
        )
        return [Remark(grade="not ready", text=f"{said} landscape, or `sakuga data balance`")]
    if portraits >= ONLY_PORTRAITS:
        return [Remark(grade="doubtful", text=f"{portraits:.0%} portraits: places will not take the style; add landscapes")]
    if landscapes < FEW_PLACES:
        return [Remark(grade="doubtful", text=f"{landscapes:.0%} landscapes: places may hardly take the style; add some")]
    if portraits <= PORTRAITS:
        return [Remark(grade="doubtful", text=f"{portraits:.0%} portraits: faces may hardly take the style; add some")]
    said = f"{portraits:.0%} portraits, {figures:.0%} figures, {landscapes:.0%} landscapes: both faces and places are learnt"
    return [Remark(grade="ready", text=said)]


def _pictures(seen: Inspection) -> list[Remark]:
    doubts: list[tuple[str, Callable[[int], str]]] = [
        ("unreadable", lambda n: f"{_pictured(n)} cannot be read: delete what is damaged with its row, or build the set again"),
        ("leak", lambda n: f"{_pictured(n)} to learn from are also held out, so what is measured there is no proof: dedupe, then split"),
        ("duplicate", lambda n: f"{_pictured(n, 'is', 'are')} there more than once and will be learnt by heart: `sakuga data dedupe`"),
        ("small", lambda n: f"{_pictured(n, 'is', 'are')} smaller than {seen.size} pixels, to be blown up: find larger"),
        (
            "aspect",
            lambda n: f"{_pictured(n, 'is', 'are')} more than twice as long as wide: much will be cut off; `sakuga data crop` shows what",
        ),
        ("blur", lambda n: f"{_pictured(n, 'is', 'are')} blurred, and so the style will be: leave out what is"),
        ("border", lambda n: f"{_pictured(n, 'has', 'have')} borders, which will be learnt: crop"),
        ("watermark", lambda n: "a watermark is suspected, which will be learnt: look, and crop it"),
    ]
    return _weighed(seen, doubts, grave=("unreadable", "leak"))


def _captions(seen: Inspection) -> list[Remark]:
    doubts: list[tuple[str, Callable[[int], str]]] = [
        ("empty", lambda n: f"{_pictured(n, 'has', 'have')} no caption: `sakuga data caption` writes them"),
        ("trigger", lambda n: f"{_said(n, 'does', 'do')} not say the trigger word {seen.set.trigger!r}: it is not taught there"),
        ("trigger twice", lambda n: f"{_said(n, 'says', 'say')} the trigger word more than once: once is enough"),
        ("tokens", lambda n: f"{_said(n, 'is', 'are')} longer than the model reads: what comes last is lost"),
        ("repetition", lambda n: f"{_said(n, 'repeats itself', 'repeat themselves')}: shorten"),
        ("same caption", lambda n: f"{_pictured(n, 'shares its caption', 'share their captions')} with others: say what is different"),
        ("common phrase", lambda n: "a phrase stands in most captions: it will be learnt as a trigger word; leave it out, or make it one"),
        ("writing", lambda n: f"{_said(n, 'speaks', 'speak')} of writing on the picture: look, and crop it"),
    ]
    return _weighed(seen, doubts, grave=())


def _rights(seen: Inspection) -> list[Remark]:
    return _weighed(
        seen, [("licence", lambda n: f"of {_pictured(n)} the licence is unknown: ask before you share what is learnt")], grave=()
    )


def _weighed(seen: Inspection, doubts: list[tuple[str, Callable[[int], str]]], grave: tuple[str, ...]) -> list[Remark]:
    """Say each doubt that there is; those that touch a quarter of the set are grave, but for rights and sameness."""
    remarks = []
    for rule, said in doubts:
        if count := seen.count(rule):
            share = count / len(seen.set.examples)
            heavy = rule in grave or (share > MUCH and rule not in ("same caption", "licence", "writing"))
            remarks.append(Remark(grade="not ready" if heavy else "doubtful", text=said(count)))
    return remarks


def _pictured(count: int, one: str = "", more: str = "") -> str:
    return counted(count, f"picture {one}".rstrip(), f"pictures {more}".rstrip())


def _said(count: int, one: str, more: str) -> str:
    return counted(count, f"caption {one}", f"captions {more}")
