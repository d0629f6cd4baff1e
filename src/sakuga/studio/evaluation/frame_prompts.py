"""What each frame of a clip was to show, told by the recipe in its file."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from sakuga.models.checkpoint_files import Source
from sakuga.story.emphasis import without_emphasis
from sakuga.studio.animate.film import FilmRecipe
from sakuga.studio.animate.images import DrawRecipe, drawn_spec
from sakuga.studio.animate.morph import MorphRecipe
from sakuga.studio.core.recipe import Recipe
from sakuga.studio.core.settings import direction, settled
from sakuga.timeline.chain import chain
from sakuga.timeline.morph import frames_at, places
from sakuga.timeline.spec import Between, Conditioning, Digest, Drawn, FrameSpec, Given, Mix, Text
from sakuga.timeline.timing import spans, there_and_back

Words = tuple[tuple[str, float], ...]
"""Prompts with their shares, which add up to 1; none where no words were said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A shot of a film, or the way between two prompts: its frames, and how it is called in the recipe."""

    name: str
    first: int
    cut: bool
    """Whether it begins with a cut, so that its first frame is no jump."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Words for each frame, at a rate; and the parts."""

    rate: Fraction
    words: tuple[Words, ...]
    parts: tuple[Part, ...] = ()
    closed: bool = False
    """Whether it was made to go round."""


def shown_by(recipe: Recipe, source: Source) -> Shown | None:
    """Lay a recipe out and say what each frame shows; None for one that follows no words.

    Styles are left out, and with them their trigger words: they may not be here, and decide no layout.
    """
    match recipe:
        case FilmRecipe():
            return _film(recipe, source)
        case MorphRecipe():
            return _morph(recipe, source)
        case DrawRecipe(steps_shown=False):
            return Shown(rate=Fraction(1), words=(((without_emphasis(recipe.prompt), 1.0),),))
    return None


def _film(recipe: FilmRecipe, source: Source) -> Shown:
    film = recipe.said()
    how = direction(settled(replace(film.settings, model=source.name, style=None), source), source)
    board = replace(film.storyboard, shots=tuple(replace(shot, style=None) for shot in film.storyboard.shots))
    sheet = chain(board, how)
    words = tuple(words_of(name, sheet.specs) for name in sheet.exposures)
    shots = film.storyboard.shots
    starts = [span.start for span in spans((shot.seconds for shot in shots), how.rate)]
    parts = tuple(
        Part(name=f"shot {number}", first=first, cut=number > 1 and type(shot.transition).__name__ == "Cut")
        for number, (shot, first) in enumerate(zip(shots, starts, strict=True), 1)
    )
    return Shown(rate=how.rate, words=words, parts=parts)


def _morph(recipe: MorphRecipe, source: Source) -> Shown:
    settings = settled(replace(recipe.settings.settings(), model=source.name, style=None), source)
    course = recipe.course()
    at = recipe.places or places(course, recipe.frames, recipe.ease)
    specs = frames_at(course, at, drawn_spec(recipe.prompts[0], recipe.seed, settings, source))
    words = [_words(spec.conditioning) for spec in specs]
    firsts = [next(place for place, leg in enumerate(at) if leg >= key - 1e-9) for key in range(len(course.keys))]
    parts = tuple(Part(name=f"prompt {number}", first=first, cut=False) for number, first in enumerate(firsts, 1))
    played = there_and_back(words) if recipe.ping_pong else words
    return Shown(rate=direction(settings, source).rate, words=tuple(played), parts=parts, closed=recipe.loop or recipe.ping_pong)


def words_of(name: Digest, specs: Mapping[Digest, FrameSpec]) -> Words:
    """Say what a frame shows; an in-between shows what its two frames show, by how near they are."""
    match specs[name]:
        case Drawn(conditioning=conditioning):
            return _words(conditioning)
        case Between(first=first, second=second, at=at):
            return _mixed(words_of(first, specs), words_of(second, specs), at)
        case Given():
            return ()


def _words(conditioning: Conditioning) -> Words:
    match conditioning:
        case Text(prompt=prompt):
            return ((without_emphasis(prompt), 1.0),)
        case Mix(first=first, second=second, at=at):
            return _mixed(_words(first), _words(second), at)
    return ()


def _mixed(first: Words, second: Words, at: float) -> Words:
    """Share two frames' words out; where one shows none, the other's count whole."""
    if not first or not second:
        return first or second
    shares: dict[str, float] = defaultdict(float)
    for words, share in ((first, 1.0 - at), (second, at)):
        for text, part in words:
            shares[text] += share * part
    return tuple((text, share) for text, share in shares.items() if share > 0)
