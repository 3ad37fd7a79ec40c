"""The application of the admin port.

If an admin port is set, only it serves ``/metrics``, ``/version`` and ``/status``. Both ports serve the probes, since a
load balancer probes the port to which it sends requests. The admin port needs no API key; restrict access in the
network.
"""

from __future__ import annotations

from dataclasses import replace

from fastapi import Depends

from poolhouse.rest.app import ADMIN_ROUTERS, App, install_request_handling
from poolhouse.rest.dependencies import Service, bind_service
from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.routes import probes


def admin_app(service: Service) -> App:
    """The application of the admin port. It has no lifespan: the public application starts and stops the service."""
    service = replace(service, accounting=Accounting(service.pooling, service.metrics))
    routers = (probes.router, *ADMIN_ROUTERS)
    app = App(service.pooling.catalogue, routers, dependencies=[Depends(bind_service(service))])
    app.service = service
    install_request_handling(app, [route for router in routers for route in router.routes])
    return app
