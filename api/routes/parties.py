"""GET /parties: who takes part, and which keys act for whom, as the chain has it."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Response

from api.consortium import party_json, registry_at_final_block
from api.dependencies import TheNode
from api.routes.examples import PARTIES
from api.routes.responses import json_answer, problems

router = APIRouter(tags=["parties"])


@router.get(
    "/parties", response_class=Response, responses=json_answer(PARTIES) | problems(503), summary="Who takes part"
)
def show_parties(node: TheNode) -> Response:
    """Every party that is or was a member, in the order in which they came, as of the newest final block."""
    registry, now_at = registry_at_final_block(node)
    parties = [party_json(registry, party, now_at) for party in registry.parties.values()]
    return Response(orjson.dumps(parties), media_type="application/json")
