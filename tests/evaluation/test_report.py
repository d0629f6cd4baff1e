import itertools
import re
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from math import nan
from xml.etree import ElementTree

import numpy as np
import pytest
from markupsafe import Markup
from PIL import Image

from sakuga.evaluation.report import (
    Bar,
    Chart,
    Curve,
    Mark,
    Page,
    PageImage,
    Panel,
    Paragraph,
    Point,
    Range,
    Section,
    Strip,
    Table,
    Tile,
    bars,
    curves,
    differences,
    heat,
    html,
    scatter,
)  # fmt: skip

HOSTILE = '</script><img src="http://x.test/a.png" onerror=alert(1)> & "quoted"'


def parse_svg(markup: Markup, kind: str = "broad") -> ElementTree.Element:
    charts = {chart.attrib["class"]: chart for chart in ElementTree.fromstring(f"<div>{markup}</div>")}
    assert list(charts) == ["broad", "narrow"]
    return charts[kind]


def boxes(markup: Markup) -> list[dict[str, str]]:
    return [part.attrib for part in parse_svg(markup).iter("rect") if part.get("class", "").startswith("fill s")]


def test_a_bar_is_as_long_as_its_value() -> None:
    groups = [Bar(name=HOSTILE, values=(Range(value=10.0, low=9.0, high=12.0), Range(value=30.0)))]
    short, long = (float(box["width"]) for box in boxes(bars(groups, ("base", "style"), "scores"))[2:])
    assert long == pytest.approx(3 * short, rel=0.01)


def test_negative_bars_point_left_and_missing_values_are_labelled() -> None:
    groups = [Bar(name="kid", values=(Range(value=-1.0), Range(value=2.0), Range(value=nan)))]
    chart = bars(groups, ("a", "b", "c"), "scores")
    back, on = boxes(chart)[3:]
    assert float(back["x"]) + float(back["width"]) == pytest.approx(float(on["x"]), abs=0.1)
    assert "not measured" in chart


def test_a_difference_lies_on_its_side_of_zero() -> None:
    chart = parse_svg(
        differences([Bar(name=name, values=(Range(value=value),)) for name, value in (("less", -2.0), ("more", 1.0))], ("x",), "")
    )
    less, more = (float(dot.attrib["cx"]) for dot in chart.iter("circle"))
    zero = next(float(re.findall(r"[\d.]+", line.attrib["d"])[0]) for line in chart.iter("path") if line.get("class") == "zero")
    assert less < zero < more
    assert (zero - less) == pytest.approx(2 * (more - zero), rel=0.01)


def test_a_curve_breaks_where_nothing_was_measured() -> None:
    panel = Panel(title="flicker", curves=(Curve(values=(0.0, 1.0, nan, 2.0)),), limit=1.5)
    chart = parse_svg(curves([panel], (0.0, 1.0, 2.0, 3.0), "seconds", "", marks=[Mark(place=3.0, name="frame 4")]))
    path = next(line.attrib["d"] for line in chart.iter("path") if line.get("class", "").startswith("line"))
    assert path.count("M") == 2
    assert "nan" not in path


def test_one_frame_alone_is_a_curve_too() -> None:
    assert "nan " not in curves([Panel(title="drift", curves=(Curve(values=(0.0,)),))], (0.0,), "frames", "")


def test_a_heat_map_outlines_the_best_and_skips_missing_runs() -> None:
    chart = parse_svg(heat([[0.1, nan], [0.4, 0.9]], ("4", "8"), ("100", "200"), "rank", "steps", ""))
    kinds = [box.get("class") for box in chart.iter("rect")]
    assert kinds == ["cell", "cell none", "cell", "cell best"]


def test_a_scatter_plot_has_a_pareto_front() -> None:
    points = [Point(x=1.0, y=1.0, name="small"), Point(x=10.0, y=0.5, name="poor"), Point(x=100.0, y=2.0, name="large")]
    chart = parse_svg(scatter(points, "seconds", "quality", "", log=True))
    cheap, poor, expensive = (float(dot.attrib["cx"]) for dot in chart.iter("circle"))
    assert poor - cheap == pytest.approx(expensive - poor, abs=0.2)
    assert next(line.attrib["d"] for line in chart.iter("path") if line.get("class") == "front").count("L") == 1


