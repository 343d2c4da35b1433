"""What finance knows beside logs and invoices: who is meant by a name, which currency a token has, what terms say.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger.consortium import Registry
from ledger.hexadecimal import to_hex
from ledger.journal import Controlled
from ledger.money import Currency
from ledger.receipts import Unit


class Document(NamedTuple):
    """What finance needs of an order's terms document: references, one unit a milestone, the deliveries' salt."""

    references: tuple[str, ...]
    units: tuple[Unit, ...]
    salt: bytes


@dataclass(frozen=True, slots=True)
class Knowledge:
    """`parties` leads from a name, GLN or address, case folded, to a party; `party_of` from accounts to those for whom
    they act or acted; `currencies` is by token, `documents` by order.
    """

    parties: Mapping[str, bytes]
    currencies: Mapping[bytes, Currency]
    documents: Mapping[bytes, Document] = field(default_factory=dict)
    party_of: Mapping[bytes, bytes] = field(default_factory=dict)


def parties_by_text(registry: Registry) -> dict[str, bytes]:
    """Who is meant by a legal name, a GLN or an address, case folded. A name that two parties have means neither."""
    found: dict[str, bytes] = {}
    ambiguous: set[str] = set()
    for party in registry.parties.values():
        profile = party.profile
        for text in (profile.name, profile.gln) if party.is_present else (profile.name,):
            key = text.strip().casefold()
            if key and found.setdefault(key, party.account) != party.account:
                ambiguous.add(key)
    kept = {text: account for text, account in found.items() if text not in ambiguous}
    return kept | {to_hex(account): account for account in registry.parties}


def parties_by_account(controlled: Iterable[Controlled]) -> dict[bytes, bytes]:
    """For whom each account acts or acted."""
    return {change.account: change.party for change in controlled}
