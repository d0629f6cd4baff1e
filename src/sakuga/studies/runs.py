"""What a study is made of, as plain values: what is taught, what is drawn with it, and how each is named by its content."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

EDITION = 2
"""Goes into every name: raise it when the same values begin to mean another run."""

JUDGED = ("looks", "subject")
"""Fields of a trial that decide what is measured of its pictures, and not the pictures."""

UNREAD = "sks style"
"""What calls a look that is taught: the base knows the looks of its world by their names."""

Method = Literal["lora", "textual-inversion", "dreambooth"]
Blend = Literal["exact", "naive"]
METHODS: tuple[Method, ...] = ("lora", "textual-inversion", "dreambooth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A training set that the Sketchbook's world draws: a look in so many scenes, or one subject in many places."""

    look: str = "flat"
    subject: str = ""
    """The subject that is taught; "" teaches the look."""
    count: int = 48
    portraits: int = 24
    """Of a look's scenes; the rest are landscapes."""
    class_pictures: int = 0
    """Of a subject's class, for prior preservation."""
    seed: int = 0

    @property
    def trigger(self) -> str:
        """The words that call it: a subject's, or of a look some that the base has never read, lest it learns only what it knows."""
        return f"<{self.subject}>" if self.subject else UNREAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A training set of one's own, known by its content."""

    path: str
    digest: str
    trigger: str
    count: int
    """Pictures of one pass over it."""
    look: str = ""
    subject: str = ""


Source: TypeAlias = Lesson | Folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Teach:
    """A training run."""

    model: str
    """The digest of the base, of what draws in it."""
    source: Source
    method: Method = "lora"
    rank: int = 8
    steps: int = 300
    batch: int = 8
    rate: float = 1e-3
    text_encoder: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """A style that was taught here, worn."""

    taught: Teach
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Pictures that are drawn and judged: the same prompts and seeds in every trial that is compared."""

    model: str
    prompts: tuple[str, ...]
    seeds: int = 1
    wears: tuple[Wear, ...] = ()
    blend: Blend = "exact"
    suffix: str = ""
    """Words that are added to every prompt, such as those that call what is worn; nothing else calls it."""
    steps: int = 20
    looks: tuple[str, ...] = ()
    """Looks that the pictures are judged by, beside those of the world; who judges decides no picture, and so no name."""
    subject: str = ""
    """A subject that they are judged by."""


Run: TypeAlias = Teach | Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A run with its name for people; the same run may have several."""

    name: str
    run: Run


def digest(run: Run) -> str:
    """Name a run by what decides it."""
    return hashlib.sha256(f"sakuga study {EDITION} {type(run).__name__} {json.dumps(plain(run), sort_keys=True)}".encode()).hexdigest()


def plain(run: Run) -> dict[str, Any]:
    """Return a run as JSON values; where a set lies on the disk decides nothing, and how large it is its digest knows."""
    match run:
        case Teach(source=Folder() as folder):
            told = asdict(replace(folder, path=""))
            return asdict(run) | {"source": {key: value for key, value in told.items() if key != "count"}}
        case Teach():
            return asdict(run)
        case Trial(wears=wears):
            drawn = asdict(replace(run, wears=()))
            return {key: value for key, value in drawn.items() if key not in JUDGED} | {"wears": [_worn(wear) for wear in wears]}


def _worn(wear: Wear) -> dict[str, Any]:
    return {"taught": plain(wear.taught), "weight": wear.weight}


def needs(run: Run) -> tuple[Teach, ...]:
    """List what must be taught before a run."""
    return tuple(wear.taught for wear in run.wears) if isinstance(run, Trial) else ()


def in_order(runs: tuple[Named, ...]) -> tuple[Named, ...]:
    """Return every different run once, each after those that it needs, which are named after it where nobody named them."""
    found: dict[str, Named] = {}
    named = {digest(one.run): one for one in reversed(runs)}
    for one in runs:
        for teach in needs(one.run):
            name = digest(teach)
            found.setdefault(name, named.get(name, Named(name=f"teach {one.name}", run=teach)))
        found.setdefault(digest(one.run), named[digest(one.run)])
    return tuple(found.values())
