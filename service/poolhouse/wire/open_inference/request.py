"""Check the JSON part of an inference request and give it types.

Source: the Open Inference Protocol, "Inference Request JSON Object", and Triton's extensions for binary tensor data,
shared memory and classification.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from poolhouse.dtypes import ELEMENT_TYPES, ElementType
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.suggestions import nearest_names
from poolhouse.tensors import TensorMetadata
from poolhouse.wire.elements import check_shape
from poolhouse.wire.quoting import describe_value, quote_clipped

ELEMENT_TYPE_BY_DATATYPE: Final[Mapping[str, ElementType]] = {
    row.open_inference_name: row for row in ELEMENT_TYPES.values()
}
FILE_DATATYPE: Final = "BYTES"
"""Of an input that is a PNG or JPEG file."""
_UINT8: Final = ELEMENT_TYPES["uint8"]
MAX_TENSORS: Final = 64
"""The most inputs, and the most outputs, of one request."""
MAX_ID_CHARS: Final = 1024
"""The longest id: the response repeats it, and its copies are not charged."""
_MAX_INTEGER: Final = 2**63 - 1
_MAX_CLASSES: Final = 2**31 - 1
_REQUEST_KEYS: Final = ("id", "inputs", "outputs", "parameters")
_IGNORED_KEYS: Final = frozenset({"model_name", "model_version"})
"""KServe's client repeats what the path says."""
_INPUT_KEYS: Final = ("name", "shape", "datatype", "data", "parameters")
_OUTPUT_KEYS: Final = ("name", "parameters")
_REGION_KEYS: Final = ("shared_memory_region", "shared_memory_byte_size", "shared_memory_offset")
_INPUT_PARAMETERS: Final = ("binary_data_size", *_REGION_KEYS)
_OUTPUT_PARAMETERS: Final = ("binary_data", "classification", *_REGION_KEYS)


class RegionRange(NamedTuple):
    """A range of a registered shared memory region.

    Attributes:
        region: its name.
        nbytes: the length of the range.
        offset: of the range in the region, in bytes.
    """

    region: str
    nbytes: int
    offset: int


class InferInput(NamedTuple):
    """An input, without its elements.

    They are in exactly one of a list ``data`` of the JSON, the bytes behind the JSON, and shared memory.

    Attributes:
        name: of the tensor.
        dtype: its element type.
        shape: its sizes.
        list_number: the number of its object among the inputs, if that has a list ``data``.
        binary_bytes: the number of its bytes behind the JSON.
        region: its range of a shared memory region.
        is_file: whether its bytes are a picture; element type and shape are then those of the bytes.
    """

    name: str
    dtype: ElementType
    shape: tuple[int, ...]
    list_number: int | None = None
    binary_bytes: int | None = None
    region: RegionRange | None = None
    is_file: bool = False

    @property
    def metadata(self) -> TensorMetadata:
        """The element type and shape."""
        return TensorMetadata(self.dtype, self.shape)


class RequestedOutput(NamedTuple):
    """An output that the client asks for.

    Attributes:
        name: of the tensor.
        is_binary: whether it follows the JSON as bytes; None if the request does not say.
        classes: of a classification, the number of largest elements; 0 for the tensor itself.
        region: the range of a shared memory region that receives it.
    """

    name: str
    is_binary: bool | None = None
    classes: int = 0
    region: RegionRange | None = None


class InferRequest(NamedTuple):
    """An inference request.

    Attributes:
        id: to be repeated in the response; empty if there is none.
        parameters: of the request, unchecked.
        inputs: in order.
        outputs: in order; empty for all.
    """

    id: str
    parameters: Mapping[str, object]
    inputs: tuple[InferInput, ...]
    outputs: tuple[RequestedOutput, ...]


def field_error(pointer: str, message: str, code: str = "type") -> Unprocessable:
    """The error for an invalid member of the JSON part."""
    return Unprocessable("invalid_fields", message, problems=(FieldProblem(pointer[:120], code, message),))


