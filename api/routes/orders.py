"""Orders over HTTP: what `tally order` does, for the party whose API key it is.

What changes something on chain is planned and answered with 202: the outbox brings it there, `Location` shows how far.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from api import ordering as desk
from api.dependencies import TheNode, TheOnce, TheParty
from api.divisions import division_from_json, division_json
from api.errors import BadArgument
from api.node import Node
from api.order_views import View, for_a_person, line_json, order_json
from api.recording import now_us
from api.requests import PathText, media_type, read_body
from api.routes.order_examples import (
    COLLECT,
    DECISION,
    DIVISION,
    IMPORTED,
    ITEM,
    LINE,
    OFFER,
    ORDER,
    PLANNED,
    PURCHASE_ORDER,
    PURCHASE_ORDER_CSV,
    RULING,
    TERMS,
    TRANSFER,
)
from api.routes.responses import json_answer, problems
from ledger import ordering
from ledger.book import OrderState
from ledger.database import reading
from ledger.hexadecimal import to_hex
from ledger.orderbook import order_of
from ledger.orderdesk import orders_of, standpoint_of
from ledger.ordering import Action, Standpoint
from ledger.orders import State
from ledger.tables import TransactionRow
from traceability.decisions import attest_by_hand, dismiss
from traceability.order_terms import import_terms, terms_file

router = APIRouter(prefix="/orders", tags=["orders"])

JSON = "application/json"
FILE_BYTES_MAX = 2**20
_PURCHASE_ORDER = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"type": "object"}, "example": PURCHASE_ORDER},
            "text/csv": {"schema": {"type": "string"}, "example": PURCHASE_ORDER_CSV},
        },
    }
}
_TERMS = {"requestBody": {"required": True, "content": {JSON: {"schema": {"type": "object"}, "example": TERMS}}}}
_PLANNED = json_answer(PLANNED, "Planned, and on its way to the chain. `Location` shows the order.", 202)
_REFUSED = problems(400, 401, 403, 404, 409, 422, 503)


def _example(body: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {JSON: {"example": body}}}}


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ItemBody(_Closed):
    """An item: a milestone's delivery, by despatch advice, SSCC or id; `rest` for what is left of the milestone."""

    milestone: Annotated[int, Field(ge=0, le=15)]
    delivery: str


class RulingBody(ItemBody):
    """What the payee gets of a disputed item, as in `40%` or `4000 bps`."""

    share: str


class DivisionBody(ItemBody):
    """An offer, in amounts as `1250.00`. The answer is signed, for the other side to submit."""

    to_payee: Annotated[str, Field(alias="toPayee")] = "0"
    to_buyer: Annotated[str, Field(alias="toBuyer")] = "0"


class CollectBody(_Closed):
    """Whose credit, and where to; without a creditor all of the order's are paid where they stand."""

    creditor: str = ""
    receiver: str = ""


class TransferBody(_Closed):
    """Who gets the receivable, and the order's version that was looked at before."""

    receiver: str
    version: Annotated[int, Field(ge=0)]


class DecisionBody(_Closed):
    """What a person decides on an own event: what it attests, or `nothing`."""

    event: str
    nothing: bool = False
    milestone: Annotated[int | None, Field(ge=0, le=15)] = None
    delivery: str = ""
    accepted: Annotated[int | None, Field(ge=0)] = None
    deduction: str = "0%"


# ------------------------------------------------------------------------------------------------------------ reading


