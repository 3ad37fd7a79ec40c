"""poolhouse as a Ray Serve deployment: the same application in many replicas, over many machines.

Start it in this folder with ``serve run config.yaml`` or ``serve deploy config.yaml``; see README.md.
"""

from __future__ import annotations

from fastapi import FastAPI
from ray import serve

from poolhouse.rest.app import create_app
from poolhouse.service import PoolingService
from poolhouse.settings import Settings

_pooling_services: list[PoolingService] = []


def build_app() -> FastAPI:
    """Create the application in the replica, with settings from its environment."""
    app = create_app(Settings())
    _pooling_services.append(app.service.pooling)
    return app


@serve.deployment
@serve.ingress(build_app)
class Poolhouse:
    """One replica; config.yaml sets the number of replicas and their resources."""

    def check_health(self) -> None:
        """Ray calls this every few seconds, and replaces the replica if it raises."""
        for pooling in _pooling_services:
            if pooling.status.state == "device_lost":
                raise RuntimeError("no device is able to pool")


app = Poolhouse.bind()
