"""The models of the Open Inference Protocol: one for each operator, a generic one, and presets.

A preset is an operator with some of its fields fixed, such as ``max_pool2d.k2s2``, for clients that send no parameters.
All of it is derived from the catalogue.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from poolhouse import describe, dtypes
from poolhouse.errors import NotFound, PoolhouseError
from poolhouse.model_tensors import (
    GENERIC_INPUT,
    GENERIC_OUTPUTS,
    ModelTensor,
    input_tensor,
    output_tensor,
)
from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.operator import Operator
from poolhouse.suggestions import operator_hint
from poolhouse.tensor_names import TENSOR_NAMES

VERSION: Final = "1"
"""The version of every model: that of its meaning. It changes only if results change."""
GENERIC: Final = "pool"
"""The model whose parameter ``op`` names the operator."""
PLATFORM: Final = "torch_pool"
RESERVED_NAMES: Final = frozenset({"stats", GENERIC})
"""``/v2/models/stats`` is the path of the statistics of all models."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAX_PRESETS: Final = 1024
_MOST_COMPARED: Final = 320
_INDICES_FIELD: Final = "return_indices"
_NO_FIELDS: Final[Mapping[str, object]] = MappingProxyType({})

JsonObject = dict[str, object]


class Model(NamedTuple):
    """A model.

    Attributes:
        name: as the path has it.
        operator: the operator; None for the generic model.
        fixed: the fields that a preset fixes.
        defaults: the values of needed fields that a request leaves out, from the operator's first sample.
    """

    name: str
    operator: type[Operator] | None
    fixed: Mapping[str, object] = _NO_FIELDS
    defaults: Mapping[str, object] = _NO_FIELDS

    def missing_defaults(self, given: Collection[str]) -> Mapping[str, object]:
        """The values of needed fields that are not given; none for an alternative to a given one."""
        alternatives = () if self.operator is None else self.operator.exactly_one_of
        known = {*given, *alternatives} if any(name in given for name in alternatives) else given
        return {name: value for name, value in self.defaults.items() if name not in known}


class Preset(NamedTuple):
    """A preset as it is configured.

    Attributes:
        operator: the name of the operator.
        fields: the fields that it fixes, as JSON values.
    """

    operator: str
    fields: Mapping[str, object]


class Models:
    """The models of a catalogue.

    Args:
        catalogue: the operators.
        presets: further models by name.

    Raises:
        ValueError: a preset has an invalid name, an unknown operator or invalid fields. The message is for the person
            who starts the service.
    """

    def __init__(self, catalogue: Catalogue, presets: Mapping[str, Preset] = MappingProxyType({})) -> None:
        self._catalogue = catalogue
        self._models = {each.name: Model(each.name, each, defaults=needed_defaults(each)) for each in catalogue}
        self._models[GENERIC] = Model(GENERIC, None)
        for name, preset in presets.items():
            self._models[name] = self._preset(catalogue, name, preset)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        return tuple(self._models)

    @property
    def compared_names(self) -> tuple[str, ...]:
        """The names that an unknown one is compared with: not all of many presets, which would take milliseconds."""
        return self.names[:_MOST_COMPARED]

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def bind(self, model: Model, operator: str) -> Model:
        """The model with its operator: the model itself, or for the generic model that of the parameter ``op``.

        Raises:
            NotFound: there is no such operator.
        """
        if model.operator is not None:
            return model
        found = self._catalogue.find(operator)
        return Model(model.name, found, defaults=needed_defaults(found))

    def find(self, name: str, version: str = "") -> Model:
        """The model with this name.

        Args:
            name: of the model.
            version: of the model; empty for the current one.

        Raises:
            NotFound: there is none, or it has no such version.
        """
        found = self._models.get(name)
        if found is None:
            hint = operator_hint(name, self.compared_names, "POST /v2/repository/index lists them.")
            raise NotFound("unknown_model", f"there is no model {name[:80]!r}; {hint}")
        if version not in ("", VERSION):
            raise NotFound(
                "unknown_model",
                f"the model {name} has no version {version[:80]!r}; its only version is {VERSION}, and a path without "
                "a version takes that.",
            )
        return found

    def _preset(self, catalogue: Catalogue, name: str, preset: Preset) -> Model:
        if not _NAME.fullmatch(name) or name in RESERVED_NAMES or name in self._models:
            raise ValueError(
                f"the preset {name[:80]!r} needs another name: up to 64 letters, digits, dots, dashes and underscores, "
                f"and none of {', '.join(sorted(RESERVED_NAMES))} or the name of an operator"
            )
        try:
            operator = catalogue.find(preset.operator)
            defaults = Model(name, operator, defaults=needed_defaults(operator)).missing_defaults(preset.fields)
            _parse_any(operator, {**defaults, **preset.fields})
        except PoolhouseError as error:
            raise ValueError(f"the preset {name} is invalid: {error.detail}") from None
        return Model(name, operator, dict(preset.fields), defaults)


def _parse_any(operator: type[Operator], fields: Mapping[str, object]) -> Operator:
    """A spec with these fields, for some input: the input's rank may decide how many sizes they have.

    Raises:
        Unprocessable: no input can be pooled with them.
    """
    *others, last = operator.variants()
    for each in others:
        with suppress(PoolhouseError):
            return each.parse(fields)
    return last.parse(fields)


