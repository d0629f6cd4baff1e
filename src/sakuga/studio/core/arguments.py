"""Arguments of verbs, checked by their annotations before anything runs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import wraps
from inspect import signature
from os import PathLike, fspath
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, cast, get_args, get_origin

from sakuga.paths import check_name
from sakuga.story.options import Option, SettingsError

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")

_NUMBERS: dict[Any, tuple[Any, str]] = {int: (int, "a whole number"), float: (int | float, "a number")}
_NAMES: dict[Any, str] = {bool: "True or False", NoneType: "None"}
"""Types in words."""


class _Mismatch(ValueError):
    """A value is not what an annotation says; the message is what it should be."""


def checked(**options: Option) -> Callable[[Callable[Parameters, Returned]], Callable[Parameters, Returned]]:
    """Check the arguments of a verb by its annotations, and those of `options` by their ranges, too.

    A text for a Path becomes a Path. The verb raises SettingsError that names the argument, and TypeError only for a call with missing or
    unknown arguments.
    """

    def decorate(verb: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
        parameters = signature(verb)

        @wraps(verb)
        def checking(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
            call = parameters.bind(*args, **kwargs)
            for name, value in call.arguments.items():
                hint = parameters.parameters[name].annotation
                if name in options and (value is not None or NoneType not in get_args(hint)):
                    options[name].check(name, value)
                call.arguments[name] = _checked(name, value, hint)
            return verb(*call.args, **call.kwargs)

        return checking

    return decorate


def check_fields(request: Any, *names: str) -> None:
    """Check the fields of a frozen dataclass by their types; all, or those named.

    A text for a Path becomes a Path. Raises SettingsError.
    """
    for field in fields(request):
        if field.name in (names or (field.name,)):
            object.__setattr__(request, field.name, _checked(field.name, getattr(request, field.name), field.type))


def _checked(name: str, value: Any, hint: Any) -> Any:
    try:
        return _read(value, hint)
    except _Mismatch as wanted:
        raise SettingsError(f"{name}: {value!r} is not {wanted}") from None


def _read(value: Any, hint: Any) -> Any:
    """Return a value as its annotation has it; raises _Mismatch."""
    if get_origin(hint) in (UnionType, Union):  # Literal[...] | None is a typing.Union
        return _read_any(value, get_args(hint))
    match get_origin(hint) or hint:
        case str():  # names a type that is imported for type checkers only
            return value
        case kind if kind is Literal:  # its verb lists the choices
            return value
        case kind if kind in (Sequence, Iterable):
            return _read_items(value, get_args(hint)[0])
        case kind if kind is tuple:
            return _read_tuple(value, get_args(hint))
        case kind if kind is Mapping:
            return _read_mapping(value, *get_args(hint))
        case kind:
            return _read_plain(value, kind)


def _read_any(value: Any, kinds: Sequence[Any]) -> Any:
    wanted = list[str]()
    if Path in kinds and isinstance(value, str):
        check_name(Path(value))
    for kind in sorted(kinds, key=lambda kind: kind is Path):  # a text stays a text where both are possible
        try:
            return _read(value, kind)
        except _Mismatch as mismatch:
            wanted += [str(mismatch)] if kind is not NoneType else []
    raise _Mismatch(" or ".join(dict.fromkeys(wanted)))


def _read_items(value: Any, kind: Any) -> tuple[Any, ...]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise _Mismatch("a list")
    return tuple(_read(item, kind) for item in value)


def _read_tuple(value: Any, kinds: tuple[Any, ...]) -> Any:
    items = _read_items(value, kinds[0])
    if Ellipsis not in kinds and len(items) != len(kinds):
        raise _Mismatch(f"a list of {len(kinds)}")
    return items


def _read_mapping(value: Any, keys: Any, values: Any) -> Any:
    if not isinstance(value, Mapping):
        raise _Mismatch("a mapping, such as {'shots.2.prompt': 'a castle'}")
    return {_read(key, keys): _read(item, values) for key, item in value.items()}


def _read_plain(value: Any, kind: Any) -> Any:
    if kind is Path:
        return check_name(Path(_without_null(fspath(_expect(value, isinstance(value, str | PathLike), "a path")))))
    if kind is str:
        return _without_null(_expect(value, isinstance(value, str), "a text"))
    if kind in _NUMBERS:
        types, wanted = _NUMBERS[kind]
        return _expect(value, isinstance(value, types) and not isinstance(value, bool), wanted)
    if getattr(kind, "_is_protocol", False):
        methods = [name for name, method in vars(kind).items() if callable(method) and not name.startswith("_")]
        return _expect(value, all(callable(getattr(value, name, None)) for name in methods), f"a {kind.__name__}")
    return _expect(value, isinstance(value, kind), _NAMES.get(kind, f"a {kind.__name__}"))


def _without_null(text: str) -> str:
    """Refuse a null character, which no file name and no prompt holds."""
    return cast(str, _expect(text, "\0" not in text, "readable: it holds a null character"))


def _expect(value: Any, fits: bool, wanted: str) -> Any:
    if not fits:
        raise _Mismatch(wanted)
    return value
