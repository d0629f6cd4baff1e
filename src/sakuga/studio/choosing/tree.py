"""The tree of everything that a session has tried."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from sakuga.studio.choosing.log import Decision, Discard, Jump, Offer, Pin, Redo, SessionError, Take, Undo
from sakuga.timeline.choices import Choice
from sakuga.timeline.spec import Digest

ROOT = 0
"""The id of the node that a session starts from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An image of the tree, named by its id: two nodes may show one frame."""

    id: int
    frame: Digest
    parent: int | None = None
    """None for the first image."""
    choice: Choice | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What decisions change, and undo restores."""

    current: int = ROOT
    pinned: frozenset[int] = frozenset()
    discarded: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Every node, the place in the tree, and the places before and after."""

    nodes: tuple[Node, ...]
    offers: tuple[Offer, ...] = ()
    place: Place = Place()
    past: tuple[Place, ...] = ()
    future: tuple[Place, ...] = ()
    """The last is the first to be decided again."""

    @classmethod
    def of(cls, frame: Digest, decisions: Iterable[Decision] = ()) -> "Tree":
        """Return the tree that starts from a frame, after some decisions."""
        tree = cls(nodes=(Node(id=ROOT, frame=frame),))
        for decision in decisions:
            tree = tree.after(decision)
        return tree

    @property
    def current(self) -> Node:
        """Return the node that was chosen last."""
        return self.nodes[self.place.current]

    def offers_of(self, node: int) -> list[Offer]:
        """Return the rounds offered to follow a node."""
        return [offer for offer in self.offers if offer.parent == node]

    def children(self, node: int) -> list[Node]:
        """Return all nodes that were offered to follow one."""
        return [self.nodes[offer.first + place] for offer in self.offers_of(node) for place in range(len(offer.choices))]

    @property
    def shown(self) -> list[Node]:
        """Return the images to choose from: the last round of the current node, without those discarded."""
        offers = self.offers_of(self.place.current)
        if not offers:
            return []
        nodes = self.nodes[offers[-1].first : offers[-1].first + len(offers[-1].choices)]
        return [node for node in nodes if node.id not in self.place.discarded]

    def path(self, node: int | None = None) -> list[Node]:
        """Return the nodes from the first to one, by default the current."""
        at: int | None = self.place.current if node is None else self.node(node).id
        found: list[Node] = []
        while at is not None:
            found.append(self.nodes[at])
            at = self.nodes[at].parent
        return found[::-1]

    def node(self, number: int) -> Node:
        """Return a node; raises SessionError for an unknown one."""
        if not 0 <= number < len(self.nodes):
            raise SessionError(f"there is no node {number}: this session has 0 to {len(self.nodes) - 1}")
        return self.nodes[number]

    def after(self, decision: Decision) -> "Tree":
        """Return the tree after a decision; raises SessionError for one that it does not allow."""
        match decision:
            case Offer():
                return self._offered(decision)
            case Take(node=node):
                if node not in [one.id for one in self.shown]:
                    raise SessionError(f"node {node} is not among the images shown: jump to it")
                return self._at(replace(self.place, current=node))
            case Jump(node=node):
                return self._at(replace(self.place, current=self.node(node).id))
            case Pin(node=node, pinned=pinned):
                return self._at(replace(self.place, pinned=_changed(self.place.pinned, self.node(node).id, pinned)))
            case Discard(node=node, discarded=discarded):
                return self._discarded(self.node(node).id, discarded)
            case Undo():
                if not self.past:
                    raise SessionError("there is nothing to undo")
                return replace(self, place=self.past[-1], past=self.past[:-1], future=(*self.future, self.place))
            case Redo():
                if not self.future:
                    raise SessionError("there is nothing to redo")
                return replace(self, place=self.future[-1], past=(*self.past, self.place), future=self.future[:-1])
            case _:
                assert_never(decision)

    def _offered(self, offer: Offer) -> "Tree":
        parent = self.node(offer.parent)
        if offer.first != len(self.nodes) or len(offer.frames) != len(offer.choices):
            raise SessionError(f"an offer does not continue at node {len(self.nodes)}: the session was tampered with")
        added = (
            Node(id=number, frame=frame, parent=parent.id, choice=choice, depth=parent.depth + 1)
            for number, (frame, choice) in enumerate(zip(offer.frames, offer.choices, strict=True), offer.first)
        )
        return replace(self, nodes=(*self.nodes, *added), offers=(*self.offers, offer))

    def _discarded(self, node: int, discarded: bool) -> "Tree":
        if discarded and node in [one.id for one in self.path()]:
            raise SessionError(f"node {node} leads to the current one: go back before it, then discard it")
        return self._at(replace(self.place, discarded=_changed(self.place.discarded, node, discarded)))

    def _at(self, place: Place) -> "Tree":
        if place == self.place:
            return self
        return replace(self, place=place, past=(*self.past, self.place), future=())


def _changed(nodes: frozenset[int], node: int, holds: bool) -> frozenset[int]:
    return nodes | {node} if holds else nodes - {node}
