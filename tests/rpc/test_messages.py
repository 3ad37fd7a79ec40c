"""Our declarations have the numbers of the protocol, for which Triton's client is the witness."""

from __future__ import annotations

from typing import Any

import pytest
from tritonclient.grpc import model_config_pb2, service_pb2

from poolhouse.models import Models, model_config, model_metadata
from poolhouse.operators.catalogue import discover
from poolhouse.rpc.messages import CLASSES, from_json

# Our names where they differ; one of ours stands for several of the protocol's.
THEIRS = {
    "ModelRequest": ["ModelReadyRequest", "ModelMetadataRequest", "ModelConfigRequest", "ModelStatisticsRequest"],
    "TensorMetadata": ["ModelMetadataResponse.TensorMetadata"],
    "InferTensor": ["ModelInferRequest.InferInputTensor", "ModelInferResponse.InferOutputTensor"],
    "InferRequestedOutput": ["ModelInferRequest.InferRequestedOutputTensor"],
    "VersionPolicy": ["ModelVersionPolicy"],
    "LatestVersions": ["ModelVersionPolicy.Latest"],
    "ConfigTensor": ["ModelInput"],
    "ConfigOutput": ["ModelOutput"],
    "InstanceGroup": ["ModelInstanceGroup"],
    "DynamicBatching": ["ModelDynamicBatching"],
    "ConfigParameter": ["ModelParameter"],
    "TransactionPolicy": ["ModelTransactionPolicy"],
    "Duration": ["StatisticDuration"],
    "BatchStatistics": ["InferBatchStatistics"],
    "ModelControlRequest": ["RepositoryModelLoadRequest", "RepositoryModelUnloadRequest"],
    "ModelIndex": ["RepositoryIndexResponse.ModelIndex"],
    "RegionRequest": [
        "SystemSharedMemoryStatusRequest",
        "SystemSharedMemoryUnregisterRequest",
        "CudaSharedMemoryStatusRequest",
        "CudaSharedMemoryUnregisterRequest",
    ],
    "SystemRegion": ["SystemSharedMemoryStatusResponse.RegionStatus", "SystemSharedMemoryRegisterRequest"],
    "CudaRegion": ["CudaSharedMemoryStatusResponse.RegionStatus"],
    "TraceSettings": ["TraceSettingRequest"],
    "TraceValue": ["TraceSettingRequest.SettingValue", "TraceSettingResponse.SettingValue"],
    "LogSettings": ["LogSettingsRequest", "LogSettingsResponse"],
    "LogValue": ["LogSettingsRequest.SettingValue", "LogSettingsResponse.SettingValue"],
    "Empty": ["ServerLiveRequest", "ServerReadyRequest", "ServerMetadataRequest", "SystemSharedMemoryRegisterResponse"],
}


def descriptor(name: str) -> Any:
    """The descriptor of a message of Triton's client."""
    outer, _, inner = name.partition(".")
    module = service_pb2 if outer in service_pb2.DESCRIPTOR.message_types_by_name else model_config_pb2
    found = module.DESCRIPTOR.message_types_by_name[outer]
    return found.nested_types_by_name[inner] if inner else found


def wire_form(field: Any) -> tuple[Any, ...]:
    """What determines the bytes of a field, and its name in JSON."""
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    values = wire_form(field.message_type.fields_by_name["value"]) if is_map else ()
    union = field.containing_oneof is not None
    return field.number, field.name, field.type, field.is_repeated, field.is_packed, union, is_map, values


@pytest.mark.parametrize("name", CLASSES)
def test_the_fields_have_the_numbers_and_types_of_the_protocol(name: str) -> None:
    """A wrong number would be read as another field, without an error."""
    for theirs in THEIRS.get(name, [name]):
        expected = {each.number: wire_form(each) for each in descriptor(theirs).fields}
        for field in CLASSES[name].DESCRIPTOR.fields:
            assert wire_form(field) == expected[field.number], (name, theirs, field.name)


@pytest.mark.parametrize("name", ["DataType", "ModelInstanceGroup.Kind"])
def test_the_enums_have_the_numbers_of_the_protocol(name: str) -> None:
    """A wrong number would be another datatype."""
    outer, _, inner = name.partition(".")
    module = model_config_pb2.DESCRIPTOR
    theirs = module.message_types_by_name[outer].enum_types_by_name[inner] if inner else module.enum_types_by_name[name]
    ours = CLASSES["ModelConfig"].DESCRIPTOR.file.enum_types_by_name[inner or name]

    assert {each.name: each.number for each in ours.values} == {each.name: each.number for each in theirs.values}


def test_their_parser_reads_our_configuration() -> None:
    """Maps, enums and unions are declared by hand, so all of them must fit together."""
    models = Models(discover())
    for model in models:
        config = model_config(model, ["cuda:1"])
        written = from_json("ModelConfigResponse", {"config": config}).SerializeToString()
        read = service_pb2.ModelConfigResponse.FromString(written).config

        assert (read.name, len(read.input)) == (model.name, len(model_metadata(model)["inputs"]))  # type: ignore[arg-type]
        assert read.instance_group[0].gpus == [1]
        assert read.WhichOneof("scheduling_choice") == "dynamic_batching"
