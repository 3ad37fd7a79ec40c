"""Describe the plan of several poolings as plain values, for the response of ``/v1/plan``. Pure."""

from __future__ import annotations

from poolhouse.describe import JsonObject, plan_card
from poolhouse.poolings.plan import PoolingsPlan, Run
from poolhouse.tensors import TensorMetadata


def poolings_card(plan: PoolingsPlan, devices: tuple[str, ...]) -> JsonObject:
    """The response: the sums over all runs, and the card of each run as ``/v1/plan/{operator}`` has it."""
    return {
        "poolings": [_run_card(run, devices) for run in plan.runs],
        "outputs": {name: _output_card(metadata) for name, metadata in plan.outputs.items()},
        "input_bytes": plan.input_bytes,
        "output_bytes": plan.output_bytes,
        "held_bytes": plan.held_bytes,
        "planes": plan.planes,
        "cost": {"steps": plan.steps, "workspace_bytes": plan.workspace_bytes},
        "devices": list(devices),
        "warnings": list(plan.warnings),
    }


def _run_card(run: Run, devices: tuple[str, ...]) -> JsonObject:
    card = plan_card(run.plan, devices)
    outputs = {run.names[name]: _output_card(metadata) for name, metadata in run.plan.outputs.items()}
    return {
        "name": run.pooling.name,
        "input": run.input_name,
        "of": run.pooling.source,
        "returned": run.pooling.is_returned,
        **card,
        "outputs": outputs,
    }


def _output_card(metadata: TensorMetadata) -> JsonObject:
    return {"dtype": metadata.dtype.name, "shape": list(metadata.shape), "bytes": metadata.nbytes}
