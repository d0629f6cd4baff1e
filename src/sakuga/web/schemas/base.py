"""Types that all schemas share."""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
"""The name of a row: 12 hexadecimal digits."""
Digest: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""The name of a frame: a sha256."""
Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**53)]
"""A seed that JavaScript holds exactly."""
Line: TypeAlias = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A text of one line."""
Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
"""A name that a person gives, which becomes a folder's."""
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class Record(BaseModel):
    """What the server answers with."""

    model_config = ConfigDict(frozen=True)


class Request(BaseModel):
    """What a page sends; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ApiError(Record):
    """Why a request was refused, in one sentence with the remedy."""

    message: str
    code: str
    """bad_input, not_found, conflict, forbidden, unauthorized, too_large, too_many, quota, failed."""
    field: str | None = None
    """The key that is wrong, dotted: "shots.2.seconds"."""
    line: int | None = None
    """The line of a text, such as film.toml, counted from 1."""


class ErrorAnswer(Record):
    """The body of every refused request."""

    error: ApiError


class Count(Record):
    """How many were changed."""

    count: int
