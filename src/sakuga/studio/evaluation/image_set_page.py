"""A folder of pictures as a page, alone or against one that nothing pairs it with."""

from collections.abc import Sequence

import numpy as np

from sakuga.evaluation.figure import Outcome
from sakuga.evaluation.report import Block, Chart, Page, Picture, Section, Strip, bars
from sakuga.evaluation.report.figures import bar, figures_table, tile
from sakuga.finishing.resize import within
from sakuga.studio.evaluation.measures import Seen, worst_first
from sakuga.studio.evaluation.style_page import SIDE, named

SHOWN = 8
"""Best and worst cases."""
INTERVALS = "Intervals are 95%: bootstrap over prompts, Wilson's for shares, jackknife for set distances."


def gallery_page(seen: Seen, outcomes: Sequence[Outcome], facts: tuple[tuple[str, str], ...], against: Seen | None = None) -> Page:
    """Lay out what was measured of a gallery, its best and worst cases first."""
    names = named(outcomes)
    gallery = seen.gallery
    title = f"Pictures in {gallery.name}" + (f" against {against.gallery.name}" if against else "")
    lede = f"{len(gallery)} pictures, {len(gallery.told)} of which tell what they were to show."
    if against:
        lede += f" Against {len(against.gallery)} others; nothing pairs them, so sets are compared with sets."
    tiles = tuple(tile(names[one.key], one) for one in outcomes if one.key in ("words.clip", "labels.all", "diversity", "kid", "cmmd"))
    blocks: list[Block] = [_labels(outcomes, names)] if any(one.key.startswith("labels.") for one in outcomes) else []
    blocks.append(figures_table(outcomes, names, INTERVALS))
    sections = [*_cases(seen), Section(title="Figures", blocks=tuple(blocks))]
    if against:
        theirs = _flow(against, range(len(against.gallery))[:SHOWN], "Its first")
        sections.insert(1, Section(title=f"From {against.gallery.name}", blocks=(theirs,)))
    return Page(title=title, lede=lede, tiles=tiles[:4], sections=tuple(sections), facts=facts)


def _labels(outcomes: Sequence[Outcome], names: dict[str, str]) -> Chart:
    shown = [one for one in outcomes if one.key.startswith(("labels.", "look."))]
    drawn = bars([bar(names[one.key], (one,)) for one in shown], ("",), "labels")
    caption = "Share of pictures that show what their words state; 95% intervals."
    return Chart(title="What the label classifier reads", drawing=drawn, caption=caption)


def _cases(seen: Seen) -> list[Section]:
    score, by = (seen.words, "CLIP score to its words") if np.isfinite(seen.words).any() else (seen.labels, "labels shown")
    order = worst_first([float(value) for value in score])
    if len(order) < 2:
        return [Section(title="The pictures", blocks=(_flow(seen, range(len(seen.gallery))[: 2 * SHOWN], "The first"),))]
    shown = min(SHOWN, len(order) // 2)
    best, worst = order[::-1][:shown], order[:shown]
    return [
        Section(title="Best cases", blocks=(_flow(seen, best, f"Highest {by}"),)),
        Section(title="Worst cases", blocks=(_flow(seen, worst, f"Lowest {by}"),)),
    ]


def _flow(seen: Seen, places: Sequence[int], title: str) -> Strip:
    pictures = tuple(_picture(seen, place) for place in places)
    return Strip(title=title, rows=(("", pictures),), caption=f"{len(pictures)} of {len(seen.gallery)} pictures.")


def _picture(seen: Seen, place: int) -> Picture:
    gallery = seen.gallery
    said = [f"{gallery.prompts[place]} ({gallery.names[place]})" if gallery.prompts[place] else gallery.names[place]]
    said += [f"CLIP {seen.words[place]:.1f}"] if np.isfinite(seen.words[place]) else []
    return Picture(pixels=within(gallery.pictures[place], SIDE), about=said[0], below=", ".join(said))
