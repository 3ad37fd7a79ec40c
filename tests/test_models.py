"""The models of the Open Inference Protocol, their metadata and configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from poolhouse.errors import NotFound
from poolhouse.models import (
    GENERIC,
    RESERVED_NAMES,
    VERSION,
    Model,
    Models,
    Preset,
    model_config,
    model_metadata,
    needed_defaults,
    read_presets,
)
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import Operator
from poolhouse.operators.region_operator import RegionOperator
from tests.operator_selection import covered_operators

CATALOGUE = discover()
MODELS = Models(CATALOGUE, {"max_pool2d.k2s2": Preset("max_pool2d", {"kernel_size": 2, "stride": 2})})
COVERED = covered_operators(CATALOGUE)


def test_there_is_a_model_for_each_operator_a_generic_one_and_the_presets() -> None:
    """The index lists them all; each is found by its name, with and without the version."""
    assert MODELS.names == (*CATALOGUE.names, GENERIC, "max_pool2d.k2s2")
    for model in MODELS:
        assert MODELS.find(model.name) is MODELS.find(model.name, VERSION) is model


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        ("max_pol2d", "", "max_pool2d"),
        ("", "", "no model"),
        ("x" * 5000, "", "no model"),
        ("max_pool2d", "2", "only version is 1"),
        ("max_pool2d", "01", "only version is 1"),
        ("max_pool2d", "1 ", "only version is 1"),
        ("stats", "", "no model"),
    ],
)
def test_another_model_is_not_found(name: str, version: str, words: str) -> None:
    """The message has a similar name, or where all are listed, and quotes little."""
    with pytest.raises(NotFound, match=words) as caught:
        MODELS.find(name, version)

    assert caught.value.code == "unknown_model"
    assert len(caught.value.detail) < 400


def test_an_unknown_name_is_not_compared_with_all_of_many_presets() -> None:
    """Any client can send one, and a thousand comparisons would take milliseconds of the event loop."""
    many = Models(CATALOGUE, {f"preset{number}": Preset("max_pool2d", {"kernel_size": 2}) for number in range(200)})

    assert many.compared_names == many.names[: len(many.compared_names)]
    assert {*CATALOGUE.names, GENERIC, "preset0"} <= {*many.compared_names}
    assert "preset199" not in many.compared_names
    assert MODELS.compared_names == MODELS.names


@pytest.mark.parametrize("member", COVERED, ids=lambda each: each.name)
def test_the_defaults_of_every_operator_are_valid_alone(member: type[Operator]) -> None:
    """Load generators send no parameters, so every model works without."""
    member.parse(needed_defaults(member))


@pytest.mark.parametrize("member", COVERED, ids=lambda each: each.name)
def test_no_default_disturbs_the_fields_of_a_sample(member: type[Operator]) -> None:
    """A request that gives what it needs gets that, and no field beside it."""
    model = MODELS.find(member.name)
    for sample in member.samples:
        missing = model.missing_defaults(sample.fields)
        assert not missing.keys() & sample.fields.keys()
        assert member.parse({**missing, **sample.fields}) == member.parse(dict(sample.fields))


@pytest.mark.parametrize("member", COVERED, ids=lambda each: each.name)
def test_alternatives_are_optional_fields_of_which_one_is_needed(member: type[Operator]) -> None:
    """The declaration agrees with what the operator accepts: exactly one of them, and any one of them."""
    optional = {field.name for field in member.fields() if not field.is_required}
    assert set(member.exactly_one_of) <= optional
    given = [set(sample.fields) & set(member.exactly_one_of) for sample in member.samples]

    assert all(len(each) == bool(member.exactly_one_of) for each in given)
    assert set().union(*given) == set(member.exactly_one_of)


def test_a_default_gives_way_to_its_alternative() -> None:
    """output_size and output_ratio exclude each other."""
    model = MODELS.find("fractional_max_pool2d")

    assert set(model.missing_defaults(())) == {"kernel_size", "output_size"}
    assert set(model.missing_defaults({"output_ratio"})) == {"kernel_size"}
    assert set(model.missing_defaults({"output_size"})) == {"kernel_size"}
    assert set(model.missing_defaults({"kernel_size", "seed"})) == {"output_size"}


def test_the_generic_model_is_bound_to_an_operator() -> None:
    """It keeps its name, and has the defaults of the operator."""
    bound = MODELS.bind(MODELS.find(GENERIC), "avg_pool2d")

    assert (bound.name, bound.operator) == (GENERIC, CATALOGUE.find("avg_pool2d"))
    assert bound.defaults == MODELS.find("avg_pool2d").defaults
    with pytest.raises(NotFound):
        MODELS.bind(MODELS.find(GENERIC), "avg_pol2d")
    model = MODELS.find("max_pool2d.k2s2")
    assert MODELS.bind(model, "ignored") is model


def test_a_preset_fixes_fields_and_keeps_other_defaults() -> None:
    """What it does not fix, a request may give or leave out."""
    preset = Preset("fractional_max_pool2d", {"output_ratio": 0.5})
    model = Models(CATALOGUE, {"half": preset}).find("half")

    assert model.fixed == {"output_ratio": 0.5}
    assert set(model.defaults) == {"kernel_size"}


@pytest.mark.parametrize(
    ("name", "preset", "words"),
    [
        ("max_pool2d", Preset("max_pool2d", {}), "another name"),
        (GENERIC, Preset("max_pool2d", {}), "another name"),
        ("stats", Preset("max_pool2d", {}), "another name"),
        ("", Preset("max_pool2d", {}), "another name"),
        ("a/b", Preset("max_pool2d", {}), "another name"),
        ("a b", Preset("max_pool2d", {}), "another name"),
        ("é", Preset("max_pool2d", {}), "another name"),
        ("a\n", Preset("max_pool2d", {}), "another name"),
        ("a" * 65, Preset("max_pool2d", {}), "another name"),
        ("a", Preset("max_pol2d", {}), "max_pool2d"),
        ("a", Preset("max_pool2d", {"kernel_size": 0}), "kernel_size"),
        ("a", Preset("max_pool2d", {"kernal_size": 2}), "kernal_size"),
        ("a", Preset(GENERIC, {}), "invalid"),
    ],
)
def test_an_invalid_preset_is_refused_when_the_service_starts(name: str, preset: Preset, words: str) -> None:
    """Found at the first request, it would be found by a client."""
    with pytest.raises(ValueError, match=words):
        Models(CATALOGUE, {name: preset})


def test_names_of_presets_have_limits() -> None:
    """Every character that needs no escape in a path, up to the limit."""
    name = "Az09_.-" + "a" * 57

    assert Models(CATALOGUE, {name: Preset("max_pool2d", {})}).find(name).operator is CATALOGUE.find("max_pool2d")
    assert "stats" in RESERVED_NAMES


def test_presets_are_read_from_a_file(tmp_path: Path) -> None:
    """The fields may be left out: then it is another name of the operator."""
    path = tmp_path / "models.json"
    path.write_text(
        '{"a": {"operator": "max_pool2d", "fields": {"kernel_size": [2, 1]}}, "b": {"operator": "avg_pool1d"}}'
    )

    assert read_presets(path) == {
        "a": Preset("max_pool2d", {"kernel_size": [2, 1]}),
        "b": Preset("avg_pool1d", {}),
    }


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "1", "\x00", '{"a": []}', '{"a": {}}', '{"a": {"operator": 1}}'),
        '{"a": {"operator": "max_pool2d", "fields": []}}',
        '{"a": {"operator": "max_pool2d", "field": {}}}',
        json.dumps({str(index): {"operator": "max_pool2d"} for index in range(1025)}),
    ],
    ids=lambda text: text[:20],
)
def test_another_file_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    """The person who starts the service reads the message."""
    path = tmp_path / "models.json"
    path.write_text(text)

    with pytest.raises(ValueError, match=r"models\.json"):
        read_presets(path)


def test_a_missing_or_binary_file_is_refused_with_its_path(tmp_path: Path) -> None:
    """As all others."""
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    for name in ("none.json", "binary.json", "."):
        with pytest.raises(ValueError, match="cannot be read"):
            read_presets(tmp_path / name)


@pytest.mark.parametrize("model", list(MODELS), ids=lambda model: model.name)
def test_metadata_and_configuration_agree(model: Model) -> None:
    """perf_analyzer takes names from one and shapes from the other, and stops if they differ."""
    metadata: dict[str, Any] = model_metadata(model)
    config: dict[str, Any] = model_config(model, ["cpu"])

    json.dumps([metadata, config], allow_nan=False)
    assert metadata["name"] == config["name"] == model.name
    assert metadata["versions"] == [VERSION]
    assert config["max_batch_size"] == 0
    assert config["model_transaction_policy"] == {"decoupled": False}
    for key, plural in (("input", "inputs"), ("output", "outputs")):
        cards = metadata[plural]
        assert [(row["name"], row["data_type"], row["dims"]) for row in config[key]] == [
            (card["name"], f"TYPE_{card['datatype']}", card["shape"]) for card in cards
        ]
        usual = "INT32" if "mode_pool" in model.name else "FP32"
        whole = {"indices", "spans", "segments", "batch_indices"}
        assert all(card["datatype"] == ("INT64" if card["name"] in whole else usual) for card in cards)
        assert all(set(card["shape"]) == {-1} for card in cards)
    if model.operator is not None and not issubclass(model.operator, RegionOperator):
        needed = ("input", *(each.name for each in model.operator.companions if each.is_required))
        assert [card["name"] for card in metadata["inputs"]] == list(needed)
        dimensions = 1 if model.operator.is_rank_free else 2 + model.operator.rank
        assert len(metadata["inputs"][0]["shape"]) == dimensions


@pytest.mark.parametrize(
    ("name", "inputs", "optional", "outputs"),
    [
        ("token_pool", {"input": 1}, "mask, weights, offsets", {"output": 1}),
        ("span_pool", {"input": 1, "spans": 2}, "mask, weights", {"output": 2}),
        ("segment_pool", {"input": 1, "segments": 1}, "offsets", {"output": 1}),
        ("roi_align", {"input": 4, "boxes": 2}, "batch_indices", {"output": 4}),
        ("max_unpool2d", {"input": 4, "indices": 4}, None, {"output": 4}),
        (
            GENERIC,
            {"input": 1},
            "indices, mask, weights, offsets, spans, segments, boxes, rois, batch_indices",
            {"output": 1, "indices": 1},
        ),
    ],
)
def test_a_request_with_what_the_metadata_lists_is_complete(
    name: str, inputs: dict[str, int], optional: str | None, outputs: dict[str, int]
) -> None:
    """Load generators send every input that is listed, and the tensors of a request may exclude each other; so those
    that can be left out are named elsewhere. A number of axes that varies is said as one axis."""
    metadata: dict[str, Any] = model_metadata(MODELS.find(name))

    assert {card["name"]: len(card["shape"]) for card in metadata["inputs"]} == inputs
    assert {card["name"]: len(card["shape"]) for card in metadata["outputs"]} == outputs
    assert metadata["properties"].get("optional_inputs") == optional


@pytest.mark.parametrize(
    ("preset", "outputs"),
    [
        (Preset("pyramid_pool2d", {"levels": 2}), ["level1", "level2"]),
        (Preset("pyramid_pool2d", {"levels": 1, "return_valid": True}), ["level1", "valid1"]),
        (Preset("mode_pool2d", {"return_valid": True}), ["output", "valid"]),
        (Preset("max_pool2d", {}), ["output", "indices"]),
        (Preset("max_pool2d", {"return_indices": False}), ["output"]),
        (Preset("segment_pool", {}), ["output"]),
        (Preset("segment_pool", {"reduce": "max"}), ["output", "indices"]),
        (Preset("token_pool", {"modes": ["max", "cls"]}), ["output"]),
        (Preset("token_pool", {"modes": ["max", "cls"], "concat": False}), ["cls", "max"]),
    ],
)
def test_the_outputs_are_those_of_a_request_without_parameters(preset: Preset, outputs: list[str]) -> None:
    """Load generators request every output that the metadata lists, and a pyramid may have 31 levels."""
    metadata: dict[str, Any] = model_metadata(Models(CATALOGUE, {"preset": preset}).find("preset"))

    assert [card["name"] for card in metadata["outputs"]] == outputs
    assert [card["datatype"] for card in metadata["outputs"] if "valid" in card["name"]] in ([], ["FP32"])


def test_the_properties_tell_what_one_datatype_cannot() -> None:
    """All datatypes, and the parameters with the values of those that are left out."""
    card = model_metadata(MODELS.find("max_pool2d.k2s2"))["properties"]

    assert isinstance(card, dict)
    assert json.loads(card["fixed_parameters"]) == {"kernel_size": 2, "stride": 2}
    assert card["datatypes"] == "FP16, BF16, FP32, FP64, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, BOOL"
    assert card["parameters"].split(", ") == [
        *("padding", "dilation", "ceil_mode", "return_indices"),
        *("layout", "nan_policy", "ignore_value", "return_valid"),
    ]
    plain = model_metadata(MODELS.find("max_pool2d"))["properties"]
    assert isinstance(plain, dict)
    assert plain["parameters"].startswith("kernel_size=")


@pytest.mark.parametrize(
    ("devices", "kind", "gpus"),
    [
        (["cpu"], "KIND_CPU", []),
        (["mps"], "KIND_CPU", []),
        (["cuda"], "KIND_GPU", [0]),
        (["cuda:0", "cuda:3"], "KIND_GPU", [0, 3]),
        (["cpu", "cuda:1"], "KIND_GPU", [1]),
    ],
)
def test_the_configuration_names_the_devices(devices: list[str], kind: str, gpus: list[int]) -> None:
    """Operations staff see what a model runs on."""
    groups: Any = model_config(MODELS.find("max_pool2d"), devices)["instance_group"]

    assert [(group["kind"], group["gpus"]) for group in groups] == [(kind, gpus)]


def test_the_configuration_of_a_preset_has_its_fields() -> None:
    """As Triton has parameters of a model."""
    assert model_config(MODELS.find("max_pool2d.k2s2"), [])["parameters"] == {
        "kernel_size": {"string_value": "2"},
        "stride": {"string_value": "2"},
    }


def test_a_preset_may_fix_the_sizes_of_any_rank() -> None:
    """A name without a rank takes it from the input, which a preset does not know."""
    for sizes in ([2], [2, 2], [2, 2, 2]):
        presets = {"preset": Preset("onnx.MaxPool", {"kernel_shape": sizes})}
        assert Models(CATALOGUE, presets).find("preset").fixed == {"kernel_shape": sizes}
    with pytest.raises(ValueError, match="kernel_shape"):
        Models(CATALOGUE, {"preset": Preset("onnx.MaxPool", {"kernel_shape": [2, 2, 2, 2]})})
