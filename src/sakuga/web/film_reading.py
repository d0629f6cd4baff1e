"""Films of projects as rows hold them; a shot is read once, as long as it stays the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from pydantic import ValidationError

from sakuga.story.film import Film, ShotTable, from_document, to_document
from sakuga.story.storyboard import Shot, Storyboard, StoryboardError, full_prompt
from sakuga.web.database import packed

NAME = "this film"
"""What errors call a project's film."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmText:
    """A film's tables as JSON: one text for `film` and `bible`, and one for each shot."""

    head: str
    shots: tuple[str, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The tables of the film's file."""
        return {**json.loads(self.head), "shots": [json.loads(shot) for shot in self.shots]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotReading:
    """A shot as it was understood."""

    shot: Shot
    table: Mapping[str, Any]
    """Every key in its final form."""
    prompt: str
    """With what all shots share."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A film as it was understood."""

    film: Film
    text: FilmText
    shots: tuple[ShotReading, ...]

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The film's tables, every key in its final form."""
        return {**to_document(_with_shots(self.film, (self.film.storyboard.shots[0],))), "shots": [shot.table for shot in self.shots]}


@lru_cache(maxsize=16)
def read_film_text(text: FilmText) -> Reading:
    """Read a film; raises FilmError for one that cannot be rendered."""
    try:
        shots = tuple(read_shot_text(text.head, shot) for shot in text.shots)
        film = _with_shots(_shared(text.head), tuple(reading.shot for reading in shots))
    except (ValidationError, StoryboardError):
        from_document(text.document, NAME)  # its error names the shot
        raise
    return Reading(film=film, text=text, shots=shots)


@lru_cache(maxsize=16_384)
def read_shot_text(head: str, shot: str) -> ShotReading:
    """Read a shot of a film; raises ValidationError, StoryboardError or FilmError."""
    film = _with_shots(_shared(head), (ShotTable.model_validate(json.loads(shot)).shot(),))
    table = to_document(film)["shots"][0]
    return ShotReading(shot=film.storyboard.shots[0], table=table, prompt=full_prompt(film.storyboard, 0))


@lru_cache(maxsize=64)
def _shared(head: str) -> Film:
    """Return a film's settings and bible, with a shot that stands for all."""
    return from_document({**json.loads(head), "shots": [{"prompt": "a", "seconds": 1.0, "seed": 0}]}, NAME)


def short_film(head: str, shots: tuple[str, ...]) -> Film:
    """Return a film of these shots alone; raises as `read_shot_text` does."""
    return _with_shots(_shared(head), tuple(read_shot_text(head, shot).shot for shot in shots))


def _with_shots(film: Film, shots: tuple[Shot, ...]) -> Film:
    board = film.storyboard
    return Film(settings=film.settings, storyboard=Storyboard(idea=board.idea, bible=board.bible, shots=shots))


def head_of(film: Mapping[str, Any], bible: Mapping[str, Any]) -> str:
    """Return the text of a film's settings and bible."""
    return packed({"film": film, "bible": bible})
