"""A vision server's answer becomes a caption; CLIP chooses among phrases."""

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from sakuga.datasets.captioners import Describe, data_url, extract_caption, server_captioner, template_captioner
from sakuga.datasets.training_set import SetError
from sakuga.models.feature_extractors import load_clip
from sakuga.sketchbook.scene import sample
from sakuga.story.llm import Server
from tests.story.chat_server import Answer, ChatServer, chat_server

IMAGE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)


def describe_by(server: ChatServer) -> Describe:
    return server_captioner(Server(model="tiny-vision", base_url=server.url, key="secret"), timeout=20)


def test_the_server_gets_the_image_and_its_answer_is_the_caption() -> None:
    with chat_server(lambda number, body: Answer(text='"The image shows a red boat on a lake"')) as server:
        assert describe_by(server)(IMAGE) == "a red boat on a lake"
    (request,) = server.requests
    words, image = request["messages"][0]["content"]
    assert request["model"] == "tiny-vision"
    assert "one line" in words["text"]
    kind, _, content = image["image_url"]["url"].partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(BytesIO(base64.b64decode(content))) as image:
        assert np.array_equal(np.asarray(image), IMAGE)


def test_a_large_image_is_sent_smaller_with_its_aspect() -> None:
    sent = data_url(np.zeros((500, 2000, 3), np.uint8)).partition(",")[2]
    with Image.open(BytesIO(base64.b64decode(sent))) as image:
        assert image.size == (768, 192)


def test_an_empty_answer_is_retried_and_then_an_error() -> None:
    with chat_server(lambda number, body: Answer(text="" if number < 2 else "a boat")) as server:
        assert describe_by(server)(IMAGE) == "a boat"
    with chat_server(lambda number, body: Answer(text=" ")) as server, pytest.raises(SetError, match="gave no caption in 3 attempts"):
        describe_by(server)(IMAGE)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "message"), [(400, "refuses the request: .*no images"), (401, "refuses the key"), (404, "has no model 'tiny-vision'")]
)
def test_a_refusal_of_the_server_is_a_one_sentence_error(status: int, message: str) -> None:
    with (
        chat_server(lambda number, body: Answer(status=status, text="no images")) as server,
        pytest.raises(SetError, match=message),
    ):
        describe_by(server)(IMAGE)


@pytest.mark.parametrize(
    ("answer", "caption"),
    [
        ("a castle at night", "a castle at night"),
        ("Caption: **A picture of a castle**", "a castle"),
        ("Here is the caption:\n\n“a castle by the sea”\n", "a castle by the sea"),
        ("  a castle\tby   the sea ", "a castle by the sea"),
        ("\n \n", ""),
    ],
)
def test_a_caption_is_extracted_from_the_answer(answer: str, caption: str) -> None:
    assert extract_caption(answer) == caption


def test_the_template_detects_portraits_unless_the_composition_is_known() -> None:
    clip = load_clip("sketchbook")
    faces = [sample(seed, portrait=True).at(0.0).image(128, 128) for seed in range(6)]
    free = template_captioner(clip, None)
    assert sum(free(face).startswith("a portrait of a ") for face in faces) >= 5
    assert not template_captioner(clip, "landscape")(faces[0]).startswith("a portrait")
    assert free(faces[0]) == free(faces[0])
