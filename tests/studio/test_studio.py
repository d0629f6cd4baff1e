"""The package's interface: verbs are listed, names resolve, and importing loads nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from sakuga import studio


def test_dir_lists_verbs_only() -> None:
    assert {"animate", "draw", "render", "train"} <= set(dir(studio))
    assert dir(studio) == sorted(studio.__all__)
    assert all(name.islower() and callable(getattr(studio, name)) for name in dir(studio))


@pytest.mark.parametrize("name", sorted(studio._PLACES))
def test_every_name_is_found(name: str) -> None:
    assert getattr(studio, name).__name__ == name


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(studio.__file__).read_text())
    (checked,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {alias.asname: node.module for node in checked.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == studio._PLACES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'dance'"):
        _ = studio.dance


def test_importing_loads_no_library_and_packages_do_not_shadow_verbs() -> None:
    code = (
        "import sys, sakuga.studio as studio\n"
        "print(any(name in sys.modules for name in ('torch', 'numpy', 'pydantic')))\n"
        "import sakuga.studio.animate.store\n"
        "print(studio.animate.__name__, studio.animate.__module__)\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == ["False", "animate sakuga.studio.animate.animate"]
