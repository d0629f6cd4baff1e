"""Decisions as text."""

import re
from dataclasses import dataclass

from sakuga import InputError
from sakuga.studio.choosing.log import Decision, Discard, Jump, Pin, Redo, Undo

PICK = re.compile(r"(?P<take>\d{1,3})|@(?P<jump>\d{1,9})|(?P<word>[ruy])|(?P<mark>[+-])(?P<marked>\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reroll:
    """Offer another round with other seeds."""


_WORDS: dict[str, Undo | Redo | Reroll] = {"r": Reroll(), "u": Undo(), "y": Redo()}


def parse_picks(text: str) -> list[Decision | Reroll | int]:
    """Read decisions such as "2,r,1,u,@4"; a number is an image's place.

    Raises InputError.

    >>> parse_picks("2, r, @4")
    [2, Reroll(), Jump(node=4, kind='jump')]
    """
    picks = list[Decision | Reroll | int]()
    for piece in filter(None, map(str.strip, text.split(","))):
        if not (found := PICK.fullmatch(piece)):
            raise InputError(f"{piece!r} is no decision: write 3 to take the third image, r for others, u, y, @7, +7 or -7")
        match found.lastgroup:
            case "take":
                picks.append(int(piece))
            case "jump":
                picks.append(Jump(node=int(found["jump"])))
            case "marked":
                node = int(found["marked"])
                picks.append(Pin(node=node) if found["mark"] == "+" else Discard(node=node))
            case _:
                picks.append(_WORDS[piece])
    return picks
