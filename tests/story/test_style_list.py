"""Lists of styles are read back as written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakuga.story.style_list import join_styles, split_styles

names = st.text(min_size=1, max_size=20).map(str.strip).filter(bool)


@given(st.lists(names, max_size=4))
def test_styles_with_any_name_are_read_back(styles: list[str]) -> None:
    assert split_styles(join_styles(styles)) == styles


@pytest.mark.parametrize(
    ("text", "styles"),
    [
        ("", []),
        (" , ,", []),
        ("comic:0.8 ,cel", ["comic:0.8", "cel"]),
        ('"a, b:2",c', ["a, b:2", "c"]),
        ('say "hi", cel', ['say "hi"', "cel"]),
    ],
)
def test_a_list_is_split_at_commas_outside_of_quotation_marks(text: str, styles: list[str]) -> None:
    assert split_styles(text) == styles
