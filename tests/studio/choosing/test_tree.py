"""The tree keeps everything that was tried, and every decision can be taken back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakuga.studio.choosing.log import Discard, Jump, Offer, Pin, Redo, SessionError, Take, Undo
from sakuga.studio.choosing.tree import Tree
from sakuga.timeline.choices import Choice


def offer(parent: int, first: int, count: int = 2) -> Offer:
    choices = tuple(Choice(seed=first + place) for place in range(count))
    return Offer(parent=parent, first=first, choices=choices, frames=tuple(f"{first + place:064x}" for place in range(count)))


def tree(*decisions: object) -> Tree:
    return Tree.of("f" * 64, (offer(0, 1), *decisions))


def test_undo_goes_back_and_redo_forward_again() -> None:
    there = tree(Take(node=2), offer(2, 3), Take(node=4))
    back = there.after(Undo())
    assert (back.current.id, [node.id for node in back.shown]) == (2, [3, 4])
    assert back.after(Undo()).current.id == 0
    assert back.after(Redo()) == there
    assert len(back.nodes) == 5


def test_another_choice_after_undo_branches_and_ends_redo() -> None:
    branched = tree(Take(node=2), Undo(), Take(node=1))
    assert [node.id for node in branched.path()] == [0, 1]
    with pytest.raises(SessionError, match="nothing to redo"):
        branched.after(Redo())
    assert branched.after(Undo()).after(Redo()) == branched


def test_a_reroll_shows_other_images_and_keeps_the_first() -> None:
    rerolled = tree(offer(0, 3))
    assert [node.id for node in rerolled.shown] == [3, 4]
    assert [node.id for node in rerolled.children(0)] == [1, 2, 3, 4]


def test_pins_and_discards_are_taken_back_like_choices() -> None:
    marked = tree(Pin(node=1), Discard(node=2))
    assert (marked.place.pinned, marked.place.discarded) == ({1}, {2})
    assert [node.id for node in marked.shown] == [1]
    assert not marked.after(Undo()).place.discarded
    assert not marked.after(Discard(node=2, discarded=False)).place.discarded


def test_any_node_can_be_jumped_to() -> None:
    there = tree(Take(node=2), offer(2, 3), Take(node=4), Jump(node=1))
    assert [node.id for node in there.path()] == [0, 1]
    assert there.after(Undo()).current.id == 4


@given(st.lists(st.sampled_from([Take(node=1), Take(node=2), Jump(node=0), Jump(node=4), Pin(node=3), Discard(node=1)]), max_size=12))
def test_undoing_everything_is_the_beginning_and_redoing_it_the_end(decisions: list[object]) -> None:
    before = tree(offer(2, 3))
    there = before
    for decision in decisions:
        try:
            there = there.after(decision)
        except SessionError:
            continue
    steps = len(there.past)
    back = there
    for _ in range(steps):
        back = back.after(Undo())
    assert back.place == before.place
    for _ in range(steps):
        back = back.after(Redo())
    assert back == there
