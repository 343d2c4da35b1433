"""Error declarations, and what they take back on chain.

An event with an errorDeclaration has the event hash of the event that it declares wrong (EPCIS 2.0, section 7.4.1.2),
and is a record of its own. In a bundle it is proof enough; for those who hold the earlier record alone the withdrawal
goes on chain too (docs/proof-format.md, sections 4 and 6).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row
from sqlmodel import Session

from ledger import submission
from ledger.abi import interface
from ledger.errors import BadSignature
from ledger.hexadecimal import to_hex
from ledger.keystore import Signer
from ledger.record import Domain, recover, withdrawal_digest
from traceability.drafts import Mark, SignedDraft
from traceability.errors import FieldProblem, InvalidDocument

INTENT = "withdraw:"

MayWithdraw = Callable[[bytes], bool]
"""Whether an account (20 bytes) may withdraw for the party, now."""


def withdrawals(
    domain: Domain,
    signed: Sequence[SignedDraft],
    twins: Mapping[bytes, Sequence[Row[Any]]],
    signer: Signer | None,
    may_withdraw: MayWithdraw,
) -> Iterator[tuple[bytes, bytes]]:
    """For each earlier record that a declaration among `signed` takes back its hash, and a signed Withdrawal of it.

    `twins` are the stored records by event hash. `signer` signs where this node holds the party's key; a client brings
    its signature. Marks the declarations whose signer does not stand for withdrawing. Raises InvalidDocument where a
    client's signature is of no such record, or by nobody who may withdraw.
    """
    together: dict[bytes, list[bytes]] = defaultdict(list)
    for each in signed:
        if not each.draft.is_declaration:
            together[each.draft.event_hash].append(each.record_hash)
    for each in signed:
        if not each.draft.is_declaration:
            continue
        stored = twins.get(each.draft.event_hash, ())
        earlier = [row.record_hash for row in stored if row.party == each.record.party and not row.is_declaration]
        earlier += together[each.draft.event_hash]
        if each.withdrawal is not None:
            yield _by_client(domain, each, each.withdrawal, earlier, may_withdraw)
        elif not may_withdraw(each.signer):
            each.draft.marks.append(Mark.WITHDRAWS_NOTHING)
        elif signer is not None:
            yield from ((digest, signer.sign(withdrawal_digest(domain, digest))) for digest in earlier)


def plan(
    session: Session, domain: Domain, taken_back: Iterable[tuple[bytes, bytes]], sender: bytes, now_us: int
) -> None:
    """Puts the withdrawals (record hash, signature) into the outbox, once each, to be sent by `sender`."""
    for digest, signature in taken_back:
        data = interface("EventLog").call("withdraw", digest, signature)
        intent = INTENT + to_hex(digest)
        submission.plan(session, intent=intent, sender=sender, to=domain.event_log, data=data, now_us=now_us)


def _by_client(
    domain: Domain, each: SignedDraft, signature: bytes, earlier: Sequence[bytes], may_withdraw: MayWithdraw
) -> tuple[bytes, bytes]:
    """The record that the client's signature withdraws: the signature says whose it is, if the record is guessed."""
    for digest in earlier:
        try:
            account = recover(withdrawal_digest(domain, digest), signature)
        except BadSignature:
            continue
        if may_withdraw(account):
            return digest, signature
    reason = "withdraws no earlier record of this event and party, or its signer does not stand for withdrawing"
    index = each.draft.index
    path = f"/records/{index}/withdrawalSignature"
    raise InvalidDocument([FieldProblem(index, path, "bad_withdrawal", f"`withdrawalSignature` {reason}")])