def read_request(document: Mapping[str, object]) -> InferRequest:
    """Check the parsed JSON part of a request.

    Args:
        document: as parsed; the lists ``data`` of its inputs are empty, since they are read on their own.

    Raises:
        Unprocessable: a member is missing, unknown, of the wrong type or out of range.
    """
    if not document.keys() <= {*_REQUEST_KEYS, *_IGNORED_KEYS}:
        for key in document:
            if key not in _IGNORED_KEYS and key not in _REQUEST_KEYS:
                near = nearest_names(key, _REQUEST_KEYS, most=1)
                hint = f"did you mean {near[0]}?" if near else "fields of the operator belong into parameters."
                message = f"The request has the unknown member {quote_clipped(key)}; {hint}"
                raise field_error(f"/{key[:60]}", message, "unknown")
    request_id = document.get("id", "")
    if not isinstance(request_id, str):
        raise field_error("/id", f"id is {describe_value(request_id)}; write a string.")
    # guard: id-has-limit
    if len(request_id) > MAX_ID_CHARS:
        raise field_error("/id", f"id has {len(request_id)} characters; write at most {MAX_ID_CHARS}.", "length")
    inputs = [
        _read_input(entry, index, f"/inputs/{index}")
        for index, entry in enumerate(_read_list(document, "inputs", needed=True))
    ]
    outputs = [_read_output(entry, f"/outputs/{index}") for index, entry in enumerate(_read_list(document, "outputs"))]
    _refuse_duplicates((each.name for each in inputs), "inputs")
    _refuse_duplicates((each.name for each in outputs), "outputs")
    return InferRequest(request_id, _read_parameters(document, "", None), tuple(inputs), tuple(outputs))


def element_type_of(datatype: object, pointer: str) -> ElementType:
    """The element type of a ``datatype`` such as FP32.

    Raises:
        Unprocessable: there is none, or it is not supported.
    """
    found = ELEMENT_TYPE_BY_DATATYPE.get(datatype) if isinstance(datatype, str) else None
    if found is None:
        message = (
            f"The datatype {describe_value(datatype)} is not supported; "
            f"use one of {', '.join(ELEMENT_TYPE_BY_DATATYPE)}."
        )
        raise Unprocessable("unsupported_dtype", message, problems=(FieldProblem(pointer, "type", message),))
    return found


def _read_list(document: Mapping[str, object], name: str, *, needed: bool = False) -> list[object]:
    entries = document.get(name, [])
    if not isinstance(entries, list) or len(entries) > MAX_TENSORS:
        said = f"a list of {len(entries)}" if isinstance(entries, list) else describe_value(entries)
        raise field_error(f"/{name}", f"{name} is {said}; write a list of at most {MAX_TENSORS} objects.")
    if needed and not entries:
        message = (
            f'{name} is missing or empty; write for example {{"{name}": [{{"name": "input", "shape": [1, 1, 2, 2], '
            '"datatype": "FP32", "data": [1, 2, 3, 4]}]}.'
        )
        raise field_error(f"/{name}", message, "missing")
    return entries


def _read_object(entry: object, pointer: str, known: tuple[str, ...]) -> Mapping[str, object]:
    if not isinstance(entry, dict):
        raise field_error(pointer, f"{pointer} is {describe_value(entry)}; write an object.")
    for key in entry:
        if key not in known:
            message = f"{pointer} has the unknown member {quote_clipped(key)}; its members are {', '.join(known)}."
            raise field_error(f"{pointer}/{key[:60]}", message, "unknown")
    return entry


def _read_parameters(entry: Mapping[str, object], pointer: str, known: tuple[str, ...] | None) -> Mapping[str, object]:
    if "parameters" not in entry:
        return {}
    found = entry["parameters"]
    if not isinstance(found, dict):
        raise field_error(f"{pointer}/parameters", f"parameters is {describe_value(found)}; write an object.")
    return found if known is None else _read_object(found, f"{pointer}/parameters", known)


def _read_name(entry: Mapping[str, object], pointer: str) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise field_error(f"{pointer}/name", f"The name of {pointer} is {describe_value(name)}; write a string.")
    return name


def _read_integer(value: object, pointer: str, largest: int = _MAX_INTEGER) -> int:
    # JSON does not distinguish 4.0 from 4, but the protocol says integer; a bool is an int in Python.
    if type(value) is not int or not 0 <= value <= largest:
        raise field_error(
            pointer, f"{pointer} is {describe_value(value)}; write a whole number from 0 to {largest}.", "range"
        )
    return value


def _read_shape(value: object, pointer: str) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise field_error(pointer, f"{pointer} is {describe_value(value)}; write a list such as [8, 64, 112, 112].")
    return tuple([_read_integer(size, f"{pointer}/{axis}") for axis, size in enumerate(value)])