def test_a_narrow_screen_shows_charts_of_its_own_width() -> None:
    page = whole_page(np.zeros((6, 9, 3), np.uint8))
    assert not re.findall(r"<svg[^>]* width=", page)
    assert "min-width" not in "".join(re.findall(r"\.chart svg[^{]*\{([^}]*)\}", page))
    narrow = page.split("@media (max-width: 40rem)")[1]
    assert ".chart svg.broad { display: none; }" in narrow
    assert ".chart svg.narrow { display: block; }" in narrow


NAME = "alignment with the prompt, all of it"
DRAWN = {
    "bars": bars([Bar(name=NAME, values=(Range(value=9.0, high=9.5), Range(value=8.0)))], ("base model", "with the style"), ""),
    "differences": differences([Bar(name=NAME, values=(Range(value=value),)) for value in (-2.0, 5.0)], ("x",), ""),
    "curves": curves([Panel(title="loss", curves=(Curve(values=(1.0, 0.5)),))], (0.0, 10_000.0), "steps", ""),
    "scatter": scatter([Point(x=x, y=1.0, name="rank 32, steps 60, rate 0.002") for x in (1.0, 40.0, 3000.0)], "KB", "look", "", log=True),
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("kind", ["broad", "narrow"])
def test_texts_of_a_chart_lie_within_it(name: str, kind: str) -> None:
    chart = parse_svg(DRAWN[name], kind)
    width = float(chart.attrib["viewBox"].split()[2])
    for text in chart.iter("text"):
        wide, x = 7.0 * len(text.text or ""), float(text.attrib["x"])
        first = x - {"end": wide, "middle": wide / 2}.get(text.attrib.get("text-anchor", ""), 0.0)
        assert first >= -8, text.text
        assert first + wide <= width + 8, text.text


@pytest.mark.parametrize("kind", ["broad", "narrow"])
def test_labels_of_an_axis_do_not_overlap(kind: str) -> None:
    chart = parse_svg(DRAWN["scatter"], kind)
    along = [text for text in chart.iter("text") if text.get("class") == "tick" and text.get("text-anchor") == "middle"]
    ends = [(float(text.attrib["x"]), 3.5 * len(text.text or "")) for text in along]
    assert len(ends) > 2
    assert all(after - half > before + other for (before, other), (after, half) in itertools.pairwise(ends))


class Reader(HTMLParser):
    """Collects a page's tags, text and external references."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def whole_page(pixels: np.ndarray) -> str:
    strip = Strip(
        title=HOSTILE,
        columns=("base", HOSTILE),
        rows=((HOSTILE, (PageImage(pixels=pixels, alt=HOSTILE, caption="31.2"),) * 2),),
        caption="c",
    )
    blocks = (
        Paragraph(text=HOSTILE),
        Table(head=("metric", HOSTILE), rows=((HOSTILE, "1.0"),), caption=HOSTILE),
        Chart(title=HOSTILE, svg=bars([Bar(name=HOSTILE, values=(Range(value=1.0),))], ("one",), HOSTILE), caption=HOSTILE),
        strip,
        Strip(title="flow", rows=(("", (PageImage(pixels=pixels, alt=""),)),), caption="c"),
    )
    section = Section(title=HOSTILE, lede=HOSTILE, blocks=blocks)
    tiles, facts = (Tile(name=HOSTILE, value="1", note=HOSTILE),), (("model", HOSTILE),)
    return html(Page(title=HOSTILE, lede=HOSTILE, sections=(section,), tiles=tiles, facts=facts))


def test_a_page_loads_nothing_and_escapes_its_text() -> None:
    page = Reader()
    page.feed(whole_page(np.zeros((6, 9, 3), np.uint8)))
    assert "script" not in page.tags
    assert page.tags.count("img") == 3
    assert all(source.startswith("data:image/webp;base64,") for source in page.sources)
    assert page.text.count(HOSTILE) >= 12


def test_images_are_embedded_in_the_page() -> None:
    gradient = np.linspace(0, 255, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint8)
    found = re.search(r'src="data:image/webp;base64,([^"]+)"', whole_page(gradient))
    assert found
    with Image.open(BytesIO(b64decode(found[1]))) as image:
        assert image.format == "WEBP"
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - gradient).mean() < 6
