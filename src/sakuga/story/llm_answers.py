"""The text of a language model server's answer, whatever its body is like."""

import json
from typing import Any

MAX_REASON = 200
"""Letters of a server's own words in a message."""


def read_body(body: str) -> Any:
    """Return a chat completion or an error as a table; any other body is its own text."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body
    return value if isinstance(value, dict) and value.keys() & {"choices", "error", "detail"} else body


def answer_text(answer: Any) -> str:
    """Return the text of a chat completion, or "".

    The content may be a text, a list of parts, or the arguments of a tool call; reasoning beside it is left out. A body that is no JSON is
    its own text.
    """
    if isinstance(answer, str):
        return "" if answer.lstrip().startswith("<") else answer
    message = _message(answer)
    return _text(_get(message, "content")) or _arguments(message) or _text(_get(_choice(answer), "text"))


def answer_error(answer: Any) -> str:
    """Return why a server's answer holds none, in its own words; "" if it holds one or says nothing."""
    if isinstance(answer, str):
        return "it sent a web page, so its address may be wrong" if answer.lstrip().startswith("<") else ""
    error = _get(answer, "error")
    told = error if isinstance(error, str) else _get(error, "message") or _get(answer, "detail")
    return str(told or _get(_message(answer), "refusal") or "")[:MAX_REASON]


def _choice(answer: Any) -> Any:
    choices = _get(answer, "choices")
    return choices[0] if isinstance(choices, list) and choices else None


def _message(answer: Any) -> Any:
    return _get(_choice(answer), "message")


def _get(value: Any, key: str) -> Any:
    """Return a field of an object or a table, or None."""
    return value.get(key) if isinstance(value, dict) else getattr(value, key, None)


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(_text(part if isinstance(part, str) else _get(part, "text")) for part in content)
    return content if isinstance(content, str) else ""


def _arguments(message: Any) -> str:
    """Return the arguments of the first tool call, in the present or the older form."""
    calls = _get(message, "tool_calls")
    call = _get(calls[0], "function") if isinstance(calls, list) and calls else _get(message, "function_call")
    return _text(_get(call, "arguments"))
