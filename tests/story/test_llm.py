"""The language model planner returns a complete storyboard or a clear error."""

import json
import socket
from typing import Any

import pytest

from sakuga.story.cast_look import open_look
from sakuga.story.llm import LLMPlanner, Server, server_of
from sakuga.story.planner import PlannerError
from sakuga.story.storyboard import Bible, Cut, Morph, Storyboard
from tests.story.chat_server import Answer, ChatServer, Respond, chat_server
from tests.story.test_parse_reply import FULL, SHAPES, SHOTS


def plan(server: ChatServer, shots: int = 3, timeout: float = 20.0) -> Storyboard:
    planner = LLMPlanner(server=Server(model="tiny", base_url=server.url, key="secret"), timeout=timeout)
    return planner.plan("a castle", shots=shots, seconds=6.0, seed=3)


def always(answer: Answer) -> Respond:
    return lambda number, body: answer


def in_turn(*answers: Answer) -> Respond:
    return lambda number, body: answers[min(number, len(answers) - 1)]


def listed(*prompts: str) -> Answer:
    return Answer(text=json.dumps({"shots": [{"prompt": prompt} for prompt in prompts]}))


def test_a_storyboard_is_complete_with_bible_seeds_and_lengths() -> None:
    with chat_server(always(Answer(text=FULL))) as server:
        board = plan(server)
    assert [shot.prompt for shot in board.shots] == SHOTS
    look = open_look("a castle", 3)
    assert board.bible == Bible(subject="a castle", look=look, setting="in the hills", palette="gold", style="watercolor")
    assert [shot.transition for shot in board.shots] == [Cut()] * 3
    assert sum(shot.seconds for shot in board.shots) == pytest.approx(6)
    assert len({shot.seed for shot in board.shots}) == 3
    request = server.requests[0]
    assert request["response_format"]["type"] == "json_schema"
    assert "exactly 3 shots" in request["messages"][1]["content"]
    assert server.keys == ["Bearer secret"]


def test_every_shape_of_answer_makes_a_film() -> None:
    with chat_server(in_turn(*(Answer(text=text) for text in SHAPES.values()))) as server:
        for number, shape in enumerate(SHAPES, start=1):
            assert [shot.prompt for shot in plan(server).shots] == SHOTS, shape
            assert len(server.requests) == number


def test_only_missing_shots_are_requested_again() -> None:
    answers = (listed(SHOTS[0], SHOTS[1]), listed(SHOTS[0], "..."), listed(SHOTS[2], "A fourth castle in the rain"))
    with chat_server(in_turn(*answers)) as server:
        board = plan(server, shots=4)
    assert [shot.prompt for shot in board.shots] == [*SHOTS, "A fourth castle in the rain"]
    second = server.requests[1]["messages"][1]["content"]
    assert f"1. {SHOTS[0]}\n2. {SHOTS[1]}\n" in second
    assert "only the 2 missing ones, in this order: 3, 4" in second


def test_a_complete_new_storyboard_fills_only_the_gap() -> None:
    with chat_server(in_turn(listed(SHOTS[0], SHOTS[1]), listed("Some other castle", "Another castle here", SHOTS[2]))) as server:
        assert [shot.prompt for shot in plan(server).shots] == SHOTS


def test_a_shot_with_a_pronoun_is_requested_again_and_used_if_nothing_better_comes() -> None:
    with chat_server(in_turn(listed(SHOTS[0], "He opens the gate"), listed("A knight opens the gate"))) as server:
        assert [shot.prompt for shot in plan(server, shots=2).shots] == [SHOTS[0], "A knight opens the gate"]
    with chat_server(always(listed(SHOTS[0], "He opens the gate"))) as server:
        assert [shot.prompt for shot in plan(server, shots=2).shots] == [SHOTS[0], "He opens the gate"]


def test_surplus_shots_are_dropped_and_transitions_are_morphs() -> None:
    with chat_server(always(listed(*SHOTS))) as server:
        board = plan(server, shots=2)
    assert [shot.transition for shot in board.shots] == [Morph(seconds=2.0), Cut()]


def test_a_server_without_schemas_gets_a_looser_format() -> None:
    def respond(number: int, body: dict[str, Any]) -> Answer:
        return Answer(status=400, text="response_format unsupported") if "response_format" in body else Answer(text=FULL)

    with chat_server(respond) as server:
        assert len(plan(server).shots) == 3
    assert [body.get("response_format", {}).get("type") for body in server.requests] == ["json_schema", "json_object", None]


