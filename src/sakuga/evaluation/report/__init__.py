"""Reports as self-contained HTML pages."""

from sakuga.evaluation.report.bars import Bar, Range, bars, differences
from sakuga.evaluation.report.curves import Curve, Mark, Panel, curves
from sakuga.evaluation.report.grids import Point, heat, scatter
from sakuga.evaluation.report.page import Block, Chart, Page, PageImage, Paragraph, Section, Strip, Table, Tile, html

__all__ = [
    "Bar",
    "Block",
    "Chart",
    "Curve",
    "Mark",
    "Page",
    "PageImage",
    "Panel",
    "Paragraph",
    "Point",
    "Range",
    "Section",
    "Strip",
    "Table",
    "Tile",
    "bars",
    "curves",
    "differences",
    "heat",
    "html",
    "scatter",
]
