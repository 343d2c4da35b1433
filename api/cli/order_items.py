"""Commands on what an order's items hold: attest, take back, settle, dispute, rule, divide, collect, sell the right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from api import ordering as desk
from api.cli.checks import read_file
from api.cli.console import DATA_DEFAULT, DataFolder, Json, emit, say
from api.cli.orders import As, Name, acting, named, perform, show_order, state_of
from api.consortium import catch_up, current_registry
from api.divisions import division_from_json, division_json
from api.node import Node, opened_node
from api.recording import now_us
from ledger import ordering
from ledger.database import reading
from ledger.orders import Division
from traceability.decisions import attest_by_hand, dismiss

Milestone = Annotated[int, typer.Argument(metavar="MILESTONE", help="Its number, from 0.")]
Delivery = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="Despatch advice, SSCC or id of a delivery; `rest` for the rest.")
]
Record = Annotated[str, typer.Argument(metavar="EVENT", help="Event ID, hash ID or record hash of an own event.")]


def attest(
    order: Name,
    event: Record,
    milestone: Annotated[int | None, typer.Option("--milestone", help="To which milestone it is a delivery.")] = None,
    reference: Annotated[str, typer.Option("--delivery", help="The despatch advice or SSCC that names it.")] = "",
    accepted: Annotated[int | None, typer.Option(help="Accepted quantity, in the terms' smallest unit.")] = None,
    deduction: Annotated[str, typer.Option(help="What is taken off for quality, as in 2.5%.")] = "0%",
    nothing: Annotated[bool, typer.Option("--nothing", help="It attests nothing: take it off the list.")] = False,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Decide on an event that can't speak for itself: what it attests, or --nothing. It is signed and sent for you."""
    with opened_node(data) as node:
        catch_up(node)
        name = named(node, order)
        with reading(node.engine) as session:
            record_id = desk.own_record(session, event)
        if nothing:
            dismiss(node.engine, record_id, name, now_us())
        else:
            said = desk.said_by_hand(milestone, reference, accepted, deduction)
            attest_by_hand(node.engine, record_id, name, said, now_us())
        show_order(node, name, as_json=as_json)


