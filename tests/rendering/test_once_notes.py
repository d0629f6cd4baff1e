"""Notes of a render, each told once."""

from sakuga.rendering.once_notes import OnceNotes


def test_a_note_of_a_kind_is_told_once() -> None:
    notes = OnceNotes()
    notes.add("padding", "padded to 4 frames")
    notes.add("torch", "torch runs the UNet")
    notes.add("padding", "padded to 8 frames")
    assert notes.take() == ["padded to 4 frames", "torch runs the UNet"]
    notes.add("torch", "torch runs the UNet")
    assert notes.take() == []
    assert notes.has("padding")
    assert not notes.has("other machine")
