"""What the user should know about a render, each thing once."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class OnceNotes:
    """Sentences that wait to be told, one for each kind."""

    _kinds: set[str] = field(default_factory=set)
    _waiting: list[str] = field(default_factory=list)

    def has(self, kind: str) -> bool:
        """Return whether a sentence of a kind has been noted, told or not."""
        return kind in self._kinds

    def add(self, kind: str, sentence: str) -> None:
        """Note a sentence, unless there was one of its kind."""
        if kind not in self._kinds:
            self._kinds.add(kind)
            self._waiting.append(sentence)

    def take(self) -> list[str]:
        """Return the sentences that wait, and forget them."""
        taken, self._waiting = self._waiting, []
        return taken
