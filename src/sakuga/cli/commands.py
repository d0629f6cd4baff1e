"""Commands that explain renamed flags and missing quotation marks."""

from typing import Any

from typer.core import TyperCommand

from sakuga import InputError
from sakuga.story.settings import RENAMED_FLAGS

OTHER_TOOLS = {
    "--cfg": "--guidance", "--cfg-scale": "--guidance", "--guidance-scale": "--guidance", "--lora": "--style", "--width": "--size",
    "--height": "--size", "--negative-prompt": "--negative", "--sampling-steps": "--steps", "--num-inference-steps": "--steps",
    "--scheduler": "--sampler", "--sampler-name": "--sampler", "--denoise": "--strength", "--denoising-strength": "--strength",
    "--checkpoint": "--model", "--ckpt": "--model", "--pretrained-model-name-or-path": "--model", "--image": "--init-image",
    "--num-images-per-prompt": "--images-per-prompt", "--batch-count": "--images-per-prompt", "--controlnet": "--control",
    "--network-dim": "--rank", "--network-alpha": "--alpha", "--lr": "--learning-rate", "--max-train-steps": "--steps",
    "--max-train-epochs": "--epochs", "--train-batch-size": "--batch", "--batch-size": "--batch", "--resolution": "--size",
    "--gradient-accumulation-steps": "--gradient-accumulation", "--lr-scheduler": "--schedule", "--mixed-precision": "--precision",
    "--caption-dropout-rate": "--caption-dropout", "--shuffle-caption": "--shuffle-tags", "--keep-tokens": "--keep-tags",
    "--caption-tag-dropout-rate": "--tag-dropout", "--conv-dim": "--convolution-rank", "--optimizer-type": "--optimizer",
    "--loss-type": "--loss", "--multires-noise-iterations": "--multires-noise", "--multires-noise-discount": "--multires-discount",
    "--lr-warmup-steps": "--warmup", "--output": "--out", "--output-dir": "--out",
}  # fmt: skip
"""Flags of A1111, diffusers and kohya, and what they are called here."""
FLAGS = OTHER_TOOLS | RENAMED_FLAGS


class Command(TyperCommand):
    """A command that names the present flag when a former one, or another tool's, is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; raises InputError for a flag with another name."""
        known = {flag for parameter in self.params for flag in parameter.opts}
        for flag in (word.split("=")[0] for word in args if word.startswith("--")):
            dashed = flag.replace("_", "-")
            present = dashed if dashed in known else FLAGS.get(dashed)
            if flag not in known and present in known:
                raise InputError(f"{flag} is called {present}")
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
