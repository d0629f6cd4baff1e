"""Captioned sets: missing captions are written, others stay, answers are cached."""

from pathlib import Path

import numpy as np
import pytest

from sakuga import InputError, SakugaError
from sakuga.datasets.training_set import Example, SetError, TrainingSet, read_set
from sakuga.datasets.writing import write_set
from sakuga.studio import caption_set
from tests.models.test_captioner import SENTENCE, write_tiny_blip
from tests.story.chat_server import Answer, chat_server

TEXTS = ("", "ink", "a grey sea, ink")


@pytest.fixture
def partly_captioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingSet:
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))
    images = [
        (Example(file=f"{index}.png", text=text, composition="landscape"), np.full((32, 32, 3), 80 * index, np.uint8))
        for index, text in enumerate(TEXTS)
    ]
    return write_set(tmp_path / "set", images, trigger="ink", provenance="made")


def texts(folder: Path) -> list[str]:
    return [example.text for example in read_set(folder).examples]


def test_a_local_model_captions_images_without_caption(partly_captioned: TrainingSet, tmp_path: Path) -> None:
    (tmp_path / "blip").mkdir()
    blip = write_tiny_blip(tmp_path / "blip")
    result = caption_set(partly_captioned.folder, tmp_path / "new", model=str(blip)).result()
    assert (result.by, result.captioned, result.kept) == ("blip", 2, 1)
    assert texts(tmp_path / "new") == [f"{SENTENCE}, ink", f"{SENTENCE}, ink", "a grey sea, ink"]
    assert read_set(tmp_path / "new").provenance == "made; then 2 captioned by blip"


def test_a_server_captions_once_and_its_answers_survive_an_interruption(partly_captioned: TrainingSet, tmp_path: Path) -> None:
    def answer(number: int, body: object) -> Answer:
        return Answer(text=f"ink boat {number}") if number < 2 else Answer(status=401)

    with chat_server(answer) as server:
        llm = f"{server.url}#seer"
        with pytest.raises(SetError, match="refuses the key"):
            caption_set(partly_captioned.folder, tmp_path / "new", llm=llm, overwrite=True).result()
        assert not (tmp_path / "new").exists()
        assert len(server.requests) == 3
        result = caption_set(partly_captioned.folder, tmp_path / "new", llm=llm).result()
        assert len(server.requests) == 3, "both answers are cached"
    assert (result.by, result.captioned) == ("seer", 2)
    assert texts(tmp_path / "new") == ["ink boat 0", "ink boat 1", "a grey sea, ink"]


def test_without_a_model_plain_phrases_are_chosen(partly_captioned: TrainingSet, tmp_path: Path) -> None:
    result = caption_set(partly_captioned.folder, tmp_path / "new").result()
    assert (result.by, result.captioned, result.kept) == ("template", 2, 1)
    assert all(text.endswith(", ink") and len(text.split()) > 2 for text in texts(tmp_path / "new"))


def test_a_new_trigger_replaces_the_old_one_everywhere(partly_captioned: TrainingSet, tmp_path: Path) -> None:
    result = caption_set(partly_captioned.folder, tmp_path / "new", trigger="sks wash").result()
    assert result.trigger == read_set(tmp_path / "new").trigger == "sks wash"
    assert all(text.count("sks wash") == 1 and "ink" not in text for text in texts(tmp_path / "new"))
    relabelled = caption_set(tmp_path / "new", tmp_path / "same").result()
    assert relabelled.captioned == 0
    assert texts(tmp_path / "same") == texts(tmp_path / "new"), "an existing trigger word is not repeated"


def test_two_captioners_and_a_server_without_a_name_are_refused(partly_captioned: TrainingSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="use one of them"):
        caption_set(partly_captioned.folder, tmp_path / "new", model="a", llm="b")
    with pytest.raises(SakugaError, match="name behind a #"):
        caption_set(partly_captioned.folder, tmp_path / "new", llm="http://127.0.0.1:9/v1")
    with pytest.raises(InputError, match="no captioning model"):
        caption_set(partly_captioned.folder, tmp_path / "new", model=str(tmp_path / "nothing")).result()
