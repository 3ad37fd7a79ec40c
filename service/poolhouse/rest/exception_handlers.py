"""Exception handlers of the FastAPI application, which turn every refusal into a problem document."""

from __future__ import annotations

import json
from http.client import responses

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from poolhouse import errors
from poolhouse.errors import MAX_PROBLEMS, PoolhouseError
from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.http.headers import HEADERS_KEY
from poolhouse.rest.http.problems import MEDIA_TYPE, Problem
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.rest.path_suggestions import PathSuggester


class ProblemResponse(Response):
    """A problem document as a Starlette response; without its body for HEAD."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, method: str = "GET") -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in problem.headers}
        super().__init__(b"" if method == "HEAD" else problem.body, problem.status, headers)


def add_exception_handlers(app: FastAPI, suggestions: PathSuggester, accounting: Accounting) -> None:
    """Make an application respond to each refusal with a problem document.

    Args:
        app: the application.
        suggestions: for unknown paths.
        accounting: counts the refusals, and decides whether a client may see other paths.
    """

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, PoolhouseError)
        record = accounting.record_of(request.scope)
        return ProblemResponse(accounting.refuse(error, record, request.scope[HEADERS_KEY]), request.method)

    async def refuse_routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        scope, record = request.scope, accounting.record_of(request.scope)
        if error.status_code not in (404, 405) or error.detail != responses[error.status_code]:
            # Raised by a route that was added to ours; keep its status and its text.
            return _untyped_problem(error, record)
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
        problems = [
            errors.FieldProblem("/" + "/".join(str(part) for part in each["loc"]), "type", str(each["msg"]))
            for each in error.errors()
        ]
        detail = "; ".join(f"{each.pointer}: {each.message}" for each in problems[:MAX_PROBLEMS])
        return await refuse(request, errors.Unprocessable("invalid_fields", detail, problems=problems))

    app.add_exception_handler(PoolhouseError, refuse)
    app.add_exception_handler(HTTPException, refuse_routing)
    app.add_exception_handler(RequestValidationError, refuse_invalid)


def _untyped_problem(error: HTTPException, record: RequestRecord) -> Response:
    """An exception of a route that is not ours, in RFC 9457's form for problems without a type."""
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
