"""A log's bytes read as what it says, by each event's fixed layout: 100,000 settlements are 600,000 logs.

Pure. `ledger.abi` reads the same logs by their description, and takes twenty times as long; a test compares the two.
https://docs.soliditylang.org/en/latest/abi-spec.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import cache
from struct import Struct, error
from typing import Any, NamedTuple

from ledger.abi import interface
from ledger.errors import UnknownLog
from ledger.escrow import (
    Accepted,
    Agreed,
    Attested,
    Cancelled,
    Collected,
    Credited,
    Disputed,
    Ended,
    EscrowLog,
    Funded,
    LogPlace,
    Paid,
    Proposed,
    ReceivableMoved,
    TakenBack,
    TokenMoved,
)
from ledger.orders import Cause, Milestone, Split, Terms

WORD = 32


class LogKind(IntEnum):
    """What a log is, as the database keeps it."""

    PROPOSED = 1
    ACCEPTED = 2
    CANCELLED = 3
    FUNDED = 4
    ATTESTED = 5
    TAKEN_BACK = 6
    AGREED = 7
    DISPUTED = 8
    PAID = 9
    CREDITED = 10
    COLLECTED = 11
    ENDED = 12
    RECEIVABLE_MOVED = 13
    TOKEN_MOVED = 14


class RawLog(NamedTuple):
    """A log as the database keeps it: its kind, its topics joined, its data; `token` where a token itself said it."""

    place: LogPlace
    kind: int
    token: bytes | None
    topics: bytes
    data: bytes


_ESCROW_EVENTS = {
    "OrderProposed": LogKind.PROPOSED,
    "OrderAccepted": LogKind.ACCEPTED,
    "OrderCancelled": LogKind.CANCELLED,
    "OrderFunded": LogKind.FUNDED,
    "Attested": LogKind.ATTESTED,
    "AttestationTakenBack": LogKind.TAKEN_BACK,
    "DeliveryAgreed": LogKind.AGREED,
    "Disputed": LogKind.DISPUTED,
    "ItemPaid": LogKind.PAID,
    "Credited": LogKind.CREDITED,
    "Collected": LogKind.COLLECTED,
    "OrderEnded": LogKind.ENDED,
}
_TOPICS_SIZE: dict[int, int] = {
    LogKind.ACCEPTED: 64, LogKind.CANCELLED: 64, LogKind.ENDED: 64,
    LogKind.PROPOSED: 128, LogKind.FUNDED: 96, LogKind.ATTESTED: 128, LogKind.TAKEN_BACK: 128, LogKind.AGREED: 96,
    LogKind.DISPUTED: 96, LogKind.PAID: 96, LogKind.CREDITED: 96, LogKind.COLLECTED: 96,
    LogKind.RECEIVABLE_MOVED: 128, LogKind.TOKEN_MOVED: 96,
}  # fmt: skip


def kind_of(contract: str, topics: Sequence[bytes]) -> LogKind | None:
    """What a log of `DeliveryEscrow`, `Receivable` or `token` is; None where it says nothing that is kept.

    Raises UnknownLog where the escrow says something that its interface does not have.
    """
    topic = topics[0] if topics else b""
    if contract == "DeliveryEscrow":
        kind = _escrow_topics().get(topic)
        if kind is None:
            raise UnknownLog(f"no event of the escrow has the topic {topic.hex() or '(none)'}")
        return kind
    if topic != _transfer_topic():
        return None
    return LogKind.RECEIVABLE_MOVED if contract == "Receivable" else LogKind.TOKEN_MOVED


def read(raw: RawLog) -> EscrowLog:
    """What the log says. Raises UnknownLog where it is not encoded as its event says."""
    try:
        if len(raw.topics) != _TOPICS_SIZE[raw.kind]:
            raise UnknownLog(f"a log of kind {raw.kind} with {len(raw.topics) // WORD} topics")
        return _READERS[raw.kind](raw)
    except (error, ValueError, IndexError, OverflowError) as wrong:
        raise UnknownLog(f"a log of kind {raw.kind} that is not encoded as it says: {wrong}") from wrong


@cache
def _escrow_topics() -> dict[bytes, LogKind]:
    face = interface("DeliveryEscrow")
    return {face.topic(name): kind for name, kind in _ESCROW_EVENTS.items()}


@cache
def _transfer_topic() -> bytes:
    # ERC-20's and ERC-721's are the same.
    return interface("SettlementToken").topic("Transfer")


# ------------------------------------------------------------------------------------------------------- the layouts

_WORD = Struct(">32s")
_ADDRESS = Struct(">12x20s")
_TERMS = Struct(">12x20s12x20s12x20s32s12x20s24xQ24xQ24xQ24xQ")
_SPLIT = Struct(">12x20s30xH")
_COUNT = Struct(">28xI")
_MILESTONE = Struct(">16x16s16x16s31xB31xB24xQ28xI28xI28xI30xH30xH30xH")
_ATTESTED = Struct(">30xH12x20s32s24xQ16x16s30xH")
_TAKEN_BACK = Struct(">30xH32s")
_AGREED = Struct(">30xH16x16s16x16s30xH24xQ")
_DISPUTED = Struct(">30xH12x20s")
_PAID = Struct(">30xH31xB12x20s16x16s16x16s16x16s16x16s")
_CREDITED = Struct(">12x20s16x16s")
_COLLECTED = Struct(">12x20s32s")
_TERMS_AT = 2 * WORD
_CAUSES = tuple(Cause)


def _integer(word: bytes) -> int:
    return int.from_bytes(word, "big")


def _proposed(raw: RawLog) -> Proposed:
    topics, data = raw.topics, raw.data
    buyer, seller, token, document, arbiter, fund_by, splits_at, attestors_at, milestones_at = _TERMS.unpack_from(
        data, _TERMS_AT
    )
    terms = Terms(
        buyer, seller, token, document, arbiter, fund_by,
        tuple(Split(*members) for members in _items(data, _TERMS_AT + splits_at, _SPLIT)),
        tuple(attestor for (attestor,) in _items(data, _TERMS_AT + attestors_at, _ADDRESS)),
        tuple(
            Milestone(_integer(amount), _integer(ordered), *members)
            for amount, ordered, *members in _items(data, _TERMS_AT + milestones_at, _MILESTONE)
        ),
    )  # fmt: skip
    return Proposed(raw.place, topics[32:64], topics[76:96], topics[108:128], _integer(data[:WORD]), terms)


def _items(data: bytes, at: int, layout: Struct) -> list[tuple[Any, ...]]:
    """The members of an array of static structs that begins, with its length, at that byte."""
    (count,) = _COUNT.unpack_from(data, at)
    return [layout.unpack_from(data, at + WORD + index * layout.size) for index in range(count)]


def _accepted(raw: RawLog) -> Accepted:
    return Accepted(raw.place, raw.topics[32:64])


def _cancelled(raw: RawLog) -> Cancelled:
    (party,) = _ADDRESS.unpack(raw.data)
    return Cancelled(raw.place, raw.topics[32:64], party)


def _funded(raw: RawLog) -> Funded:
    (amount,) = _WORD.unpack(raw.data)
    return Funded(raw.place, raw.topics[32:64], raw.topics[76:96], _integer(amount))


def _attested(raw: RawLog) -> Attested:
    topics = raw.topics
    milestone, signer, record_hash, happened_at, accepted, deduction_bps = _ATTESTED.unpack(raw.data)
    return Attested(
        raw.place, topics[32:64], milestone, topics[64:96], topics[108:128], signer, record_hash, happened_at,
        _integer(accepted), deduction_bps,
    )  # fmt: skip


def _taken_back(raw: RawLog) -> TakenBack:
    topics = raw.topics
    milestone, record_hash = _TAKEN_BACK.unpack(raw.data)
    return TakenBack(raw.place, topics[32:64], milestone, topics[64:96], topics[108:128], record_hash)


def _agreed(raw: RawLog) -> Agreed:
    topics = raw.topics
    milestone, accepted, gross, reduction, disputable_until = _AGREED.unpack(raw.data)
    return Agreed(
        raw.place, topics[32:64], milestone, topics[64:96], _integer(accepted), _integer(gross), reduction,
        disputable_until,
    )  # fmt: skip


def _disputed(raw: RawLog) -> Disputed:
    milestone, by = _DISPUTED.unpack(raw.data)
    return Disputed(raw.place, raw.topics[32:64], milestone, raw.topics[64:96], by)


def _paid(raw: RawLog) -> Paid:
    topics = raw.topics
    milestone, cause, payee, to_payee, to_splits, to_buyer, held = _PAID.unpack(raw.data)
    return Paid(
        raw.place, topics[32:64], milestone, topics[64:96], _CAUSES[cause], payee, _integer(to_payee),
        _integer(to_splits), _integer(to_buyer), _integer(held),
    )  # fmt: skip


def _credited(raw: RawLog) -> Credited:
    token, amount = _CREDITED.unpack(raw.data)
    return Credited(raw.place, raw.topics[32:64], raw.topics[76:96], token, _integer(amount))


def _collected(raw: RawLog) -> Collected:
    receiver, amount = _COLLECTED.unpack(raw.data)
    return Collected(raw.place, raw.topics[44:64], raw.topics[76:96], receiver, _integer(amount))


def _ended(raw: RawLog) -> Ended:
    return Ended(raw.place, raw.topics[32:64])


def _receivable_moved(raw: RawLog) -> ReceivableMoved:
    topics = raw.topics
    return ReceivableMoved(raw.place, topics[96:128], topics[44:64], topics[76:96])


def _token_moved(raw: RawLog) -> TokenMoved:
    if raw.token is None:
        raise UnknownLog("a transfer of no token")
    (amount,) = _WORD.unpack(raw.data)
    return TokenMoved(raw.place, raw.token, raw.topics[44:64], raw.topics[76:96], _integer(amount))


_READERS: dict[int, Callable[[RawLog], EscrowLog]] = {
    LogKind.PROPOSED: _proposed,
    LogKind.ACCEPTED: _accepted,
    LogKind.CANCELLED: _cancelled,
    LogKind.FUNDED: _funded,
    LogKind.ATTESTED: _attested,
    LogKind.TAKEN_BACK: _taken_back,
    LogKind.AGREED: _agreed,
    LogKind.DISPUTED: _disputed,
    LogKind.PAID: _paid,
    LogKind.CREDITED: _credited,
    LogKind.COLLECTED: _collected,
    LogKind.ENDED: _ended,
    LogKind.RECEIVABLE_MOVED: _receivable_moved,
    LogKind.TOKEN_MOVED: _token_moved,
}
