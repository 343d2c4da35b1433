"""GET /health: how the node is. It answers 200 also while the chain is away, for captures go on."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Response

from api.dependencies import TheNode
from api.health import health_of
from api.recording import now_us
from api.routes.examples import HEALTH
from api.routes.responses import json_answer

router = APIRouter(tags=["node"])


@router.get("/health", response_class=Response, responses=json_answer(HEALTH), summary="How the node is")
def show_health(node: TheNode) -> Response:
    """Chain and contracts, the node's anchoring key, how far anchoring lags behind, and what needs a person.

    `status` is `degraded` while the chain can't be reached, or is not the one meant: captures are taken all the same.
    """
    return Response(orjson.dumps(health_of(node, now_us()).to_json()), media_type="application/json")
