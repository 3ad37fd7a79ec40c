"""The settings of the service, said once.

Everything that shows or reads a setting is derived from the fields of :class:`Settings`: the environment
names, the options and the help of ``poolhouse serve``, and the table in ``docs/settings.md``.
An argument wins over the environment, the environment over the default.
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

from poolhouse.suggestions import nearest

PREFIX: Final = "POOLHOUSE_"

# Names with our prefix that are not ours to read: the client's, which may share a shell with the server, and
# those that Kubernetes puts into every pod beside a Service called "poolhouse" (POOLHOUSE_PORT=tcp://…).
_CLIENT_NAMES: Final = frozenset({"POOLHOUSE_URL", "POOLHOUSE_API_KEY"})
_SERVICE_LINK: Final = re.compile(r"POOLHOUSE_(SERVICE_HOST|SERVICE_PORT\w*|PORT_\d+_(TCP|UDP|SCTP)\w*)")
_SERVICE_LINK_PORT: Final = re.compile(r"(tcp|udp|sctp)://")

_SIZE: Final = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?)\s*(?:([kmgt])(i?))?b?", re.IGNORECASE)
_POWERS: Final = {"k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a setting counts, and how it is written when that is not plain from its type."""

    unit: str = ""
    form: str = ""


def parse_size(given: object) -> object:
    """The bytes that a text such as ``512MiB``, ``64k`` or ``1.5 GB`` stands for; other values as they are.

    ``k``, ``M``, ``G``, ``T`` count in thousands and ``Ki``, ``Mi``, ``Gi``, ``Ti`` in 1,024s, as Kubernetes
    does. A ``B`` may follow, and case does not matter.
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


def bytes_text(count: int) -> str:
    """A number of bytes as a person writes it, exact: ``1GiB``, ``64KiB``, ``1000``."""
    for prefix, power in reversed(_POWERS.items()):
        if count and count % 1024**power == 0:
            return f"{count // 1024**power}{prefix.upper()}iB"
    return str(count)


def _split_list(given: object) -> object:
    """The entries of a comma list; empty entries are dropped, other values stay as they are."""
    if not isinstance(given, str):
        return given
    return tuple(entry for entry in (part.strip() for part in given.split(",")) if entry)


Bytes = Annotated[int, BeforeValidator(parse_size), Ge(1), Quantity("bytes", "such as 32MiB or 64k")]
Seconds = Annotated[float, Gt(0), Le(86_400), Quantity("seconds")]
Steps = Annotated[int, Quantity("steps")]
_Path = Annotated[str, StringConstraints(min_length=1), Quantity(form="a path")]
_Mode = Annotated[
    str, StringConstraints(pattern=r"^0?[0-7]{3}$"), Quantity(form="three octal digits such as 600 or 660")
]
Device = Annotated[str, StringConstraints(pattern=r"^(auto|cpu|mps|cuda(:[0-9]{1,3})?)$")]
Devices = Annotated[
    tuple[Device, ...],
    BeforeValidator(_split_list),
    Field(min_length=1),
    Quantity(form="a comma list of auto, cpu, cuda, cuda:N, mps"),
]
Origin = Annotated[str, StringConstraints(pattern=r"^(\*|https?://[^/\s]+)$")]
Origins = Annotated[
    tuple[Origin, ...],
    BeforeValidator(_split_list),
    Quantity(form="a comma list of * or scheme://host[:port]"),
]
RootPath = Annotated[
    str,
    StringConstraints(pattern=r"^(/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*$"),
    Quantity(form="a path such as /pooling: ASCII, no slash at its end"),
]


class Settings(BaseSettings):
    """Every setting of the service. Frozen; an unknown name is refused, with the nearest one."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=True)

    host: Annotated[str, StringConstraints(min_length=1)] = Field(
        default="127.0.0.1",
        description="Address or name to listen on; 0.0.0.0 for every IPv4 address, :: for every address of both.",
    )
    port: Annotated[int, Ge(0), Le(65_535)] = Field(
        default=8000, description="TCP port to listen on; 0 takes a free one."
    )
    uds: _Path | None = Field(default=None, description="Unix socket to listen on instead of host and port.")
    uds_mode: _Mode = Field(
        default="600", description="Mode of the Unix socket: who may connect; 660 lets the socket's group in too."
    )
    device: Devices = Field(
        default=("auto",),
        description="Where pooling runs, chosen at start; auto takes the first of cuda, mps, cpu there is.",
    )
    cpu_threads: Annotated[int, Ge(0), Le(1024), Quantity("threads")] = Field(
        default=0,
        description="Threads that pool on the CPU; 0 takes as many as this container has (cgroup limit).",
    )
    kernels: Literal["on", "off"] = Field(
        default="on",
        description="Whether compiled loops work on the CPU; off leaves it to torch and orjson, which are slower.",
    )
    max_body_bytes: Bytes = Field(default=2**30, description="Largest binary body, counted after inflation.")
    max_json_bytes: Bytes = Field(default=2**25, description="Largest JSON body, counted after inflation.")
    max_output_bytes: Bytes = Field(
        default=2**30, description="Largest answer: the bytes of its outputs together, or of their text as JSON."
    )
    max_work: Annotated[Steps, Ge(1)] = Field(
        default=50_000_000_000,
        description="Most work in one request; a step is about a nanosecond of one core.",
    )
    max_queue_bytes: Bytes = Field(
        default=2**32,
        description="Bytes that all requests may hold at once, from body to answer; beyond it the service answers 503.",
    )
    inline_work: Annotated[Steps, Ge(0)] = Field(
        default=262_144,
        description="Work up to which a job runs where it is, since a hop to a thread would cost more.",
    )
    max_header_bytes: Annotated[int, BeforeValidator(parse_size), Ge(1024), Quantity("bytes")] = Field(
        default=2**16,
        description="Largest request line and headers together; beyond it the service answers 431.",
    )
    header_timeout_s: Seconds = Field(
        default=10.0, description="Longest wait for a TLS handshake, and for the headers of a request to be complete."
    )
    body_timeout_s: Seconds = Field(
        default=20.0,
        description="Longest silence of a client between two pieces of a body, or while it reads a large answer.",
    )
    min_body_bytes_per_s: Annotated[int, BeforeValidator(parse_size), Ge(0), Quantity("bytes")] = Field(
        default=1024,
        description="A body or answer of n bytes may take body_timeout_s and n times a second over this; 0: no limit.",
    )
    contended_body_timeout_s: Seconds = Field(
        default=60.0,
        description="While the room is full, a body or answer on course to take longer gives its room to new requests.",
    )
    device_hang_timeout_s: Annotated[float, Gt(0), Le(86_400), Quantity("seconds")] = Field(
        default=300.0,
        description="A batch that a device works on for longer has hung: the device is given up and rebuilt.",
    )
    grace_period_s: Annotated[float, Ge(0), Le(86_400), Quantity("seconds")] = Field(
        default=30.0,
        description="Time that requests under way have to finish once the service is told to stop.",
    )
    drain_delay_s: Annotated[float, Ge(0), Le(86_400), Quantity("seconds")] = Field(
        default=1.0,
        description="Time to go on listening after SIGTERM, answering 503, so that load balancers notice.",
    )
    api_keys_file: _Path | None = Field(
        default=None,
        description="TOML file of API keys and their quotas; with keys, calls need one. Read again on SIGHUP.",
    )
    api_keys: Annotated[SecretStr, Quantity(form="a comma list of name=key")] = Field(
        default=SecretStr(""), description="API keys without quotas; better given by the environment than as an option."
    )
    tls_certificate: _Path | None = Field(
        default=None,
        description="PEM file of the certificate chain; with it the port speaks TLS. Read again on SIGHUP.",
    )
    tls_key: _Path | None = Field(
        default=None, description="PEM file of the certificate's private key, if the certificate's file has none."
    )
    tls_client_ca: _Path | None = Field(
        default=None, description="PEM file of authorities; callers must then show a certificate of one of them."
    )
    admin_port: Annotated[int, Ge(0), Le(65_535)] | None = Field(
        default=None,
        description="TCP port for /metrics and /version, which the public port then lacks; the probes are on both.",
    )
    admin_host: Annotated[str, StringConstraints(min_length=1)] = Field(
        default="127.0.0.1", description="Address that the admin port listens on; it asks for no key and speaks no TLS."
    )
    cors_origins: Origins = Field(
        default=(), description="Origins whose pages may call the service; empty turns CORS off."
    )
    root_path: RootPath = Field(
        default="", description="Path below which a proxy serves this service; requests may come with it or without."
    )
    log_level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        default="info", description="Least important kind of line that is logged."
    )
    log_format: Literal["text", "json"] = Field(default="text", description="How log lines are written.")
    log_requests: bool = Field(
        default=False, description="A line for every request that is over, but for probes that went well."
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
        """The arguments, then the environment. No .env file: a folder must not change a service."""
        return init_settings, _Environment(settings_cls)


class _Environment(PydanticBaseSettingsSource):
    """Our variables as plain text: pydantic's source would read lists as JSON and ignore a misspelt name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        return os.environ.get(environment_name(field_name)), field_name, False

    def __call__(self) -> dict[str, object]:
        return dict(from_environment(os.environ))


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that these variables give, by field; one that is no setting keeps its whole name.

    An empty variable counts as unset, as a compose file or a shell leaves it.
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
    """One setting as a person meets it: its names, its default, what it takes and what it does."""

    field: str
    environment: str
    option: str
    default: str
    takes: str
    description: str


def environment_name(field: str) -> str:
    """``POOLHOUSE_MAX_WORK`` for ``max_work``."""
    return PREFIX + field.upper()


def option_name(field: str) -> str:
    """``--max-work`` for ``max_work``."""
    return "--" + field.replace("_", "-")


def table() -> tuple[Setting, ...]:
    """Every setting, in the order of the class."""
    return tuple(
        Setting(
            field=name,
            environment=environment_name(name),
            option=option_name(name),
            default=_default(info),
            takes=_takes(info),
            description=info.description or "",
        )
        for name, info in Settings.model_fields.items()
    )


def _quantity(info: FieldInfo) -> Quantity:
    return next((entry for entry in _metadata(info) if isinstance(entry, Quantity)), Quantity())


def _metadata(info: FieldInfo) -> tuple[object, ...]:
    """What is annotated on a field, also inside of an ``X | None``."""
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
        return bytes_text(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _takes(info: FieldInfo) -> str:
    """The unit and the constraint in words, from the same metadata that pydantic enforces."""
    quantity = _quantity(info)
    words = [quantity.unit, quantity.form]
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
    """What is wrong with each setting at fault: a line each, with its names and what it takes."""
    by_field = {row.field: row for row in table()}
    lines: list[str] = []
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0])
        if row := by_field.get(name):
            lines.append(f"{row.option} ({row.environment}): given {problem['input']!r}, takes {row.takes}")
        else:
            lines.append(f"{name} is no setting; {_nearest(name)}")
    return lines


def _nearest(name: str) -> str:
    known = list(Settings.model_fields)
    near = nearest(name.upper().removeprefix(PREFIX).lower(), known, most=1)
    if not near:
        return "poolhouse serve --help lists them"
    return f"did you mean {environment_name(near[0]) if name.startswith(PREFIX) else near[0]}?"
