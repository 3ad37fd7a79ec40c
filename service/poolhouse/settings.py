"""The settings of the service.

The environment variables, the options and the help of ``poolhouse serve``, and the table in ``docs/settings.md`` are
all derived from the fields of :class:`Settings`.
An argument overrides the environment, and the environment overrides the default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from poolhouse.suggestions import nearest_names

PREFIX: Final = "POOLHOUSE_"

# Variables with our prefix that are no settings: the client's, and those that Kubernetes sets in every pod if a Service
# is named "poolhouse" (POOLHOUSE_PORT=tcp://…).
_CLIENT_NAMES: Final = frozenset({"POOLHOUSE_URL", "POOLHOUSE_API_KEY"})
_SERVICE_LINK: Final = re.compile(r"POOLHOUSE_(SERVICE_HOST|SERVICE_PORT\w*|PORT_\d+_(TCP|UDP|SCTP)\w*)")
_SERVICE_LINK_PORT: Final = re.compile(r"(tcp|udp|sctp)://")

_SIZE: Final = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?)\s*(?:([kmgt])(i?))?b?", re.IGNORECASE)
_POWERS: Final = {"k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True, slots=True)
class Quantity:
    """The unit of a setting, and its format if the type does not show it."""

    unit: str = ""
    format: str = ""


def parse_size(given: object) -> object:
    """Convert a text such as ``512MiB``, ``64k`` or ``1.5 GB`` to bytes; other values are returned unchanged.

    ``k``, ``M``, ``G``, ``T`` are powers of 1,000, and ``Ki``, ``Mi``, ``Gi``, ``Ti`` of 1,024, as in Kubernetes. A
    ``B`` may follow, and case does not matter.
    """
    if not isinstance(given, str):
        return given
    matched = _SIZE.fullmatch(given.strip())
    if matched is None:
        raise ValueError("expected a number of bytes such as 33554432, 32MiB or 64k")
    digits, prefix, binary = matched.groups()
    scale = (1024 if binary else 1000) ** _POWERS[prefix.lower()] if prefix else 1
    whole, _, fraction = digits.replace("_", "").partition(".")
    # In integers: a float would lose the last bytes of a large size.
    return int(whole) * scale + int(fraction or "0") * scale // 10 ** len(fraction)


def format_size(count: int) -> str:
    """Format a number of bytes exactly: ``1GiB``, ``64KiB``, ``1000``."""
    for prefix, power in reversed(_POWERS.items()):
        if count and count % 1024**power == 0:
            return f"{count // 1024**power}{prefix.upper()}iB"
    return str(count)


def _split_list(given: object) -> object:
    """Split a comma-separated list, without empty entries; other values are returned unchanged."""
    if not isinstance(given, str):
        return given
    return tuple(entry for entry in (part.strip() for part in given.split(",")) if entry)


Bytes = Annotated[int, BeforeValidator(parse_size), Ge(1), Quantity("bytes", "such as 32MiB or 64k")]
Seconds = Annotated[float, Gt(0), Le(86_400), Quantity("seconds")]
Steps = Annotated[int, Quantity("steps")]
_Path = Annotated[str, StringConstraints(min_length=1), Quantity(format="a path")]
_Mode = Annotated[
    str, StringConstraints(pattern=r"^0?[0-7]{3}$"), Quantity(format="three octal digits such as 600 or 660")
]
Device = Annotated[str, StringConstraints(pattern=r"^(auto|cpu|mps|cuda(:[0-9]{1,3})?)$")]
Devices = Annotated[
    tuple[Device, ...],
    BeforeValidator(_split_list),
    Field(min_length=1),
    Quantity(format="a comma-separated list of auto, cpu, cuda, cuda:N, mps"),
]
Origin = Annotated[str, StringConstraints(pattern=r"^(\*|https?://[^/\s]+)$")]
Origins = Annotated[
    tuple[Origin, ...],
    BeforeValidator(_split_list),
    Quantity(format="a comma-separated list of * or scheme://host[:port]"),
]
RootPath = Annotated[
    str,
    StringConstraints(pattern=r"^(/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*$"),
    Quantity(format="an ASCII path such as /pooling, without a slash at the end"),
]


class Settings(BaseSettings):
    """All settings of the service. Frozen; an unknown name is refused, with the most similar name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=True)

    host: Annotated[str, StringConstraints(min_length=1)] = Field(
        default="127.0.0.1",
        description="Address or name to listen on; 0.0.0.0 for all IPv4 addresses, :: for all IPv4 and IPv6 addresses.",
    )
    port: Annotated[int, Ge(0), Le(65_535)] = Field(
        default=8000, description="TCP port to listen on; 0 chooses a free one."
    )
    uds: _Path | None = Field(default=None, description="Unix socket to listen on instead of host and port.")
    uds_mode: _Mode = Field(
        default="600", description="File mode of the Unix socket; 660 lets the socket's group connect too."
    )
    device: Devices = Field(
        default=("auto",),
        description="Devices that pool, chosen at start; auto takes the first available of cuda, mps, cpu.",
    )
    cpu_threads: Annotated[int, Ge(0), Le(1024), Quantity("threads")] = Field(
        default=0,
        description="Threads that pool on the CPU; 0 takes the number of cores, or the container's cgroup limit.",
    )
    kernels: Literal["on", "off"] = Field(
        default="on",
        description="Whether the CPU uses compiled loops; with off, torch and orjson do the work, slower.",
    )
    max_body_bytes: Bytes = Field(default=2**30, description="Largest binary body, counted after inflation.")
    max_json_bytes: Bytes = Field(default=2**25, description="Largest JSON body, counted after inflation.")
    max_output_bytes: Bytes = Field(
        default=2**30, description="Largest response: the bytes of all outputs, or of their text as JSON."
    )
    max_work: Annotated[Steps, Ge(1)] = Field(
        default=50_000_000_000,
        description="Most work of one request; a step is about a nanosecond of one core.",
    )
    max_queue_bytes: Bytes = Field(
        default=2**32,
        description="Bytes that all requests together may hold, from body to response; beyond it they get 503.",
    )
    inline_work: Annotated[Steps, Ge(0)] = Field(
        default=262_144,
        description="Most work of a job that runs on the event loop; passing it to a thread would cost more.",
    )
    max_header_bytes: Annotated[int, BeforeValidator(parse_size), Ge(1024), Quantity("bytes")] = Field(
        default=2**16,
        description="Largest sum of request line and headers; a larger one gets 431.",
    )
    header_timeout_s: Seconds = Field(
        default=10.0, description="Longest duration of a TLS handshake, and of receiving the headers of a request."
    )
    body_timeout_s: Seconds = Field(
        default=20.0,
        description="Longest pause of a client while it sends a body or reads a large response.",
    )
    min_body_bytes_per_s: Annotated[int, BeforeValidator(parse_size), Ge(0), Quantity("bytes")] = Field(
        default=1024,
        description="Slowest transfer of n bytes: body_timeout_s plus n divided by this, in seconds; 0: no limit.",
    )
    contended_body_timeout_s: Seconds = Field(
        default=60.0,
        description="While max_queue_bytes are held, a transfer on course to take longer is ended for a new request.",
    )
    device_hang_timeout_s: Annotated[float, Gt(0), Le(86_400), Quantity("seconds")] = Field(
        default=300.0,
        description="A device that works on one batch for longer counts as hung, and is replaced.",
    )
    grace_period_s: Annotated[float, Ge(0), Le(86_400), Quantity("seconds")] = Field(
        default=30.0,
        description="Time for running requests to finish after the service gets SIGTERM or SIGINT.",
    )
    drain_delay_s: Annotated[float, Ge(0), Le(86_400), Quantity("seconds")] = Field(
        default=1.0,
        description="Time after SIGTERM in which the service still listens, with 503, so that load balancers notice.",
    )
    api_keys_file: _Path | None = Field(
        default=None,
        description="TOML file of API keys and their quotas; with keys, requests need one. Reloaded on SIGHUP.",
    )
    api_keys: Annotated[SecretStr, Quantity(format="a comma-separated list of name=key")] = Field(
        default=SecretStr(""),
        description="API keys without quotas; set them by the environment, since options are visible to others.",
    )
    tls_certificate: _Path | None = Field(
        default=None,
        description="PEM file of the certificate chain; turns TLS on. Reloaded on SIGHUP.",
    )
    tls_key: _Path | None = Field(
        default=None, description="PEM file of the private key, if tls_certificate does not contain it."
    )
    tls_client_ca: _Path | None = Field(
        default=None,
        description="PEM file of certificate authorities; clients must then have a certificate of one of them.",
    )
    admin_port: Annotated[int, Ge(0), Le(65_535)] | None = Field(
        default=None,
        description="TCP port for /metrics, /version and /status, which the public port then lacks; both serve the "
        "probes.",
    )
    admin_host: Annotated[str, StringConstraints(min_length=1)] = Field(
        default="127.0.0.1", description="Address of the admin port, which needs no key and has no TLS."
    )
    cors_origins: Origins = Field(
        default=(), description="Origins of web pages that may call the service; empty turns CORS off."
    )
    root_path: RootPath = Field(
        default="", description="Path under which a proxy serves this service; requests may include it or not."
    )
    models_file: _Path | None = Field(
        default=None,
        description="JSON file of presets, which become models of the Open Inference Protocol under /v2.",
    )
    shared_memory: bool = Field(
        default=False,
        description="Whether clients on this machine may register shared memory regions under /v2 to pass tensors.",
    )
    grpc_port: Annotated[int, Ge(0), Le(65_535)] | None = Field(
        default=None,
        description="TCP port of the Open Inference Protocol over gRPC, on host; needs the extra poolhouse[grpc].",
    )
    nv_metrics: bool = Field(
        default=False,
        description="Whether /metrics also has Triton's metrics, nv_inference_*, for dashboards made for them.",
    )
    log_level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        default="info", description="Least severe level that is logged."
    )
    log_format: Literal["text", "json"] = Field(default="text", description="Format of log lines.")
    log_requests: bool = Field(
        default=False, description="Log a line for every finished request, except successful probes."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment. No .env file: the working directory must not change the settings."""
        return init_settings, _Environment(settings_cls)


class _Environment(PydanticBaseSettingsSource):
    """The environment variables as text; pydantic's own source parses lists as JSON and ignores misspelt names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        return os.environ.get(environment_name(field_name)), field_name, False

    def __call__(self) -> dict[str, object]:
        return dict(from_environment(os.environ))


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings in these variables, by field; an unknown variable keeps its full name, to be refused.

    An empty variable counts as unset, as compose files and shells often set it.
    """
    given: dict[str, str] = {}
    for variable, text in environ.items():
        name = variable.upper()
        if not name.startswith(PREFIX) or not text or name in _CLIENT_NAMES or _SERVICE_LINK.fullmatch(name):
            continue
        field = name.removeprefix(PREFIX).lower()
        if field == "port" and _SERVICE_LINK_PORT.match(text):
            continue
        given[field if field in Settings.model_fields else name] = text
    return given


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as users see it: names, default, accepted values, description."""

    field: str
    environment: str
    option: str
    default: str
    accepts: str
    description: str


def environment_name(field: str) -> str:
    """``POOLHOUSE_MAX_WORK`` for ``max_work``."""
    return PREFIX + field.upper()


def option_name(field: str) -> str:
    """``--max-work`` for ``max_work``."""
    return "--" + field.replace("_", "-")


def all_settings() -> tuple[Setting, ...]:
    """Every setting, in the order of the class."""
    return tuple(
        Setting(
            field=name,
            environment=environment_name(name),
            option=option_name(name),
            default=_default(info),
            accepts=_takes(info),
            description=info.description or "",
        )
        for name, info in Settings.model_fields.items()
    )


def _quantity(info: FieldInfo) -> Quantity:
    return next((entry for entry in _metadata(info) if isinstance(entry, Quantity)), Quantity())


def _metadata(info: FieldInfo) -> tuple[object, ...]:
    """The annotations of a field, including those inside of ``X | None``."""
    inner = tuple(entry for arm in get_args(info.annotation) for entry in getattr(arm, "__metadata__", ()))
    return (*info.metadata, *inner)


def _default(info: FieldInfo) -> str:
    value: object = info.default
    if value is None or value in ((), "", SecretStr("")):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(str(entry) for entry in value)
    if isinstance(value, int) and _quantity(info).unit == "bytes":
        return format_size(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _takes(info: FieldInfo) -> str:
    """The unit and the constraints in words, from the metadata that pydantic enforces."""
    quantity = _quantity(info)
    words = [quantity.unit, quantity.format]
    if get_origin(info.annotation) is Literal:
        words.append("one of " + ", ".join(get_args(info.annotation)))
    if info.annotation is bool:
        words.append("true or false")
    for entry in _metadata(info):
        match entry:
            case Ge(ge=least):
                words.append(f"at least {least}")
            case Gt(gt=above):
                words.append(f"more than {above}")
            case Le(le=most):
                words.append(f"at most {most}")
            case _:
                pass
    return ", ".join(word for word in words if word) or "text"


def error_lines(error: ValidationError) -> list[str]:
    """A line for each invalid setting, with its names and accepted values."""
    by_field = {row.field: row for row in all_settings()}
    lines: list[str] = []
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0])
        if row := by_field.get(name):
            lines.append(f"{row.option} ({row.environment}): given {problem['input']!r}, takes {row.accepts}")
        else:
            lines.append(f"there is no setting {name}; {_nearest(name)}")
    return lines


def _nearest(name: str) -> str:
    known = list(Settings.model_fields)
    near = nearest_names(name.upper().removeprefix(PREFIX).lower(), known, most=1)
    if not near:
        return "poolhouse serve --help lists them"
    return f"did you mean {environment_name(near[0]) if name.startswith(PREFIX) else near[0]}?"
