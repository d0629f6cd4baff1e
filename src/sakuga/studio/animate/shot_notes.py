"""Warnings about each shot of a film, as a page shows them."""

from functools import lru_cache

from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.motion_files import own_motion_adapter
from sakuga.sketchbook.captions import known_words
from sakuga.story.film import Film
from sakuga.story.lint import LintNote, lint_storyboard
from sakuga.story.motion_choice import motion_notes
from sakuga.story.prompt_grammar import emphasis_warnings
from sakuga.story.storyboard import full_prompts
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.styles import StyleFinder, styles_of


def shot_notes(film: Film) -> list[LintNote]:
    """List what may go wrong with each shot on the film's checkpoint.

    Raises InputError for a checkpoint or style that does not exist.
    """
    session = _session(film.settings.model or SKETCHBOOK)
    board, finder = film.storyboard, StyleFinder(session.files)
    triggers = [use.style.prompt_trigger for keys in styles_of(film) for key in keys for use in finder.uses(key.value)]
    words = known_words() if session.files.name == SKETCHBOOK else None
    notes = lint_storyboard(board, session.count_tokens, session.files.info.token_limit, words, triggers)
    prompts = [(index, prompt) for index in range(len(board.shots)) for prompt in full_prompts(board, index)]
    emphasis = [
        LintNote(shot=index, rule="emphasis", message=warning) for index, prompt in prompts for warning in emphasis_warnings(prompt)
    ]
    negative = [
        LintNote(shot=index, rule="negative", message=warning)
        for index, shot in enumerate(board.shots)
        for warning in session.negative_warnings(", ".join(filter(None, (film.settings.negative, shot.negative))))
    ]
    moves = motion_notes(film, auto_moves=own_motion_adapter(session.files) is not None)
    return list(dict.fromkeys([*notes, *emphasis, *negative, *moves]))


@lru_cache(maxsize=4)
def _session(model: str) -> RenderSession:
    """Return a session whose tokenizer is loaded once."""
    return RenderSession(find_checkpoint(model, text_encoder_optional=True))
