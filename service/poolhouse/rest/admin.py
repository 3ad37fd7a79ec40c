"""The application of the admin port: what the platform asks, apart from what callers ask.

With an admin port set, ``/metrics`` and ``/version`` are found there alone; the probes are in both places, since a load
balancer asks the port that it sends callers to. No key is asked for: who may reach the port is for the network to say.
"""

from __future__ import annotations

from dataclasses import replace

from fastapi import Depends

from poolhouse.rest.app import App, install_request_handling
from poolhouse.rest.dependencies import Service, bind_service
from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.routes import metrics, probes


def admin_app(service: Service) -> App:
    """The application of the admin port. It has no lifespan of its own: it lives as long as the service beside it."""
    service = replace(service, accounting=Accounting(service.pooling, service.metrics))
    routers = (probes.router, metrics.router)
    app = App(service.pooling.catalogue, routers, dependencies=[Depends(bind_service(service))])
    app.service = service
    install_request_handling(app, [route for router in routers for route in router.routes])
    return app
