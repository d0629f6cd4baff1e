"""A choosing session: its log, its tree, and the frames of its nodes."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.rendering.store import FrameStore
from sakuga.studio.animate.vary import ResolvedChain
from sakuga.studio.choosing.log import Decision, Head, Offer, SessionError, append, read, write_head
from sakuga.studio.choosing.recipe import ChoiceLayout, ChooseRecipe, check_move
from sakuga.studio.choosing.tree import ROOT, Tree
from sakuga.timeline.choices import Choice, Move
from sakuga.timeline.spec import Given, to_plain
from sakuga.timeline.variations import Link

SEED_STRIDE = 10_000
"""Distance of the seeds of two images that are offered side by side; the first has the seeds that `vary` takes."""
MAX_SEED = 2**63


class Session:
    """An open choosing session.

    What its log holds is all there is: opened again it is the same. One process at a time writes to it.
    """

    def __init__(self, path: Path, layout: ChoiceLayout, move: Move, decisions: Sequence[Decision] = ()) -> None:
        self.path, self.layout, self.first_move = path, layout, move
        self._links: dict[int, Link] = {ROOT: layout.start()}
        self.tree = Tree.of(self._links[ROOT].name)
        for decision in decisions:
            self._follow(decision)

    @classmethod
    def create(cls, path: Path, image: Given, resolved: ResolvedChain, move: Move) -> "Session":
        """Begin a session and write its log; raises InputError."""
        check_move(move, resolved.files)
        recipe = ChooseRecipe.of_chain(image, resolved)
        write_head(path, Head(recipe=recipe.values(), move=to_plain(move)))
        return cls(path, ChoiceLayout.of(image, resolved), move)

    @classmethod
    def open(cls, path: Path, recipe: ChooseRecipe, files: CheckpointFiles, store: FrameStore) -> "Session":
        """Open a session by its recipe (`recipe_of_session`); raises InputError."""
        head, decisions = read(path)
        try:
            move = TypeAdapter[Move](Move).validate_python(head.move)
        except ValidationError as error:
            raise SessionError(f"{path} is no session: its move is unknown ({error.errors()[0]['msg'].lower()})") from None
        resolved = recipe.model_copy(update={"path": (Choice(seed=0),)}).resolved_chain(Path("clip.gif"), files, store.root)
        return cls(path, ChoiceLayout.of(recipe.image(store), resolved), move, decisions)

    def decide(self, decision: Decision) -> Tree:
        """Write a decision to the log, then follow it; raises SessionError for one that is not allowed."""
        self.tree.after(decision)
        append(self.path, decision)
        return self._follow(decision)

    def _follow(self, decision: Decision) -> Tree:
        tree = self.tree.after(decision)
        if isinstance(decision, Offer):
            links = [self.layout.follow(self._links[decision.parent], choice) for choice in decision.choices]
            if tuple(link.name for link in links) != decision.frames:
                raise SessionError(f"{self.path} was made with another model, style or version: node {decision.first} differs here")
            self._links |= dict(enumerate(links, decision.first))
        self.tree = tree
        return tree

    def link(self, node: int) -> Link:
        """Return the image of a node."""
        return self._links[self.tree.node(node).id]

    @property
    def move(self) -> Move:
        """Return how images are made unless an offer says otherwise: as in the last offer."""
        return self.tree.offers[-1].choices[0].move if self.tree.offers else self.first_move

    def offer_if_none(self) -> None:
        """Offer a first round to follow the current node, if there is none."""
        if not self.tree.offers_of(self.tree.place.current):
            self.decide(self.next_offer(self.tree.place.current))

    def next_offer(self, parent: int, move: Move | None = None) -> Offer:
        """Return the next round of images to follow a node, which only the tree decides."""
        move = move or self.move
        check_move(move, self.layout.resolved.files)
        node, round_ = self.tree.node(parent), len(self.tree.children(parent))
        choices = self._choices(node.depth, round_, move)
        links = [self.layout.follow(self.link(parent), choice) for choice in choices]
        return Offer(parent=parent, first=len(self.tree.nodes), choices=choices, frames=tuple(link.name for link in links))

    def followers(self, parent: Link, depth: int, round_: int = 0) -> list[Link]:
        """Return the images that would be offered to follow one, in the tree or not yet."""
        return [self.layout.follow(parent, choice) for choice in self._choices(depth, round_, self.move)]

    def _choices(self, depth: int, offered: int, move: Move) -> tuple[Choice, ...]:
        chain = self.layout.resolved.chain
        seeds = (chain.seed + depth + 1 + SEED_STRIDE * (offered + place) for place in range(chain.variants))
        return tuple(Choice(seed=seed % MAX_SEED, move=move) for seed in seeds)

    def chosen(self, node: int | None = None) -> tuple[Choice, ...]:
        """Return the choices on the way to a node, by default the current."""
        return tuple(one.choice for one in self.tree.path(node) if one.choice)
