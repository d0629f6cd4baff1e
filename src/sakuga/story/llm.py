"""The planner that uses a language model.

Any server with the OpenAI chat protocol will do.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sakuga.story.lint import loose_pronoun
from sakuga.story.llm_answers import answer_error, answer_text, read_body
from sakuga.story.parse_reply import Reply, parse_reply
from sakuga.story.planner import PlannerError, ServerError, check_idea, morph_seconds, shot_lengths, shot_seed, with_open_look
from sakuga.story.reply_sketches import MOVES, Sketch
from sakuga.story.storyboard import Bible, Camera, Cut, Morph, Shot, Storyboard, Transition, content_words

SYSTEM = """\
You plan short animated films. Answer with one JSON object and nothing else:
{"bible": {"subject": "...", "look": "...", "setting": "...", "palette": "...", "style": "..."},
 "shots": [{"prompt": "...", "camera": "closer", "transition": "morph"}, ...]}
The bible says in a few words what stays the same in every shot; look is how the subject looks, as tags: "long brown hair, blue dress,
fair skin" for a person, "red roof" for a house, "white sails" for a boat, "green dragon". Each prompt describes one still picture in at
most 30 words of plain English: name the subject in full, never he, she, it or they; say place, light and weather, and keep light and
weather unless the idea changes them. Consecutive shots differ in what is seen.
camera: still, closer, away, left, right, up or down. transition (to the next shot): morph within one place, cut where it changes."""

_TEXT = {"type": "string"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["bible", "shots"],
    "properties": {
        "bible": {
            "type": "object",
            "additionalProperties": False,
            "required": ["subject", "look", "setting", "palette", "style"],
            "properties": {"subject": _TEXT, "look": _TEXT, "setting": _TEXT, "palette": _TEXT, "style": _TEXT},
        },
        "shots": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["prompt", "camera", "transition"],
                "properties": {
                    "prompt": _TEXT,
                    "camera": {"type": "string", "enum": list(MOVES)},
                    "transition": {"type": "string", "enum": ["morph", "cut"]},
                },
            },
        },
    },
}
FORMATS: tuple[dict[str, Any] | None, ...] = (
    {"type": "json_schema", "json_schema": {"name": "storyboard", "strict": True, "schema": SCHEMA}},
    {"type": "json_object"},
    None,
)
"""Response formats, strictest first; the next is tried if a server refuses one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A served language model; `base_url` None is OpenAI's own."""

    model: str
    base_url: str | None
    key: str = field(repr=False)


def server_of(name: str, environment: Mapping[str, str] = os.environ) -> Server:
    """Parse a language model's name.

    `gpt-4o`, `http://localhost:11434/v1#mistral`, `hf:owner/model` or `mistral:model`.

    Keys come from the environment only: OPENAI_API_KEY, HF_TOKEN and MISTRAL_API_KEY for these services, LLM_API_KEY for any other
    address. Raises ServerError without the key or for an unreadable name.
    """
    if name.startswith(("http://", "https://")):
        address, _, model = name.partition("#")
        if not model:
            raise ServerError(f"{name}: add the model's name behind a #, as in {name.rstrip('/')}#mistral")
        return Server(model=model, base_url=address, key=environment.get("LLM_API_KEY", "none"))
    kind, _, rest = name.partition(":")
    base_url: str | None
    match kind:
        case "hf":
            model, base_url, variable = rest, "https://router.huggingface.co/v1", "HF_TOKEN"
        case "mistral":
            model, base_url, variable = rest, "https://api.mistral.ai/v1", "MISTRAL_API_KEY"
        case _:
            model, base_url, variable = name, None, "OPENAI_API_KEY"
    if not model.strip():
        raise ServerError(f"{name!r} names no language model; use gpt-4o, mistral:NAME, hf:OWNER/NAME or http://HOST/v1#NAME")
    if not environment.get(variable):
        raise ServerError(f"{name} needs a key: set {variable} in the environment")
    return Server(model=model, base_url=base_url, key=environment[variable])


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMPlanner:
    """Plans with a language model.

    Missing and bad shots are requested again.
    """

    server: Server
    attempts: int = 4
    timeout: float = 60.0
    """Seconds that one answer may take."""

    def plan(self, idea: str, *, shots: int, seconds: float, seed: int, negative: str = "") -> Storyboard:
        """Plan exactly `shots` shots.

        Raises PlannerError if the server or model fails to.
        """
        idea = check_idea(idea, shots, seconds)
        draft = _Draft(wanted=shots)
        chat = _Chat(self)
        for _ in range(self.attempts):
            text = chat.complete(_request(idea, draft, negative), seed)
            draft.add(parse_reply(text, len(draft.missing)))
            if not draft.missing:
                break
        sketches = draft.complete(text)
        return _storyboard(idea, draft.bible or Bible(), sketches, shot_lengths(seconds, shots), seed, negative)


