"""The app: one router a resource, problems for whatever goes wrong, paths matched as they were sent."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import FastAPI

from api import handlers
from api.idempotency import BodyHashes
from api.node import Node
from api.requests import RawPaths
from api.routes import bundles, capture, digital_link, events, finance, health, home, orders, parties, products
from api.watching import Watched

ROUTERS = (capture.router, events.router, products.router, bundles.router, parties.router, orders.router,
           finance.router, health.router, digital_link.router, home.router)  # fmt: skip
DESCRIPTION = """\
A ledger for supply chains: EPCIS 2.0 events are recorded for a party, signed, anchored on a chain, and proved.

Reading needs no key. Capturing, and handing in another node's bundle, need an API key that belongs to a party:
`Authorization: Bearer KEY`. What changes something takes an `Idempotency-Key`, so that it can be asked for again
without being done again. Whatever goes wrong is a problem (RFC 9457) with a stable `code`.

An `{id}` in a path is percent-encoded as a whole: hash IDs contain `/` and `?`, EPC URNs contain `:`.
"""


def create_app(node: Node | None) -> FastAPI:
    """The app over that node. Without one it can describe itself, and nothing else."""
    app = FastAPI(
        title="Tallystick",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.node = node
    for router in ROUTERS:
        app.include_router(router)
    handlers.install(app)
    app.add_middleware(BodyHashes)
    app.add_middleware(RawPaths)
    app.add_middleware(Watched)
    app.openapi = partial(_described, app)  # type: ignore[method-assign]  # the way FastAPI's manual says
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document without FastAPI's own 422: a wrong parameter is a problem of status 400 here."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        for methods in document["paths"].values():
            for operation in methods.values():
                if operation["responses"].get("422", {}).get("description") == "Validation Error":
                    del operation["responses"]["422"]
        for name in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(name, None)
    return app.openapi_schema or {}


def openapi_document() -> dict[str, Any]:
    """The OpenAPI 3.1 description of the API."""
    return create_app(None).openapi()
