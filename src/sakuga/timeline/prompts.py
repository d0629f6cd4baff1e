"""Prompts of frame specs."""

from sakuga.story.prompt_grammar import uses_grammar, with_ascii_brackets
from sakuga.timeline.spec import Conditioning, Interpolated, Prompt, Weighting


def prompt_of(text: str, weighting: Weighting = "comfyui") -> Prompt:
    """Return the conditioning of a prompt as it was written; only what uses the whole grammar says so."""
    text = with_ascii_brackets(text)
    whole = weighting != "comfyui" or uses_grammar(text)
    return Prompt(prompt=text, grammar="whole" if whole else "emphasis", weighting=weighting)


def uses_whole_grammar(conditioning: Conditioning) -> bool:
    """Return whether a conditioning may have several chunks or parts, or change over the steps."""
    match conditioning:
        case Prompt(grammar=grammar):
            return grammar == "whole"
        case Interpolated(first=first, second=second):
            return uses_whole_grammar(first) or uses_whole_grammar(second)
        case _:
            return False
