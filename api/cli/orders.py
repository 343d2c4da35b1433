"""Commands on orders: propose, agree, fund, look at, and take in terms documents. Final when a command returns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api import ordering as desk
from api.cli.checks import read_file
from api.cli.console import DATA_DEFAULT, DataFolder, Json, emit, mention, say, table
from api.consortium import catch_up, current_registry, party_named
from api.errors import BadArgument
from api.node import Node, opened_node
from api.order_views import View, for_a_person, line_json, order_json
from api.outbox import await_ids
from api.recording import now_us
from ledger import ordering
from ledger.book import OrderState
from ledger.database import reading
from ledger.hexadecimal import to_hex
from ledger.orderbook import order_of
from ledger.orderdesk import orders_of, standpoint_of
from ledger.orders import State
from traceability.order_terms import import_terms, terms_file

Name = Annotated[str, typer.Argument(metavar="ORDER", help="Its id, or a reference of its terms such as PO-2207.")]
As = Annotated[str, typer.Option("--as", metavar="NAME", help="The party that acts; its key is on this node.")]
LIST_MAX = 500


def propose(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A purchase order, as CSV or JSON.")],
    party: As = "",
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose an order to its seller. The file's buyer proposes; docs/terms-document.md has the format."""
    content = read_file(file)
    with opened_node(data) as node:
        registry = current_registry(node)[0]
        buyer = party_named(node, registry, party) if party else None
        sent, _ = desk.propose(node, buyer, content)
        done(node, sent)
        show_order(node, sent.order, as_json=as_json)


