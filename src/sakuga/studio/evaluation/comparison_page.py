"""Two galleries of the same prompts and seeds as a page: what the other has more, where it does best and where worst."""

from collections.abc import Sequence

import numpy as np

from sakuga.evaluation.figure import Figure, Outcome, Refused
from sakuga.evaluation.report import Bar, Chart, Page, Picture, Section, Strip, Tile, bars, differences
from sakuga.evaluation.report.bars import signed
from sakuga.evaluation.report.figures import bar, figures_table, ranged, tile
from sakuga.finishing.resize import within
from sakuga.studio.evaluation.measures import Pairing, worst_first
from sakuga.studio.evaluation.side_by_side import Line, side_by_side

SIDE, CASES = 192, 4
"""Pixels of a shown picture's longer side, and cases of each kind that are shown."""
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
    "style.direction": "moved as its words did (directional CLIP)",
    "diversity": "variety of one prompt's pictures",
    "ssim": "SSIM, pixel by pixel",
    "psnr_db": "PSNR, pixel by pixel (dB)",
    "inception": "inception score of the subjects read",
    "kid": "KID",
    "fd": "Frechet distance",
    "cmmd": "CMMD",
    "precision": "precision",
    "recall": "recall",
}
SIDES = {"base.": " (base)", "style.": " (style)", "more.": " (difference)", "first.": " (first)", "second.": " (second)"}


def named(outcomes: Sequence[Outcome], sides: tuple[str, str] = ("base", "style")) -> dict[str, str]:
    """Return what the figures are called on a page, where the two sides have these names."""
    return {outcome.key: _sided(_name(outcome.key), sides) for outcome in outcomes}


def _sided(said: str, sides: tuple[str, str]) -> str:
    for end, side in zip((SIDES["base."], SIDES["style."]), sides, strict=True):
        if said.endswith(end):
            return f"{said.removesuffix(end)} ({side})"
    return said


def _name(key: str) -> str:
    if key in NAMES:
        return NAMES[key]
    for prefix, beside in SIDES.items():
        if key.startswith(prefix):
            return _name(key.removeprefix(prefix)) + beside
    if key.startswith("look."):
        return f"read as {key.removeprefix('look.')}"
    head, _, rest = key.partition(".")
    return f"{NAMES.get(rest, rest)}, {head}" if rest else key


def style_page(
    title: str, lede: str, pairing: Pairing, outcomes: Sequence[Outcome], facts: tuple[tuple[str, str], ...], judge: str
) -> Page:
    """Lay out a style against its base, or any gallery against another of the same prompts and seeds."""
    found = {outcome.key: outcome for outcome in outcomes}
    sides = (pairing.base.gallery.name, pairing.other.gallery.name)
    sections = (
        _cases("Where it shows most and least", pairing, pairing.gain, sides, _told_gain(found)),
        _scores(found, sides, judge, seeded=_by_seed(pairing)),
        _lost(pairing, sides),
        _figures(found, sides, _how(pairing)),
    )
    return Page(title=title, lede=lede, tiles=_tiles(found, sides[0]), sections=tuple(one for one in sections if one), facts=facts)


def _figures(found: dict[str, Outcome], sides: tuple[str, str], how: str) -> Section:
    """Lay out what was measured of both sides line by line, then the rest; what was refused of both for one reason is said once."""
    both = [key for key in _points(found) if isinstance(found[f"base.{key}"], Figure) and isinstance(found[f"style.{key}"], Figure)]
    lines = [
        Line(name=_name(key), sides=(found[f"base.{key}"], found[f"style.{key}"]), difference=found.get(f"more.{key}")) for key in both
    ]
    there = {f"{side}.{key}" for key in both for side in ("base", "style", "more")}
    rest = [one for key, one in found.items() if key not in there and not (key.startswith("style.") and _refused_alike(found, key))]
    called = named(rest, sides) | {
        one.key: _name(one.key[5:]) for one in rest if one.key.startswith("base.") and _refused_alike(found, one.key)
    }
    tables = (side_by_side(lines, sides, how), *([figures_table(rest, called, "")] if rest else []))
    return Section(title="All figures", blocks=tables)


def _points(found: dict[str, Outcome]) -> list[str]:
    """Return what was measured, or refused, of both sides."""
    return [key.removeprefix("base.") for key in found if key.startswith("base.") and f"style.{key.removeprefix('base.')}" in found]


def _refused_alike(found: dict[str, Outcome], key: str) -> bool:
    """Return whether both sides were refused for one reason."""
    _, _, measure = key.partition(".")
    one, other = (found.get(f"{side}.{measure}") for side in ("base", "style"))
    return isinstance(one, Refused) and isinstance(other, Refused) and one.reason == other.reason


def _how(pairing: Pairing) -> str:
    prompts = len(dict.fromkeys(pairing.groups))
    noise = ", both of a pair from the same noise" if _by_seed(pairing) else ""
    return (
        f"{len(pairing.base.gallery)} pairs of pictures from {prompts} prompts{noise}. In brackets 95% intervals, by bootstrap over "
        "prompts (shares: Wilson's). A difference whose interval leaves out 0 is clear at this n."
    )


