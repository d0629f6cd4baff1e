"""A session that renders what it shows, and what is likely to be shown next."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Condition, Thread
from typing import Self, assert_never

from sakuga.studio.choosing.log import Decision, Discard, Jump, Offer, Pin, Redo, Take, Undo
from sakuga.studio.choosing.preference import Preference, read_preference, shown_of, write_preference
from sakuga.studio.choosing.renderer import Landing, Renderer, Wanted
from sakuga.studio.choosing.session import Session
from sakuga.studio.choosing.tree import Node, Tree
from sakuga.studio.core.render_session import RenderSession
from sakuga.timeline.choices import Move
from sakuga.timeline.spec import Digest, Generated
from sakuga.timeline.variations import Link

AHEAD = 16
"""Rounds that are rendered ahead of a choice, at most."""
MAX_ROUNDS = 20
"""Rounds after which "go on until I choose" rests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a page shows of a session."""

    tree: Tree
    landed: frozenset[Digest]
    """Frames that are in the store."""
    likelihood: tuple[float, ...]
    """Of each image shown: the chance that it is taken next."""
    going_on: bool
    error: str
    """Why an image could not be rendered."""
    version: int
    """Counts the changes of a session since it was opened."""


class Choosing:
    """A live session: decisions from any thread, rendering in one of its own.

    With `speculate` the followers of the images shown are rendered before one is taken, the likeliest first, unless the device is `busy`.
    Sessions that share networks share a lock, `device`. Close it at the end; the log keeps the session.
    """

    def __init__(
        self,
        session: Session,
        rendering: RenderSession,
        *,
        preference: Path | None = None,
        speculate: bool = True,
        busy: Callable[[], bool] = lambda: False,
        device: AbstractContextManager[object] | None = None,
    ) -> None:
        self.session, self._speculate, self._preference_path = session, speculate, preference
        self.renderer = Renderer(rendering, session.layout.resolved.chain, busy, device)
        self.preference = read_preference(preference) if preference else Preference()
        self._changed = Condition()
        self._version = 0
        self._going_on = False
        self._error = ""
        self._closed = False
        self._thread = Thread(target=self._serve, name="choosing", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        with self._changed:
            self.session.offer_if_none()
            self._notify()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop rendering; stored frames and the log stay."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.renderer.close()
        self._thread.join()

    def decide(self, decision: Take | Jump | Pin | Discard | Undo | Redo) -> View:
        """Follow a decision; raises SessionError for one that is not allowed."""
        with self._changed:
            before = self.session.tree
            self._going_on = self._going_on and not _moves(decision)
            self.session.decide(decision)
            if isinstance(decision, Take):
                self._learn(before, decision.node)
            self.session.offer_if_none()
            self._notify()
            return self._view()

    def reroll(self, move: Move | None = None) -> View:
        """Offer another round of the current node, with other seeds and perhaps another move; raises InputError."""
        with self._changed:
            self.session.decide(self.session.next_offer(self.session.tree.place.current, move))
            self._notify()
            return self._view()

    def go_on(self, on: bool = True) -> View:
        """Offer round after round until an image is taken."""
        with self._changed:
            self._going_on = on
            self._offer_if_shown_landed()
            self._notify()
            return self._view()

    def retry(self) -> View:
        """Render again what failed."""
        with self._changed:
            self.renderer.retry()
            self._error = ""
            self._notify()
            return self._view()

    @property
    def view(self) -> View:
        """What a page shows."""
        with self._changed:
            return self._view()

    def changes(self, after: int = -1) -> Iterator[View]:
        """Yield the view whenever it has changed, until the session is closed."""
        while view := self._next_view(after):
            after = view.version
            yield view

    def _next_view(self, after: int) -> View | None:
        with self._changed:
            self._changed.wait_for(lambda: self._version > after or self._closed)
            return None if self._closed else self._view()

    def wait_until_shown(self, timeout: float | None = None) -> View:
        """Wait until every image shown is in the store, or one has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._error) or self._all_landed(self.session.tree.shown), timeout)
            return self._view()

    def _view(self) -> View:
        tree = self.session.tree
        return View(
            tree=tree,
            landed=frozenset(node.frame for node in tree.nodes if self.renderer.has_landed(node.frame)),
            likelihood=tuple(self._likelihood([node.frame for node in tree.shown], tree.current.frame)),
            going_on=self._going_on,
            error=self._error,
            version=self._version,
        )

    def _serve(self) -> None:
        for landing in self.renderer.landings():
            with self._changed:
                self._land(landing)

    def _land(self, landing: Landing) -> None:
        shown = {node.frame for node in self.session.tree.shown}
        if landing.error and shown & set(landing.names):
            self._error, self._going_on = landing.error, False
        if self._going_on:
            self._offer_if_shown_landed()
        self._notify()

    def _notify(self) -> None:
        """Say what is wanted after a change, and wake who waits for it."""
        self._version += 1
        self.renderer.want(list(self._plan()))
        self._changed.notify_all()

    def _offer_if_shown_landed(self) -> None:
        tree = self.session.tree
        if self._all_landed(tree.shown) and len(tree.offers_of(tree.place.current)) < MAX_ROUNDS:
            self.session.decide(self.session.next_offer(tree.place.current))

    def _all_landed(self, nodes: Sequence[Node]) -> bool:
        return all(self.renderer.has_landed(node.frame) for node in nodes)

    def _learn(self, before: Tree, taken: int) -> None:
        """Learn from a choice among images that had all landed."""
        ids = [node.id for node in before.shown]
        shown = shown_of([node.frame for node in before.shown], before.current.frame, self.renderer.embeddings, self.renderer.style)
        if shown:
            self.preference = self.preference.after(shown, ids.index(taken))
            if self._preference_path:
                write_preference(self._preference_path, self.preference)

    def _likelihood(self, frames: Sequence[Digest], parent: Digest) -> list[float]:
        """Return each image's chance to be taken; equal chances where they are not embedded."""
        shown = shown_of(frames, parent, self.renderer.embeddings, self.renderer.style)
        return [float(chance) for chance in self.preference.probabilities(shown)] if shown else [1 / len(frames)] * len(frames)

    # What to render.

    def _plan(self) -> Iterator[Wanted]:
        """Yield what is shown, then what may be shown next, likeliest first.

        What the images shown are made from comes first, where it is missing.
        """
        tree = self.session.tree
        for node in tree.path():
            if node.parent is not None and not self.renderer.has_landed(node.frame):
                yield self._offered(next(offer for offer in tree.offers_of(node.parent) if 0 <= node.id - offer.first < len(offer.choices)))
        if not tree.shown:
            return
        yield self._offered(tree.offers_of(tree.place.current)[-1])
        if self._speculate and self._all_landed(tree.shown):
            yield from islice(self._ahead(tree, self.session.link(tree.place.current)), AHEAD)

    def _offered(self, offer: Offer) -> Wanted:
        links = [self.session.link(offer.first + place) for place in range(len(offer.choices))]
        return _round(self.session.link(offer.parent), links, urgent=True)

    def _ahead(self, tree: Tree, parent: Link) -> Iterator[Wanted]:
        """Yield the followers of each image shown, another round of the current one, and followers of followers."""
        chances = self._likelihood([node.frame for node in tree.shown], parent.name)
        order = [node for _, node in sorted(zip(chances, tree.shown, strict=True), key=lambda pair: -pair[0])]
        rounds = [(link, self._followers(node, link)) for node in order for link in [self.session.link(node.id)]]
        yield from (_round(link, followers) for link, followers in rounds)
        current = tree.current
        yield _round(parent, self.session.followers(parent, current.depth, len(tree.children(current.id))))
        for _, followers in rounds:
            for follower in followers:
                if self.renderer.has_landed(follower.name):
                    yield _round(follower, self.session.followers(follower, current.depth + 2))

    def _followers(self, node: Node, link: Link) -> list[Link]:
        """Return the round that would be shown after a node."""
        offers = self.session.tree.offers_of(node.id)
        if not offers:
            return self.session.followers(link, node.depth)
        return [self.session.link(offers[-1].first + place) for place in range(len(offers[-1].choices))]


def _round(parent: Link, links: Sequence[Link], *, urgent: bool = False) -> Wanted:
    return Wanted(parent.name, tuple(link.spec for link in links if isinstance(link.spec, Generated)), urgent)


def _moves(decision: Decision) -> bool:
    match decision:
        case Take() | Jump() | Undo() | Redo():
            return True
        case Pin() | Discard() | Offer():
            return False
        case _:
            assert_never(decision)
