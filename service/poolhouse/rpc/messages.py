"""Declare the messages of the Open Inference Protocol over gRPC, and make their classes.

The numbers of the fields are the protocol's; with them our messages have the same bytes as those of any other
implementation. The classes are made at import, in a descriptor pool of their own: the default pool may hold a client's
declarations of the same names.

Sources: the Open Inference Protocol, "GRPC"; Triton's extensions of it; gRPC's health checking protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

PACKAGE: Final = "inference"
SERVICE: Final = "GRPCInferenceService"
HEALTH_PACKAGE: Final = "grpc.health.v1"

_DATATYPES: Final = "BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FP16, FP32, FP64, STRING, BF16"
_ENUMS: Final[Mapping[str, Mapping[str, int]]] = {
    "DataType": {f"TYPE_{name}": number for number, name in enumerate(["INVALID", *_DATATYPES.split(", ")])},
    "Kind": {"KIND_AUTO": 0, "KIND_GPU": 1, "KIND_CPU": 2, "KIND_MODEL": 3},
}

# A field is "number name type". A type ends with "*" if the field is repeated, and with "?" if it is a member of the
# message's one union; "map:T" is a map from strings to T.
_FIELDS: Final[Mapping[str, str]] = {
    "Empty": "",
    "ServerLiveResponse": "1 live bool",
    "ServerReadyResponse": "1 ready bool",
    "ModelReadyResponse": "1 ready bool",
    "ServerMetadataResponse": "1 name string, 2 version string, 3 extensions string*",
    # The requests of ModelReady, ModelMetadata, ModelConfig and ModelStatistics.
    "ModelRequest": "1 name string, 2 version string",
    "TensorMetadata": "1 name string, 2 datatype string, 3 shape int64*",
    "ModelMetadataResponse": (
        "1 name string, 2 versions string*, 3 platform string, 4 inputs TensorMetadata*, 5 outputs TensorMetadata*"
    ),
    # ---- inference
    "InferParameter": (
        "1 bool_param bool?, 2 int64_param int64?, 3 string_param string?, 4 double_param double?, "
        "5 uint64_param uint64?"
    ),
    "InferTensorContents": (
        "1 bool_contents bool*, 2 int_contents int32*, 3 int64_contents int64*, 4 uint_contents uint32*, "
        "5 uint64_contents uint64*, 6 fp32_contents float*, 7 fp64_contents double*, 8 bytes_contents bytes*"
    ),
    # An input of a request, and an output of a response.
    "InferTensor": (
        "1 name string, 2 datatype string, 3 shape int64*, 4 parameters map:InferParameter, "
        "5 contents InferTensorContents"
    ),
    "InferRequestedOutput": "1 name string, 2 parameters map:InferParameter",
    "ModelInferRequest": (
        "1 model_name string, 2 model_version string, 3 id string, 4 parameters map:InferParameter, "
        "5 inputs InferTensor*, 6 outputs InferRequestedOutput*, 7 raw_input_contents bytes*"
    ),
    "ModelInferResponse": (
        "1 model_name string, 2 model_version string, 3 id string, 4 parameters map:InferParameter, "
        "5 outputs InferTensor*, 6 raw_output_contents bytes*"
    ),
    "ModelStreamInferResponse": "1 error_message string, 2 infer_response ModelInferResponse",
    # ---- configuration of a model
    "ModelConfigResponse": "1 config ModelConfig",
    "ModelConfig": (
        "1 name string, 2 platform string, 3 version_policy VersionPolicy, 4 max_batch_size int32, "
        "5 input ConfigTensor*, 6 output ConfigOutput*, 7 instance_group InstanceGroup*, "
        "11 dynamic_batching DynamicBatching?, 14 parameters map:ConfigParameter, 17 backend string, "
        "19 model_transaction_policy TransactionPolicy"
    ),
    "VersionPolicy": "1 latest LatestVersions?",
    "LatestVersions": "1 num_versions uint32",
    "ConfigTensor": "1 name string, 2 data_type DataType, 4 dims int64*",
    "ConfigOutput": "1 name string, 2 data_type DataType, 3 dims int64*",
    "InstanceGroup": "1 name string, 2 count int32, 3 gpus int32*, 4 kind Kind",
    "DynamicBatching": "1 preferred_batch_size int32*, 2 max_queue_delay_microseconds uint64",
    "ConfigParameter": "1 string_value string",
    "TransactionPolicy": "1 decoupled bool",
    # ---- statistics
    "ModelStatisticsResponse": "1 model_stats ModelStatistics*",
    "ModelStatistics": (
        "1 name string, 2 version string, 3 last_inference uint64, 4 inference_count uint64, "
        "5 execution_count uint64, 6 inference_stats InferStatistics, 7 batch_stats BatchStatistics*, "
        "8 memory_usage MemoryUsage*"
    ),
    "InferStatistics": (
        "1 success Duration, 2 fail Duration, 3 queue Duration, 4 compute_input Duration, 5 compute_infer Duration, "
        "6 compute_output Duration, 7 cache_hit Duration, 8 cache_miss Duration"
    ),
    "Duration": "1 count uint64, 2 ns uint64",
    "BatchStatistics": (
        "1 batch_size uint64, 2 compute_input Duration, 3 compute_infer Duration, 4 compute_output Duration"
    ),
    "MemoryUsage": "1 type string, 2 id int64, 3 byte_size uint64",
    # ---- repository
    "RepositoryIndexRequest": "1 repository_name string, 2 ready bool",
    "RepositoryIndexResponse": "1 models ModelIndex*",
    "ModelControlRequest": "2 model_name string",
    "ModelIndex": "1 name string, 2 version string, 3 state string, 4 reason string",
    # ---- shared memory; the requests of Status and Unregister
    "RegionRequest": "1 name string",
    "SystemRegion": "1 name string, 2 key string, 3 offset uint64, 4 byte_size uint64",
    "SystemSharedMemoryStatusResponse": "1 regions map:SystemRegion",
    "CudaRegion": "1 name string, 2 device_id uint64, 3 byte_size uint64",
    "CudaSharedMemoryRegisterRequest": "1 name string, 2 raw_handle bytes, 3 device_id int64, 4 byte_size uint64",
    "CudaSharedMemoryStatusResponse": "1 regions map:CudaRegion",
    # ---- trace and log settings; requests and responses are alike
    "TraceSettings": "1 settings map:TraceValue, 2 model_name string",
    "TraceValue": "1 value string*",
    "LogSettings": "1 settings map:LogValue",
    "LogValue": "1 bool_param bool?, 2 uint32_param uint32?, 3 string_param string?",
}

_HEALTH_ENUMS: Final = {"ServingStatus": {"UNKNOWN": 0, "SERVING": 1, "NOT_SERVING": 2, "SERVICE_UNKNOWN": 3}}
_HEALTH_FIELDS: Final = {"HealthCheckResponse": "1 status ServingStatus"}

_Field = descriptor_pb2.FieldDescriptorProto


def make_classes(
    package: str, enums: Mapping[str, Mapping[str, int]], fields: Mapping[str, str]
) -> Mapping[str, type[Any]]:
    """The classes of declared messages, by name.

    Args:
        package: of protobuf.
        enums: the numbers of the members, by name of the enum.
        fields: the declaration of each message, by its name.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"poolhouse/{package}.proto", package=package, syntax="proto3")
    for name, members in enums.items():
        enum = file.enum_type.add(name=name)
        for member, value in members.items():
            enum.value.add(name=member, number=value)
    for name, declaration in fields.items():
        message = file.message_type.add(name=name)
        for entry in filter(None, declaration.split(", ")):
            number, field_name, kind = entry.split(" ")
            _add_field(message, package, enums, (int(number), field_name, kind))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindFileByName(file.name)
    return {
        name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.message_types_by_name.items()
    }


