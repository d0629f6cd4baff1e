"""A report as one page of HTML that needs nothing else: plain data in, text out."""

from sakuga.evaluation.report.bars import Bar, Range, bars, differences
from sakuga.evaluation.report.curves import Line, Mark, Panel, curves
from sakuga.evaluation.report.grids import Point, heat, scatter
from sakuga.evaluation.report.page import Block, Chart, Page, Picture, Prose, Section, Strip, Table, Tile, html

__all__ = [
    "Bar",
    "Block",
    "Chart",
    "Line",
    "Mark",
    "Page",
    "Panel",
    "Picture",
    "Point",
    "Prose",
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
