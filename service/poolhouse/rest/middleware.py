"""The one middleware: who asks, and what they get when it goes wrong.

It wraps everything, so it is lean: one dict of the headers, one closure, no task and no context.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poolhouse.errors import PoolhouseError, Unavailable
from poolhouse.pooling import Pooling
from poolhouse.rest import headers as request_headers
from poolhouse.rest.authorization import KEY_NAME, PASS_KEY, Authorization, Pass
from poolhouse.rest.bodies import CallerGone
from poolhouse.rest.finished import STAGES_KEY, Finished, Observer
from poolhouse.rest.intake import INTAKE_KEY, Intake
from poolhouse.rest.metrics import Metrics
from poolhouse.rest.problems import internal, problem
from poolhouse.rest.routes.suggestions import Signpost

_CODE_KEY = "poolhouse.code"
_LONGEST_PATH = 256

_log = logging.getLogger("poolhouse.rest")


class Frame:
    """Names every request, and turns whatever is raised inside into a problem document.

    An answer that has already begun cannot be unsaid: then the error goes on to the server, which
    closes the connection, and the caller sees a body shorter than its Content-Length.
    """

    def __init__(
        self,
        app: ASGIApp,
        signpost: Signpost,
        pooling: Pooling,
        metrics: Metrics,
        authorization: Authorization | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._observers = tuple(observers)
        self._app = app
        self._authorization = authorization
        self._signpost = signpost
        self._pooling = pooling
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan, which passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: request_headers.Headers | None = scope.get(request_headers.HEADERS_KEY)
        if headers is None:
            headers = request_headers.read_headers(scope["headers"])
        request_id = request_headers.request_id(headers)
        scope[request_headers.HEADERS_KEY] = headers
        scope[request_headers.REQUEST_ID_KEY] = request_id
        if b"traceparent" in headers:
            scope[request_headers.TRACE_ID_KEY] = request_headers.trace_id(headers)
        status = received = sent = 0
        entered: Pass | None = None
        begun = perf_counter() if self._observers else 0.0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if entered is not None:
                entered.received(received)
            return message

        async def named_send(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
                if self._pooling.draining:
                    # Whoever keeps the connection would find it closed at the next request.
                    message["headers"].append((b"connection", b"close"))
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            if self._authorization is not None:
                entered = self._authorization.enter(scope["path"].removeprefix(scope.get("root_path", "")), headers)
                if entered is not None:
                    scope[KEY_NAME] = entered.name
                    scope[PASS_KEY] = entered
            await self._app(scope, counted_receive, named_send)
        except CallerGone:
            pass
        except PoolhouseError as error:
            if status:
                raise
            await self._refuse(error, scope, named_send)
        except HTTPException as error:
            if status:
                raise
            # The pages need no key, and a suggestion costs work: with keys set it is made for requests with a key only.
            hint = self._authorization is None or entered is not None
            refusal = self._signpost.refusal(error, scope["method"], scope["path"], hint=hint)
            await self._refuse(refusal, scope, named_send)
        except asyncio.CancelledError:
            # The grace period is over and the server cancels what still runs.
            if not status:
                draining = Unavailable("draining", "The service is stopping; ask again in a moment.")
                await self._refuse(draining, scope, named_send)
            raise
        except MemoryError:
            # The system has less memory than the settings allow. What this request held is free once it is refused.
            _log.warning("request %s found no memory (trace %s)", *_names(scope))
            if status:
                raise
            await self._refuse(_out_of_memory(), scope, named_send)
        except Exception:
            _log.exception("request %s failed (trace %s)", *_names(scope))
            if status:
                raise
            await self._refuse(internal(), scope, named_send)
        finally:
            intake: Intake | None = scope.get(INTAKE_KEY)
            if intake is not None:
                received += intake.received
            route = self._metrics.answered(scope, status, received, sent)
            if self._authorization is not None and entered is not None:
                self._authorization.leave(entered, received + sent)
                self._metrics.used(entered.name, received + sent)
            if self._observers:
                self._tell(scope, route, status, received, sent, begun)

    def _tell(self, scope: Scope, route: str, status: int, received: int, sent: int, begun: float) -> None:
        headers: request_headers.Headers = scope[request_headers.HEADERS_KEY]
        parameters: Mapping[str, str] = scope.get("path_params", {})
        request = Finished(
            method=scope["method"],
            path=_path(scope)[:_LONGEST_PATH],
            route=route,
            operator=parameters.get("operator", "")[:_LONGEST_PATH],
            status=status,
            code=scope.get(_CODE_KEY, ""),
            key=scope.get(KEY_NAME, ""),
            request_id=scope[request_headers.REQUEST_ID_KEY].decode("ascii"),
            trace_id=scope.get(request_headers.TRACE_ID_KEY) or "",
            traceparent=request_headers.text(headers, b"traceparent") or "",
            tracestate=request_headers.text(headers, b"tracestate") or "",
            received_bytes=received,
            sent_bytes=sent,
            begun=begun,
            ended=perf_counter(),
            stages=scope.get(STAGES_KEY),
        )
        for observer in self._observers:
            try:
                observer.finished(request)
            except Exception:
                # Nobody asked for what it does; it must not become the caller's trouble.
                _log.exception("request %s could not be told of", request.request_id)

    async def _refuse(self, error: PoolhouseError, scope: Scope, send: Send) -> None:
        self._metrics.refused(error.code)
        scope[_CODE_KEY] = error.code
        headers: request_headers.Headers = scope[request_headers.HEADERS_KEY]
        request_id: bytes = scope[request_headers.REQUEST_ID_KEY]
        refusal = problem(error, instance=_path(scope), request_id=request_id.decode("ascii"))
        # A caller told "no" instead of "100 Continue" may or may not send the body that it announced;
        # on a kept connection its bytes would be read as the next request.
        closing = ((b"connection", b"close"),) if b"expect" in headers else ()
        await send({"type": "http.response.start", "status": refusal.status, "headers": [*refusal.headers, *closing]})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else refusal.body})


def _out_of_memory() -> Unavailable:
    return Unavailable(
        "overloaded",
        "There is no memory for this request now. Send fewer rows at once, or try again in a moment.",
        retry_after_s=1,
    )


def _path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    return scope["path"] if raw is None else raw.decode("latin-1")


def _names(scope: Scope) -> tuple[str, str]:
    return (
        scope[request_headers.REQUEST_ID_KEY].decode("ascii"),
        scope.get(request_headers.TRACE_ID_KEY) or "-",
    )
