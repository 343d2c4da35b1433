"""Commands about events and goods: hand in, ask for, prove, take another node's, withdraw."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.tree import Tree

from api.cli.checks import COLOURS, MARKS, File, read_file
from api.cli.console import DATA_DEFAULT, DataFolder, Json, Outcome, emit, finish, mention, say, show, table
from api.consortium import current_registry, party_named
from api.journeys import Journey, journey_of
from api.node import Node, opened_node
from api.outbox import await_transactions
from api.pages.passport import thing_words
from api.recording import capture_document, capture_signed_document, now_us, withdraw_record
from ledger.database import reading
from ledger.hexadecimal import to_hex
from traceability import declarations
from traceability.errors import AmbiguousEvent, UnknownEvent
from traceability.foreign import receive
from traceability.history import Entry, event_proof, events_named, product_proof
from traceability.jobs import CaptureJob, ErrorBehaviour
from traceability.lineage import Direction, Relation
from traceability.verdict import Result
from traceability.withdrawal import REASON

Party = Annotated[str, typer.Option("--party", metavar="NAME", help="Key file, legal name, GLN or account of a party.")]
Product = Annotated[str, typer.Argument(metavar="ID", help="EPC URN or GS1 Digital Link of a product, lot or pallet.")]


def capture_file(
    file: File,
    party: Party,
    signed: Annotated[
        bool, typer.Option("--signed", help="The file brings records that were signed elsewhere.")
    ] = False,
    proceed: Annotated[bool, typer.Option("--proceed", help="Take the good events where others are wrong.")] = False,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Record the events of an EPCIS document for a party: all of them, or none.

    Exit code 1 where some events were refused.
    """
    document = read_file(file)
    behaviour = ErrorBehaviour.PROCEED if proceed else ErrorBehaviour.ROLLBACK
    with opened_node(data) as node:
        account = party_named(node, current_registry(node)[0], party)
        take = capture_signed_document if signed else capture_document
        job = take(node, account, document, behaviour)
    if as_json:
        emit(job.to_json())
    else:
        _print_job(job)
    finish(Outcome.GOOD if job.is_success else Outcome.FAILED)


