"""Any text read as a recipe gives an equal recipe or a one-sentence error."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from sakuga.studio import RecipeError
from sakuga.studio.animate.recipe_reading import parse_recipe

FILM: dict[str, Any] = {
    "recipe": 3,
    "kind": "film",
    "engine": 1,
    "checkpoint": "0" * 64,
    "model": "sketchbook",
    "film": {"idea": "a castle", "fps": "12", "size": "64x64", "steps": 4, "style": "comic"},
    "bible": {"subject": "a castle"},
    "shots": [{"prompt": "a castle at dawn", "seconds": 1.0, "seed": 1, "style": "cel", "transition": "cut", "camera": {"zoom": 1.1}}],
}
HEAD = {key: FILM[key] for key in ("recipe", "engine", "checkpoint")}
DRAW: dict[str, Any] = {**HEAD, "kind": "draw", "prompt": "a", "seed": 1, "settings": {}}
MORPH: dict[str, Any] = {
    **HEAD,
    "kind": "morph",
    "prompts": ["a", "b"],
    "prompt_styles": ["", "ink@01234567:0.5"],
    "outside": [{"name": "ink@01234567", "digest": "1" * 64, "trigger": "in ink"}],
    "seed": 1,
    "frames": 4,
    "ease": "linear",
    "places": [0.0, 0.3, 0.6, 1.0],
    "settings": {"style": "cel"},
}
PATHS = ("/etc/passwd", "../x", "~")
KEYS = ("film.size", "shots.1.prompt", "shots.1")

anything = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20) | some.sampled_from(PATHS),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
quick = settings(deadline=None, max_examples=100)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a recipe."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(*path, key) for key, _ in below] + [found for key, inner in below for found in places(inner, (*path, key))]


def outcome(text: str, changes: dict[str, str] | None = None) -> None:
    refusal = None
    try:
        recipe = parse_recipe(text, "clip.gif", changes)
    except RecipeError as error:
        refusal = error
    if refusal:
        assert "\n" not in str(refusal)
        assert refusal.exit_code == 2
        return
    again = recipe.text()
    assert parse_recipe(again, "clip.gif").text() == again
    tables = (getattr(recipe, name, None) for name in ("film", "settings"))
    styles = [getattr(table, "style", None) for table in (*tables, *getattr(recipe, "shots", ()))]
    assert not set(PATHS) & {recipe.model, *styles, *getattr(recipe, "prompt_styles", ())}


@quick
@given(text=some.text(max_size=200))
def test_any_text(text: str) -> None:
    outcome(text)


@quick
@given(value=anything)
def test_any_json(value: Any) -> None:
    outcome(json.dumps(value))


@quick
@given(data=some.data(), base=some.sampled_from([FILM, DRAW, MORPH]), value=anything)
def test_any_value_at_any_place(data: some.DataObject, base: dict[str, Any], value: Any) -> None:
    document = json.loads(json.dumps(base))
    *path, last = data.draw(some.sampled_from(places(document)))
    table = document
    for key in path:
        table = table[key]
    table[last] = value
    outcome(json.dumps(document))


@quick
@given(
    key=some.text(alphabet="abcdefhilmoprstz.0123²-", max_size=24) | some.sampled_from(KEYS),
    value=some.text(max_size=20),
)
def test_any_change(key: str, value: str) -> None:
    outcome(json.dumps(FILM), {key: value})