def _tiles(found: dict[str, Outcome], plain: str) -> tuple[Tile, ...]:
    first = [key for key in found if key.startswith("style.look.")][:1]
    wanted = [*first, "more.style.similarity", "more.words.clip", "more.labels.all"]
    return tuple(_tile(key, found, plain) for key in wanted if key in found)[:4]


def _tile(key: str, found: dict[str, Outcome], plain: str) -> Tile:
    before = found.get("base." + key.removeprefix("style."))
    beside = f"{plain} {before.value:.2g}" if isinstance(before, Figure) and key.startswith("style.") else ""
    more = key.startswith("more.")
    name = _name(key.removeprefix("style.").removeprefix("more.")) + (": gain" if more else "")
    return tile(name, found[key], difference=more, beside=beside)


def _scores(found: dict[str, Outcome], sides: tuple[str, str], judge: str, *, seeded: bool) -> Section:
    points = _points(found)
    hundred = [key for key in points if key.endswith((".clip", "style.similarity"))]
    shares = [key for key in points if key.startswith(("labels.", "look."))]
    more = [key.removeprefix("more.") for key in found if key.startswith("more.")]
    blocks = []
    for title, keys, unit in (("CLIP", hundred, "100 x cosine"), ("What the label classifier reads", shares, "share of pictures")):
        if keys:
            groups = [bar(_name(key), (found[f"base.{key}"], found[f"style.{key}"])) for key in keys]
            caption = f"{unit[0].upper() + unit[1:]}; whiskers are 95% intervals, n {_n(found, keys)}. {judge if title == 'CLIP' else ''}"
            blocks.append(Chart(title=f"{title}: {sides[0]} and {sides[1]}", drawing=bars(groups, sides, title), caption=caption))
    both = (("in points of CLIP", hundred), ("in shares", shares))
    for title, keys in ((title, [key for key in more if key in there]) for title, there in both):
        if keys:
            groups = [Bar(name=_name(key), values=(ranged(found[f"more.{key}"]),)) for key in keys]
            pairs = f"95% intervals, n {_n(found, keys, 'more.')} pairs"
            caption = f"{sides[1]} minus {sides[0]}, pair by pair with the same prompt and {'seed' if seeded else 'name'}; {pairs}."
            blocks.append(Chart(title=f"Differences, {title}", drawing=differences(groups, ("",), title), caption=caption))
    return Section(title="Scores", blocks=tuple(blocks))


def _n(found: dict[str, Outcome], keys: Sequence[str], prefix: str = "base.") -> str:
    counts = sorted({one.n for key in keys if isinstance(one := found[f"{prefix}{key}"], Figure)})
    return f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(*counts)


def _told_gain(found: dict[str, Outcome]) -> str:
    return "gain in similarity to the references" if "more.style.similarity" in found else "distance that CLIP sees between the two"


def _cases(title: str, pairing: Pairing, values: np.ndarray, sides: tuple[str, str], by: str) -> Section:
    order = worst_first([float(value) for value in values])
    shown = min(CASES, len(order) // 2)
    best, worst = order[::-1][:shown] if shown else order, order[:shown]
    strips = [strip_of(pairing, best, sides, "Most", f"Ordered by the {by}: the highest of {len(order)} pairs.", values)]
    if worst:
        strips.append(strip_of(pairing, worst, sides, "Least", f"The lowest of {len(order)} pairs.", values))
    return Section(title=title, blocks=tuple(strips), lede=f"Same prompt and {'seed' if _by_seed(pairing) else 'name'} in each row.")


def _by_seed(pairing: Pairing) -> bool:
    """Return whether the pairs were drawn here, from the same noise, and not found in two folders."""
    return all(name.startswith("seed ") for name in pairing.base.gallery.names)


def _lost(pairing: Pairing, sides: tuple[str, str]) -> Section | None:
    change = pairing.other.labels - pairing.base.labels
    by = "share of labels shown as stated"
    if not np.isfinite(change).any():
        change, by = pairing.other.words - pairing.base.words, "CLIP score to the prompt"
    lost = [place for place in worst_first([float(value) for value in change]) if change[place] < 0][:CASES]
    if not lost:
        return None
    strip = strip_of(pairing, lost, sides, "What is lost", f"The pairs whose {by} falls most.", change)
    return Section(title="Where it forgets its words", blocks=(strip,))


def strip_of(pairing: Pairing, places: Sequence[int], sides: tuple[str, str], title: str, caption: str, values: np.ndarray) -> Strip:
    """Show pairs beside each other, each with its prompt, seed and value."""
    rows = []
    for place in places:
        prompt, name = pairing.base.gallery.prompts[place], pairing.base.gallery.names[place]
        shown = tuple(
            Picture(pixels=within(one.gallery.pictures[place], SIDE), about=f"{side}: {prompt or name}", below=_below(one.words[place]))
            for side, one in zip(sides, (pairing.base, pairing.other), strict=True)
        )
        gain = signed(float(values[place]))
        rows.append((f"{prompt} ({name}): {gain}" if prompt else f"{name}: {gain}", shown))
    return Strip(title=title, columns=sides, rows=tuple(rows), caption=f"{caption} Below each picture, its CLIP score to the prompt.")


def _below(score: float) -> str:
    return f"CLIP {score:.1f}" if np.isfinite(score) else ""
