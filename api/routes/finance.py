"""A party's books over HTTP: invoices in; reconciliation, journal and statements out. Each to its own party alone."""

from __future__ import annotations

import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.books import (
    MEDIA_TYPES,
    SUFFIXES,
    Format,
    books_of,
    journal_file,
    period_of,
    statement_json,
    statements_of,
    token_called,
)
from api.dependencies import TheNode, TheOnce, TheParty
from api.reconciling import keep_invoices, kept_invoices, reconciliation_of
from api.recording import now_us
from api.requests import media_type, read_body
from api.routes.finance_examples import INVOICES, INVOICES_TAKEN, JOURNAL, RECONCILIATION, STATEMENTS
from api.routes.responses import json_answer, problems
from ledger.judgement import Side

router = APIRouter(prefix="/finance", tags=["finance"])

INVOICE_BYTES_MAX = 32 * 2**20
_TAKEN = ("text/csv", MEDIA_TYPES[Format.XLSX])
_BODY = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}, "example": INVOICES} for kind in _TAKEN},
    }
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {kind: {"example": JOURNAL} for kind in MEDIA_TYPES.values()}}
}
Day = Annotated[str | None, Query(description="a day, as in 2026-10-31 (UTC)")]
From = Annotated[str | None, Query(alias="from", description="first day, as in 2026-10-01 (UTC)")]


@router.post(
    "/invoices",
    status_code=201,
    response_class=Response,
    responses=json_answer(INVOICES_TAKEN, "The invoices are taken", 201) | problems(400, 401, 409, 413, 415, 422, 503),
    openapi_extra=_BODY,
    summary="Hand in invoices",
)
async def take_invoices(request: Request, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """Take a CSV or XLSX file as the party's invoices, in the place of the ones before: all of it, or nothing."""
    media_type(request.headers.get("content-type"), _TAKEN)
    data = await read_body(request.stream(), request.headers.get("content-length"), INVOICE_BYTES_MAX)

    def taken() -> Response:
        count = len(keep_invoices(node, party, data, now_us()))
        return _json({"invoices": count}, 201)

    return await run_in_threadpool(once, taken)


@router.get(
    "/reconciliation",
    response_class=Response,
    responses=json_answer(RECONCILIATION) | problems(400, 401, 409, 503),
    summary="Orders, receipts, invoices and settlements, compared",
)
def show_reconciliation(
    node: TheNode,
    party: TheParty,
    side: Annotated[
        Side | None, Query(description="the party's orders as this; else what the invoices are about")
    ] = None,
) -> Response:
    """Every invoice that the party has handed in last, and every delivery, with its one state (docs/finance.md)."""
    return _json(reconciliation_of(node, party, kept_invoices(node, party), side).to_json())


@router.get(
    "/journal",
    response_class=Response,
    responses=_FILE | problems(400, 401, 409, 503),
    summary="The party's journal as a file",
)
def download_journal(
    node: TheNode,
    party: TheParty,
    kind: Annotated[Format, Query(alias="format", description="what to write")] = Format.CSV,
    from_day: From = None,
    to: Day = None,
) -> Response:
    """The double-entry journal, or for camt053 the statements, from the chain's logs alone."""
    data = journal_file(books_of(node, party), kind, period_of(from_day, to), int(time.time()))
    name = f'attachment; filename="journal.{SUFFIXES[kind]}"'
    return Response(data, media_type=MEDIA_TYPES[kind], headers={"Content-Disposition": name})


@router.get(
    "/statement",
    response_class=Response,
    responses=json_answer(STATEMENTS) | problems(400, 401, 409, 503),
    summary="The party's statements of account",
)
def show_statement(
    node: TheNode,
    party: TheParty,
    currency: Annotated[str, Query(description="the token's currency code")],
    from_day: From = None,
    to: Day = None,
) -> Response:
    """Opening balance, movements and closing balance of each of the party's accounts."""
    books = books_of(node, party)
    stated = statements_of(books, token_called(books, currency), period_of(from_day, to))
    return _json({"party": books.heading.name, "statements": [statement_json(one, books.heading) for one in stated]})


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
