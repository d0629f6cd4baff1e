"""Refusals: every error of the API is one sentence."""

import sqlite3
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from sakuga import InputError, SakugaError
from sakuga.story.film import FilmError
from sakuga.web.film_lines import key_of
from sakuga.web.refusal import Refused as Refused
from sakuga.web.refusal import missing as missing
from sakuga.web.schemas.base import ApiError, ErrorAnswer

STATUS = {
    "bad_input": 422,
    "not_found": 404,
    "conflict": 409,
    "forbidden": 403,
    "unauthorized": 401,
    "too_large": 413,
    "too_many": 429,
    "quota": 507,
    "failed": 500,
}
FAULT = "the server made a mistake; its terminal says which"


def answer(
    code: str, message: str, field: str | None = None, line: int | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return a refusal."""
    body = ErrorAnswer(error=ApiError(message=message, code=code, field=field, line=line))
    return JSONResponse(body.model_dump(), STATUS[code], headers)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error with an ErrorAnswer."""

    @app.exception_handler(Refused)
    def refused(_: Request, error: Refused) -> JSONResponse:
        return answer(error.code, str(error), error.field, error.line)

    @app.exception_handler(SakugaError)
    def unusable(request: Request, error: SakugaError) -> JSONResponse:
        field = key_of(str(error)) if isinstance(error, FilmError) else None
        message = request.app.state.studio.data.without_paths(str(error))
        return answer("bad_input" if isinstance(error, InputError) else "failed", message, field)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        return answer("bad_input", f"{field}: {_reason(first)}", field)

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> JSONResponse:
        codes = {status: code for code, status in STATUS.items()}
        code = codes.get(error.status_code, "bad_input")
        body = ErrorAnswer(error=ApiError(message=str(error.detail), code=code))
        return JSONResponse(body.model_dump(), error.status_code, error.headers)

    @app.exception_handler(sqlite3.OperationalError)
    def database(_: Request, error: sqlite3.OperationalError) -> JSONResponse:
        full = "full" in str(error)
        return answer("quota", "the disk is full: make room, and try again") if full else answer("failed", FAULT)

    @app.exception_handler(Exception)
    def fault(_: Request, error: Exception) -> JSONResponse:
        return answer("failed", FAULT)


def _reason(error: dict[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return "is missing; add it"
        case "extra_forbidden":
            return "is not known here; leave it out"
        case "json_invalid":
            return "the request is no JSON"
        case _:
            message = str(error["msg"])
            return message[0].lower() + message[1:]
