"""The recipe of images that a person chose one by one."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Literal, assert_never

from sakuga import InputError
from sakuga.export import check_frames
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.rendering.store import FrameStore
from sakuga.studio.animate.draw import BATCH
from sakuga.studio.animate.vary import ChainRecipe, ResolvedChain, check_image_encoder, finish_chain
from sakuga.studio.core.image_spool import ImageSpool
from sakuga.studio.core.output import write_clip
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import LaidOut, Remade, edits_key
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import frame_settings
from sakuga.studio.core.styles import with_triggers
from sakuga.timeline.choices import Choice, FromPrompt, ImageToImage, Move, Variation, next_link
from sakuga.timeline.edits import Edit, speed_of
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.frame_settings import FrameSettings
from sakuga.timeline.spec import Given, Prompt
from sakuga.timeline.variations import Link, lay_out_chain, start_of_chain


class ChooseRecipe(ChainRecipe):
    """The recipe of a chain of choices.

    `variants` is the number that each was chosen from, and their batch width.
    """

    kind: Literal["choose"] = "choose"
    path: tuple[Choice, ...] = ()

    @property
    def images(self) -> int:
        """Return the number of chosen images."""
        return len(self.path)

    def remake(self, out: Path, files: CheckpointFiles, store: Path | None) -> Generator[Step, None, Remade]:
        """Generate the chosen images again, and those between them."""
        resolved = self.resolved_chain(out, files, store)
        for choice in self.path:
            check_move(choice.move, files)
        session = RenderSession(files, store, resolved.uses, resolved.settings.precision)
        return (yield from render_choices(ChoiceLayout.of(self.image(session.store), resolved), self.path, session, self.edits))

    def laid_out(self, files: CheckpointFiles, store: FrameStore) -> LaidOut:
        """Return the clip's frames without its edits."""
        resolved = self.resolved_chain(Path("clip.gif"), files, store.root)
        layout = ChoiceLayout.of(self.image(store), resolved)
        return LaidOut(sheet=layout.sheet(self.path), settings=resolved.settings, uses=resolved.uses, applied=resolved.uses)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceLayout:
    """How the images of a session follow from each other."""

    image: Given
    resolved: ResolvedChain
    settings: FrameSettings

    @classmethod
    def of(cls, image: Given, resolved: ResolvedChain) -> "ChoiceLayout":
        """Return the layout of a resolved chain from its first image."""
        frames = frame_settings(resolved.settings, resolved.files, resolved.styles)
        return cls(image=image, resolved=resolved, settings=replace(frames, batch=BATCH))

    def start(self) -> Link:
        """Return the first image; a model without an image encoder has no embedding of it."""
        start = start_of_chain(self.image, self.resolved.chain)
        return start if self.resolved.files.info.has_image_encoder else replace(start, conditioning=Prompt(prompt=""))

    def follow(self, parent: Link, choice: Choice) -> Link:
        """Return the image that a choice makes of another."""
        chain = self.resolved.chain
        choice = replace(choice, move=self._with_triggers(choice.move))
        return next_link(parent, choice, chain, self.settings, batch=chain.variants)

    def _with_triggers(self, move: Move) -> Move:
        match move:
            case Variation():
                return move
            case ImageToImage() | FromPrompt():
                return replace(move, prompt=with_triggers(move.prompt, self.resolved.uses)) if move.prompt else move
            case _:
                assert_never(move)

    def sheet(self, path: Sequence[Choice]) -> ExposureSheet:
        """Return every frame of the clip of a path."""
        return lay_out_chain(self.links(path), self.resolved.chain, self.settings)

    def links(self, path: Sequence[Choice]) -> list[Link]:
        """Return the images of a path, the first included."""
        return list(accumulate(path, self.follow, initial=self.start()))


def render_choices(
    layout: ChoiceLayout, path: Sequence[Choice], session: RenderSession, edits: tuple[Edit, ...] = ()
) -> Generator[Step, None, Remade]:
    """Generate what is missing of a path of choices, and write its clip; raises InputError for an empty one."""
    if not path:
        raise InputError("nothing is chosen: take an image, then the path to it becomes a clip")
    resolved = layout.resolved
    recipe = ChooseRecipe.of_chain(layout.image, resolved, path=tuple(path), **edits_key(edits))
    sheet, output = recipe.edited(layout.sheet(path), resolved.uses, resolved.settings.weighting), resolved.output
    check_frames(output.path, len(sheet.exposures), recipe.text() if output.recipe else "")
    rendering = yield from session.render(sheet.specs, sheet.exposures)
    with ImageSpool(session.store.root) as spool:
        clip = yield from finish_chain(sheet, resolved, rendering, session, spool)
        written = yield from write_clip(replace(clip, rate=clip.rate * speed_of(edits)), output, recipe)
    count = rendering.count
    notes = (*count.notes, *written.notes)
    return Remade(path=output.path, frames=clip.count, generated=count.generated, reused=count.reused, notes=notes)


def check_move(move: Move, files: CheckpointFiles) -> None:
    """Refuse a move that a model cannot make; raises InputError."""
    match move:
        case FromPrompt():
            prompt = move.prompt
        case ImageToImage(prompt=prompt) if prompt:
            pass
        case _:
            check_image_encoder(files)
            return
    if not files.info.has_text_encoder:
        raise InputError(f"{files.name!r} has no text encoder, so it cannot follow {prompt!r}: choose image variations")