def show_history(product: Product, data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Show everything that concerns a product, oldest first, with what is to be said of each record."""
    with opened_node(data) as node:
        journey = journey_of(node, product)
    if as_json:
        emit(journey.history.to_json())
        return
    passport = journey.passport()
    say(passport.subtitle or passport.title)
    say(passport.answer)
    say()
    rows = [
        (MARKS[entry.verdict.result], stop.when, stop.title, stop.place or "", stop.who, _note(entry))
        for entry, stop in zip(journey.history.entries, passport.stops, strict=True)
    ]
    say(table(("", "when", "what", "where", "recorded by", ""), rows, colours=COLOURS))
    if journey.history.is_truncated:
        mention("there is more: only the nearest events are shown")


def trace_goods(
    product: Product,
    forward: Annotated[
        bool, typer.Option("--forward", help="What became of it, instead of where it came from.")
    ] = False,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Show where goods came from, or (--forward) what became of them, as a tree."""
    with opened_node(data) as node:
        journey = journey_of(node, product, Direction.FORWARD if forward else Direction.BACKWARD)
    if as_json:
        emit(journey.history.to_json())
        return
    show(_tree(journey))
    say(f"{len(journey.history.entries)} events; `tally history` shows them")


def write_proof(
    name: Annotated[str, typer.Argument(metavar="ID", help="A product, or an eventID, hash ID or record hash.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it, - for stdout.")],
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Write the proof bundle of a product's whole history, or of one event: whoever has it can verify it alone."""
    with opened_node(data) as node, reading(node.engine) as session:
        try:
            bundle = event_proof(session, node.trust.contracts, name)
        except UnknownEvent:
            bundle = product_proof(session, node.trust.contracts, name)
    if output == Path("-"):
        typer.get_binary_stream("stdout").write(bundle)
        return
    draft = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    draft.write_bytes(bundle)
    draft.replace(output)
    if as_json:
        emit({"file": str(output), "bytes": len(bundle)})
        return
    say(f"{output}: {len(bundle):,} bytes. Anyone can check it: tally verify {output}")


def receive_bundle(file: File, data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Take another node's proof bundle: checked against the chain, and stored whole or not at all.

    Exit code 1 where it is refused, or holds a record that contradicts a stored one.
    """
    content = read_file(file)
    with opened_node(data) as node:
        received = receive(node.engine, content, node.trust.contracts, node.answers(), now_us())
    if as_json:
        emit({
            "result": received.verdict.result.value,
            "taken": [to_hex(each) for each in received.taken],
            "known": [to_hex(each) for each in received.known],
            "contradicting": [to_hex(each) for each in received.contradicting],
        })  # fmt: skip
    else:
        say(f"{len(received.taken)} records taken, {len(received.known)} known already")
        for each in received.contradicting:
            say(f"not taken: {to_hex(each)} contradicts a stored record, see `tally status`")
    finish(Outcome.FAILED if received.contradicting else Outcome.GOOD)


def withdraw_event(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="An eventID, hash ID or record hash.")],
    party: Annotated[
        str | None, typer.Option("--party", metavar="NAME", help="Whose record, if others have it too.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, in a word of CBV 2.0 or a URI.")] = REASON,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Declare an event to be in error, and withdraw its record on chain. It stays where it is, for everyone to see."""
    with opened_node(data) as node:
        owner = party_named(node, current_registry(node)[0], party) if party else None
        entry = _one_record(node, event, owner)
        record_hash = to_hex(entry.stored.record_hash)
        is_new = entry.verdict.result is not Result.CORRECTED
        if is_new:
            withdraw_record(node, entry.stored.record.party, record_hash, reason)
            await_transactions(node, [declarations.INTENT + record_hash], node.keyring.by_account())
    if as_json:
        emit({"recordHash": record_hash, "eventID": entry.stored.event_id, "withdrawn": True, "new": is_new})
        return
    say(f"withdrawn{'' if is_new else ' already'}: {entry.stored.event_id}, record {record_hash}")


def _one_record(node: Node, name: str, owner: bytes | None) -> Entry:
    """The record meant. Raises UnknownEvent, AmbiguousEvent."""
    with reading(node.engine) as session:
        entries = [entry for entry in events_named(session, node.trust.contracts, name)
                   if not entry.stored.is_declaration and owner in (None, entry.stored.record.party)]  # fmt: skip
    standing = [entry for entry in entries if entry.verdict.result is not Result.CORRECTED] or entries
    if not standing:
        raise UnknownEvent(name)
    if len(standing) > 1:
        raise AmbiguousEvent(name, [to_hex(entry.stored.record_hash) for entry in standing])
    return standing[0]


def _print_job(job: CaptureJob) -> None:
    rows = [
        (item.status.value, item.event_id or "", to_hex(item.record_hash) if item.record_hash else "",
         ", ".join(mark.value for mark in item.marks))
        for item in job.items
    ]  # fmt: skip
    say(table(("status", "event", "record", ""), rows))
    for error in job.errors:
        say(f"refused: event {error.event_index} {error.path}: {error.reason}")
    if job.receipt is None:
        mention("no capture receipt: this node has no key for it, or has not reached its chain for too long")


def _note(entry: Entry) -> str:
    words = [] if entry.state == Result.VERIFIED.value else [entry.state]
    return ", ".join([*words, *(mark.value for mark in entry.marks)])


def _tree(journey: Journey) -> Tree:
    """The things of a trace, each under the one that it leads to; one that is there already is not unfolded again."""
    history = journey.history
    words = {Relation.MADE_FROM: "made from", Relation.BECAME: "became", Relation.TRAVELLED_IN: "travelled in",
             Relation.ATTACHED_TO: "attached to"}  # fmt: skip
    root = Tree(thing_words(history.product), guide_style="dim")
    branches = {history.product: root}
    waiting = [history.product]
    while waiting:
        thing = waiting.pop(0)
        for link in history.links:
            if link.of != thing or link.thing == thing:
                continue
            label = f"{words[link.relation]} {thing_words(link.thing)}"
            branch = branches[thing].add(label if link.thing not in branches else f"{label}, see there")
            if link.thing not in branches:
                branches[link.thing] = branch
                waiting.append(link.thing)
    return root