def take_back(
    order: Name, milestone: Milestone, delivery: Delivery, party: As = "", data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Take an attestation back, as its attestor, before the delivery is agreed: it never counts again."""

    def taken(node: Node, name: bytes) -> desk.Sent:
        who = acting(node, name, party, lambda state: state.terms.attestors_of(milestone))
        item = _delivery(node, name, delivery)
        return desk.act(node, name, lambda view, state: ordering.take_back(view, state, milestone, item, who))

    perform(data, order, taken, as_json=as_json)


def settle(
    order: Name, milestone: Milestone, delivery: Delivery, data: DataFolder = DATA_DEFAULT, as_json: Json = False
) -> None:
    """Settle an item whose time has come, and have everybody paid. The worker does so by itself."""

    def settled(node: Node, name: bytes) -> desk.Sent:
        item, sender = _delivery(node, name, delivery), node.keyring.node_file().address
        return desk.act(node, name, lambda view, state: ordering.settle(view, state, milestone, item, sender))

    perform(data, order, settled, as_json=as_json)


def release(
    order: Name, milestone: Milestone, delivery: Delivery, data: DataFolder = DATA_DEFAULT, as_json: Json = False
) -> None:
    """Let the payee have an item whole, as the buyer."""

    def released(node: Node, name: bytes) -> desk.Sent:
        item = _delivery(node, name, delivery)
        return desk.act(node, name, lambda view, state: ordering.release(view, state, milestone, item))

    perform(data, order, released, as_json=as_json)


def give_back(
    order: Name, milestone: Milestone, delivery: Delivery, data: DataFolder = DATA_DEFAULT, as_json: Json = False
) -> None:
    """Let the buyer have an item whole, as the payee."""

    def given(node: Node, name: bytes) -> desk.Sent:
        item = _delivery(node, name, delivery)
        return desk.act(node, name, lambda view, state: ordering.give_back(view, state, milestone, item))

    perform(data, order, given, as_json=as_json)


def dispute(
    order: Name, milestone: Milestone, delivery: Delivery, party: As = "", data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Dispute an item, as buyer or payee: it is not settled before the arbiter's time is over."""

    def disputed(node: Node, name: bytes) -> desk.Sent:
        who = acting(node, name, party, lambda state: [state.terms.buyer, state.payee])
        item = _delivery(node, name, delivery)
        return desk.act(node, name, lambda view, state: ordering.dispute(view, state, milestone, item, who))

    perform(data, order, disputed, as_json=as_json)


def rule(
    order: Name,
    milestone: Milestone,
    delivery: Delivery,
    share: Annotated[str, typer.Argument(metavar="SHARE", help="What the payee gets of it, as in 40%.")],
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Rule on a disputed item, as the arbiter: the payee gets the share, the buyer what is left."""
    bps = desk.basis_points(share, "SHARE")

    def ruled(node: Node, name: bytes) -> desk.Sent:
        item = _delivery(node, name, delivery)
        return desk.act(node, name, lambda view, state: ordering.rule(view, state, milestone, item, bps))

    perform(data, order, ruled, as_json=as_json)


def divide(
    order: Name,
    milestone: Annotated[int | None, typer.Argument(metavar="[MILESTONE]", help="Its number, from 0.")] = None,
    delivery: Annotated[str, typer.Argument(metavar="[DELIVERY]", help="As elsewhere; `rest` for the rest.")] = "",
    to_payee: Annotated[str, typer.Option(help="What the payee gets, as in 1250.00.")] = "0",
    to_buyer: Annotated[str, typer.Option(help="What the buyer gets.")] = "0",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Offer it: sign into this file.")
    ] = None,
    submit: Annotated[
        Path | None, typer.Option("--submit", metavar="FILE", help="Agree to an offer: its file.")
    ] = None,
    party: As = "",
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Divide an item between buyer and payee: one signs an offer with -o FILE, the other agrees with --submit FILE."""
    if submit is not None:
        offered, signature = division_from_json(read_file(submit))

        def divided(node: Node, name: bytes) -> desk.Sent:
            return desk.act(node, name, lambda view, state: ordering.divide(view, state, offered, signature))

        perform(data, order, divided, as_json=as_json)
        return
    with opened_node(data) as node:
        catch_up(node)
        offer = _offer(node, named(node, order), milestone, delivery, (to_payee, to_buyer), party)
    shown = division_json(*offer)
    if output is not None:
        output.write_bytes(orjson.dumps(shown, option=orjson.OPT_INDENT_2) + b"\n")
    if as_json or output is None:
        emit(shown)
    else:
        say(f"{output}: the other agrees with `tally order divide {order} --submit {output}`")


def collect(
    order: Name,
    creditor: Annotated[str, typer.Option("--creditor", metavar="NAME", help="Only this one's; else all.")] = "",
    receiver: Annotated[
        str, typer.Option("--to", metavar="ACCOUNT", help="To another account of the creditor's.")
    ] = "",
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Have what is owed in the order's token paid out. The worker does so by itself."""

    def collected(node: Node, name: bytes) -> desk.Sent:
        registry = current_registry(node)[0]
        who = desk.account_of_text(node, registry, creditor) if creditor else None
        to = desk.account_of_text(node, registry, receiver) if receiver else None
        return desk.collect(node, name, who, to)

    perform(data, order, collected, as_json=as_json)


def tokenise(order: Name, data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Mint the order's receivable, as the seller: whoever holds it is paid."""
    perform(data, order, lambda node, name: desk.act(node, name, ordering.tokenise), as_json=as_json)


def transfer(
    order: Name,
    receiver: Annotated[str, typer.Argument(metavar="NAME", help="The party or account that gets it.")],
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Hand the order's receivable on, as its holder; refused where the order has changed meanwhile."""

    def transferred(node: Node, name: bytes) -> desk.Sent:
        to = desk.account_of_text(node, current_registry(node)[0], receiver)
        version = state_of(node, name).version
        return desk.act(node, name, lambda view, state: ordering.transfer_if(view, state, view.actor_of(to), version))

    perform(data, order, transferred, as_json=as_json)


def _offer(
    node: Node, name: bytes, milestone: int | None, delivery: str, shares: tuple[str, str], party: str
) -> tuple[Division, bytes]:
    who = acting(node, name, party, lambda state: [state.terms.buyer, state.payee])
    item, state = _delivery(node, name, delivery or desk.REST_WORD), state_of(node, name)
    with reading(node.engine) as session:
        to_payee = desk.base_units(session, state, shares[0], "--to-payee")
        to_buyer = desk.base_units(session, state, shares[1], "--to-buyer")
    return desk.offer_division(node, name, milestone or 0, item, who, (to_payee, to_buyer, None))


def _delivery(node: Node, order: bytes, text: str) -> bytes:
    with reading(node.engine) as session:
        return desk.delivery_named(session, order, text)
