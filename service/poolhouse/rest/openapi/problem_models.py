"""Pydantic models of the problem documents, and the ``responses`` that document a route's refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, create_model

from poolhouse.errors import CODES, FIELD_CODES, MAX_PROBLEMS, PoolhouseError, QuotaExceeded, Unavailable


def _enum_schema(*values: str | int) -> dict[str, Any]:
    """An enumeration; pydantic writes a Literal of one value as const, which client generators do not support."""
    return {"enum": list(values)}


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    model_config = ConfigDict(extra="forbid")

    pointer: str = Field(description="JSON Pointer into the body, or ? and the name of a query parameter.")
    code: str = Field(json_schema_extra=_enum_schema(*FIELD_CODES))
    message: str


class ProblemDocument(BaseModel):
    """A refusal (RFC 9457): what was given, what was expected, how to mend it."""

    type: str = Field(description="urn:poolhouse:problem: and the code.", json_schema_extra={"format": "uri"})
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path of the request.")
    code: str = Field(description="Stable identifier of the error; use it in programs.")
    request_id: str = Field(description="As in X-Request-ID.")
    errors: list[FieldProblem] = Field(default_factory=list, max_length=MAX_PROBLEMS)
    limit_bytes: int = Field(default_factory=int, ge=0, description="The limit that was exceeded.")


class InferenceError(BaseModel):
    """A refusal in the form of the Open Inference Protocol."""

    error: str = Field(description="What was given, what was expected, how to mend it.")
    code: str = Field(description="Stable identifier of the error; use it in programs.")
    request_id: str = Field(description="As in X-Request-ID.")
    errors: list[FieldProblem] = Field(default_factory=list, max_length=MAX_PROBLEMS)
    limit_bytes: int = Field(default_factory=int, ge=0, description="The limit that was exceeded.")


def _model(error: type[PoolhouseError]) -> type[ProblemDocument]:
    """The problem document of one error class, without a shared base: client generators cannot narrow one."""
    codes = [code for code, owner in CODES.items() if owner is error]
    description = ProblemDocument.model_fields["code"].description
    return create_model(
        f"{error.__name__}Problem",
        __base__=ProblemDocument,
        __doc__=ProblemDocument.__doc__,
        status=(int, Field(json_schema_extra=_enum_schema(error.status))),
        code=(str, Field(description=description, json_schema_extra=_enum_schema(*codes))),
    )


MODELS: Final = {error: _model(error) for error in dict.fromkeys(CODES.values())}
"""The model of each error class's problem document; each status has one class."""
_HEADERS: Final[Mapping[int, tuple[str, str]]] = {
    415: ("Accept-Post", "The supported media types, if the media type was at fault."),
    401: (
        "WWW-Authenticate",
        'The supported scheme, Bearer; for an unknown key also error="invalid_token".',
    ),
    405: ("Allow", "The methods that this path supports."),
}


def refusal_responses(*refused: type[PoolhouseError]) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that refuses requests with these classes, in addition to those of all routes."""
    return {error.status: _response(error) for error in refused}


def _response(error: type[PoolhouseError]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if issubclass(error, Unavailable | QuotaExceeded):
        headers["Retry-After"] = {
            "description": "Seconds after which to try again.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        }
    if error.status in _HEADERS:
        name, description = _HEADERS[error.status]
        headers[name] = {"description": description, "schema": {"type": "string"}}
    return {
        "description": (error.__doc__ or error.title).partition("\n")[0],
        "headers": headers,
        "model": MODELS[error],
    }
