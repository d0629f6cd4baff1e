"""Captioning by a vision model behind a server, or by CLIP among plain phrases."""

import base64
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from sakuga.datasets.captions import normalize
from sakuga.datasets.training_set import Composition, SetError
from sakuga.story.llm import Server, server_error, where
from sakuga.story.llm_answers import answer_error, answer_text, read_body

Describe = Callable[[NDArray[np.uint8]], str]
"""From an RGB image (height, width, 3) to its caption."""
INSTRUCTION = (
    "Caption this picture for training an image model: one line of plain English, at most 30 words. Say what is seen (who or what, where, "
    "the light, the weather), not the style, the medium or the mood, and do not begin with 'a picture of' or the like."
)
MAX_SIDE = 768
"""Longer side in pixels of images sent to a server."""
PREFIXES = (
    "caption:",
    "the picture shows ",
    "this picture shows ",
    "the image shows ",
    "this image shows ",
    "a picture of ",
    "an image of ",
)
SUBJECTS: dict[Composition, tuple[str, ...]] = {
    "portrait": ("a portrait of a girl", "a portrait of a boy", "a portrait of a woman", "a portrait of a man"),
    "figure": ("a person standing in a landscape", "a person walking", "people in the distance"),
    "landscape": (
        "a castle", "a cottage", "a cabin", "a row of houses", "a tower", "a lighthouse", "a windmill", "a bridge", "a tree", "a boat",
        "a dragon", "mountains", "hills", "a meadow", "a forest", "a desert", "the sea", "a lake", "a village", "a city street", "a room",
    ),
}  # fmt: skip
"""Phrases that the template captioner chooses among."""
LIGHT = ("by day", "at night", "at sunset", "at dawn")
AROUND = "\"'“”`*# "
"""Characters that models put around a caption."""
MAX_RETRIES = 2
"""Retries after an empty answer."""


def extract_caption(answer: str) -> str:
    """Extract the caption from a model's answer.

    No quotes, no preamble, no "the image shows".

    >>> extract_caption('Sure!\\n\\n"The image shows a red castle by the sea."')
    'a red castle by the sea.'
    """
    lines = [normalize(line).strip(AROUND) for line in answer.splitlines()]
    text = max((line for line in lines if line), key=lambda line: (not line.endswith((":", "!")), -lines.index(line)), default="")
    while prefix := next((prefix for prefix in PREFIXES if text.lower().startswith(prefix)), ""):
        text = text[len(prefix) :].strip(AROUND)
    return text


def server_captioner(server: Server, timeout: float = 60.0) -> Describe:
    """Return a captioner that calls a vision model.

    It speaks the OpenAI chat protocol and sends images as PNG.
    Calling it raises SetError where the server cannot be reached, refuses, or gives no caption.
    """
    from openai import OpenAI, OpenAIError

    client = OpenAI(api_key=server.key, base_url=server.base_url, timeout=timeout, max_retries=2)

    def describe(image: NDArray[np.uint8]) -> str:
        parts: list[Any] = [{"type": "text", "text": INSTRUCTION}, {"type": "image_url", "image_url": {"url": data_url(image)}}]
        for _ in range(1 + MAX_RETRIES):
            try:
                raw = client.chat.completions.with_raw_response.create(
                    model=server.model, messages=[{"role": "user", "content": parts}], temperature=0
                )
            except OpenAIError as error:
                raise SetError(server_error(server, timeout, error)) from None
            answer = read_body(raw.text)
            if text := extract_caption(answer_text(answer)):
                return text
            if reason := answer_error(answer):
                raise SetError(f"{where(server)} gives no answer: {reason}")
        raise SetError(f"{server.model} gave no caption in {1 + MAX_RETRIES} attempts; it may not accept images: use a vision model")

    return describe


def data_url(image: NDArray[np.uint8]) -> str:
    """Encode an image as a data URL, shrunk to MAX_SIDE."""
    small, content = PILImage.fromarray(image), BytesIO()
    small.thumbnail((MAX_SIDE, MAX_SIDE), PILImage.Resampling.LANCZOS)
    small.save(content, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def template_captioner(clip: Any, composition: Composition | None) -> Describe:
    """Return a captioner that picks plain phrases by CLIP.

    A known `composition` narrows the choice.
    Zero-shot classification (Radford et al. 2021, section 3.1): rough, but better than nothing, and easily edited by hand.
    """
    kinds = [composition] if composition else list(SUBJECTS)
    choices = [[phrase for kind in kinds for phrase in SUBJECTS[kind]], list(LIGHT)]
    embedded = [clip.embed_texts(phrases) for phrases in choices]

    def describe(image: NDArray[np.uint8]) -> str:
        embedding = clip.embed_images([image])[0]
        return " ".join(_nearest(embedding, texts, phrases) for texts, phrases in zip(embedded, choices, strict=True))

    return describe


def _nearest(embedding: NDArray[np.float32], texts: NDArray[np.float32], choices: Sequence[str]) -> str:
    return choices[int((texts @ embedding / np.linalg.norm(texts, axis=1)).argmax())]