def accept(order: Name, data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Accept an order, as its seller."""
    perform(data, order, lambda node, name: desk.act(node, name, ordering.accept), as_json=as_json)


def cancel(order: Name, party: As = "", data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Cancel an order that is not funded yet, as its buyer or seller."""

    def cancelled(node: Node, name: bytes) -> desk.Sent:
        who = acting(node, name, party, lambda state: [state.terms.buyer, state.terms.seller])
        return desk.act(node, name, lambda view, state: ordering.cancel(view, state, who))

    perform(data, order, cancelled, as_json=as_json)


def fund(order: Name, data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Pay an order's whole amount in, as its buyer: with a permit where the token knows them."""
    perform(data, order, desk.fund, as_json=as_json)


def show(order: Name, data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Show an order: its terms, what its items hold, what waits, and its history."""
    with opened_node(data) as node:
        current_registry(node)
        show_order(node, named(node, order), as_json=as_json, is_whole=True)


def list_orders(
    party: Annotated[str, typer.Option("--party", metavar="NAME", help="Only this party's.")] = "",
    state: Annotated[
        str, typer.Option("--state", help="Only those proposed, accepted, funded, cancelled or ended.")
    ] = "",
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """List orders, the newest first, and the events that a person has to decide on."""
    with opened_node(data) as node:
        registry = current_registry(node)[0]
        who = [party_named(node, registry, party)] if party else list(registry.parties)
        with reading(node.engine) as session:
            view = View.of(session, node)
            wanted = [_state(state)] if state else []
            rows = {row.order_id: row for each in who for row in orders_of(session, each, wanted, limit=LIST_MAX)}
            newest = sorted(rows.values(), key=lambda row: (row.proposed_at, row.order_id), reverse=True)[:LIST_MAX]
            lines = [line_json(view, row) for row in newest]
            waiting = for_a_person(view)
    if as_json:
        emit({"orders": lines, "forAPerson": waiting})
        return
    cells = [
        (", ".join(line["references"]) or line["order"], line["state"], line["buyer"]["name"], line["seller"]["name"],
         line["amount"], line["held"], line["paid"], line["returned"], line["currency"])
        for line in lines
    ]  # fmt: skip
    say(table(("order", "state", "buyer", "seller", "amount", "held", "paid", "returned", ""), cells))
    if waiting:
        say()
        say("for a person to decide:")
        rows_of = [(each["recordHash"], each["order"][:10], each["words"], each["toDo"]) for each in waiting]
        say(table(("event's record", "order", "why", "what to do"), rows_of))


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A terms document.")],
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Take in an order's terms document, checked against the chain: from then on events that name it attest."""
    content = read_file(file)
    with opened_node(data) as node:
        catch_up(node)
        taken = import_terms(node.engine, content, now_us())
    if as_json:
        emit({"document": to_hex(taken.document_hash), "orders": [to_hex(order) for order in taken.orders]})
        return
    say(f"{file}: the terms of {', '.join(to_hex(order) for order in taken.orders)}")


def export_terms(
    order: Name,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")],
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Write an order's terms document, for whoever is to attest: they take it in with `tally order import`."""
    with opened_node(data) as node, reading(node.engine) as session:
        content = terms_file(session, desk.order_named(session, order))
    output.write_bytes(content)
    if as_json:
        emit({"file": str(output), "bytes": len(content)})
        return
    say(f"{output}: {len(content)} bytes")


# ---------------------------------------------------------------------------------------- what order commands share


def perform(data: Path, order: str, act: Any, *, as_json: bool) -> None:
    """Does `act(node, order's id)`, waits until it is final, and shows the order."""
    with opened_node(data) as node:
        catch_up(node)
        name = named(node, order)
        done(node, act(node, name))
        show_order(node, name, as_json=as_json)


def named(node: Node, order: str) -> bytes:
    """The id of the order that people call so."""
    with reading(node.engine) as session:
        return desk.order_named(session, order)


def done(node: Node, sent: desk.Sent) -> None:
    """Returns once what was planned is final. Raises TransactionRefused, NotFinalYet."""
    await_ids(node, sent.transactions, {sent.signer.address: sent.signer})


def acting(node: Node, order: bytes, party: str, entitled: Any) -> bytes:
    """The party that acts: the one named, else the only entitled one whose key is on this node. Raises BadArgument."""
    with reading(node.engine) as session:
        state, view = order_of(session, order), standpoint_of(session, node.deployment)
    if party:
        return desk.account_of_text(node, view.registry, party)
    entitled_ones: list[bytes] = list(dict.fromkeys(entitled(state)))
    own = [who for who in entitled_ones if node.keyring.signer_of(view.actor_of(who)) is not None]
    if len(own) != 1:
        raise BadArgument("say which party acts: --as NAME")
    return own[0]


def state_of(node: Node, order: bytes) -> OrderState:
    """The order as it is now."""
    with reading(node.engine) as session:
        return order_of(session, order)


def show_order(node: Node, order: bytes, *, as_json: bool, is_whole: bool = False) -> None:
    """Prints an order: all of it, or where it stands."""
    with reading(node.engine) as session:
        shown = order_json(View.of(session, node), order)
    if as_json:
        emit(shown)
        return
    say(f"{', '.join(shown['references']) or shown['order']}: {shown['state']}")
    if is_whole:
        _say_whole(shown)
    else:
        say(shown["order"])
    mention(f"next: {shown['next']}")


def _say_whole(shown: dict[str, Any]) -> None:
    code = shown["currency"]
    facts = [
        ("order", shown["order"]),
        ("buyer", shown["buyer"]["name"]),
        ("seller", shown["seller"]["name"]),
        ("paid to", shown["payee"]["name"] or shown["payee"]["account"]),
        ("arbiter", shown["arbiter"]["name"] if shown["arbiter"] else ""),
        ("splits", ", ".join(f"{split['party']['name']} {split['bps'] / 100:g} %" for split in shown["splits"])),
        ("amount", f"{shown['amount']} {code}"),
        ("of it", f"{shown['paid']} paid, {shown['held']} held, {shown['returned']} returned"),
        ("terms", "here" if shown["hasTerms"] else "not here: `tally order import FILE` takes them"),
    ]
    say(table(("", ""), [fact for fact in facts if fact[1]]))
    say()
    rows = [
        (each["milestone"], f"{each['accepted']} of {each['ordered']} {each['uom'] or ''}".strip(),
         item["reference"] or item["delivery"], item["held"], f"{item['reductionBps'] / 100:g} %",
         "ended" if item["isEnded"] else ("disputed" if item["isDisputed"] else item["settleableFrom"]))
        for each in shown["milestones"]
        for item in each["items"]
    ]  # fmt: skip
    say(table(("milestone", "accepted", "delivery", "holds", "to the buyer", "settled from"), rows))
    waiting = [each for each in shown["events"] if each["state"] not in {"counted", "passed_over"}]
    if waiting:
        say()
        cells = [(each["eventID"], each["state"], each["words"] or "", each["toDo"] or "") for each in waiting]
        say(table(("event", "state", "why", "what to do"), cells))
    say()
    history = [(each["at"], each["what"], _facts(each, code)) for each in shown["history"]]
    say(table(("when", "what", ""), history))


def _facts(said: dict[str, Any], code: str) -> str:
    """The facts of a log that people read, in its order."""
    words = {
        "toPayee": "to the payee", "toSplits": "to splits", "toBuyer": "to the buyer", "amount": "", "gross": "gross",
    }  # fmt: skip
    money = [f"{said[name]} {code} {word}".strip() for name, word in words.items() if said.get(name, "0").strip("0.")]
    others = [
        str(said[name]) for name in ("by", "party", "attestor", "creditor", "receiver", "cause") if said.get(name)
    ]  # fmt: skip
    return ", ".join([*others, *money])


def _state(text: str) -> State:
    try:
        return State[text.upper()]
    except KeyError:
        known = ", ".join(state.name.lower() for state in State if state is not State.NONE)
        raise BadArgument(f"no state {text!r}; there are: {known}") from None