class _Draft:
    """The shots received so far.

    A poor one is used until a better one comes.
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.bible: Bible | None = None
        self.good: dict[int, Sketch] = {}
        self.poor: dict[int, Sketch] = {}

    @property
    def missing(self) -> list[int]:
        return [index for index in range(self.wanted) if index not in self.good]

    def add(self, reply: Reply) -> None:
        """Fill missing shots from a reply, in order.

        Repetitions of other shots are dropped.
        """
        self.bible = self.bible or reply.bible
        shots = reply.shots
        if self.good and len(shots) >= self.wanted:
            shots = tuple(shots[index] for index in self.missing)
        places = iter(self.missing)
        for sketch in shots:
            if any(content_words(sketch.prompt) == content_words(other.prompt) for other in self.good.values()):
                continue
            if (place := next(places, None)) is None:
                break
            (self.poor if loose_pronoun(sketch.prompt) else self.good)[place] = sketch

    def complete(self, text: str) -> list[Sketch]:
        """Return every shot; raises PlannerError if any is missing."""
        found = {**self.poor, **self.good}
        if not found:
            raise PlannerError(f"the language model's answer contains no shots ({text[:80]!r}); try again, or use another model")
        if len(found) < self.wanted:
            raise PlannerError(f"the language model gave only {len(found)} of {self.wanted} shots, even after retries; use another model")
        return [found[index] for index in range(self.wanted)]


class _Chat:
    """A chat with one server.

    The strictest response format it accepts is used.
    """

    def __init__(self, planner: LLMPlanner) -> None:
        from openai import OpenAI

        server = planner.server
        self.server = server
        self.timeout = planner.timeout
        self.client = OpenAI(api_key=server.key, base_url=server.base_url, timeout=planner.timeout, max_retries=2)
        self.formats = list(FORMATS)

    def complete(self, request: str, seed: int) -> str:
        """Return the answer's text, or "".

        The client retries twice.
        """
        import openai

        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": request}]
        while True:
            wanted = {} if self.formats[0] is None else {"response_format": self.formats[0]}
            try:
                answer = self.client.chat.completions.with_raw_response.create(
                    model=self.server.model, messages=messages, seed=seed % 2**31, **wanted
                )
                return self._text(read_body(answer.text))
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if len(self.formats) == 1:
                    raise PlannerError(server_error(self.server, self.timeout, error)) from None
                self.formats.pop(0)
            except openai.OpenAIError as error:
                raise PlannerError(server_error(self.server, self.timeout, error)) from None

    def _text(self, answer: Any) -> str:
        """Return the answer's text; raises PlannerError with what the server says in place of one."""
        text = answer_text(answer)
        if not text.strip() and (reason := answer_error(answer)):
            raise PlannerError(f"{where(self.server)} gives no answer: {reason}")
        return text


def where(server: Server) -> str:
    """Return how messages name a server."""
    return f"the language model server {server.base_url or 'of OpenAI'}"


def server_error(server: Server, timeout: float, error: Exception) -> str:
    """Return what failed at a server, and the remedy."""
    import openai

    place = where(server)
    match error:
        case openai.BadRequestError() | openai.UnprocessableEntityError():
            return f"{place} refuses the request: {error.message}"
        case openai.APITimeoutError():
            return f"{place} did not answer within {timeout:g} s; try again, or use another model"
        case openai.APIConnectionError():
            return f"{place} cannot be reached; check that it is running and the address is right"
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return f"{place} refuses the key; check it in the environment"
        case openai.RateLimitError():
            return f"{place} is over its rate limit or quota; wait, or use another model"
        case openai.NotFoundError():
            return f"{place} has no model {server.model!r}; check its name and the address"
        case _:
            return f"{place} failed: {error}"


def _request(idea: str, draft: _Draft, negative: str) -> str:
    """Return the request for all or the missing shots."""
    never = f"\nNothing of this may appear: {negative}" if negative.strip() else ""
    if not draft.good:
        return f"Plan exactly {draft.wanted} shots for this idea: {idea}{never}"
    there = "\n".join(f"{index + 1}. {sketch.prompt}" for index, sketch in sorted(draft.good.items()))
    wanted = ", ".join(str(index + 1) for index in draft.missing)
    return (
        f"A film of {draft.wanted} shots for this idea: {idea}{never}\nThese shots are done:\n{there}\n"
        f"Write only the {len(draft.missing)} missing ones, in this order: {wanted}. The same JSON, with only these shots."
    )


def _storyboard(idea: str, bible: Bible, sketches: list[Sketch], durations: list[float], seed: int, negative: str) -> Storyboard:
    shots = []
    for index, (sketch, length) in enumerate(zip(sketches, durations, strict=True)):
        transition: Transition = Cut()
        if index < len(sketches) - 1 and not isinstance(sketch.transition, Cut):
            transition = Morph(seconds=morph_seconds(sketch.prompt, sketches[index + 1].prompt, durations[index + 1]))
        camera = sketch.camera or Camera(zoom=1.1)
        shots.append(Shot(prompt=sketch.prompt, seconds=length, seed=shot_seed(seed, index), camera=camera, transition=transition))
    return Storyboard(idea=idea, bible=with_open_look(bible, seed, negative), shots=tuple(shots))
