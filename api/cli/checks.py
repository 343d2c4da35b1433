"""What anyone can do without a node: name events, read identifiers, and judge a proof bundle."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from api.cli.console import DATA_DEFAULT, DataFolder, Json, Outcome, emit, finish, mention, say, table
from api.errors import IncompleteTrust, UnreadableFile
from api.settings import NODE_FILE, load_settings
from api.trust import answers_of, trust_given, trust_of
from ledger.hexadecimal import address_from_text
from traceability.bundle import parse as parse_bundle
from traceability.epcis.context import namespaces_of
from traceability.epcis.document import read_document
from traceability.epcis.event_hash import event_hash, hash_id, left_out_members
from traceability.epcis.times import epoch_ms
from traceability.errors import MalformedBundle, MalformedJson
from traceability.identifiers import Identifier, parse
from traceability.strict_json import scan
from traceability.verification import Result, Trusted, Verdict, verify

OUTCOMES = {
    Result.VERIFIED: Outcome.GOOD,
    Result.CORRECTED: Outcome.GOOD,
    Result.CONSISTENT: Outcome.GOOD,
    Result.PENDING: Outcome.PENDING,
    Result.DISOWNED: Outcome.FAILED,
    Result.FAILED: Outcome.FAILED,
}
MARKS = {
    Result.VERIFIED: "✓",
    Result.CORRECTED: "~",
    Result.CONSISTENT: "✓",
    Result.PENDING: "…",
    Result.DISOWNED: "✗",
    Result.FAILED: "✗",
}
COLOURS = {"✓": "green", "~": "yellow", "…": "yellow", "✗": "red"}

LAST_MOMENT_MS = epoch_ms("9999-12-31T23:59:59Z")
File = Annotated[Path, typer.Argument(help="A file, or - for what comes in on stdin.")]


def read_file(path: Path) -> bytes:
    """The file's bytes; `-` is stdin. Raises UnreadableFile."""
    if path == Path("-"):
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(path, error.strerror or str(error)) from error


def hash_events(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="EPCIS 2.0 JSON documents, - for stdin.")],
    as_json: Json = False,
) -> None:
    """Print the CBV 2.0 event hash ID of every event, one a line, in document order."""
    ids = [name for path in files for name in _hash_ids(read_file(path))]
    if as_json:
        emit(ids)
        return
    for name in ids:
        say(name)


def _hash_ids(data: bytes) -> list[str]:
    """The names of a document's events. One that lies in the future has a name too: only capture refuses it."""
    parsed = scan(data)
    document = read_document(parsed.value, now_ms=LAST_MOMENT_MS, depth=parsed.depth)
    left_out = left_out_members(parsed.value, namespaces_of(document.context))
    return [hash_id(event_hash(event, document.context, left_out)) for event in document.events]


def show_identifiers(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="EPC URNs or GS1 Digital Links.")],
    gcp_length: Annotated[
        int | None,
        typer.Option(min=6, max=12, help="Length of the company prefix, which a Digital Link does not tell."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show GS1 identifiers in both forms, with their parts and check digit."""
    identifiers = [parse(text, gcp_length) for text in ids]
    if as_json:
        emit([identifier.to_json() for identifier in identifiers])
        return
    for number, identifier in enumerate(identifiers):
        if number:
            say()
        say(table(("", ""), _rows(identifier)))


def verify_bundle(
    file: File,
    identifier: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="ID", help="What the bundle is handed over for: each record must be related to it."
        ),
    ] = None,
    rpc_url: Annotated[str | None, typer.Option(help="The chain's JSON-RPC address.")] = None,
    event_log: Annotated[str | None, typer.Option(help="The EventLog contract that you trust.")] = None,
    party_registry: Annotated[str | None, typer.Option(help="The PartyRegistry contract that you trust.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Check what needs no network only.")] = False,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Judge a proof bundle. Needs no node: name chain and contracts, or take those of the data folder.

    Exit code 0 for verified, corrected, and offline consistent; 1 for failed and disowned; 3 for pending; 2 where the
    chain gives no answer.
    """
    content = read_file(file)
    is_named = bool(rpc_url or event_log or party_registry)
    if offline:
        answers = None
        trusted = _trusted_offline(content, event_log, party_registry) if is_named else _trusted_by_node(data)
    else:
        trust = trust_given(rpc_url, event_log, party_registry) if is_named else trust_of(load_settings(data))
        trusted, answers = trust.contracts, answers_of(trust)
    verdict = verify(content, trusted=trusted, answers=answers, identifier=identifier)
    if as_json:
        emit(verdict.to_json())
    else:
        _print_verdict(verdict)
    finish(OUTCOMES[verdict.result])


def _trusted_by_node(data: Path) -> Trusted | None:
    """What the data folder says, where there is one: `verify --offline` asks for none."""
    return trust_of(load_settings(data)).contracts if (data / NODE_FILE).exists() else None


def _trusted_offline(content: bytes, event_log: str | None, party_registry: str | None) -> Trusted | None:
    """The contracts named. No chain is asked which it is, so that the bundle's chain id is left uncompared."""
    if not event_log or not party_registry:
        raise IncompleteTrust("--event-log" if party_registry else "--party-registry")
    contracts = address_from_text(event_log), address_from_text(party_registry)
    try:
        return Trusted(parse_bundle(content).chain_id, *contracts)
    except (MalformedBundle, MalformedJson):
        return None  # verify says what is wrong with it


def _rows(identifier: Identifier) -> list[tuple[str, str]]:
    rows = [
        ("EPC URN", identifier.urn or "not known: give --gcp-length"),
        ("Digital Link", identifier.digital_link),
        ("key", f"{identifier.key} ({'a class' if identifier.is_class else 'one thing'})"),
    ]
    if identifier.check_digit is not None:
        rows.append(("check digit", f"{identifier.check_digit}, right"))
    return rows + [(name, str(value)) for name, value in identifier.parts.items()]


def _print_verdict(verdict: Verdict) -> None:
    mark = MARKS[verdict.result]
    say(Text.assemble((f"{mark} {verdict.result.value}", f"bold {COLOURS[mark]}"), f"  {verdict.reason}"))
    if verdict.records:
        say()
        rows = [
            (MARKS[record.result], _when(record.anchored_at), record.event_id, record.reason)
            for record in verdict.records
        ]
        say(table(("", "anchored", "event", ""), rows))
    for index in verdict.withdrawal_claimed:
        mention(f"record {index} is withdrawn by another of this bundle, if that one may: ask the chain")
    if verdict.records:
        say()
        say(verdict.words()[-1])


def _when(at: int | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
