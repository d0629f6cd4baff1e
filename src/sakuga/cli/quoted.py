"""A command whose words were given without quotation marks says so."""

from typing import Any

from typer.core import TyperCommand

from sakuga import InputError


class Quoted(TyperCommand):
    """A command whose only argument is a sentence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; raises InputError where there are more words than arguments."""
        words = list(args)
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if ctx.args:
            sentence = " ".join(words[: next((place for place, word in enumerate(words) if word.startswith("-")), len(words))])
            example = f'sakuga {ctx.info_name} "{sentence if ctx.args[-1] in sentence else "a castle at sunset"}"'
            raise InputError(f"there are words too many, from {ctx.args[0]!r}: put all of them between quotation marks, as in {example}")
        return rest
