"""A product's history and its proof, by any form of its identifier."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response

from api.dependencies import TheNode
from api.requests import PathText
from api.routes.examples import BUNDLE, HISTORY
from api.routes.responses import json_answer, problems
from ledger.database import reading
from traceability.bundle import MEDIA_TYPE as BUNDLE_TYPE
from traceability.history import history, product_proof
from traceability.lineage import Direction

router = APIRouter(prefix="/products", tags=["products"])


@router.get(
    "/{id}/history",
    response_class=Response,
    responses=json_answer(HISTORY) | problems(400, 404),
    summary="Everything that concerns a product",
)
def show_history(
    id: PathText,
    node: TheNode,
    direction: Annotated[Direction, Query(description="backward: where it came from; forward: what became of it")] = (
        Direction.BACKWARD
    ),
) -> Response:
    """Events in order, oldest first, each with its record and what is to be said of it; and how things are joined."""
    with reading(node.engine) as session:
        found = history(session, node.trust.contracts, id, direction)
    return Response(orjson.dumps(found.to_json()), media_type="application/json")


@router.get(
    "/{id}/proof",
    response_class=Response,
    responses=json_answer(BUNDLE, kind=BUNDLE_TYPE) | problems(400, 404, 413),
    summary="The proof bundle of a product's history",
)
def show_proof(id: PathText, node: TheNode) -> Response:
    """A bundle of all records of the history, which anyone can verify without this node: `tally verify FILE`."""
    with reading(node.engine) as session:
        bundle = product_proof(session, node.trust.contracts, id)
    return Response(
        bundle, media_type=BUNDLE_TYPE, headers={"Content-Disposition": 'attachment; filename="proof.json"'}
    )