def _add_field(message: Any, package: str, enums: Mapping[str, Any], declared: tuple[int, str, str]) -> None:
    number, name, kind = declared
    field = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if kind.startswith("map:"):
        # As protobuf defines maps: a repeated message with the fields key and value.
        entry = message.nested_type.add(name=name.title().replace("_", "") + "Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_STRING)
        _set_type(entry.field.add(name="value", number=2, label=_Field.LABEL_OPTIONAL), package, enums, kind[4:])
        kind = f"{message.name}.{entry.name}*"
    if kind.endswith("*"):
        field.label = _Field.LABEL_REPEATED
    elif kind.endswith("?"):
        if not message.oneof_decl:
            message.oneof_decl.add(name="choice")
        field.oneof_index = 0
    _set_type(field, package, enums, kind.rstrip("*?"))


def _set_type(field: Any, package: str, enums: Mapping[str, Any], kind: str) -> None:
    scalar = f"TYPE_{kind.upper()}"
    if scalar in _Field.Type.keys():  # noqa: SIM118  # an enum of protobuf has keys() but no "in"
        field.type = _Field.Type.Value(scalar)
    else:
        field.type = _Field.TYPE_ENUM if kind in enums else _Field.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"


CLASSES: Final = make_classes(PACKAGE, _ENUMS, _FIELDS)
"""The classes of the messages of the protocol, by our names of them."""
HEALTH_CLASSES: Final = make_classes(HEALTH_PACKAGE, _HEALTH_ENUMS, _HEALTH_FIELDS)
"""The classes of the messages of health checks."""


def from_json(name: str, document: Mapping[str, object]) -> Any:
    """The message with the values of a JSON object; members that the message lacks are left out.

    Args:
        name: of the message.
        document: in the JSON form of protobuf.
    """
    return json_format.ParseDict(document, CLASSES[name](), ignore_unknown_fields=True)