def needed_defaults(operator: type[Operator]) -> Mapping[str, object]:
    """Values for the fields that the operator needs: those of its first sample.

    Clients of the protocol, such as load generators, may send no parameters; so every model works without.
    """
    sample = operator.samples[0].fields
    return {
        field.name: sample[field.name]
        for field in operator.fields()
        if (field.is_required or field.name in operator.exactly_one_of) and field.name in sample
    }


def read_presets(path: Path) -> Mapping[str, Preset]:
    """Read presets from a JSON file: ``{"max_pool2d.k2s2": {"operator": "max_pool2d", "fields": {"kernel_size": 2}}}``.

    Raises:
        ValueError: the file cannot be read, or is no object of that form. The message is for the person who starts the
            service.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"the models of {path} cannot be read: {error}") from None
    if not isinstance(document, dict) or len(document) > _MAX_PRESETS:
        raise ValueError(f"{path} holds no object of at most {_MAX_PRESETS} models")
    presets: dict[str, Preset] = {}
    for name, entry in document.items():
        if (
            not isinstance(entry, dict)
            or not isinstance(entry.get("operator"), str)
            or not isinstance(entry.get("fields", {}), dict)
            or not entry.keys() <= {"operator", "fields"}
        ):
            raise ValueError(
                f'{path}: the model {name[:80]!r} is no object such as {{"operator": "max_pool2d", '
                '"fields": {"kernel_size": 2}}'
            )
        presets[name] = Preset(entry["operator"], entry.get("fields", {}))
    return presets


def model_metadata(model: Model) -> JsonObject:
    """The metadata of a model, as ``GET /v2/models/{model}`` returns it.

    ``datatype`` holds only one type, so ``properties`` lists all that are accepted; -1 is any size. Load generators
    send every input that is listed, so those that a request may leave out are in ``properties``, too. The generic model
    has the tensors of all operators, and any rank.
    """
    inputs, outputs = _tensors(model)
    metadata: JsonObject = {
        "name": model.name,
        "versions": [VERSION],
        "platform": PLATFORM,
        "inputs": [each.metadata() for each in inputs],
        "outputs": [each.metadata() for each in outputs],
    }
    properties: JsonObject = {}
    if model.operator is not None:
        properties |= {
            "summary": describe.summary(model.operator),
            "datatypes": ", ".join(
                row.open_inference_name
                for row in dtypes.ELEMENT_TYPES.values()
                if row.kind in model.operator.element_types
            ),
            "parameters": ", ".join(
                f"{field.name}={json.dumps(model.defaults[field.name])}" if field.name in model.defaults else field.name
                for field in model.operator.fields()
                if field.name not in model.fixed
            ),
            "fixed_parameters": json.dumps(dict(model.fixed)),
        }
    if optional := _optional_inputs(model, [each.name for each in inputs]):
        properties["optional_inputs"] = ", ".join(optional)
    return {**metadata, "properties": properties} if properties else metadata


def model_config(model: Model, devices: Iterable[str]) -> JsonObject:
    """The configuration of a model in the JSON form of Triton's ModelConfig message.

    Args:
        model: to be described.
        devices: the devices of the service, such as ``cpu`` or ``cuda:0``.
    """
    # Load generators refuse a configuration with an input or output that the metadata has not.
    inputs, outputs = _tensors(model)
    gpus = [int(device.partition(":")[2] or 0) for device in devices if device.startswith("cuda")]
    group: JsonObject = {
        "name": f"{model.name}_0",
        "kind": "KIND_GPU" if gpus else "KIND_CPU",
        "count": 1,
        "gpus": gpus,
    }
    return {
        "name": model.name,
        "platform": PLATFORM,
        "backend": "pytorch",
        "version_policy": {"latest": {"num_versions": 1}},
        "max_batch_size": 0,
        "input": [each.config() for each in inputs],
        "output": [each.config() for each in outputs],
        "instance_group": [group],
        "dynamic_batching": {"max_queue_delay_microseconds": 0},
        "model_transaction_policy": {"decoupled": False},
        "parameters": {name: {"string_value": json.dumps(value)} for name, value in model.fixed.items()},
    }


def _tensors(model: Model) -> tuple[Sequence[ModelTensor], Sequence[ModelTensor]]:
    """The inputs that a request needs, and the outputs of a request without parameters."""
    operator = model.operator
    if operator is None:
        return [GENERIC_INPUT], GENERIC_OUTPUTS
    return (
        [input_tensor(operator, name) for name in describe.needed_inputs(operator)],
        [output_tensor(operator, name) for name in _output_names(model, operator)],
    )


def _optional_inputs(model: Model, needed: Collection[str]) -> list[str]:
    names = TENSOR_NAMES if model.operator is None else model.operator.inputs
    return [name for name in names if name not in needed]


def _output_names(model: Model, operator: type[Operator]) -> tuple[str, ...]:
    fields = {**model.defaults, **model.fixed}
    listed = {*_parse_any(operator, fields).outputs()}
    # Load generators request every output that the metadata lists, without parameters. Indices are computed if they are
    # requested; the share of valid elements costs much, so it is computed only for clients that know its name.
    if _INDICES_FIELD in operator.optional_outputs().values() and _INDICES_FIELD not in model.fixed:
        with suppress(PoolhouseError):
            listed |= {*_parse_any(operator, {**fields, _INDICES_FIELD: True}).outputs()}
    return tuple(name for name in describe.output_names(operator) if name in listed)