def test_busy_servers_and_broken_connections_are_retried() -> None:
    with chat_server(in_turn(Answer(status=429), Answer(status=503), Answer(text=FULL))) as server:
        assert len(plan(server).shots) == 3
    with chat_server(in_turn(Answer(text=FULL, cut_off=True), Answer(text=FULL))) as server:
        assert len(plan(server).shots) == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(status=429), "over its rate limit"),
        (Answer(status=401), "refuses the key"),
        (Answer(status=404), "has no model 'tiny'"),
        (Answer(status=400, text="too long"), "refuses the request: .*too long"),
        (Answer(status=500), "failed"),
        (Answer(text="I'm sorry, I cannot draw castles."), "contains no shots"),
        (Answer(text="no"), r"contains no shots \('no'\)"),
        (Answer(text=""), "contains no shots"),
        (listed(SHOTS[0], SHOTS[0], SHOTS[0]), "gave only 1 of 3 shots"),
    ],
)
def test_failures_are_reported_clearly(answer: Answer, words: str) -> None:
    with chat_server(always(answer)) as server, pytest.raises(PlannerError, match=words):
        plan(server)
    assert len(server.requests) <= 5


def body(value: Any) -> Answer:
    return Answer(body=json.dumps(value).encode())


def message(**fields: Any) -> Answer:
    return body({"choices": [{"index": 0, "message": {"role": "assistant", **fields}}]})


@pytest.mark.parametrize(
    "answer",
    [
        message(content=[{"type": "text", "text": FULL[:40]}, {"type": "text", "text": FULL[40:]}]),
        message(content=[{"type": "reasoning", "reasoning": "wrong draft"}, {"type": "text", "text": FULL}]),
        message(content=None, tool_calls=[{"id": "1", "type": "function", "function": {"name": "plan", "arguments": FULL}}]),
        message(content="", function_call={"name": "plan", "arguments": FULL}),
        message(content=FULL, reasoning_content="1. a wrong draft\n2. of a film\n3. of nothing"),
        body({"choices": [{"text": FULL}]}),
        Answer(body=FULL.encode(), kind="text/plain"),
    ],
)
def test_the_text_of_every_form_of_answer_is_found(answer: Answer) -> None:
    with chat_server(always(answer)) as server:
        assert [shot.prompt for shot in plan(server).shots] == SHOTS


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(body=b"<!DOCTYPE html><h1>1. a red castle</h1>", kind="text/html"), "sent a web page"),
        (body({"error": {"message": "the model is loading"}}), "gives no answer: the model is loading"),
        (body({"error": "overloaded"}), "gives no answer: overloaded"),
        (body({"detail": "Not found"}), "gives no answer: Not found"),
        (message(content=None, refusal="I cannot"), "gives no answer: I cannot"),
        (body({}), "contains no shots"),
        (body({"choices": None}), "contains no shots"),
        (body({"choices": "text"}), "contains no shots"),
        (body({"choices": [None]}), "contains no shots"),
        (body({"choices": [{"message": "text"}]}), "contains no shots"),
        (body({"choices": [{"message": {"content": {"a": 1}}}]}), "contains no shots"),
        (body([1, 2]), "contains no shots"),
        (body("text"), "contains no shots"),
        (body(None), "contains no shots"),
        (Answer(body=b"{" * 10), "contains no shots"),
        (Answer(body=b"[" * 50_000), "contains no shots"),
        (Answer(body=b""), "contains no shots"),
        (Answer(body=b"\xff\xfe\x00"), "contains no shots"),
    ],
)
def test_bodies_without_an_answer_are_told_in_a_sentence(answer: Answer, words: str) -> None:
    with chat_server(always(answer)) as server, pytest.raises(PlannerError, match=words):
        plan(server)


def test_a_stalled_server_times_out() -> None:
    with chat_server(always(Answer(stalls=True))) as server, pytest.raises(PlannerError, match=r"did not answer within 0\.1 s"):
        plan(server, timeout=0.1)
    assert len(server.requests) == 3


def test_an_unreachable_server_is_reported() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        with pytest.raises(PlannerError, match="cannot be reached"):
            plan(ChatServer(url=url))


def test_names_select_servers_and_keys_are_sent_only_to_their_service() -> None:
    keys = {"OPENAI_API_KEY": "o", "HF_TOKEN": "h", "MISTRAL_API_KEY": "m"}
    assert server_of("gpt-4o", keys) == Server(model="gpt-4o", base_url=None, key="o")
    hub = server_of("hf:mistralai/Mistral-7B-Instruct-v0.3", keys)
    assert hub == Server(model="mistralai/Mistral-7B-Instruct-v0.3", base_url="https://router.huggingface.co/v1", key="h")
    assert server_of("mistral:mistral-small", keys).key == "m"
    assert server_of("http://localhost:11434/v1#mistral", keys) == Server(model="mistral", base_url="http://localhost:11434/v1", key="none")
    assert "'o'" not in repr(server_of("gpt-4o", keys))


@pytest.mark.parametrize(
    ("name", "words"),
    [("gpt-4o", "set OPENAI_API_KEY"), ("hf:a/b", "set HF_TOKEN"), ("http://x/v1", "behind a #"), ("hf:", "names no language")],
)
def test_unusable_names_are_refused(name: str, words: str) -> None:
    with pytest.raises(PlannerError, match=words):
        server_of(name, {})
