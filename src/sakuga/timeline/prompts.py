"""Prompts of frame specs."""

from dataclasses import replace

from sakuga.story.emphasis import read_emphasis
from sakuga.story.prompt_grammar import uses_grammar, with_ascii_brackets
from sakuga.timeline.spec import Conditioning, Interpolated, Prompt, Weighting


def prompt_of(text: str, weighting: Weighting = "comfyui") -> Prompt:
    """Return the conditioning of a prompt as it was written; only what uses the whole grammar says so."""
    text = with_ascii_brackets(text)
    whole = weighting != "comfyui" or uses_grammar(text)
    return Prompt(prompt=text, grammar="whole" if whole else "emphasis", weighting=weighting)


def weighted(conditioning: Conditioning, weighting: Weighting) -> Conditioning:
    """Return a conditioning whose emphasis is weighted in a way; prompts without emphasis stay."""
    match conditioning:
        case Prompt(prompt=prompt, weighting=own) if own != weighting and not read_emphasis(prompt).plain:
            return replace(conditioning, grammar="whole", weighting=weighting)
        case Interpolated(first=first, second=second):
            return replace(conditioning, first=weighted(first, weighting), second=weighted(second, weighting))
        case _:
            return conditioning


def prompts_in(conditioning: Conditioning) -> tuple[Prompt, ...]:
    """Return the prompts that a conditioning is made of."""
    match conditioning:
        case Prompt():
            return (conditioning,)
        case Interpolated(first=first, second=second):
            return (*prompts_in(first), *prompts_in(second))
        case _:
            return ()


def uses_whole_grammar(conditioning: Conditioning) -> bool:
    """Return whether a conditioning may have several chunks or parts, or change over the steps."""
    match conditioning:
        case Prompt(grammar=grammar):
            return grammar == "whole"
        case Interpolated(first=first, second=second):
            return uses_whole_grammar(first) or uses_whole_grammar(second)
        case _:
            return False
