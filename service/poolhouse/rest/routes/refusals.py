"""Refusals of the FastAPI application: handlers that write them as problem documents, and models that describe them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import responses
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.exceptions import HTTPException

from poolhouse import errors
from poolhouse.errors import CODES, FIELD_CODES, MOST_PROBLEMS, PoolhouseError, QuotaExceeded, Unavailable
from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.http.headers import HEADERS_KEY
from poolhouse.rest.http.problems import MEDIA_TYPE, Problem
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.rest.routes.suggestions import PathSuggester


def _enum_schema(*values: str | int) -> dict[str, Any]:
    """An enumeration for the document; generators of clients cannot read the const that a Literal of one becomes."""
    return {"enum": list(values)}


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    model_config = ConfigDict(extra="forbid")

    pointer: str = Field(description="JSON Pointer into the body, or ? and a name of the query string.")
    code: str = Field(json_schema_extra=_enum_schema(*FIELD_CODES))
    message: str


class ProblemDocument(BaseModel):
    """A refusal (RFC 9457): what was given, what was expected, how to mend it."""

    type: str = Field(description="urn:poolhouse:problem: and the code.", json_schema_extra={"format": "uri"})
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(description="Stable; the one to program against.")
    request_id: str = Field(description="As in X-Request-ID.")
    errors: list[FieldProblem] = Field(default_factory=list, max_length=MOST_PROBLEMS)
    limit_bytes: int = Field(default_factory=int, ge=0, description="The limit that was passed.")


def _model(error: type[PoolhouseError]) -> type[ProblemDocument]:
    """The problem document of one refusal, written out: generators of clients cannot narrow a shared one."""
    codes = [code for code, owner in CODES.items() if owner is error]
    described = ProblemDocument.model_fields["code"].description
    return create_model(
        f"{error.__name__}Problem",
        __base__=ProblemDocument,
        __doc__=ProblemDocument.__doc__,
        status=(int, Field(json_schema_extra=_enum_schema(error.status))),
        code=(str, Field(description=described, json_schema_extra=_enum_schema(*codes))),
    )


MODELS: Final = {error: _model(error) for error in dict.fromkeys(CODES.values())}
"""The problem documents of the refusals, by class; there is one class a status."""
_HEADERS: Final[Mapping[int, tuple[str, str]]] = {
    415: ("Accept-Post", "The types that are read here, where the type was the fault."),
    401: (
        "WWW-Authenticate",
        'Bearer, the scheme that is understood; a key that is not known adds error="invalid_token".',
    ),
    405: ("Allow", "The methods that this path takes."),
}


def refusal_responses(*refused: type[PoolhouseError]) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that refuses with these, beside what any request can be refused with."""
    return {error.status: _response(error) for error in refused}


def _response(error: type[PoolhouseError]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if issubclass(error, Unavailable | QuotaExceeded):
        headers["Retry-After"] = {
            "description": "Seconds after which to ask again.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        }
    if error.status in _HEADERS:
        name, words = _HEADERS[error.status]
        headers[name] = {"description": words, "schema": {"type": "string"}}
    return {
        "description": (error.__doc__ or error.title).partition("\n")[0],
        "headers": headers,
        "model": MODELS[error],
    }


class ProblemResponse(Response):
    """A problem document as FastAPI sends it; to HEAD, all but the body."""

    media_type = MEDIA_TYPE

    def __init__(self, refusal: Problem, method: str = "GET") -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in refusal.headers}
        super().__init__(b"" if method == "HEAD" else refusal.body, refusal.status, headers)


def add_exception_handlers(app: FastAPI, suggestions: PathSuggester, accounting: Accounting) -> None:
    """Have an application answer each refusal with a problem document.

    Args:
        app: the application.
        suggestions: for paths that do not exist.
        accounting: counts the refusals, and knows who may hear of other paths.
    """

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, PoolhouseError)
        record = accounting.record_of(request.scope)
        return ProblemResponse(accounting.refuse(error, record, request.scope[HEADERS_KEY]), request.method)

    async def refuse_routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        scope, record = request.scope, accounting.record_of(request.scope)
        if error.status_code not in (404, 405) or error.detail != responses[error.status_code]:
            # Not ours: raised by a route that somebody has added, in words of its own.
            return _plain_problem(error, record)
        refusal = suggestions.refusal(
            error,
            request.method,
            scope["path"],
            may_list_paths=accounting.may_list_paths(record),
            root_path=scope.get("root_path", ""),
        )
        return await refuse(request, refusal)

    async def refuse_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = [
            errors.FieldProblem("/" + "/".join(str(part) for part in each["loc"]), "type", str(each["msg"]))
            for each in error.errors()
        ]
        detail = "; ".join(f"{each.pointer}: {each.message}" for each in found[:MOST_PROBLEMS])
        return await refuse(request, errors.Unprocessable("invalid_fields", detail, problems=found))

    app.add_exception_handler(PoolhouseError, refuse)
    app.add_exception_handler(HTTPException, refuse_routing)
    app.add_exception_handler(RequestValidationError, refuse_invalid)


def _plain_problem(error: HTTPException, record: RequestRecord) -> Response:
    """What a route beside ours raised, in RFC 9457's own form for problems that have no type."""
    document = {
        "type": "about:blank",
        "title": responses.get(error.status_code, ""),
        "status": error.status_code,
        "detail": error.detail,
        "instance": record.path,
        "request_id": record.request_id.decode(),
    }
    headers = {**(error.headers or {}), "Cache-Control": "no-store"}
    return Response(json.dumps(document), error.status_code, headers, media_type=MEDIA_TYPE)
