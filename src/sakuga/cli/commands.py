"""Commands that explain renamed flags and missing quotation marks."""

from typing import Any

from typer.core import TyperCommand

from sakuga import InputError
from sakuga.story.options import renamed_note
from sakuga.story.settings import RENAMED_FLAGS


class Command(TyperCommand):
    """A command that names the present flag when a former one is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; raises InputError for a renamed flag."""
        known = {flag for parameter in self.params for flag in parameter.opts}
        for flag in (word.split("=")[0] for word in args):
            if flag not in known and RENAMED_FLAGS.get(flag) in known:
                raise InputError(renamed_note(flag, RENAMED_FLAGS))
        return super().parse_args(ctx, args)


class SentenceCommand(Command):
    """A command whose only argument is a sentence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; raises InputError if there are more words than arguments."""
        words = list(args)
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if ctx.args:
            sentence = " ".join(words[: next((place for place, word in enumerate(words) if word.startswith("-")), len(words))])
            example = f'sakuga {ctx.info_name} "{sentence if ctx.args[-1] in sentence else "a castle at sunset"}"'
            raise InputError(f"there are too many words, from {ctx.args[0]!r}: put all of them in quotation marks, as in {example}")
        return rest
