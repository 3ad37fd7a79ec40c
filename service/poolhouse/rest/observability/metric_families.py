"""The declarations of all metrics; ``docs/metrics.md`` lists them.

Labels have a bounded number of values: operators from the catalogue; routes, codes and devices from their tables; and
``other`` for any name that only a client has sent.
"""

from __future__ import annotations

from typing import Final, Literal

from poolhouse.rest.observability.counters import Family

_SECONDS: Final = (
    *(1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    *(0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
)
_PLANES: Final = tuple(float(4**power) for power in range(12))
_REQUESTS: Final = tuple(float(2**power) for power in range(11))

FAMILIES: Final[dict[str, Family]] = {
    family.name: family
    for family in (
        Family(
            "poolhouse_requests_total",
            "counter",
            "Finished requests by HTTP status; gone if the client disconnected before the response started.",
            ("route", "operator", "status"),
        ),
        Family("poolhouse_refusals_total", "counter", "Refused requests by error code.", ("code",)),
        Family("poolhouse_key_requests_total", "counter", "Authorized requests by the name of the API key.", ("key",)),
        Family(
            "poolhouse_key_bytes_total",
            "counter",
            "Bytes of request and response bodies by the name of the API key.",
            ("key",),
        ),
        Family("poolhouse_received_bytes_total", "counter", "Bytes of request bodies received, before inflation."),
        Family("poolhouse_sent_bytes_total", "counter", "Bytes of response bodies sent, after compression."),
        Family(
            "poolhouse_callers_gone_total",
            "counter",
            "Disconnects by clients, by stage: while the headers or the body are received, while the request waits "
            "for its result, while the response is sent.",
            ("stage",),
        ),
        Family(
            "poolhouse_stage_seconds",
            "histogram",
            "Duration of the stages of successful requests; the same values as in Server-Timing.",
            ("call", "stage"),
            _SECONDS,
        ),
        Family(
            "poolhouse_request_seconds",
            "histogram",
            "Duration of successful requests, from the complete body to the encoded response: the sum of their stages.",
            ("call",),
            _SECONDS,
        ),
        Family("poolhouse_connections", "gauge", "Open HTTP connections, those of the admin port included."),
        Family("poolhouse_held_bytes", "gauge", "Bytes reserved for requests: inputs, outputs and workspace."),
        Family("poolhouse_capacity_bytes", "gauge", "Limit of the reserved bytes; requests beyond it are refused."),
        Family("poolhouse_held_requests", "gauge", "Requests that have bytes reserved."),
        Family("poolhouse_jobs", "gauge", "Jobs that wait for a device or run on one."),
        Family(
            "poolhouse_batch_requests",
            "histogram",
            "Requests in a batch, by the reason that the batch was closed; its count is the number of batches.",
            ("device", "reason"),
            _REQUESTS,
        ),
        Family("poolhouse_batch_planes", "histogram", "Planes in a batch.", ("device", "reason"), _PLANES),
        Family(
            "poolhouse_compute_seconds",
            "histogram",
            "Duration of a batch on its device.",
            ("operator", "device"),
            _SECONDS,
        ),
        Family(
            "poolhouse_engine_events_total",
            "counter",
            "Jobs cancelled or expired, batches bisected or halved, devices lost.",
            ("event",),
        ),
        Family("poolhouse_state", "gauge", "1 for the state of the service, 0 for the others.", ("state",)),
        Family(
            "poolhouse_device_state", "gauge", "1 for the state of a device, 0 for the others.", ("device", "state")
        ),
        Family(
            "poolhouse_build_info", "gauge", "Always 1; the labels are the versions.", ("version", "python", "torch")
        ),
    )
}
"""Every metric of the service by name. The page also has the standard metrics of the process."""

Stage = Literal["headers", "body", "waiting", "answer"]

STAGES: Final[tuple[Stage, ...]] = ("headers", "body", "waiting", "answer")
EVENTS: Final = ("cancelled", "expired", "bisected", "halved", "device_lost")
STATES: Final = ("starting", "ready", "draining", "device_lost")
DEVICE_STATES: Final = ("ready", "lost")
