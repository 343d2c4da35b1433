"""POST /capture and GET /capture/{id}: events come in (EPCIS 2.0, 12.6.3; the REST binding's capture interface)."""

from __future__ import annotations

import time

import orjson
from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlmodel import Session

from api.dependencies import TheNode, TheOnce, TheParty
from api.errors import BadHeader, NotAcceptable, UnknownCaptureJob
from api.metrics import count_capture
from api.node import Node
from api.recording import capture_document, capture_signed_document, now_us
from api.requests import PathText, media_type, read_body
from api.routes.examples import CAPTURE_JOB, DOCUMENT, SIGNED_CAPTURE
from api.routes.responses import json_answer, problems
from ledger.database import reading
from ledger.outlook import outlook_of, until_final_s
from traceability.capture import SIGNED_MEDIA_TYPE
from traceability.jobs import CaptureJob, ErrorBehaviour, Status, capture_job

router = APIRouter(tags=["capture"])

JSON = "application/json"
TAKEN = (JSON, "application/ld+json", SIGNED_MEDIA_TYPE)
VERSIONS = {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}
ERROR_BEHAVIOUR = "GS1-Capture-Error-Behaviour"
_UNDER_WAY = {Status.ACCEPTED, Status.BATCHED, Status.SUBMITTED}

_BODY = {
    "required": True,
    "content": {
        kind: {"schema": {"type": "object"}, "example": SIGNED_CAPTURE if kind == SIGNED_MEDIA_TYPE else DOCUMENT}
        for kind in TAKEN
    },
}
_RECORDED = json_answer(CAPTURE_JOB, "Everything in the document is durable. `Location` is the job's address.", 202)


@router.post(
    "/capture",
    status_code=202,
    response_class=Response,
    responses=_RECORDED | problems(400, 401, 403, 406, 409, 413, 415, 422, 503),
    openapi_extra={"requestBody": _BODY},
    summary="Record the events of an EPCIS document",
)
async def capture_events(
    request: Request,
    node: TheNode,
    party: TheParty,
    once: TheOnce,
    error_behaviour: str = Header(
        ErrorBehaviour.ROLLBACK.value,
        alias=ERROR_BEHAVIOUR,
        description="rollback: all events or none; proceed: the good ones",
    ),
    epcis_version: str = Header("2.0.0", alias="GS1-EPCIS-Version", description="the version that the document is in"),
) -> Response:
    """Record a document's events for the party whose API key it is: all of them, or (by default) none.

    Sign with the key that this node holds of the party, or bring records that you have signed
    (application/vnd.tallystick.capture+json). Answered only when everything is durable.
    """
    kind = media_type(request.headers.get("content-type"), TAKEN)
    behaviour = _behaviour(error_behaviour)
    if not epcis_version.startswith("2.0"):
        raise NotAcceptable(f"GS1-EPCIS-Version {epcis_version[:20]}", ("2.0.0",))
    begun_s = time.perf_counter()
    length = request.headers.get("content-length")
    body = await read_body(request.stream(), length, node.settings.capture_bytes_max)
    take = capture_signed_document if kind == SIGNED_MEDIA_TYPE else capture_document

    jobs: list[CaptureJob] = []

    def recorded() -> Response:
        job = take(node, party, body, behaviour)
        jobs.append(job)
        return _answer(job, 202, {"Location": f"/capture/{job.capture_id}"})

    answer = await run_in_threadpool(once, recorded)
    # Only now is it durable; without a job the answer is one that was given before.
    for job in jobs:
        count_capture(job, time.perf_counter() - begun_s)
    return answer


@router.get(
    "/capture/{id}",
    response_class=Response,
    responses=json_answer(CAPTURE_JOB | {"expectedFinalInS": 3.4}) | problems(400, 404),
    summary="What became of a capture",
)
def show_capture(id: PathText, node: TheNode) -> Response:
    """The capture job, with how far each of its records has come since.

    `expectedFinalInS` says how many seconds it takes until the last of them is final, by how the chain went lately;
    null where none is on its way, or nobody knows. An estimate: what is promised stands in `receipt`.
    """
    with reading(node.engine) as session:
        job = capture_job(session, id)
        if job is None:
            raise UnknownCaptureJob(id)
        expected_s = _expected_s(session, node, job, now_us())
    members = job.to_json() | {"expectedFinalInS": None if expected_s is None else round(expected_s, 1)}
    return Response(orjson.dumps(members), 200, VERSIONS, JSON)


@router.options("/capture", status_code=204, response_class=Response, summary="What this capture interface takes")
def discover_capture(node: TheNode) -> Response:
    """The settings of the capture interface, as EPCIS 2.0's discovery has them."""
    return Response(status_code=204, headers=_discovery(node))


def _expected_s(session: Session, node: Node, job: CaptureJob, at_us: int) -> float | None:
    statuses = {item.status for item in job.items}
    outlook = outlook_of(session, node.settings.anchoring, at_us) if statuses & _UNDER_WAY else None
    if outlook is None or Status.WAITING in statuses:
        return None
    under_way = [item.record_hash for item in job.items if item.record_hash and item.status in _UNDER_WAY]
    return until_final_s(session, outlook, under_way, at_us)


def _discovery(node: Node) -> dict[str, str]:
    return VERSIONS | {
        "Allow": "OPTIONS, POST",
        "GS1-EPCIS-Min": "2.0.0",
        "GS1-EPCIS-Max": "2.0.0",
        "GS1-CBV-Min": "2.0.0",
        "GS1-CBV-Max": "2.0.0",
        "GS1-EPC-Format": "Never_Translates",
        "GS1-EPCIS-Capture-File-Size-Limit": str(node.settings.capture_bytes_max),
        ERROR_BEHAVIOUR: "all",
    }


def _behaviour(text: str) -> ErrorBehaviour:
    try:
        return ErrorBehaviour(text.lower())
    except ValueError:
        raise BadHeader(ERROR_BEHAVIOUR, text, tuple(ErrorBehaviour)) from None


def _answer(job: CaptureJob, status: int, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(job.to_json()), status, VERSIONS | headers, JSON)