def _read_region(parameters: Mapping[str, object], pointer: str) -> RegionRange | None:
    if not parameters.keys() & {*_REGION_KEYS}:
        return None
    region = parameters.get("shared_memory_region")
    if not isinstance(region, str) or "shared_memory_byte_size" not in parameters:
        raise field_error(
            f"{pointer}/parameters",
            f"{pointer} needs shared_memory_region, a string, and shared_memory_byte_size; the offset is optional.",
            "missing",
        )
    nbytes, offset = (_read_integer(parameters.get(key, 0), f"{pointer}/parameters/{key}") for key in _REGION_KEYS[1:])
    return RegionRange(region, nbytes, offset)


def _read_input(entry: object, number: int, pointer: str) -> InferInput:
    given = _read_object(entry, pointer, _INPUT_KEYS)
    name = _read_name(given, pointer)
    shape = _read_shape(given.get("shape"), f"{pointer}/shape")
    if given.get("datatype") == FILE_DATATYPE:
        return _read_file_input(given, name, shape, pointer)
    dtype = element_type_of(given.get("datatype"), f"{pointer}/datatype")
    check_shape(shape, dtype, name, f"{pointer}/shape")
    parameters = _read_parameters(given, pointer, _INPUT_PARAMETERS)
    region = _read_region(parameters, pointer)
    binary_bytes = None
    if "binary_data_size" in parameters:
        binary_bytes = _read_integer(parameters["binary_data_size"], f"{pointer}/parameters/binary_data_size")
    if ("data" in given) + (binary_bytes is not None) + (region is not None) != 1:
        raise field_error(
            pointer,
            f"The elements of {name} must be in exactly one of data, binary_data_size and shared_memory_region.",
            "conflict",
        )
    nbytes = TensorMetadata(dtype, shape).nbytes
    found = binary_bytes if region is None else region.nbytes
    if found is not None and found != nbytes:
        key = "binary_data_size" if region is None else "shared_memory_byte_size"
        raise field_error(
            f"{pointer}/parameters/{key}",
            f"{name} of shape {list(shape)} and datatype {dtype.open_inference_name} takes {nbytes} bytes, "
            f"and its {key} is {found}.",
            "conflict",
        )
    if "data" in given and given["data"] != []:
        said = describe_value(given["data"])
        raise field_error(f"{pointer}/data", f"data of {name} is {said}; write a list of numbers.")
    return InferInput(name, dtype, shape, number if "data" in given else None, binary_bytes, region)


def _read_file_input(given: Mapping[str, object], name: str, shape: tuple[int, ...], pointer: str) -> InferInput:
    """An input whose only element is a picture."""
    parameters = _read_parameters(given, pointer, _INPUT_PARAMETERS)
    if shape not in ((1,), (1, 1)):
        raise field_error(
            f"{pointer}/shape",
            f"{name} of datatype {FILE_DATATYPE} has the shape {list(shape)}; send one PNG or JPEG file as [1].",
            "length",
        )
    if "data" in given or parameters.keys() != {"binary_data_size"}:
        raise field_error(
            pointer,
            f"{name} of datatype {FILE_DATATYPE} must be binary data, as JSON cannot hold the bytes of a picture. Send "
            "its length in four bytes and the file behind the JSON, with binary_data_size; or a tensor.",
            "conflict",
        )
    nbytes = _read_integer(parameters["binary_data_size"], f"{pointer}/parameters/binary_data_size")
    return InferInput(name, _UINT8, (nbytes,), None, nbytes, None, is_file=True)


def _read_output(entry: object, pointer: str) -> RequestedOutput:
    given = _read_object(entry, pointer, _OUTPUT_KEYS)
    name = _read_name(given, pointer)
    parameters = _read_parameters(given, pointer, _OUTPUT_PARAMETERS)
    is_binary = parameters.get("binary_data")
    if is_binary is not None and not isinstance(is_binary, bool):
        raise field_error(
            f"{pointer}/parameters/binary_data", f"binary_data is {describe_value(is_binary)}; write true or false."
        )
    at = f"{pointer}/parameters/classification"
    classes = _read_integer(parameters.get("classification", 0), at, _MAX_CLASSES)
    region = _read_region(parameters, pointer)
    if region is not None and (classes or is_binary):
        raise field_error(
            f"{pointer}/parameters",
            f"{name} goes to shared memory, which excludes classification and binary_data: true.",
            "conflict",
        )
    return RequestedOutput(name, is_binary, classes, region)


def _refuse_duplicates(names: Iterable[str], where: str) -> None:
    seen = set[str]()
    for name in names:
        if name in seen:
            raise field_error(f"/{where}", f"{where} holds {quote_clipped(name)} twice; name each once.", "duplicate")
        seen.add(name)
