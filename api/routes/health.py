"""How the node is: GET /health for people, /ready for whoever sends it work, /metrics for who watches it."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Response

from api.dependencies import TheNode
from api.gauges import exposition
from api.health import health_of
from api.metrics import meters
from api.readiness import check_ready
from api.recording import now_us
from api.routes.examples import HEALTH, METRICS, READY
from api.routes.responses import json_answer, problems

router = APIRouter(tags=["node"])

_EXPOSITION: dict[int | str, dict[str, Any]] = {
    200: {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}, "example": METRICS}}}
}


@router.get("/health", response_class=Response, responses=json_answer(HEALTH), summary="How the node is")
def show_health(node: TheNode) -> Response:
    """Chain and contracts, the node's anchoring key, how far anchoring lags behind, and what needs a person.

    It answers 200 for as long as the process lives: `status` is `degraded` while the chain can't be reached, or is not
    the one meant, and captures are taken all the same. Whether to send work here is for GET /ready to say.
    """
    return Response(orjson.dumps(health_of(node, now_us()).to_json()), media_type="application/json")


@router.get(
    "/ready",
    response_class=Response,
    responses=json_answer(READY) | problems(503),
    summary="Whether the node is ready to take work",
)
def show_readiness(node: TheNode) -> Response:
    """Database writable, disk not full, keys open, chain reached and followed, anchoring key in effect.

    Else 503, a problem that names what is missing and has the same `checks`. The chain itself is not asked.
    """
    checks = [check.to_json() for check in check_ready(node, now_us())]
    return Response(orjson.dumps({"status": "ready", "checks": checks}), media_type="application/json")


@router.get("/metrics", response_class=Response, responses=_EXPOSITION, summary="What is counted, for Prometheus")
def show_metrics(node: TheNode, accept: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
    """Counters of all processes of the node, and figures read off its database now (docs/operations.md)."""
    body, kind = exposition(meters(), node.engine, accept, now_us())
    return Response(body, headers={"Content-Type": kind})
