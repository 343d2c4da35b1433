"""Commands on API keys: whoever holds one may capture for its party over HTTP."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated

import typer

from api.cli.console import DATA_DEFAULT, DataFolder, Json, emit, mention, say, table
from api.consortium import current_registry, legal_name, party_named
from api.keys import create_api_key, list_api_keys, revoke_api_key
from api.node import opened_node
from api.recording import now_us
from ledger.hexadecimal import to_address

Name = Annotated[str, typer.Argument(metavar="PARTY", help="Key file, legal name, GLN or account of a party.")]


def create(
    party: Name,
    label: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Make an API key of a party. It is shown this once: only its hash is kept."""
    with opened_node(data) as node:
        account = party_named(node, current_registry(node)[0], party)
        secret = create_api_key(node.engine, account, label, now_us(), secrets.token_bytes)
    if as_json:
        emit({"key": secret, "party": to_address(account), "label": label})
        return
    say(secret)
    mention(f"belongs to {to_address(account)}; send it as `Authorization: Bearer KEY`. It is not shown again")


def list_keys(
    party: Annotated[str | None, typer.Argument(metavar="PARTY", help="Only this party's.")] = None,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """List API keys: number, party, what for, and whether revoked."""
    with opened_node(data) as node:
        registry = current_registry(node)[0]
        keys = list_api_keys(node.engine, party_named(node, registry, party) if party else None)
        names = {key.party: legal_name(registry, key.party) or to_address(key.party) for key in keys}
    if as_json:
        emit([
            {"number": key.number, "party": to_address(key.party), "label": key.label,
             "createdAt": _time(key.created_at_us), "revokedAt": _time(key.revoked_at_us)}
            for key in keys
        ])  # fmt: skip
        return
    rows = [(key.number, names[key.party], key.label, _time(key.created_at_us), _time(key.revoked_at_us) or "")
            for key in keys]  # fmt: skip
    say(table(("number", "party", "for", "made", "revoked"), rows))


def revoke(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `tally party key list` shows it.")],
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Revoke an API key: from now on it is refused."""
    with opened_node(data) as node:
        revoke_api_key(node.engine, number, now_us())
    if as_json:
        emit({"number": number, "revoked": True})
        return
    say(f"API key {number} is revoked")


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else datetime.fromtimestamp(at_us // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
