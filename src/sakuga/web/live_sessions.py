"""Live choosing sessions of one server."""

from collections import OrderedDict
from functools import partial
from threading import Lock, RLock, Thread
from typing import Any

from sakuga.studio.choosing.live import Choosing, View
from sakuga.studio.choosing.replay import open_session, recipe_of_session
from sakuga.studio.choosing.session import Session
from sakuga.studio.core.render_session import RenderSession
from sakuga.timeline.spec import ENGINE
from sakuga.web.choose_state import outside_styles_of, session_log, session_row, told_of
from sakuga.web.data_folder import DataFolder
from sakuga.web.database import Database, add_event, now
from sakuga.web.libraries import load_libraries
from sakuga.web.queue import is_device_busy
from sakuga.web.refusal import Refused

OLDER = (
    "another version of sakuga made this session, and would go on otherwise: its images are kept, so begin a new session from the last one"
)
MOST_OPEN = 3
"""Sessions that render at a time; the one that was used least recently is closed."""


class LiveSessions:
    """Opens sessions when they are asked for; all share one warm checkpoint. Any thread may call it."""

    def __init__(self, data: DataFolder, database: Database) -> None:
        self.data, self.database = data, database
        self._lock = RLock()
        self._open: OrderedDict[str, Choosing] = OrderedDict()
        self._warm: RenderSession | None = None
        self._device = Lock()
        """Held by the session that renders, as all share the networks."""

    def get(self, name: str) -> Choosing:
        """Return a live session; it is opened from its log if it is not.

        Raises Refused for an unknown one, SakugaError for one that cannot be opened.
        """
        with self._lock:
            if name not in self._open:
                with self.database.read() as connection:
                    row = session_row(connection, name)
                styles = outside_styles_of(row)
                if recipe_of_session(session_log(self.data, name)).engine != ENGINE:
                    raise Refused(OLDER, "conflict")
                load_libraries()
                opened = open_session(session_log(self.data, name), model=row["model"], styles=styles, store=self.data.frames)
                self._start(name, opened)
            self._open.move_to_end(name)
            return self._open[name]

    def _start(self, name: str, session: Session) -> None:
        while len(self._open) >= MOST_OPEN:
            self._open.popitem(last=False)[1].close()
        preference = self.data.studio / "preference.json"
        busy = partial(is_device_busy, self.database)
        choosing = Choosing(session, self._rendering(session), preference=preference, busy=busy, device=self._device).__enter__()
        self._open[name] = choosing
        Thread(target=self._tell, args=(name, choosing), name=f"choose-{name}", daemon=True).start()

    def _rendering(self, session: Session) -> RenderSession:
        """Return a render session; one of the same checkpoint shares its networks."""
        resolved = session.layout.resolved
        warm = self._warm
        same = warm and (warm.files.digest, warm.precision) == (resolved.files.digest, resolved.settings.precision)
        if not warm or not same:
            warm = self._warm = RenderSession(resolved.files, self.data.frames, resolved.uses, resolved.settings.precision)
        return warm.with_styles(resolved.uses)

    def _tell(self, name: str, choosing: Choosing) -> None:
        """Tell every open page what has changed, until the session is closed."""
        before: Any = None
        for view in choosing.changes():
            if (seen := _seen(view)) != before:
                before = seen
                with self.database.write() as connection:
                    values = (view.tree.current.frame, len(view.tree.nodes), now(), name)
                    connection.execute("UPDATE sessions SET cover = ?, nodes = ?, updated = ? WHERE id = ?", values)
                    add_event(connection, "choose", name, told_of(view))

    def forget(self, name: str) -> None:
        """Close a session."""
        with self._lock:
            if choosing := self._open.pop(name, None):
                choosing.close()

    def close(self) -> None:
        """Close every session."""
        with self._lock:
            for name in list(self._open):
                self.forget(name)


def _seen(view: View) -> tuple[Any, ...]:
    """Return what a page shows of a view: frames rendered ahead are not part of it."""
    tree = view.tree
    waiting = sum(node.frame not in view.landed for node in tree.nodes)
    return (len(tree.nodes), tree.place, len(tree.past), len(tree.future), waiting, view.going_on, view.error)