@router.get("", response_class=Response, responses=json_answer([LINE]) | problems(400, 401, 503), summary="List orders")
def list_orders(
    node: TheNode,
    party: TheParty,
    state: Annotated[str | None, Query(description="proposed, accepted, funded, cancelled or ended")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[str | None, Query(description="the last order of the page before")] = None,
) -> Response:
    """The orders that the party takes part in, the newest first."""
    with reading(node.engine) as session:
        view = View.of(session, node)
        cursor = None
        if before is not None:
            last = order_of(session, desk.order_named(session, before))
            cursor = last.proposed.block_at, last.order
        rows = orders_of(session, party, [_state(state)] if state else (), limit=limit, before=cursor)
        return _json([line_json(view, row) for row in rows])


@router.get("/for-a-person", response_class=Response, responses=json_answer([]) | problems(401, 503),
            summary="Events that a person has to decide on")  # fmt: skip
def list_waiting(node: TheNode, party: TheParty) -> Response:
    """The party's own events that name an order and can't speak for themselves, each with why and what to do."""
    with reading(node.engine) as session:
        view = View.of(session, node)
        return _json([each for each in for_a_person(view) if each["party"] == view.who(party)])


@router.get("/{id}", response_class=Response, responses=json_answer(ORDER) | problems(400, 404, 503),
            summary="An order")  # fmt: skip
def show_order(id: PathText, node: TheNode) -> Response:
    """All that the chain says of it, with names and amounts: whoever reads the chain sees it, too."""
    with reading(node.engine) as session:
        return _json(order_json(View.of(session, node), desk.order_named(session, id)))


@router.get("/{id}/terms", response_class=Response,
            responses=json_answer(TERMS) | problems(400, 401, 403, 404),
            summary="An order's terms document")  # fmt: skip
def show_terms(id: PathText, node: TheNode, party: TheParty) -> Response:
    """The file, byte for byte as its hash stands on chain: for the order's own parties."""
    with reading(node.engine) as session:
        order = desk.order_named(session, id)
        desk.require(party, order_of(session, order).parts, "its parties")
        return Response(terms_file(session, order), media_type=JSON)


# ----------------------------------------------------------------------------------------------------------- changing


@router.post("", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED | problems(413, 415),
             openapi_extra=_PURCHASE_ORDER, summary="Propose an order")  # fmt: skip
async def propose_order(request: Request, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """A purchase order, as JSON or CSV, becomes terms document and order. All that is wrong is told at once."""
    media_type(request.headers.get("content-type"), (JSON, "text/csv"))
    file = await read_body(request.stream(), request.headers.get("content-length"), FILE_BYTES_MAX)
    return await run_in_threadpool(once, lambda: _sent(node, desk.propose(node, party, file)[0]))


@router.post("/terms", status_code=201, response_class=Response,
             responses=json_answer(IMPORTED, "Taken", 201) | problems(400, 401, 409, 413, 415, 422, 503),
             openapi_extra=_TERMS,
             summary="Take in a terms document")  # fmt: skip
async def take_terms(request: Request, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """Checked against the chain. From then on own events that name the order attest, also earlier ones."""
    media_type(request.headers.get("content-type"), (JSON,))
    file = await read_body(request.stream(), request.headers.get("content-length"), FILE_BYTES_MAX)

    def taken() -> Response:
        found = import_terms(node.engine, file, now_us())
        orders = [to_hex(order) for order in found.orders]
        return _json({"document": to_hex(found.document_hash), "orders": orders}, 201)

    return await run_in_threadpool(once, taken)


@router.post("/{id}/accept", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             summary="Accept an order")  # fmt: skip
def accept_order(id: PathText, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """As its seller."""
    return once(lambda: _act(node, id, party, _seller, "the seller", ordering.accept))


@router.post("/{id}/cancel", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             summary="Cancel an order")  # fmt: skip
def cancel_order(id: PathText, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """As its buyer or seller, before it is funded."""
    return once(lambda: _act(node, id, party, _sides, "buyer or seller",
                             lambda view, state: ordering.cancel(view, state, party)))  # fmt: skip


@router.post("/{id}/fund", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             summary="Fund an order")  # fmt: skip
def fund_order(id: PathText, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """As its buyer: the whole amount, with a permit where the token knows them."""

    def funded() -> Response:
        order = _entitled(node, id, party, _buyer, "the buyer")
        return _sent(node, desk.fund(node, order))

    return once(funded)


@router.post("/{id}/attest", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             openapi_extra=_example(DECISION), summary="Decide on an event")  # fmt: skip
def decide(id: PathText, body: DecisionBody, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """What an own event attests that can't speak for itself, or that it attests nothing."""

    def decided() -> Response:
        order = _entitled(node, id, party, lambda state: state.terms.attestors, "an attestor")
        with reading(node.engine) as session:
            record_id = desk.own_record(session, body.event)
        if body.nothing:
            dismiss(node.engine, record_id, order, now_us())
        else:
            said = desk.said_by_hand(body.milestone, body.delivery, body.accepted, body.deduction)
            attest_by_hand(node.engine, record_id, order, said, now_us())
        return _located(order, ())

    return once(decided)


@router.post("/{id}/take-back", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             openapi_extra=_example(ITEM), summary="Take an attestation back")  # fmt: skip
def take_back(id: PathText, body: ItemBody, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """As its attestor, before the delivery is agreed."""
    return once(lambda: _on_item(node, id, party, body, lambda state: state.terms.attestors, "an attestor",
                                 lambda v, s, item: ordering.take_back(v, s, body.milestone, item, party)))  # fmt: skip


@router.post("/{id}/settle", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             openapi_extra=_example(ITEM), summary="Settle an item")  # fmt: skip
def settle_item(id: PathText, body: ItemBody, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """Whose time has come; the worker does so by itself."""
    sender = node.keyring.node_file().address
    return once(lambda: _on_item(node, id, party, body, lambda state: state.parts, "one of its parties",
                                 lambda v, s, item: ordering.settle(v, s, body.milestone, item, sender)))  # fmt: skip


@router.post("/{id}/release", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             openapi_extra=_example(ITEM), summary="Release an item to the payee")  # fmt: skip
def release_item(id: PathText, body: ItemBody, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """Whole, as the buyer."""
    return once(lambda: _on_item(node, id, party, body, _buyer, "the buyer",
                                 lambda v, s, item: ordering.release(v, s, body.milestone, item)))  # fmt: skip


@router.post("/{id}/give-back", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             openapi_extra=_example(ITEM), summary="Give an item back to the buyer")  # fmt: skip
def give_item_back(id: PathText, body: ItemBody, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """Whole, as the payee."""
    return once(lambda: _on_item(node, id, party, body, _payee, "the payee",
                                 lambda v, s, item: ordering.give_back(v, s, body.milestone, item)))  # fmt: skip


@router.post("/{id}/dispute", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             openapi_extra=_example(ITEM), summary="Dispute an item")  # fmt: skip
def dispute_item(id: PathText, body: ItemBody, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """As buyer or payee, within its window."""
    return once(lambda: _on_item(node, id, party, body, lambda state: [state.terms.buyer, state.payee],
                                 "buyer or payee",
                                 lambda v, s, item: ordering.dispute(v, s, body.milestone, item, party)))  # fmt: skip


@router.post("/{id}/rule", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             openapi_extra=_example(RULING), summary="Rule on a disputed item")  # fmt: skip
def rule_item(id: PathText, body: RulingBody, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """As the arbiter: the payee gets the share, the buyer what is left."""

    def ruled() -> Response:
        bps = desk.basis_points(body.share, "share")
        return _on_item(node, id, party, body, lambda state: [state.terms.arbiter], "the arbiter",
                        lambda v, s, item: ordering.rule(v, s, body.milestone, item, bps))  # fmt: skip

    return once(ruled)


@router.post("/{id}/division", openapi_extra=_example(OFFER), status_code=201, response_class=Response,
             responses=json_answer(DIVISION, "The signed offer", 201) | _REFUSED,
             summary="Offer to divide an item")  # fmt: skip
def offer_division(id: PathText, body: DivisionBody, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """As buyer or payee. The other side submits the answer at /divide."""

    def offered() -> Response:
        order = _entitled(node, id, party, lambda state: [state.terms.buyer, state.payee], "buyer or payee")
        with reading(node.engine) as session:
            state = order_of(session, order)
            item = desk.delivery_named(session, order, body.delivery)
            shares = (
                desk.base_units(session, state, body.to_payee, "toPayee"),
                desk.base_units(session, state, body.to_buyer, "toBuyer"), None,
            )  # fmt: skip
        return _json(division_json(*desk.offer_division(node, order, body.milestone, item, party, shares)), 201)

    return once(offered)


@router.post("/{id}/divide", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             openapi_extra=_example(DIVISION), summary="Agree to divide an item")  # fmt: skip
def divide_item(
    id: PathText, body: Annotated[dict[str, Any], Body()], node: TheNode, party: TheParty,
    once: TheOnce,
) -> Response:  # fmt: skip
    """With the other side's signed offer."""

    def divided() -> Response:
        offered, signature = division_from_json(orjson.dumps(body))
        return _act(node, id, party, lambda state: [state.terms.buyer, state.payee], "buyer or payee",
                    lambda view, state: ordering.divide(view, state, offered, signature))  # fmt: skip

    return once(divided)


@router.post("/{id}/collect", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             openapi_extra=_example(COLLECT), summary="Have what is owed paid out")  # fmt: skip
def collect(id: PathText, body: CollectBody, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """To whom it is owed; to another account only as the creditor itself. The worker does so by itself."""

    def collected() -> Response:
        with reading(node.engine) as session:
            registry = standpoint_of(session, node.deployment).registry
        creditor = desk.account_of_text(node, registry, body.creditor) if body.creditor else None
        receiver = desk.account_of_text(node, registry, body.receiver) if body.receiver else None
        if receiver is not None:
            desk.require(party, [creditor] if creditor else [], "the creditor")
        return _sent(node, desk.collect(node, _named(node, id), creditor, receiver))

    return once(collected)


@router.post("/{id}/tokenise", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             summary="Mint the order's receivable")  # fmt: skip
def tokenise(id: PathText, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """As the seller: whoever holds it is paid."""
    return once(lambda: _act(node, id, party, _seller, "the seller", ordering.tokenise))


@router.post("/{id}/transfer", status_code=202, response_class=Response, responses=_PLANNED | _REFUSED,
             openapi_extra=_example(TRANSFER), summary="Hand the receivable on")  # fmt: skip
def transfer(id: PathText, body: TransferBody, node: TheNode, party: TheParty, once: TheOnce) -> Response:
    """As its holder; refused where the order has changed since the version that was looked at."""

    def transferred() -> Response:
        with reading(node.engine) as session:
            view = standpoint_of(session, node.deployment)
        to = view.actor_of(desk.account_of_text(node, view.registry, body.receiver))
        actor = view.actor_of(party)
        return _act(node, id, actor, lambda state: [view.actor_of(state.payee)], "the holder",
                    lambda looked, state: ordering.transfer_if(looked, state, to, body.version))  # fmt: skip

    return once(transferred)


# ------------------------------------------------------------------------------------------------------------- inside

_Who = Callable[[OrderState], Any]


def _seller(state: OrderState) -> list[bytes]:
    return [state.terms.seller]


def _buyer(state: OrderState) -> list[bytes]:
    return [state.terms.buyer]


def _payee(state: OrderState) -> list[bytes]:
    return [state.payee]


def _sides(state: OrderState) -> list[bytes]:
    return [state.terms.buyer, state.terms.seller]


def _named(node: Node, id: str) -> bytes:
    with reading(node.engine) as session:
        return desk.order_named(session, id)


def _entitled(node: Node, id: str, party: bytes, who: _Who, what: str) -> bytes:
    with reading(node.engine) as session:
        order = desk.order_named(session, id)
        desk.require(party, who(order_of(session, order)), what)
    return order


def _act(
    node: Node, id: str, party: bytes, who: _Who, what: str, choose: Callable[[Standpoint, OrderState], Action]
) -> Response:  # fmt: skip
    order = _entitled(node, id, party, who, what)
    return _sent(node, desk.act(node, order, choose))


def _on_item(
    node: Node, id: str, party: bytes, body: ItemBody, who: _Who, what: str,
    choose: Callable[[Standpoint, OrderState, bytes], Action],
) -> Response:  # fmt: skip
    order = _entitled(node, id, party, who, what)
    with reading(node.engine) as session:
        item = desk.delivery_named(session, order, body.delivery)
    return _sent(node, desk.act(node, order, lambda view, state: choose(view, state, item)))


def _sent(node: Node, sent: desk.Sent) -> Response:
    with reading(node.engine) as session:
        rows = [session.get(TransactionRow, number) for number in sent.transactions]
        intents = [row.intent for row in rows if row is not None]
    return _located(sent.order, intents)


def _located(order: bytes, intents: Any) -> Response:
    answer = {"order": to_hex(order), "planned": list(intents)}
    return _json(answer, 202, {"Location": f"/orders/{to_hex(order)}"})


def _json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers, media_type=JSON)


def _state(text: str) -> State:
    try:
        return State[text.upper()]
    except KeyError:
        raise BadArgument(f"state: {text[:40]!r} is not proposed, accepted, funded, cancelled or ended") from None
