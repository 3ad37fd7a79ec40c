"""Logging in lines of text or JSON, optionally with a line for each request.

A thread writes the lines (:mod:`.line_writer`): their reader may stop reading, as a container's log driver does when
its disk is full, and no request may wait for that. When its queue is full, further lines are dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TextIO

import orjson

from poolhouse.rest.observability.line_writer import STANDARD_ERROR, LineWriter, descriptor_writer
from poolhouse.rest.observability.log_control import LogControl
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.settings import Settings

_PROBES: Final = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/metrics"})
_FIELDS: Final = "poolhouse_fields"

_requests = logging.getLogger("poolhouse.requests")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``logger``, ``message``, and the record's extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        # A path may hold a lone surrogate, which is not valid in JSON.
        return orjson.dumps(_escape_surrogates(fields), default=str).decode("utf-8")


def _escape_surrogates(fields: dict[str, object]) -> dict[str, object]:
    return {
        name: value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value
        for name, value in fields.items()
    }


class RequestLogger:
    """Logs a line for each finished request, except for successful probes.

    A :class:`poolhouse.rest.observability.request_record.RequestObserver`.
    """

    def request_finished(self, request: RequestRecord) -> None:
        """Log the line."""
        if request.route in _PROBES and request.status == 200:
            return
        milliseconds = round(1e3 * (request.ended_at - request.started_at), 3)
        fields: dict[str, object] = {
            "method": request.method,
            "path": request.path,
            "operator": request.operator,
            "status": request.status or None,
            "code": request.code,
            "key": request.key,
            "request_id": request.request_id.decode(),
            "trace_id": request.trace_id,
            "received_bytes": request.received_bytes,
            "sent_bytes": request.sent_bytes,
            "ms": milliseconds,
        }
        if (stages := request.stages) is not None:
            fields["read_ms"] = round(1e3 * (stages.read_at - request.started_at), 3)
            fields["decode_ms"] = round(1e3 * (stages.decoded_at - stages.read_at), 3)
            fields["queue_ms"] = round(1e3 * stages.queue_s, 3)
            fields["compute_ms"] = round(1e3 * stages.compute_s, 3)
            fields["encode_ms"] = round(1e3 * (stages.encoded_at - stages.pooled_at), 3)
            fields["send_ms"] = round(1e3 * (request.ended_at - stages.encoded_at), 3)
        _requests.info(
            "%s %s %s%s, %.3f ms, %d bytes in, %d out, request %s",
            request.method,
            _printable(request.path),
            request.status or "gone",
            f" {request.code}" if request.code else "",
            milliseconds,
            request.received_bytes,
            request.sent_bytes,
            _printable(request.request_id.decode()),
            extra={_FIELDS: {name: value for name, value in fields.items() if value != ""}},
        )

    def close(self) -> None:
        """Nothing to do: no lines are buffered here."""


def _printable(text: str) -> str:
    """Text from a client, escaped so that it cannot contain line breaks or terminal control sequences."""
    return text if text.isascii() and text.isprintable() else ascii(text)[1:-1]


class _QueueHandler(logging.Handler):
    """Queues formatted lines for the writing thread, and counts dropped ones."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:
            # As logging.Handler.handleError, which would write to standard error and could block.
            line = self.format(_record(logging.ERROR, "a log line could not be written: %r", record.msg))
        if self._dropped and self._writer.put(
            self.format(
                _record(
                    logging.WARNING, "%d log lines were dropped: the reader of the log did not keep up", self._dropped
                )
            )
        ):
            self._dropped = 0
        if self._dropped or not self._writer.put(line):
            self._dropped += 1


def _record(level: int, message: str, argument: object) -> logging.LogRecord:
    return logging.LogRecord(__name__, level, "", 0, message, (argument,), None)


def configure_logging(settings: Settings, stream: TextIO | None = None) -> Callable[[], None]:
    """Configure the logging of this process.

    Args:
        settings: level and format.
        stream: the output; None for standard error.

    Returns:
        a function that writes the queued lines and ends logging.
    """
    writer = LineWriter(descriptor_writer(STANDARD_ERROR) if stream is None else stream.write)
    handler = _QueueHandler(writer)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    LogControl(handler, level, JsonFormatter() if settings.log_format == "json" else None)
    logging.captureWarnings(True)
    logging.getLogger("uvicorn.error").addFilter(_is_worth_logging)
    if settings.log_level == "info":
        # At level info uvicorn logs its own start and stop, which our line of the start repeats.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)

    def close() -> None:
        root.handlers[:] = []
        writer.close()

    return close


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Whether a record of uvicorn's reports a fault of the service.

    Clients can send malformed requests at any rate, and the metrics count them. A request that is cancelled at shutdown
    has its response, so its traceback would be noise.
    """
    if record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError):
        return False
    return not str(record.msg).startswith(("Invalid HTTP request", "Unsupported upgrade"))
