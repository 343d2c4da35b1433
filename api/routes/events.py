"""Events by name, and their proofs. A name (eventID, hash ID, record hash) may have several records."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Response

from api.dependencies import TheNode
from api.requests import PathText
from api.routes.examples import BUNDLE, HISTORY
from api.routes.responses import json_answer, problems
from ledger.database import reading
from traceability.bundle import MEDIA_TYPE as BUNDLE_TYPE
from traceability.history import event_proof, events_named

router = APIRouter(prefix="/events", tags=["events"])


@router.get(
    "/{id}",
    response_class=Response,
    responses=json_answer(HISTORY["events"]) | problems(400, 404),
    summary="The events of a name",
)
def show_events(id: PathText, node: TheNode) -> Response:
    """A list of events with their records, oldest first: the same event may have been recorded more than once."""
    with reading(node.engine) as session:
        entries = events_named(session, node.trust.contracts, id)
    return Response(orjson.dumps([entry.to_json() for entry in entries]), media_type="application/json")


@router.get(
    "/{id}/proof",
    response_class=Response,
    responses=json_answer(BUNDLE, kind=BUNDLE_TYPE) | problems(400, 404, 413),
    summary="The proof bundle of an event",
)
def show_event_proof(id: PathText, node: TheNode) -> Response:
    """A bundle of the name's records, which anyone can verify without this node."""
    with reading(node.engine) as session:
        bundle = event_proof(session, node.trust.contracts, id)
    return Response(bundle, media_type=BUNDLE_TYPE)
