"""Say what pictures show: by a vision model behind a server, or by the nearest of some plain phrases."""

import base64
import json
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sakuga.datasets.captions import tidied
from sakuga.datasets.training_set import Composition, SetError
from sakuga.story.llm import Server, complaint

Describe = Callable[[NDArray[np.uint8]], str]
"""From an RGB picture (height, width, 3) to its caption."""
ASKED = (
    "Caption this picture for training an image model: one line of plain English, at most 30 words. Say what is seen (who or what, where, "
    "the light, the weather), not the style, the medium or the mood, and do not begin with 'a picture of' or the like."
)
SIDE = 768
"""Pixels of the longer side that a server is sent."""
PREFIXES = (
    "caption:",
    "the picture shows ",
    "this picture shows ",
    "the image shows ",
    "this image shows ",
    "a picture of ",
    "an image of ",
)
SHOWN: dict[Composition, tuple[str, ...]] = {
    "portrait": ("a portrait of a girl", "a portrait of a boy", "a portrait of a woman", "a portrait of a man"),
    "figure": ("a person standing in a landscape", "a person walking", "people in the distance"),
    "landscape": (
        "a castle", "a cottage", "a cabin", "a row of houses", "a tower", "a lighthouse", "a windmill", "a bridge", "a tree", "a boat",
        "a dragon", "mountains", "hills", "a meadow", "a forest", "a desert", "the sea", "a lake", "a village", "a city street", "a room",
    ),
}  # fmt: skip
"""What a template may say that a picture shows."""
LIGHT = ("by day", "at night", "at sunset", "at dawn")
AROUND = "\"'“”`*# "
"""What models put around a caption."""
MOST_UNANSWERED = 2
"""How often a server is asked again that answers nothing."""


def cleaned(answer: str) -> str:
    """Take the caption out of what a model says: its first line that is one, with no quotes and no words about the picture itself.

    >>> cleaned('Sure!\\n\\n"The image shows a red castle by the sea."')
    'a red castle by the sea.'
    """
    lines = [tidied(line).strip(AROUND) for line in answer.splitlines()]
    text = max((line for line in lines if line), key=lambda line: (not line.endswith((":", "!")), -lines.index(line)), default="")
    while prefix := next((prefix for prefix in PREFIXES if text.lower().startswith(prefix)), ""):
        text = text[len(prefix) :].strip(AROUND)
    return text


def by_server(server: Server, timeout: float = 60.0) -> Describe:
    """Return what asks a vision model behind any server that speaks the OpenAI chat protocol; a picture is sent as PNG in the request.

    Calling it raises SetError where the server cannot be reached, refuses, or says nothing of a picture.
    """
    from openai import OpenAI, OpenAIError

    client = OpenAI(api_key=server.key, base_url=server.base_url, timeout=timeout, max_retries=2)

    def describe(picture: NDArray[np.uint8]) -> str:
        parts: list[Any] = [{"type": "text", "text": ASKED}, {"type": "image_url", "image_url": {"url": as_address(picture)}}]
        for _ in range(1 + MOST_UNANSWERED):
            try:
                answer = client.chat.completions.create(model=server.model, messages=[{"role": "user", "content": parts}], temperature=0)
            except json.JSONDecodeError:
                continue
            except OpenAIError as error:
                raise SetError(complaint(server, timeout, error)) from None
            if answer.choices and (text := cleaned(answer.choices[0].message.content or "")):
                return text
        raise SetError(f"{server.model} says nothing of a picture, also when asked again: does it see pictures? name another model")

    return describe


def as_address(picture: NDArray[np.uint8]) -> str:
    """Write a picture as a data: address, made smaller where it is large."""
    image, content = Image.fromarray(picture), BytesIO()
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    image.save(content, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def by_template(clip: Any, composition: Composition | None) -> Describe:
    """Return what says the nearest of some plain phrases, as a CLIP sees it, and the light; only of a composition where it is known.

    It is right about little (zero-shot: Radford et al. 2021, section 3.1), but better than nothing, and easily changed by hand.
    """
    kinds = [composition] if composition else list(SHOWN)
    choices = [[phrase for kind in kinds for phrase in SHOWN[kind]], list(LIGHT)]
    embedded = [clip.texts(phrases) for phrases in choices]

    def describe(picture: NDArray[np.uint8]) -> str:
        seen = clip.pictures([picture])[0]
        return " ".join(_nearest(seen, texts, phrases) for texts, phrases in zip(embedded, choices, strict=True))

    return describe


def _nearest(seen: NDArray[np.float32], texts: NDArray[np.float32], choices: Sequence[str]) -> str:
    return choices[int((texts @ seen / np.linalg.norm(texts, axis=1)).argmax())]
