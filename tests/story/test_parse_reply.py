"""Complete shots are parsed from any format of reply."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakuga.story.parse_reply import parse_reply
from sakuga.story.storyboard import Bible, Camera, Cut

SHOTS = ["A castle at dawn, birds", "The castle by day, a dragon lands", "The castle's tower at night"]
BIBLE = {"subject": "a castle", "setting": "in the hills", "palette": "gold", "style": "watercolor"}
FULL = json.dumps({"bible": BIBLE, "shots": [{"prompt": shot, "camera": "closer", "transition": "cut"} for shot in SHOTS]}, indent=1)
NUMBERED = list(enumerate(SHOTS, 1))
LISTED = json.dumps(SHOTS)
DRAFT = json.dumps(["a wrong draft", "of a grey shed", "in the rain"])

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
    "numbered with dots": "\n".join(f"{number}. {shot}" for number, shot in NUMBERED),
    "numbered with brackets": "Here are the shots:\n\n" + "\n".join(f"{number}) {shot}" for number, shot in NUMBERED),
    "shot headings": "\n\n".join(f"**Shot {number}:** {shot}" for number, shot in NUMBERED),
    "bullets": "Sure, shots:\n" + "\n".join(f"- {shot}" for shot in SHOTS),
    "starred bold bullets": "\n".join(f"* **{shot}**" for shot in SHOTS),
    "round bullets": "\n".join(f"• {shot}" for shot in SHOTS),
    "quoted strings": "\n".join(f'"{shot}"' for shot in SHOTS),
    "quoted in one line": ", ".join(f'"{shot}"' for shot in SHOTS),
    "curly quotes": "[" + ", ".join(f"“{shot}”" for shot in SHOTS) + "]",
    "numbered curly quotes": "\n".join(f"{number}. “{shot}”" for number, shot in NUMBERED),
    "plain lines": "Here are three prompts:\n" + "\n".join(SHOTS),
    "reasoning first": f'<think>They want ["one two", "three four"]. 1. Hmm.</think>\n{FULL}',
    "reasoning that was opened elsewhere": f"They want a list like [1, 2]\n</think>\n{LISTED}",
    "trailing comma": json.dumps(SHOTS)[:-1] + ",]",
    "line breaks in strings": LISTED.replace("dawn, birds", "dawn,\nbirds"),
    "cut off in the fourth": LISTED[:-1] + ', "A castle in the ra',
    "cut off in the fourth object": FULL[: FULL.rindex("]")].rstrip() + ', {"prompt": "A castle in the ra',
    "items over several lines": "\n".join(f"{number}. " + "\n   ".join(shot.split(" ", 2)) for number, shot in NUMBERED),
    "indented list": "\n".join(f"  {number}. {shot}" for number, shot in NUMBERED),
    "titles above descriptions": "\n".join(f"{number}. **A Bold Title**\n   {shot}" for number, shot in NUMBERED),
    "headings with labelled prompts": "\n\n".join(
        f"### Shot {number}: Title\n**Prompt:** {shot}\n**Camera:** closer" for number, shot in NUMBERED
    ),
    "items with labelled bullets": "\n".join(f"{number}. Scene\n   - Prompt: {shot}\n   - Camera: away" for number, shot in NUMBERED),
    "object of objects": json.dumps({f"frame_{number}": {"description": shot, "camera": "closer"} for number, shot in NUMBERED}),
    "numbered object under shots": json.dumps(
        {"bible": BIBLE, "shots": {str(number): {"prompt": shot} for number, shot in enumerate(SHOTS)}}
    ),
    "object of strings": json.dumps({f"shot {number}": shot for number, shot in NUMBERED}),
    "object within an object": json.dumps({"response": {"shots": [{"prompt": shot} for shot in SHOTS]}}),
    "capital keys": json.dumps({"Shots": [{"Prompt": shot, "Camera": "Closer"} for shot in SHOTS]}),
    "prompts that are objects": json.dumps({"shots": [{"shot": 1, "prompt": {"text": shot}} for shot in SHOTS]}),
    "json lines": "\n".join(json.dumps({"prompt": shot, "camera": "closer"}) for shot in SHOTS),
    "json with comments": '{"shots": [ // first\n' + ", /* more */\n".join(json.dumps({"prompt": shot}) for shot in SHOTS) + "]} // done",
    "table": "| Shot | Prompt | Camera |\n|---|---|---|\n" + "\n".join(f"| {number} | {shot} | away |" for number, shot in NUMBERED),
    "reasoning in brackets": f"[THINK]{DRAFT}[/THINK]{FULL}",
    "reasoning in triangles": f"\u25c1think\u25b7{DRAFT}\u25c1/think\u25b7{FULL}",
    "reasoning in a channel": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{FULL}",
    "reasoning as thought": f"<thought>{DRAFT}</thought>{LISTED}",
    "a draft before the answer": f"First try: {json.dumps(SHOTS[:2])}. Better: {LISTED}",
    "cut off in a fence": "```json\n" + FULL[: FULL.rindex("]")].rstrip() + ',\n {"prom',
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_read(shape: str) -> None:
    assert [sketch.prompt for sketch in parse_reply(SHAPES[shape], len(SHOTS)).shots] == SHOTS


def test_bible_camera_and_transition_are_read() -> None:
    reply = parse_reply(FULL)
    assert reply.bible == Bible(**BIBLE)
    assert all(sketch.camera == Camera(zoom=1.15) and sketch.transition == Cut() for sketch in reply.shots)
    assert parse_reply(SHAPES["cut off in the fourth object"]).bible == Bible(**BIBLE)


@pytest.mark.parametrize("shape", ["headings with labelled prompts", "items with labelled bullets", "table", "capital keys", "json lines"])
def test_cameras_are_read_from_labels_and_columns(shape: str) -> None:
    assert all(sketch.camera for sketch in parse_reply(SHAPES[shape], len(SHOTS)).shots)


def test_of_several_lists_the_last_of_the_wanted_number_counts() -> None:
    drafts = f"{json.dumps(SHOTS[::-1])} {LISTED} {json.dumps(SHOTS[:2])}"
    assert [sketch.prompt for sketch in parse_reply(drafts, 3).shots] == SHOTS
    assert [sketch.prompt for sketch in parse_reply(drafts, 2).shots] == SHOTS[:2]


def test_an_invalid_shot_does_not_affect_others() -> None:
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


@pytest.mark.parametrize(
    "tag", ["<lora:/etc/passwd:1>", "<lora:../../ink:0.8:0.2>", "< LyCO:hub:owner/name:1>", "<hypernet:x:1>", "<lora:a:b:c>"]
)
def test_styles_that_a_language_model_names_are_left_out(tag: str) -> None:
    bible = {"subject": f"a castle {tag}", "style": f"{tag} watercolor"}
    for reply in (
        f"1. A castle {tag} at dawn\n2. A castle at night {tag}",
        json.dumps({"bible": bible, "shots": [f"A castle {tag} at dawn"]}),
    ):
        read = parse_reply(reply)
        assert read.shots[0].prompt == "A castle at dawn"
        assert "<" not in repr(read)
        assert read.bible is None or (read.bible.subject, read.bible.style) == ("a castle", "watercolor")
    assert parse_reply("1. A castle by embedding:charm, dawn\n2. A castle").shots[0].prompt == "A castle by charm, dawn"
