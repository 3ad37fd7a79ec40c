"""poolhouse on Ray Serve: the same application, in as many replicas over as many machines as Ray has.

Started in this folder with ``serve run config.yaml`` or ``serve deploy config.yaml``; README.md beside it tells more.
"""

from __future__ import annotations

from fastapi import FastAPI
from ray import serve

from poolhouse.rest.app import create_app
from poolhouse.service import PoolingService
from poolhouse.settings import Settings

_pooling_services: list[PoolingService] = []


def build_app() -> FastAPI:
    """The application, made in the replica: its settings are the replica's environment."""
    app = create_app(Settings())
    _pooling_services.append(app.service.pooling)
    return app


@serve.deployment
@serve.ingress(build_app)
class Poolhouse:
    """One replica. How many there are, and of what size, is in config.yaml."""

    def check_health(self) -> None:
        """Ray asks every few seconds, and replaces a replica that raises."""
        for pooling in _pooling_services:
            if pooling.status.state == "device_lost":
                raise RuntimeError("no device is able to pool")


app = Poolhouse.bind()
