"""Whatever shape a language model answers in, its complete shots are read."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakuga.story.parse_reply import parse_reply
from sakuga.story.storyboard import Bible, Camera, Cut

SHOTS = ["A castle at dawn, birds", "The castle by day, a dragon lands", "The castle's tower at night"]
BIBLE = {"subject": "a castle", "setting": "in the hills", "palette": "gold", "style": "watercolor"}
FULL = json.dumps({"bible": BIBLE, "shots": [{"prompt": shot, "camera": "closer", "transition": "cut"} for shot in SHOTS]}, indent=1)
LISTED = json.dumps(SHOTS)

SHAPES = {
    "json object": FULL,
    "json list": LISTED,
    "python list": repr(SHOTS),
    "python list in words": f"frames = {SHOTS!r}\nEnjoy!",
    "fenced json among prose": f"Here is your storyboard [draft]:\n```json\n{FULL}\n```\nI hope you like it!",
    "fence that never closes": f"```\n{LISTED}",
    "json among prose": f"Sure! {FULL} Let me know.",
    "strings under prompts": json.dumps({"prompts": SHOTS}),
    "descriptions under frames": json.dumps({"title": "x", "frames": [{"id": 1, "description": shot} for shot in SHOTS]}),
    "numbered with dots": "\n".join(f"{number}. {shot}" for number, shot in enumerate(SHOTS, 1)),
    "numbered with brackets": "Here are the shots:\n\n" + "\n".join(f"{number}) {shot}" for number, shot in enumerate(SHOTS, 1)),
    "shot headings": "\n\n".join(f"**Shot {number}:** {shot}" for number, shot in enumerate(SHOTS, 1)),
    "bullets": "Sure, shots:\n" + "\n".join(f"- {shot}" for shot in SHOTS),
    "starred bold bullets": "\n".join(f"* **{shot}**" for shot in SHOTS),
    "round bullets": "\n".join(f"• {shot}" for shot in SHOTS),
    "quoted strings": "\n".join(f'"{shot}"' for shot in SHOTS),
    "quoted in one line": ", ".join(f'"{shot}"' for shot in SHOTS),
    "curly quotes": "[" + ", ".join(f"“{shot}”" for shot in SHOTS) + "]",
    "numbered curly quotes": "\n".join(f"{number}. “{shot}”" for number, shot in enumerate(SHOTS, 1)),
    "plain lines": "Here are three prompts:\n" + "\n".join(SHOTS),
    "reasoning first": f'<think>They want ["one two", "three four"]. 1. Hmm.</think>\n{FULL}',
    "reasoning that was opened elsewhere": f"They want a list like [1, 2]\n</think>\n{LISTED}",
    "trailing comma": json.dumps(SHOTS)[:-1] + ",]",
    "line breaks in strings": LISTED.replace("dawn, birds", "dawn,\nbirds"),
    "cut off in the fourth": LISTED[:-1] + ', "A castle in the ra',
    "cut off in the fourth object": FULL[: FULL.rindex("]")].rstrip() + ', {"prompt": "A castle in the ra',
    "cut off in a fence": "```json\n" + FULL[: FULL.rindex("]")].rstrip() + ',\n {"prom',
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_read(shape: str) -> None:
    assert [sketch.prompt for sketch in parse_reply(SHAPES[shape]).shots] == SHOTS


def test_bible_camera_and_transition_are_read() -> None:
    reply = parse_reply(FULL)
    assert reply.bible == Bible(**BIBLE)
    assert all(sketch.camera == Camera(zoom=1.15) and sketch.transition == Cut() for sketch in reply.shots)
    assert parse_reply(SHAPES["cut off in the fourth object"]).bible == Bible(**BIBLE)


def test_one_bad_shot_costs_no_other() -> None:
    text = json.dumps({"bible": 3, "shots": [SHOTS[0], None, {"prompt": ""}, {"prompt": 7}, "...", {"prompt": SHOTS[1], "camera": "spin"}]})
    assert [sketch.prompt for sketch in parse_reply(text).shots] == SHOTS[:2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "[]",
        "{}",
        "null",
        '{"shots": []}',
        "<think>forever and ever",
        "42",
        "]]}}[[{{",
        "I'm sorry, I can't help with that.",
        "[" * 5000,
    ],
)
def test_nonsense_has_no_shots(text: str) -> None:
    assert parse_reply(text).shots == ()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(FULL)))
def test_a_reply_cut_anywhere_keeps_its_complete_shots_and_invents_none(stop: int) -> None:
    found = [sketch.prompt for sketch in parse_reply(FULL[:stop]).shots if '"' not in sketch.prompt]
    complete = [shot for shot in SHOTS if json.dumps(shot) + "," in FULL[:stop]]
    assert found[: len(complete)] == complete
    assert found in ([], SHOTS[: len(found)])


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="[]{}\",:'\\ \n`<think>/aZ1.-*“”", max_size=80))
def test_no_text_breaks_the_parser(text: str) -> None:
    parse_reply(text)
