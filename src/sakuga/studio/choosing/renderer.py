"""Renders what a session shows, and speculates with the time left over."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from threading import Condition

import numpy as np

from sakuga.cancellation import Cancelled, CancelScope
from sakuga.rendering.batches import Batch
from sakuga.rendering.store_lock import SharedStore
from sakuga.studio.choosing.preference import Vector
from sakuga.studio.core.render_session import RenderSession
from sakuga.timeline.spec import Digest, Generated, digest
from sakuga.timeline.variations import VariationChain

HELD_BACK = 0.2
"""Seconds between two looks at whether the device is free to speculate."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A round of images that follow one image; they are one batch."""

    parent: Digest
    frames: tuple[Generated, ...]
    urgent: bool = False
    """Whether a person waits for it; the others are speculation."""

    @property
    def names(self) -> tuple[Digest, ...]:
        """Return the frames' names in the store."""
        return tuple(map(digest, self.frames))


@dataclass(frozen=True, slots=True)
class Landing:
    """A round that is in the store and embedded, or the reason why it is not."""

    names: tuple[Digest, ...]
    error: str = ""


class Renderer:
    """Renders the first of what is wanted that is missing, until something else is wanted.

    Frames are known by their digest, so a result cannot be taken for another's. One thread iterates `landings`; any thread may call the
    rest. A round that runs is cancelled between two denoising steps when it is no longer wanted, or when it is speculation and an
    urgent one is missing; one that is still wanted runs on.
    """

    def __init__(
        self,
        session: RenderSession,
        chain: VariationChain,
        busy: Callable[[], bool] = lambda: False,
        device: AbstractContextManager[object] | None = None,
    ) -> None:
        self.session, self._chain, self._busy = session, chain, busy
        self._device = device or nullcontext()
        self.embeddings: dict[Digest, Vector] = {}
        """CLIP's embeddings of landed frames, of length 1; empty without an image encoder."""
        self.style: Vector | None = None
        """The direction from the bad texts to the good ones."""
        self._changed = Condition()
        self._wanted: tuple[Wanted, ...] = ()
        self._failed: set[tuple[Digest, ...]] = set()
        self._running: tuple[Wanted, CancelScope] | None = None
        self._closed = False
        self.cancelled = 0
        """Rounds that were cancelled while they ran."""

    def want(self, wanted: Sequence[Wanted]) -> None:
        """Replace what is wanted, in order."""
        with self._changed:
            self._wanted = tuple(wanted)
            if self._running and not self._may_run_on(self._running[0]):
                self._running[1].cancel()
            self._changed.notify_all()

    def retry(self) -> None:
        """Forget failures, so that failed rounds are rendered again when they are wanted."""
        with self._changed:
            self._failed.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """Cancel what runs and end `landings`."""
        with self._changed:
            self._closed = True
            if self._running:
                self._running[1].cancel()
            self._changed.notify_all()

    def landings(self) -> Iterator[Landing]:
        """Render until closed; yield each round when it has landed or failed."""
        while job := self._next():
            wanted, scope = job
            error = ""
            try:
                with scope:
                    self._render(wanted)
            except Cancelled:
                self.cancelled += 1
                continue
            except Exception as failure:  # whatever it is, the person who waits for it is told
                error = str(failure) or type(failure).__name__
            finally:
                with self._changed:
                    self._running = None
            if error:
                self._failed.add(wanted.names)
            yield Landing(wanted.names, error)

    @property
    def running(self) -> Wanted | None:
        """Return the round that is rendered at present."""
        with self._changed:
            return self._running and self._running[0]

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs and nothing that is wanted is missing."""
        with self._changed:
            return self._running is None and self._first_missing() is None

    def has_landed(self, name: Digest) -> bool:
        """Return whether a frame is in the store."""
        return self.session.store.has(name)

    def _next(self) -> tuple[Wanted, CancelScope] | None:
        """Wait for a missing round; None when closed."""
        with self._changed:
            while not self._closed:
                first = self._first_missing()
                if first and (first.urgent or not self._busy()):
                    self._running = (first, CancelScope())
                    return self._running
                self._changed.wait(HELD_BACK if first else None)
            return None

    def _first_missing(self) -> Wanted | None:
        return next((one for one in self._wanted if one.names not in self._failed and not self._is_done(one)), None)

    def _is_done(self, wanted: Wanted) -> bool:
        embedded = not self.session.files.info.has_image_encoder or all(name in self.embeddings for name in wanted.names)
        return embedded and all(map(self.has_landed, wanted.names))

    def _may_run_on(self, running: Wanted) -> bool:
        first = self._first_missing()
        if first is None or first.urgent:
            return first is not None and first.names == running.names
        return any(one.names == running.names for one in self._wanted)

    def _render(self, wanted: Wanted) -> None:
        store = self.session.store
        with self._device, closing(SharedStore(store.root)):
            if missing := tuple(spec for spec in wanted.frames if not store.has(digest(spec))):
                for _ in self.session.executor.run([Batch(frames=missing)]):
                    pass
            if self.session.files.info.has_image_encoder:
                self._embed((wanted.parent, *wanted.names))

    def _embed(self, names: Sequence[Digest]) -> None:
        checkpoint = self.session.checkpoint
        for name in names:
            if name not in self.embeddings:
                embedding = checkpoint.embed_image(self.session.store.read(name), self._chain.fit)
                self.embeddings[name] = _unit(embedding.flatten().float().cpu().numpy())
        texts = self._chain.texts
        if self.style is None and texts.good and texts.bad and self.session.files.info.has_text_encoder:
            good, bad = (checkpoint.embed_texts(some).float().mean(dim=0).cpu().numpy() for some in (texts.good, texts.bad))
            self.style = _unit(good - bad)


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)
