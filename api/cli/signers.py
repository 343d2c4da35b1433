"""Commands on a party's further keys: which stand for it, for what and how long."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from api.cli.console import DATA_DEFAULT, DataFolder, Json, emit, say, table
from api.cli.parties import controller, own_signer
from api.consortium import (
    account_named,
    current_registry,
    date_time,
    legal_name,
    party_named,
    registry_at_final_block,
    signer_json,
    uses_words,
)
from api.errors import BadArgument, NoSigningKey
from api.node import Node, opened_node
from api.outbox import send
from api.proposals import registry_domain
from api.recording import now_us
from ledger import numbering
from ledger.answers import Use
from ledger.consortium import FOREVER, call, consent_digest
from ledger.database import writing
from ledger.hexadecimal import from_hex, to_address, to_hex

Key = Annotated[str, typer.Argument(metavar="KEY", help="A key file of this node, or an account.")]
Party = Annotated[str, typer.Option("--party", metavar="NAME", help="The party whose key it is.")]
Uses = Annotated[
    list[str], typer.Option("--use", help="record, attest, anchor or withdraw; several times for several.")
]
Until = Annotated[
    datetime | None, typer.Option(help="When it ends by itself (UTC).", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])
]
Since = Annotated[
    datetime | None,
    typer.Option("--from", help="When it begins (UTC); at once without.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
]


def list_signers(
    party: Annotated[str | None, typer.Argument(metavar="PARTY", help="Only this party's.")] = None,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """List the keys that stand, stood or will stand for parties."""
    with opened_node(data) as node:
        registry, _ = current_registry(node)
        wanted = party_named(node, registry, party) if party else None
        found = {account: each for account, each in registry.signers.items() if wanted in (None, each.party)}
        files = {file.address: file.name for file in node.keyring.files()}
    if as_json:
        emit([signer_json(account, each) for account, each in found.items()])
        return
    rows = [
        (legal_name(registry, each.party) or to_address(each.party), files.get(account, ""), to_address(account),
         ", ".join(uses_words(each.uses)), date_time(each.from_at), date_time(each.until_at))
        for account, each in found.items()
    ]  # fmt: skip
    say(table(("party", "key file", "account", "stands for", "from", "until"), rows))


def authorise(
    key: Key,
    party: Party,
    use: Uses,
    since: Since = None,
    until: Until = None,
    consent: Annotated[str | None, typer.Option(help="The key's signature, where it is not on this node.")] = None,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Let a key stand for a party. A key file that is not there yet is made.

    A key on another node consents there: `tally party signer consent`, with the same uses and times.
    """
    uses = _uses(use)
    since_at, until_at = _seconds(since) or 0, _seconds(until) or FOREVER
    with opened_node(data) as node:
        registry, _ = current_registry(node)
        account, acting = party_named(node, registry, party), controller(node, registry, party)
        if consent is None:
            signer = _signer_account(node, key)
            signature = _consent(node, signer, account, uses, since_at, until_at)
        else:
            signer, signature = account_named(node, key), from_hex(consent, 65)
        data_sent = call("authorise", signer, uses, since_at, until_at, signature)
        send(node, acting, node.deployment.party_registry, data_sent, f"authorise {to_address(signer)}")
        shown = signer_json(signer, registry_at_final_block(node)[0].signers[signer])
    if as_json:
        emit(shown)
        return
    say(f"{shown['address']} stands for {shown['party']} from {shown['from']}: {', '.join(shown['uses'])}")


def give_consent(
    key: Key,
    party: Annotated[str, typer.Option("--party", metavar="ACCOUNT", help="The party that the key is to stand for.")],
    use: Uses,
    since: Since = None,
    until: Until = None,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Sign that a key of this node agrees to stand for a party, whose controller is on another node."""
    with opened_node(data) as node:
        account = party_named(node, current_registry(node)[0], party)
        signer = _signer_account(node, key)
        signature = _consent(node, signer, account, _uses(use), _seconds(since) or 0, _seconds(until) or FOREVER)
    if as_json:
        emit({"signer": to_address(signer), "consent": to_hex(signature)})
        return
    say(table(("", ""), [("signer", to_address(signer)), ("consent", to_hex(signature))]))


def revoke(
    key: Key,
    party: Party,
    first_disowned: Annotated[
        int | None,
        typer.Option(min=0, help="The first sequence number that is not the party's own, if the key was lost."),
    ] = None,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """End a key, for ever. With --first-disowned what others recorded with it is disowned."""
    with opened_node(data) as node:
        registry, _ = current_registry(node)
        signer, acting = account_named(node, key), controller(node, registry, party)
        sent = call("revoke", signer, FOREVER if first_disowned is None else first_disowned)
        send(node, acting, node.deployment.party_registry, sent, f"revoke {to_address(signer)}")
        shown = signer_json(signer, registry_at_final_block(node)[0].signers[signer])
    if as_json:
        emit(shown)
        return
    say(f"{shown['address']} ends at {shown['until']}, for ever")


def skip_numbers(
    key: Key,
    times: Annotated[
        int, typer.Option(min=1, max=2**20, help="The how-manieth restore of the same backup: skips so many times.")
    ] = 1,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Skip 2^32 sequence numbers of a key, so that a node that was restored from a backup records with it again."""
    with opened_node(data) as node:
        account = account_named(node, key)
        with writing(node.engine) as session:
            number = numbering.skip(session, account, now_us(), times=times)
    if as_json:
        emit({"signer": to_address(account), "nextNumber": number})
        return
    say(f"{to_address(account)} goes on with number {number}")


def _signer_account(node: Node, key: str) -> bytes:
    """The account of a key of this node, made where it is a new name. Raises BadArgument for another node's."""
    if not key.startswith("0x"):
        return own_signer(node, key).address
    account = account_named(node, key)
    if node.keyring.signer_of(account) is None:
        raise BadArgument(f"the key of {key} is not on this node: bring its --consent")
    return account


def _consent(node: Node, signer: bytes, party: bytes, uses: int, since_at: int, until_at: int) -> bytes:
    held = node.keyring.signer_of(signer)
    if held is None:
        raise NoSigningKey(to_address(signer))
    return held.sign(consent_digest(registry_domain(node.deployment), party, signer, uses, since_at, until_at))


def _uses(names: list[str]) -> int:
    uses = 0
    for name in ",".join(names).split(","):
        try:
            uses |= Use[name.strip().upper()]
        except KeyError:
            raise BadArgument(
                f"no use {name.strip()!r}; there are: {', '.join(use.name.lower() for use in Use)}"
            ) from None
    return uses


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.replace(tzinfo=UTC).timestamp())
