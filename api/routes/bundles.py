"""Proof bundles: judged for anyone (POST /verify), taken from other nodes (POST /bundles)."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.dependencies import TheNode, TheOnce
from api.node import Node
from api.recording import now_us
from api.requests import media_type, read_body
from api.routes.examples import BUNDLE, RECEIVED, VERDICT
from api.routes.responses import json_answer, problems
from ledger.database import reading
from ledger.hexadecimal import to_hex
from ledger.outlook import outlook_of
from traceability.bundle import MEDIA_TYPE as BUNDLE_TYPE
from traceability.foreign import receive
from traceability.verification import Result, verify

router = APIRouter(tags=["proofs"])

TAKEN = (BUNDLE_TYPE, "application/json")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "object"}, "example": BUNDLE} for kind in TAKEN},
    }
}


@router.post(
    "/verify",
    response_class=Response,
    responses=json_answer(VERDICT) | problems(400, 413, 415, 503),
    openapi_extra=_BODY,
    summary="Judge a proof bundle",
)
async def verify_bundle(
    request: Request,
    node: TheNode,
    identifier: Annotated[
        str | None, Query(alias="for", max_length=2048, description="what the bundle is handed over for")
    ] = None,
) -> Response:
    """The verdict on a bundle, checked against this node's chain at its newest final block.

    Of a pending one `expectedFinalInS` says about how many seconds it may take; null where nobody knows. Whatever the
    verdict is, the answer is 200: a bundle that failed was judged, too. Better judge it yourself, with `tally verify`
    or a verifier of your own: then you need not believe this node.
    """
    data = await _body(request, node)
    judged = await run_in_threadpool(_judge, node, data, identifier)
    return Response(orjson.dumps(judged), media_type="application/json")


@router.post(
    "/bundles",
    status_code=201,
    response_class=Response,
    responses=json_answer(RECEIVED, "What became of each record", 201) | problems(400, 401, 413, 415, 422, 503),
    openapi_extra=_BODY,
    summary="Hand in another node's proof bundle",
)
async def receive_bundle(request: Request, node: TheNode, once: TheOnce) -> Response:
    """Store another node's events: verified against the chain, and refused whole if any record fails or is pending.

    A record that contradicts a stored one is not taken, but listed here and in GET /health.
    """
    data = await _body(request, node)
    return await run_in_threadpool(once, partial(_take, node, data))


async def _body(request: Request, node: Node) -> bytes:
    media_type(request.headers.get("content-type"), TAKEN)
    return await read_body(request.stream(), request.headers.get("content-length"), node.settings.bundle_bytes_max)


def _judge(node: Node, data: bytes, identifier: str | None) -> dict[str, Any]:
    verdict = verify(data, trusted=node.trust.contracts, answers=node.answers(), identifier=identifier)
    members = verdict.to_json()
    if verdict.result is Result.PENDING:
        with reading(node.engine) as session:
            outlook = outlook_of(session, node.settings.anchoring, now_us())
        members["expectedFinalInS"] = None if outlook is None else round(outlook.from_capture_s, 1)
    return members


def _take(node: Node, data: bytes) -> Response:
    received = receive(node.engine, data, node.trust.contracts, node.answers(), now_us())
    members = {
        "result": received.verdict.result.value,
        "taken": [to_hex(each) for each in received.taken],
        "known": [to_hex(each) for each in received.known],
        "contradicting": [to_hex(each) for each in received.contradicting],
    }
    return Response(orjson.dumps(members), 201, media_type="application/json")
