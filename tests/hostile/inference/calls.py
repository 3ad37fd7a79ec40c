"""Hostile parameters, outputs, classifications, regions and models."""

from __future__ import annotations

from typing import Final

from tests.hostile.inference.hostile_inference import (
    HostileInference,
    binary_entry,
    binary_row,
    entry,
    json_row,
    request,
)

_BIG: Final = 2**31 - 1


def _parameters(
    name: str, code: str = "invalid_fields", model: str = "max_pool2d", **given: object
) -> HostileInference:
    status = 404 if code == "unknown_operator" else 400
    return json_row(
        f"parameter {name}", request(parameters={"kernel_size": 1, **given}), code, status=status, model=model
    )


def _header(name: str, value: str, code: str = "invalid_fields") -> HostileInference:
    return binary_row(
        f"Pool-Parameters {name}",
        request(binary_entry(), parameters={}),
        code=code,
        headers={"Pool-Parameters": value},
        model="max_pool2d",
    )


def _outputs(name: str, *outputs: object, code: str = "invalid_fields", **members: object) -> HostileInference:
    return json_row(f"outputs {name}", request(outputs=list(outputs), **members), code)


def _output(name: object = "output", **parameters: object) -> dict[str, object]:
    return {"name": name, "parameters": parameters}


def _region(name: str, code: str = "invalid_fields", **given: object) -> HostileInference:
    parameters = {f"shared_memory_{key}": value for key, value in given.items()}
    return json_row(f"region {name}", request(entry(data=None, parameters=parameters)), code)


PARAMETERS: Final[tuple[HostileInference, ...]] = (
    _parameters("unknown", kernal_size=2),
    _parameters("reserved by Triton", triton_enable_empty_final_response=True),
    _parameters("of nested lists", stride=[[[[1] * 20] * 20] * 10]),
    _parameters("of objects", stride={"a": 1}),
    _parameters("null", padding=None),
    _parameters("of 5,000 numbers", stride=[1] * 5_000),
    _parameters("of 100,000 commas", stride="," * 100_000),
    _parameters("of control characters", stride="\x00\x1b\u2028\u202e"),
    json_row("parameter with an odd name", request(parameters={"\x00\x1b\u2028/~0" * 1000: 1})),
    _parameters("negative timeout", timeout=-1),
    _parameters("timeout of 64 bits", timeout=2**63),
    _parameters("timeout 1.5", timeout=1.5),
    _parameters("timeout true", timeout=True),
    _parameters("timeout a string", timeout="1"),
    _parameters("priority of 33 bits", priority=2**32),
    _parameters("binary_data_output 1", binary_data_output=1),
    _parameters("stats null", stats=None),
    _parameters("sequence_id", sequence_id=7),
    _parameters("sequence_id a list", sequence_id=[0]),
    _parameters("op for an operator", op="max_pool2d"),
    _parameters("op missing", model="pool"),
    _parameters("op a list", model="pool", op=["max_pool2d"]),
    _parameters("op unknown", "unknown_operator", model="pool", op="max_pool9d"),
    _parameters("op of 100,000 characters", "unknown_operator", model="pool", op="max_pool2d\x00" * 9_000),
)
HEADERS: Final[tuple[HostileInference, ...]] = (
    _header("unknown", "kernal_size=1"),
    _header("twice", "kernel_size=1&kernel_size=1"),
    _header("not a number", "kernel_size=x"),
    _header("of 100 fields", "&".join(f"x{number}=1" for number in range(100)), "malformed_request"),
    _header("bare percent", "kernel_size=%zz", "malformed_request"),
    _header("not UTF-8", "kernel_size=%ff", "malformed_request"),
    _header("of 10,000 characters", "kernel_size=" + "1," * 5_000),
    _header("of control characters", "kernel_size=%00%1b%0d%0a"),
)
OUTPUTS: Final[tuple[HostileInference, ...]] = (
    _outputs("unknown", _output("result")),
    _outputs("twice", _output(), _output()),
    _outputs("without a name", {}),
    _outputs("a string", "output"),
    _outputs("65", *[_output(f"output{number}") for number in range(65)]),
    _outputs("with a name of slashes", _output("/" * 50_000)),
    _outputs("binary_data 1", _output(binary_data=1)),
    _outputs("an unknown parameter", _output(binary_data_size=4)),
    _outputs("classification negative", _output(classification=-1)),
    _outputs("classification of 2**31", _output(classification=_BIG + 1)),
    _outputs("classification true", _output(classification=True)),
    _outputs(
        "classification to shared memory",
        _output(classification=1, shared_memory_region="r", shared_memory_byte_size=64),
    ),
    json_row(
        "outputs classification of many rows",
        request(
            entry(shape=[1, 1, 1], data=[0]),
            outputs=[_output(classification=_BIG)],
            parameters={"output_size": [3_000, 3_000]},
        ),
        model="adaptive_max_pool2d",
    ),
    json_row(
        "outputs JSON of more than the limit",
        request(entry(shape=[1, 1, 1], data=[0]), parameters={"output_size": [10_000, 10_000]}),
        "output_too_large",
        model="adaptive_max_pool2d",
    ),
)
REGIONS: Final[tuple[HostileInference, ...]] = (
    _region("without a size", region="r"),
    _region("without a name", byte_size=16),
    _region("name a number", region=5, byte_size=16),
    _region("offset negative", region="r", byte_size=16, offset=-1),
    _region("offset of 2**64-32", region="r", byte_size=16, offset=2**64 - 32),
    _region("offset of 2**63", region="r", byte_size=16, offset=2**63),
    _region("size against shape", region="r", byte_size=17),
    _region("size true", region="r", byte_size=True),
    json_row(
        "region and data",
        request(entry(parameters={"shared_memory_region": "r", "shared_memory_byte_size": 16})),
    ),
    json_row(
        "region for 16 inputs",
        request(
            *[
                entry(name=f"i{n}", data=None, parameters={"shared_memory_region": "r", "shared_memory_byte_size": 16})
                for n in range(16)
            ]
        ),
        "missing_tensor",
    ),
    _outputs("region too small", _output(shared_memory_region="r", shared_memory_byte_size=4)),
    _outputs("region and binary_data", _output(binary_data=True, shared_memory_region="r", shared_memory_byte_size=16)),
)
MODELS: Final[tuple[HostileInference, ...]] = tuple(
    json_row(f"model {name[:30]}", request(), "unknown_model", status=404, model=name)
    for name in ("nothing", "max_pool2d/versions/2", "max_pool2x" * 400, "max_pool2d%00")
)
